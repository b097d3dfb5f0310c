"""ARM ids, ``/subscriptions/ID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME...]``, and their parts.

Azure keeps the spelling of names and compares them without regard to case (learn.microsoft.com, "Naming rules and
restrictions for Azure resources"), so ids are compared by ``same``.
"""

from collections.abc import Mapping

_SUBSCRIPTION, _GROUP, _NAME = 2, 4, 8
_NETWORK = "/providers/Microsoft.Network"


def vnet_id(subscription: str, group: str, name: str) -> str:
    """Return the ARM id of a VNet."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}{_NETWORK}/virtualNetworks/{name}"


def subnet_id(vnet: str, name: str) -> str:
    """Return the ARM id of a subnet, from the id of its VNet."""
    return f"{vnet}/subnets/{name}"


def nsg_id(subscription: str, group: str, name: str) -> str:
    """Return the ARM id of a network security group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}{_NETWORK}/networkSecurityGroups/{name}"


def subscription_of(arm_id: str) -> str:
    """Return the subscription of an ARM id; empty for an id that has none."""
    return _part(arm_id, _SUBSCRIPTION)


def group_of(arm_id: str) -> str:
    """Return the resource group of an ARM id; empty for an id that has none."""
    return _part(arm_id, _GROUP)


def top_of(arm_id: str) -> str:
    """Return the ARM id of the resource that a nested one is in, such as a subnet's VNet."""
    return "/".join(arm_id.split("/")[: _NAME + 1])


def name_of(arm_id: str) -> str:
    """Return the last name of an ARM id."""
    return arm_id.rstrip("/").rsplit("/", 1)[-1]


def same(one: str, other: str) -> bool:
    """Return whether two names, ids or regions of Azure are the same."""
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def region_of(answer: Mapping[str, object]) -> str:
    """Return the region of a resource in its short form."""
    return short_region(str(answer.get("location") or ""))


def short_region(region: str) -> str:
    """Return a region in its short form; Azure also writes ``East US``."""
    return region.replace(" ", "").lower()


def is_managed_image(image_id: str) -> bool:
    """Return whether an ARM id is that of a managed image, not of a gallery's version."""
    return "/galleries/" not in image_id.lower()


def flags(arm_id: str) -> str:
    """Return the options of ``az`` that say in which subscription and resource group something is."""
    if not (group := group_of(arm_id)):
        return "--resource-group GROUP"
    return f"--subscription {subscription_of(arm_id)} --resource-group {group}"


def within(arm_id: str, scope: str) -> bool:
    """Return whether something is at a scope or below it; all is below ``/`` and below a management group.

    Role assignments of a management group are listed for a subscription only where it is in that group.
    """
    inner, outer = f"{arm_id.rstrip('/')}/".casefold(), f"{scope.rstrip('/')}/".casefold()
    return inner.startswith(outer) or outer.startswith("/providers/microsoft.management/managementgroups/")


def _part(arm_id: str, position: int) -> str:
    parts = arm_id.split("/")
    return parts[position] if len(parts) > position else ""
