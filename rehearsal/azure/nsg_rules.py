"""Rules of network security groups, as ARM writes them.

The defaults are those of https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview.
"""

from collections.abc import Mapping
from typing import Any

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
        {
            "id": f"{group}/defaultSecurityRules/{name}",
            "name": name,
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "properties": {
                "provisioningState": "Succeeded",
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
            },
        }
        for name, priority, direction, access, source, destination in _DEFAULTS
    ]


def rule(group: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a description: ``source`` or ``sources`` and so on; ``*`` where nothing is said."""
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "protocol": said.get("protocol", "*"),
        "access": said["access"],
        "priority": int(said["priority"]),
        "direction": said["direction"],
    }
    for field, one, many in _FIELDS:
        plural = field + "es" if field.endswith("Prefix") else field + "s"
        if many in said:
            properties[plural] = [str(each) for each in said[many]]
        else:
            properties[field] = str(said.get(one, "*"))
    for side in ("source", "destination"):
        if f"{side}Groups" in said:
            del properties[f"{side}AddressPrefix"]
            properties[f"{side}ApplicationSecurityGroups"] = [{"id": each} for each in said[f"{side}Groups"]]
    return {
        "id": f"{group}/securityRules/{said['name']}",
        "name": said["name"],
        "type": "Microsoft.Network/networkSecurityGroups/securityRules",
        "properties": properties,
    }
