"""The functions that the program asks for, by their tokens; arguments and results as in azure-native 3.29.0."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rehearsal.azure_provider.arm import ArmClient
from rehearsal.azure_provider.shapes import flattened

NETWORK_VERSION = "2024-05-01"
ROLES_VERSION = "2022-04-01"
GROUPS_VERSION = "2024-03-01"
MACHINES_VERSION = "2024-11-01"
COMPUTE_VERSION = "2024-03-03"
_Answer = Callable[[ArmClient, Mapping[str, str]], Awaitable[dict[str, Any]]]


def _resource(provider: str, version: str, *parts: str) -> _Answer:
    """Return the answer with one resource; ``parts`` are kinds and names of arguments, in turn."""

    async def answer(arm: ArmClient, asked: Mapping[str, str]) -> dict[str, Any]:
        names = [part if at % 2 == 0 else asked[part] for at, part in enumerate(parts)]
        group = f"/subscriptions/{arm.subscription}/resourceGroups/{asked['resourceGroupName']}"
        found = await arm.find(f"{group}/providers/{provider}/{'/'.join(names)}", version)
        return {**flattened(found), "azureApiVersion": version}

    return answer


async def _group(arm: ArmClient, asked: Mapping[str, str]) -> dict[str, Any]:
    group = f"/subscriptions/{arm.subscription}/resourceGroups/{asked['resourceGroupName']}"
    return {**flattened(await arm.find(group, GROUPS_VERSION)), "azureApiVersion": GROUPS_VERSION}


async def _token(arm: ArmClient, _: Mapping[str, str]) -> dict[str, Any]:
    return {"token": await arm.token()}


async def _client_config(arm: ArmClient, _: Mapping[str, str]) -> dict[str, Any]:
    return await arm.identity()


async def _assignment(arm: ArmClient, asked: Mapping[str, str]) -> dict[str, Any]:
    kind = "providers/Microsoft.Authorization/roleAssignments"
    return flattened_with(
        await arm.find(f"/{asked['scope'].strip('/')}/{kind}/{asked['roleAssignmentName']}", ROLES_VERSION)
    )


async def _definition(arm: ArmClient, asked: Mapping[str, str]) -> dict[str, Any]:
    kind = "providers/Microsoft.Authorization/roleDefinitions"
    return flattened_with(
        await arm.find(f"/{asked['scope'].strip('/')}/{kind}/{asked['roleDefinitionId']}", ROLES_VERSION)
    )


def flattened_with(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a role's document with its version."""
    return {**flattened(found), "azureApiVersion": ROLES_VERSION}


_VNET = ("virtualNetworks", "virtualNetworkName")
_NETWORK = ("Microsoft.Network", NETWORK_VERSION)
_COMPUTE = ("Microsoft.Compute", COMPUTE_VERSION)
FUNCTIONS: Mapping[str, _Answer] = {
    "azure-native:network:getVirtualNetwork": _resource(*_NETWORK, *_VNET),
    "azure-native:network:getSubnet": _resource(*_NETWORK, *_VNET, "subnets", "subnetName"),
    "azure-native:network:getNetworkSecurityGroup": _resource(
        *_NETWORK, "networkSecurityGroups", "networkSecurityGroupName"
    ),
    "azure-native:network:getNetworkInterface": _resource(*_NETWORK, "networkInterfaces", "networkInterfaceName"),
    "azure-native:network:getNatGateway": _resource(*_NETWORK, "natGateways", "natGatewayName"),
    "azure-native:network:getRouteTable": _resource(*_NETWORK, "routeTables", "routeTableName"),
    "azure-native:network:getPublicIPAddress": _resource(*_NETWORK, "publicIPAddresses", "publicIpAddressName"),
    "azure-native:compute:getVirtualMachine": _resource(
        "Microsoft.Compute", MACHINES_VERSION, "virtualMachines", "vmName"
    ),
    "azure-native:compute:getGallery": _resource(*_COMPUTE, "galleries", "galleryName"),
    "azure-native:compute:getGalleryImage": _resource(
        *_COMPUTE, "galleries", "galleryName", "images", "galleryImageName"
    ),
    "azure-native:compute:getGalleryImageVersion": _resource(
        *_COMPUTE, "galleries", "galleryName", "images", "galleryImageName", "versions", "galleryImageVersionName"
    ),
    "azure-native:resources:getResourceGroup": _group,
    "azure-native:authorization:getRoleAssignment": _assignment,
    "azure-native:authorization:getRoleDefinition": _definition,
    "azure-native:authorization:getClientToken": _token,
    "azure-native:authorization:getClientConfig": _client_config,
}
"""Every function that is answered, by its token."""
