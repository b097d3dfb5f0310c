"""Rules of network security groups, as ARM writes them.

The defaults are those of https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.azure.arm_state import resource

_DEFAULTS = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)
_FIELDS = (
    ("sourceAddressPrefix", "source", "sources"),
    ("destinationAddressPrefix", "destination", "destinations"),
    ("sourcePortRange", "sourcePort", "sourcePorts"),
    ("destinationPortRange", "destinationPort", "destinationPorts"),
)


def default_rules(group: str) -> list[dict[str, Any]]:
    """Return the six rules that every group has."""
    return [
        resource(
            f"{group}/defaultSecurityRules/{name}",
            protocol="*",
            sourcePortRange="*",
            destinationPortRange="*",
            sourceAddressPrefix=source,
            destinationAddressPrefix=destination,
            access=access,
            priority=priority,
            direction=direction,
        )
        for name, priority, direction, access, source, destination in _DEFAULTS
    ]


def rule(group: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a description: ``source`` or ``sources`` and so on; ``*`` where nothing is said."""
    properties: dict[str, Any] = {
        "protocol": spec.get("protocol", "*"),
        "access": spec["access"],
        "priority": int(spec["priority"]),
        "direction": spec["direction"],
    }
    for field, one, many in _FIELDS:
        plural = field + "es" if field.endswith("Prefix") else field + "s"
        if many in spec:
            properties[plural] = [str(each) for each in spec[many]]
        else:
            properties[field] = str(spec.get(one, "*"))
    for side in ("source", "destination"):
        if f"{side}Groups" in spec:
            del properties[f"{side}AddressPrefix"]
            properties[f"{side}ApplicationSecurityGroups"] = [{"id": each} for each in spec[f"{side}Groups"]]
    return resource(f"{group}/securityRules/{spec['name']}", **properties)
