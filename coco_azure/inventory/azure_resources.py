"""Single resources of one subscription as plain values (``properties`` folded in), and the place of the pod VMs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import pulumi

from coco_azure.clients import azure as azure_client
from coco_azure.clients.arm_ids import name_of
from coco_azure.clients.azure import AzureClient
from coco_azure.clients.azure_sign_in import WAYS, SignInError
from coco_azure.inventory.arm_answers import flat

Answer = Mapping[str, Any]
Kind = Literal["VirtualNetwork", "NetworkSecurityGroup", "VirtualMachine", "NetworkInterface"]
"""What errors call the resource."""
LABEL = "Azure Resource Manager"
"""Stands before a kind of resource in errors; a drift check tells by it what Azure no longer has."""
_NO_SUBSCRIPTION = ("SubscriptionNotFound", "InvalidSubscriptionId")
_WITHOUT_AZURE = (
    "Without Azure: set coco-azure:azure.subnetId, azure.nsgId, azure.region and azure.resourceGroup, and "
    "coco-azure:preflight.mode off"
)


def not_found(kind: str) -> str:
    """Return the words for a resource that Azure does not have."""
    return f"({LABEL}: {kind}: NotFound)"


class AzureResources:
    """Look-ups in one subscription. Previews ask, too: looking up changes nothing."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client
        self.subscription = client.subscription

    def within(self, subscription: str) -> "AzureResources":
        """Return look-ups in another subscription of the same tenant."""
        return AzureResources(self._client.within(subscription))

    @property
    def tenant(self) -> str:
        """Id of the tenant that is signed in to; empty where the token does not say."""
        return self._client.tenant

    def get(self, kind: Kind, arm_id: str) -> Answer | None:
        """Return a resource, or None where there is none."""
        answer = self._answer(kind, lambda: self._client.get(arm_id))
        return None if answer is None else flat(answer)

    def has_resource_group(self, name: str) -> bool:
        """Return whether there is a resource group of this name."""
        path = f"/subscriptions/{self.subscription}/resourceGroups/{name}"
        return self._answer("ResourceGroup", lambda: self._client.get(path)) is not None

    def names(self, kind: str, group: str) -> list[str]:
        """Return the names of a group's ``virtualNetworks`` or ``networkSecurityGroups``, for an error's text.

        What cannot be listed is left out: the error that it is for says more.
        """
        path = f"/subscriptions/{self.subscription}/resourceGroups/{group}/providers/Microsoft.Network/{kind}"
        try:
            return sorted(str(each["name"]) for each in self._client.pages(path))
        except Exception as error:  # noqa: BLE001 - of whatever kind, see above
            pulumi.log.debug(f"{kind} of {group} cannot be listed: {error}")
            return []

    def _answer(self, kind: str, ask: Callable[[], Answer]) -> Answer | None:
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - slow to import

        try:
            return ask()
        except HttpResponseError as error:
            code = str(getattr(error.error, "code", None) or error.status_code)
            if error.status_code == HTTPStatus.NOT_FOUND and code not in _NO_SUBSCRIPTION:
                return None
            message = getattr(error.error, "message", None) or error.reason
            reason = f'Status={error.status_code} Code="{code}" Message="{message}"'
            raise pulumi.RunError(self._advice(f"{kind}: {reason}", code, error.status_code)) from error
        except AzureError as error:
            raise pulumi.RunError(self._advice(f"{kind}: {error}")) from error

    def _advice(self, reason: str, code: str = "", status: int | None = None) -> str:
        problem = f"Azure does not tell the place of the pod VMs. {LABEL}: {reason}."
        if code in _NO_SUBSCRIPTION:
            return (
                f"{problem} Subscription {self.subscription} has to be one that the signed-in identity can read "
                "(az account list). Sign in with another one, or name another subscription: "
                "pulumi config set --path coco-azure:azure.subscriptionId ID"
            )
        if status == HTTPStatus.FORBIDDEN:
            return (
                f"{problem} Needed is role Reader on the resource groups of the cluster and of its network: "
                "az role assignment create --role Reader --assignee ... --scope ..."
            )
        return f"{problem} {WAYS}. {_WITHOUT_AZURE}"


def connect(subscription: str) -> AzureResources:
    """Return look-ups in a subscription; raises pulumi.RunError where nobody is signed in."""
    try:
        return AzureResources(azure_client.connect(subscription))
    except SignInError as error:
        raise pulumi.RunError(f"{error}. {_WITHOUT_AZURE}") from error


@dataclass(frozen=True, kw_only=True)
class PodVmTarget:
    """Where the pod VMs go.

    Attributes:
        subscription: subscription of the cluster and of the pod VMs.
        tenant: its tenant; empty where nothing was asked.
        region: region in its short form.
        vnet_id: ARM id of the VNet; its subscription may be another one than that of the pod VMs.
        subnet_id: ARM id of the pod VMs' subnet; empty while a subnet of the stack's own does not exist.
        workers_id: ARM id of the subnet of the worker nodes; empty: not known.
        subnet: what pod VMs need of the subnet, as Azure has it (output ``subnet`` of ``AzureNetwork``); empty: nothing
            was asked.
        provider: azure-native in the subscription of the network; None where nothing is asked of Azure.
    """

    subscription: str
    tenant: str
    resource_group: str
    region: str
    vnet_id: str
    subnet_id: str
    workers_id: str
    nsg_id: str
    vnet_resource_group: str
    subnet: Mapping[str, str] = field(default_factory=dict)
    provider: pulumi.ProviderResource | None = field(default=None, compare=False, repr=False)

    @property
    def vnet(self) -> str:
        """Return the name of the VNet."""
        return name_of(self.vnet_id)
