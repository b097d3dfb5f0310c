"""What a killed run has made in Azure, and the state does not know: it is deleted, unused as it is, and made anew.

azure-native makes nothing that exists already ("cannot create already existing resource", provider.go). Whether it is
the stack's own is told by what only the stack gives it: its tag, a name made of what it is, or the NAT gateway.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import ErrorHook, ErrorHookArgs

from components.azure.client import AzureClient
from components.azure.place import same
from components.azure.resources import NatGateway, PublicIPAddress, RoleAssignment, Subnet
from components.cluster.ownership import mark
from components.cluster.watching import in_thread

OWNER_TAG = "coco-azure-stack"
"""Tag of what the stack makes in Azure, where it can have tags; says which stack."""
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
    delete = _OF_KIND[token](client, inputs)
    if delete is None:
        return False
    pulumi.log.info(f"{token.rpartition(':')[2]} of an interrupted run is in Azure; it is deleted and made anew")
    delete()
    return True


_Delete = Callable[[], Any]


def _subnet(client: AzureClient, inputs: Mapping[str, Any]) -> _Delete | None:
    names = (inputs["resourceGroupName"], inputs["virtualNetworkName"], inputs["subnetName"])
    found = client.network.subnets.get(*names)
    ours, theirs = (inputs.get("natGateway") or {}).get("id"), found.nat_gateway and found.nat_gateway.id
    if ours is None or theirs is None or not same(ours, theirs) or found.ip_configurations:
        return None
    return lambda: client.network.subnets.begin_delete(*names).result()


def _nat_gateway(client: AzureClient, inputs: Mapping[str, Any]) -> _Delete | None:
    names = (inputs["resourceGroupName"], inputs["natGatewayName"])
    found = client.network.nat_gateways.get(*names)
    if not _tagged(found) or found.subnets:
        return None
    return lambda: client.network.nat_gateways.begin_delete(*names).result()


def _address(client: AzureClient, inputs: Mapping[str, Any]) -> _Delete | None:
    names = (inputs["resourceGroupName"], inputs["publicIpAddressName"])
    found = client.network.public_ip_addresses.get(*names)
    if not _tagged(found) or found.nat_gateway or found.ip_configuration:
        return None
    return lambda: client.network.public_ip_addresses.begin_delete(*names).result()


def _role_assignment(client: AzureClient, inputs: Mapping[str, Any]) -> _Delete:
    # Its name is made of scope, role and principal; nobody else comes to it.
    return lambda: client.authorization.role_assignments.delete(inputs["scope"], inputs["roleAssignmentName"])


def _tagged(found: Any) -> bool:
    return bool((found.tags or {}).get(OWNER_TAG) == mark())


_OF_KIND: Mapping[str, Callable[[AzureClient, Mapping[str, Any]], _Delete | None]] = {
    Subnet.token: _subnet,
    NatGateway.token: _nat_gateway,
    PublicIPAddress.token: _address,
    RoleAssignment.token: _role_assignment,
}
