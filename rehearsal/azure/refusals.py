"""What ARM refuses of a change; its codes and messages are in ``refusals.yaml``."""

import ipaddress
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.azure import roles, views
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.description import Content
from rehearsal.azure.documents import Document

Every = Mapping[str, Document]
_SMALLEST = 29
_MOST_TAGS, _TAG_NAME, _TAG_VALUE, _TAGS_OF_VM = 50, 512, 256, 2048
_NOT_IN_TAGS = re.compile(r"[<>%&\\?/]")
_RESERVED = ("azure", "microsoft", "windows")
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
                raise ArmError("InvalidResourceReference", target=target, id=wanted["id"])
            action = f"Microsoft.Network/{kind}/join/action"
            if not roles.allows(roles.granted(content, every.values(), principal, target), action):
                words = {"type": wanted["type"], "id": wanted["id"], "action": action, "target": target}
                raise ArmError("LinkedAuthorizationFailed", **words)


def _targets(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping) and each.get("id"):
            yield str(each["id"])


def check_subnet(wanted: Document, before: Document | None, every: Every) -> None:
    """Raise ArmError for an address range that the virtual network does not have, or has given away already."""
    network = every[str(wanted["id"]).lower().rpartition("/subnets/")[0]]
    ranges = [_range(each, wanted) for each in prefixes(wanted)]
    names = {"name": wanted["name"], "network": network["name"]}
    if not ranges or any(each.prefixlen > _SMALLEST for each in ranges):
        raise ArmError("NetcfgInvalidSubnet", **names)
    spaces = [ipaddress.ip_network(each) for each in network["properties"]["addressSpace"]["addressPrefixes"]]
    if not all(any(_inside(each, space) for space in spaces) for each in ranges):
        raise ArmError("NetcfgSubnetRangeOutsideVnet", **names)
    for other in views.inside(str(network["id"]), "subnets", every):
        if other["id"].lower() != wanted["id"].lower():
            taken = [ipaddress.ip_network(each) for each in prefixes(other)]
            if any(one.overlaps(two) for one in ranges for two in taken):
                raise ArmError("NetcfgSubnetRangesOverlap", **names)
    if before is not None and views.taken(before, every):
        for each in set(prefixes(before)) - set(prefixes(wanted)):
            raise ArmError("InUsePrefixCannotBeDeleted", prefix=each, name=wanted["name"])


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
        raise ArmError("InvalidCIDRNotation", prefix=prefix, id=wanted["id"], error=error) from error


def _inside(one: Any, other: Any) -> bool:
    return bool(one.version == other.version and one.subnet_of(other))


def check_tags(tags: Mapping[str, str], *, vm: bool = False) -> None:
    """Raise ArmError for tags that Azure does not take of a resource, or of a virtual machine."""
    if len(tags) > _MOST_TAGS:
        raise ArmError("TooManyTags", most=_MOST_TAGS, count=len(tags))
    names = Counter(name.casefold() for name in tags)
    for name, value in tags.items():
        if not 0 < len(name) <= _TAG_NAME:
            raise ArmError("InvalidTagName", most=_TAG_NAME)
        if _NOT_IN_TAGS.search(name):
            raise ArmError("InvalidTagNameCharacters", name=name)
        if name.casefold().startswith(_RESERVED):
            raise ArmError("InvalidTagName.reserved", name=name, prefixes=", ".join(_RESERVED))
        if names[name.casefold()] > 1:
            raise ArmError("DuplicateTagName", name=name)
        if len(value) > _TAG_VALUE:
            raise ArmError("InvalidTagValueLength", most=_TAG_VALUE)
    if vm and sum(len(name) + len(value) for name, value in tags.items()) > _TAGS_OF_VM:
        raise ArmError("TagsTooLong", most=_TAGS_OF_VM)


def check_zones(wanted: Document, content: Content) -> None:
    """Raise ArmError for zones in a region that has none."""
    if wanted.get("zones") and not content.get("availabilityZones", True):
        words = {key: wanted[key] for key in ("type", "name", "location")}
        raise ArmError("LocationNotSupportAvailabilityZones", **words)


def check_public_ip(wanted: Document) -> None:
    """Raise ArmError for an address that is not Standard and static; others are not to be had any more."""
    if wanted.get("sku", {}).get("name", "Basic") == "Basic":
        raise ArmError("IPv4BasicSkuPublicIpCountLimitReached")
    if wanted["properties"].get("publicIPAllocationMethod", "Dynamic") != "Static":
        raise ArmError("StandardSkuPublicIPAddressesMustBeStatic", id=wanted["id"])


def check_nat_gateway(wanted: Document, every: Every) -> None:
    """Raise ArmError for an address that another NAT gateway has."""
    for address in _targets(wanted["properties"].get("publicIpAddresses")):
        owner = views.gateway_of(address.lower(), every)
        if owner is not None and owner.lower() != wanted["id"].lower():
            raise ArmError("PublicIPAddressInUse", id=wanted["id"], address=address, owner=owner)


def check_assignment(wanted: Document, before: Document | None, every: Every, content: Content) -> None:
    """Raise ArmError for a role assignment that there is already, or that names somebody or something unknown."""
    properties = wanted["properties"]
    name, principal, role = wanted["name"], properties.get("principalId"), str(properties.get("roleDefinitionId"))
    if not _is_guid(name):
        raise ArmError("InvalidRoleAssignmentId", name=name)
    # Who names the type of a principal vouches for him: replication may be late (aka.ms/docs-principaltype).
    if properties.get("principalType") is None and principal not in roles.principals(content).values():
        raise ArmError("PrincipalNotFound", principal=principal, tenant=content.get("tenantId"))
    known = [each["name"].lower() for each in roles.definitions(content)]
    if role.rsplit("/", 1)[-1].lower() not in known:
        raise ArmError("RoleDefinitionDoesNotExist.assigned", name=role.rsplit("/", 1)[-1])
    if before is not None and _what(before) != _what(wanted):
        raise ArmError("RoleAssignmentUpdateNotPermitted")
    for each in every.values():
        if (
            each["type"] == wanted["type"]
            and each["id"].lower() != wanted["id"].lower()
            and _what(each) == _what(wanted)
        ):
            raise ArmError("RoleAssignmentExists")


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
        raise ArmError("InUseSubnetCannotBeDeleted", name=document["name"], user=taken[0])
    if kind == "natGateways" and (users := views.users_of(arm, "natGateway", every)):
        raise ArmError("CannotDeleteNatGatewayAssociatedToSubnet", id=arm, count=len(users))
    if kind == "publicIPAddresses" and (owner := views.gateway_of(arm.lower(), every)):
        raise ArmError("PublicIPAddressCannotBeDeleted", id=arm, owner=owner)
    field = {"networkSecurityGroups": "networkSecurityGroup", "routeTables": "routeTable"}.get(kind)
    if field is not None and (users := views.users_of(arm, field, every)):
        raise ArmError(f"InUse{field[0].upper()}{field[1:]}CannotBeDeleted", id=arm, users=", ".join(users))
