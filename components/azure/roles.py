"""Role assignments of the operators' identity, where the stack makes them: what it needs, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import pulumi
from pulumi import ResourceHookBinding, ResourceOptions

from coco_azure.clients import azure as azure_client
from coco_azure.clients.arm_ids import subnet_id
from coco_azure.clients.azure import ROLE_ASSIGNMENTS, AzureClient
from coco_azure.formats.azure_roles import Need, needs
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.settings import Settings
from components.azure.network import PeerPodSubnet
from components.azure.resources import RoleAssignment, remover


@dataclass(frozen=True, kw_only=True)
class OperatorRolesArgs:
    """Who may do what.

    Attributes:
        principal: object id of the operators' identity.
        needs: what they do in Azure (``coco_azure.formats.azure_roles.needs``).
        foreign: assignments that somebody else has made, as pairs of scope and role id in lower case: Azure takes no
            second one of the same role, scope and principal.
        after: what has to be there before, by scope: a subnet that the stack makes itself.
        client: clients of Azure, for what an interrupted run has left.
        provider: azure-native; None: the default one.
    """

    principal: str
    needs: Sequence[Need]
    foreign: frozenset[tuple[str, str]] = frozenset()
    after: Mapping[str, pulumi.Resource] = field(default_factory=dict)
    client: AzureClient
    provider: pulumi.ProviderResource | None = None


class OperatorRoles(pulumi.ComponentResource):
    """One role assignment a need."""

    made: list[pulumi.Resource]
    """The assignments; what needs them depends on them."""

    def __init__(self, name: str, args: OperatorRolesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:OperatorRoles", name, None, opts)
        self.made = []
        again = ResourceHookBinding(on_error=[remover(f"{name}-remains", args.client)])
        for need in args.needs:
            if (need.scope.casefold(), need.role.id) in args.foreign:
                pulumi.log.debug(f"{need.role.name} at {need.scope} has been assigned already, by somebody else")
                continue
            waits = [args.after[need.scope]] if need.scope in args.after else []
            child = ResourceOptions(parent=self, provider=args.provider, depends_on=waits, hooks=again)
            self.made.append(_assigned(f"{name}-{_short(need)}", args.principal, need, child))
        self.register_outputs({})


def _assigned(name: str, principal: str, need: Need, opts: ResourceOptions) -> RoleAssignment:
    return RoleAssignment(
        name,
        {
            "scope": need.scope,
            "roleDefinitionId": need.definition,
            "principalId": principal,
            # Said, so that Azure does not look for an identity that was made a moment ago, and not find it.
            "principalType": "ServicePrincipal",
            "roleAssignmentName": need.assignment(principal),
            "description": need.why,
        },
        opts,
    )


def _short(need: Need) -> str:
    kind = need.scope.split("/")[-2].lower()
    return f"{need.role.name.replace(' ', '-').lower()}-{kind}"


def needed(stack: Settings, target: PodVmTarget) -> Sequence[Need]:
    """Return what the operators of this stack do in Azure."""
    own = stack.azure.own_subnet
    subnet = target.subnet_id if own is None else subnet_id(target.vnet_id, own.name)
    image = stack.peer_pods.image_id or ""
    return needs(target.subscription, target.resource_group, subnet, target.nsg_id, image)


def assigned(
    name: str, stack: Settings, target: PodVmTarget, own: PeerPodSubnet | None, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Register the role assignments where the stack is to make them, and return them.

    Raises:
        pulumi.RunError: Azure does not say which assignments there are.
    """
    principal = stack.azure.credentials.object_id
    if stack.azure.roles != "assign" or principal is None:
        return []
    wanted, client = needed(stack, target), azure_client.connect(target.subscription)
    arguments = OperatorRolesArgs(
        principal=principal,
        needs=wanted,
        foreign=_foreign(client, principal, wanted),
        after={} if own is None else {own.arm_id: own.subnet},
        client=client,
        provider=target.provider,
    )
    return OperatorRoles(name, arguments, ResourceOptions(parent=parent)).made


def _foreign(client: AzureClient, principal: str, wanted: Sequence[Need]) -> frozenset[tuple[str, str]]:
    """Return the needs that assignments of others meet; the stack's own are known by their names."""
    from azure.core.exceptions import HttpResponseError, ServiceRequestError  # noqa: PLC0415 - slow to import

    names = {need.assignment(principal) for need in wanted}
    met = set()
    for scope in dict.fromkeys(need.scope for need in wanted):
        listing = client.pages(f"{scope}{ROLE_ASSIGNMENTS}", filter=f"principalId eq '{principal}'")
        try:
            others = [each["properties"] for each in listing if each["name"] not in names]
        except (HttpResponseError, ServiceRequestError) as error:
            if getattr(error, "status_code", None) == HTTPStatus.NOT_FOUND:
                continue  # a subnet that is still to be made
            raise pulumi.RunError(
                f"Azure does not say which roles there are at {scope}: {error}. azure.roles assign needs "
                "Microsoft.Authorization/roleAssignments/read and write there, as Owner or Role Based Access Control "
                "Administrator have them; or choose: pulumi config set --path 'coco-azure:azure.roles' check"
            ) from error
        met |= {(each["scope"].casefold(), each["roleDefinitionId"].rsplit("/", 1)[-1].casefold()) for each in others}
    return frozenset(met)
