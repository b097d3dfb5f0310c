"""Resources of Azure as azure-native has them, by token: importing ``pulumi_azure_native.network`` takes four seconds.

Inputs have the names of azure-native 3 (``pulumi_azure_native.network.Subnet`` and so on), which a test compares.

azure-native makes nothing that exists already ("cannot create already existing resource", provider.go). Whether it is
the stack's own is told by what only the stack gives it: its tag, a name made of what it is, or the NAT gateway.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.clients.arm_ids import same
from coco_azure.clients.azure import ROLE_ASSIGNMENTS, AzureClient
from components.cluster.ownership import mark
from components.cluster.watching import in_thread

_PROVIDER_VERSION = version("pulumi-azure-native")


class AzureResource(pulumi.CustomResource):
    """A resource of Azure; its id is its ARM id."""

    token: ClassVar[str]
    answered: ClassVar[tuple[str, ...]] = ()
    """Outputs that a program reads, by azure-native's names."""

    def __init__(self, name: str, inputs: Mapping[str, Input[Any]], opts: ResourceOptions | None = None) -> None:
        """Register the resource.

        Args:
            inputs: its inputs, by azure-native's names; those that are None are left out.
        """
        given = {key: value for key, value in inputs.items() if value is not None}
        pinned = ResourceOptions.merge(opts, ResourceOptions(version=_PROVIDER_VERSION))
        super().__init__(self.token, name, {**dict.fromkeys(self.answered), **given}, pinned)


class Subnet(AzureResource):
    """A subnet of a VNet."""

    token = "azure-native:network:Subnet"  # noqa: S105 - a type token


class NatGateway(AzureResource):
    """A NAT gateway."""

    token = "azure-native:network:NatGateway"  # noqa: S105 - a type token


class PublicIPAddress(AzureResource):
    """A public IP address."""

    token = "azure-native:network:PublicIPAddress"  # noqa: S105 - a type token
    answered = ("ipAddress",)
    ipAddress: Output[str | None]  # noqa: N815 - azure-native's name
    """The address, once there is one."""


class RoleAssignment(AzureResource):
    """A role that a principal has at a scope."""

    token = "azure-native:authorization:RoleAssignment"  # noqa: S105 - a type token


_EXISTS = "cannot create already existing resource"


def remover(name: str, client: AzureClient) -> ErrorHook:
    """Return a hook for resources of Azure, after which their creation is tried once more.

    Args:
        name: name of the hook, which is unique in a program.
        client: clients of the subscription of these resources.
    """

    async def remove(failed: ErrorHookArgs) -> bool:
        exists = failed.errors and _EXISTS in failed.errors[0]
        # A second time it is not the same thing: somebody makes it again and again.
        if failed.failed_operation != "create" or not exists or len(failed.errors) > 1:
            return False
        return await in_thread(lambda: _remove(client, failed.type, failed.new_inputs or {}))

    return ErrorHook(name, remove)


def _remove(client: AzureClient, token: str, inputs: Mapping[str, Any]) -> bool:
    """Delete a resource of an interrupted run, and return whether it is gone."""
    arm_id = _OF_KIND[token](client, inputs)
    if arm_id is None:
        return False
    pulumi.log.info(f"{token.rpartition(':')[2]} of an interrupted run is in Azure; it is deleted and made anew")
    client.delete(arm_id)
    return True


def _subnet(client: AzureClient, inputs: Mapping[str, Any]) -> str | None:
    arm_id = f"{_network(client, inputs, 'virtualNetworks', 'virtualNetworkName')}/subnets/{inputs['subnetName']}"
    answer = _properties(client.get(arm_id))
    ours, theirs = ((each.get("natGateway") or {}).get("id") for each in (inputs, answer))
    own = ours is not None and theirs is not None and same(ours, theirs)
    return arm_id if own and not answer.get("ipConfigurations") else None


def _nat_gateway(client: AzureClient, inputs: Mapping[str, Any]) -> str | None:
    arm_id = _network(client, inputs, "natGateways", "natGatewayName")
    answer = client.get(arm_id)
    return arm_id if _tagged(answer) and not _properties(answer).get("subnets") else None


def _address(client: AzureClient, inputs: Mapping[str, Any]) -> str | None:
    arm_id = _network(client, inputs, "publicIPAddresses", "publicIpAddressName")
    answer = client.get(arm_id)
    used = any(_properties(answer).get(each) for each in ("natGateway", "ipConfiguration"))
    return arm_id if _tagged(answer) and not used else None


def _role_assignment(_: AzureClient, inputs: Mapping[str, Any]) -> str:
    # Its name is made of scope, role and principal; nobody else comes to it.
    return f"{inputs['scope']}{ROLE_ASSIGNMENTS}/{inputs['roleAssignmentName']}"


def _network(client: AzureClient, inputs: Mapping[str, Any], kind: str, name: str) -> str:
    group = f"/subscriptions/{client.subscription}/resourceGroups/{inputs['resourceGroupName']}"
    return f"{group}/providers/Microsoft.Network/{kind}/{inputs[name]}"


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return resource.get("properties") or {}


def _tagged(resource: Mapping[str, Any]) -> bool:
    return bool((resource.get("tags") or {}).get(names.STACK_TAG) == mark())


_OF_KIND: Mapping[str, Callable[[AzureClient, Mapping[str, Any]], str | None]] = {
    Subnet.token: _subnet,
    NatGateway.token: _nat_gateway,
    PublicIPAddress.token: _address,
    RoleAssignment.token: _role_assignment,
}
"""Functions that return the ARM id of a resource that is the stack's own and unused, by kind."""
