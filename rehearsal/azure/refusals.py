"""What ARM refuses of a change, with its codes and messages as users report them (GitHub issues of the clients).

``NetcfgSubnetRange...``: MicrosoftDocs/azure-docs#123869;
``InUseSubnetCannotBeDeleted``: microsoft/nav-arm-templates#161;
``CannotDeleteNatGatewayAssociatedToSubnet``: Azure-Samples/Copilot-Studio-with-Azure-AI-Search#62;
``PublicIPAddressCannotBeDeleted``: hashicorp/terraform-provider-azurerm#6052;
``LocationNotSupportAvailabilityZones``: Azure/ALZ-Bicep#981;
``StandardSkuPublicIPAddressesMustBeStatic``: fortinet/azure-templates#43;
``RoleAssignmentUpdateNotPermitted``: Azure/Enterprise-Scale#1747; ``PrincipalNotFound``:
Azure/HubAndSpokeResearchEnclave#50. The other codes are from memory.
"""

import ipaddress
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.azure import roles, tags, views
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.description import Content
from rehearsal.azure.documents import Document

Every = Mapping[str, Document]
_BAD, _CONFLICT, _FORBIDDEN, _NOT_FOUND = 400, 409, 403, 404
_SMALLEST = 29
REFERENCES = {
    "networkSecurityGroup": "networkSecurityGroups",
    "natGateway": "natGateways",
    "routeTable": "routeTables",
    "publicIpAddresses": "publicIPAddresses",
}
"""Properties that refer to other resources, with their kinds."""


def check_references(wanted: Document, every: Every, content: Content, principal: str) -> None:
    """Raise ArmError where something that a resource refers to is not there, or not for this principal to join."""
    for field, kind in REFERENCES.items():
        for target in _targets(wanted["properties"].get(field)):
            if target.lower() not in every:
                raise ArmError(
                    _BAD,
                    "InvalidResourceReference",
                    f"Resource {target} referenced by resource {wanted['id']} was not found. Please make sure that the "
                    "referenced resource exists, and that both resources are in the same region.",
                )
            action = f"Microsoft.Network/{kind}/join/action"
            if not roles.allows(roles.granted(content, every.values(), principal, target), action):
                raise ArmError(
                    _FORBIDDEN,
                    "LinkedAuthorizationFailed",
                    f"The client has permission to perform action '{wanted['type']}/write' on scope '{wanted['id']}', "
                    f"however it does not have permission to perform action '{action}' on the linked scope(s) "
                    f"'{target}' or the linked scope(s) are invalid.",
                )


def _targets(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping) and each.get("id"):
            yield str(each["id"])


def check_subnet(wanted: Document, before: Document | None, every: Every) -> None:
    """Raise ArmError for an address range that the virtual network does not have, or has given away already."""
    network = every[str(wanted["id"]).lower().rpartition("/subnets/")[0]]
    ranges = [_range(each, wanted) for each in prefixes(wanted)]
    name, place = wanted["name"], network["name"]
    if not ranges or any(each.prefixlen > _SMALLEST for each in ranges):
        raise ArmError(_BAD, "NetcfgInvalidSubnet", f"Subnet '{name}' is not valid in virtual network '{place}'.")
    spaces = [ipaddress.ip_network(each) for each in network["properties"]["addressSpace"]["addressPrefixes"]]
    if not all(any(_inside(each, space) for space in spaces) for each in ranges):
        raise ArmError(
            _BAD,
            "NetcfgSubnetRangeOutsideVnet",
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of virtual "
            f"network '{place}'.",
        )
    for other in views.inside(str(network["id"]), "subnets", every):
        if other["id"].lower() != wanted["id"].lower():
            taken = [ipaddress.ip_network(each) for each in prefixes(other)]
            if any(one.overlaps(two) for one in ranges for two in taken):
                raise ArmError(
                    _BAD,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing "
                    f"subnet in virtual network '{place}'.",
                )
    if before is not None and views.taken(before, every):
        for each in set(prefixes(before)) - set(prefixes(wanted)):
            text = f"IpPrefix {each} on Subnet {name} has active allocations and cannot be deleted."
            raise ArmError(_BAD, "InUsePrefixCannotBeDeleted", text)


def prefixes(subnet: Document) -> list[str]:
    """Return the address ranges of a subnet."""
    properties = subnet["properties"]
    return [
        *properties.get("addressPrefixes", ()),
        *([properties["addressPrefix"]] if properties.get("addressPrefix") else []),
    ]


def _range(prefix: str, wanted: Document) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(prefix)
    except ValueError as error:
        text = f"The address prefix {prefix} in resource {wanted['id']} has an invalid CIDR notation: {error}."
        raise ArmError(_BAD, "InvalidCIDRNotation", text) from error


def _inside(one: Any, other: Any) -> bool:
    return bool(one.version == other.version and one.subnet_of(other))


def check_tags(wanted: Document) -> None:
    """Raise ArmError for tags that Azure does not take."""
    if (refused := tags.refusal(wanted.get("tags") or {})) is not None:
        raise ArmError(_BAD, *refused)


