"""Parts of ARM ids, ``/subscriptions/ID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME...]``.

Azure compares ids without regard to case.
"""

_SUBSCRIPTION, _GROUP = 2, 4


def name_of(arm_id: str) -> str:
    """Return the last name of an ARM id."""
    return arm_id.rstrip("/").rsplit("/", 1)[-1]


def flags(arm_id: str) -> str:
    """Return the options of ``az`` that say in which subscription and resource group something is."""
    parts = arm_id.split("/")
    if len(parts) <= _GROUP:
        return "--resource-group GROUP"
    return f"--subscription {parts[_SUBSCRIPTION]} --resource-group {parts[_GROUP]}"


def subscription_of(arm_id: str) -> str:
    """Return the subscription of an ARM id; empty for an id that has none."""
    parts = arm_id.split("/")
    return parts[_SUBSCRIPTION] if len(parts) > _SUBSCRIPTION else ""


def same(one: str, other: str) -> bool:
    """Return whether two names, ids or regions of Azure are the same."""
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def within(arm_id: str, scope: str) -> bool:
    """Return whether something is at a scope or below it; all is below ``/`` and below a management group.

    Role assignments of a management group are listed for a subscription only where it is in that group.
    """
    inner, outer = f"{arm_id.rstrip('/')}/".casefold(), f"{scope.rstrip('/')}/".casefold()
    return inner.startswith(outer) or outer.startswith("/providers/microsoft.management/managementgroups/")