def check_zones(wanted: Document, content: Content) -> None:
    """Raise ArmError for zones in a region that has none."""
    if wanted.get("zones") and not content.get("availabilityZones", True):
        raise ArmError(
            _BAD,
            "LocationNotSupportAvailabilityZones",
            f"The resource '{wanted['type']}/{wanted['name']}' does not support availability zones at location "
            f"'{wanted['location']}'.",
        )


def check_public_ip(wanted: Document) -> None:
    """Raise ArmError for an address that is not Standard and static; others are not to be had any more."""
    if wanted.get("sku", {}).get("name", "Basic") == "Basic":
        text = "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region."
        raise ArmError(_BAD, "IPv4BasicSkuPublicIpCountLimitReached", text)
    if wanted["properties"].get("publicIPAllocationMethod", "Dynamic") != "Static":
        text = f"Standard sku publicIp {wanted['id']} must have AllocationMethod set to Static."
        raise ArmError(_BAD, "StandardSkuPublicIPAddressesMustBeStatic", text)


def check_nat_gateway(wanted: Document, every: Every) -> None:
    """Raise ArmError for an address that another NAT gateway has."""
    for address in _targets(wanted["properties"].get("publicIpAddresses")):
        owner = views.gateway_of(address.lower(), every)
        if owner is not None and owner.lower() != wanted["id"].lower():
            text = (
                f"Resource {wanted['id']} is referencing public IP address {address} that is already allocated to "
                f"resource {owner}."
            )
            raise ArmError(_BAD, "PublicIPAddressInUse", text)


def check_assignment(wanted: Document, before: Document | None, every: Every, content: Content) -> None:
    """Raise ArmError for a role assignment that there is already, or that names somebody or something unknown."""
    properties = wanted["properties"]
    name, principal, role = wanted["name"], properties.get("principalId"), str(properties.get("roleDefinitionId"))
    if not _is_guid(name):
        text = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
        raise ArmError(_BAD, "InvalidRoleAssignmentId", text)
    # Who names the type of a principal vouches for him: replication may be late (aka.ms/docs-principaltype).
    if properties.get("principalType") is None and principal not in roles.principals(content).values():
        text = f"Principal {principal} does not exist in the directory {content.get('tenantId')}."
        raise ArmError(_BAD, "PrincipalNotFound", text)
    known = [each["name"].lower() for each in roles.definitions(content)]
    if role.rsplit("/", 1)[-1].lower() not in known:
        text = f"The specified role definition with ID '{role.rsplit('/', 1)[-1]}' does not exist."
        raise ArmError(_NOT_FOUND, "RoleDefinitionDoesNotExist", text)
    if before is not None and _what(before) != _what(wanted):
        text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise ArmError(_CONFLICT, "RoleAssignmentUpdateNotPermitted", text)
    for each in every.values():
        if (
            each["type"] == wanted["type"]
            and each["id"].lower() != wanted["id"].lower()
            and _what(each) == _what(wanted)
        ):
            raise ArmError(_CONFLICT, "RoleAssignmentExists", "The role assignment already exists.")


def _what(assignment: Document) -> tuple[str, str, str]:
    properties = assignment["properties"]
    role = str(properties["roleDefinitionId"]).rsplit("/", 1)[-1]
    return str(properties["scope"]).lower(), str(properties["principalId"]), role.lower()


def _is_guid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name.lower()
    except ValueError:
        return False


def check_delete(document: Document, every: Every) -> None:
    """Raise ArmError for what others still use."""
    arm, kind = str(document["id"]), str(document["type"]).rsplit("/", 1)[1]
    if kind == "subnets" and (taken := views.taken(document, every)):
        raise ArmError(
            _BAD,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {document['name']} is in use by {taken[0]} and cannot be deleted. In order to delete the subnet, "
            "delete all the resources within the subnet. See aka.ms/deletesubnet.",
        )
    if kind == "natGateways" and (users := views.users_of(arm, "natGateway", every)):
        raise ArmError(
            _BAD,
            "CannotDeleteNatGatewayAssociatedToSubnet",
            f"NAT Gateway {arm} is still configured on {len(users)} subnets. Remove NAT Gateway from all referenced "
            "subnets and then delete NAT Gateway.",
        )
    if kind == "publicIPAddresses" and (owner := views.gateway_of(arm.lower(), every)):
        raise ArmError(
            _BAD,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {arm} can not be deleted since it is still allocated to resource {owner}. In order to "
            "delete the public IP, disassociate/detach the Public IP address from the resource.  To learn how to do "
            "this, see aka.ms/deletepublicip.",
        )
    field = {"networkSecurityGroups": "networkSecurityGroup", "routeTables": "routeTable"}.get(kind)
    if field is not None and (users := views.users_of(arm, field, every)):
        word = re.sub("s$", "", kind[0].upper() + kind[1:])
        text = f"{word} {arm} cannot be deleted because it is in use by the following resources: {', '.join(users)}."
        raise ArmError(_BAD, f"InUse{word}CannotBeDeleted", text)
