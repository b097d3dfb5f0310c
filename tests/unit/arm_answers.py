"""What ARM answers to the pre-flight, in the shapes of its REST API; for ``arm_http.serving``."""

from typing import Any

from tests.unit import preflight_facts as known

SUB = f"/subscriptions/{known.SUBSCRIPTION}"
COMPUTE = f"{SUB}/providers/Microsoft.Compute"
EASTUS = f"{COMPUTE}/locations/eastus"
ROUTES = f"{known.NETWORK}/routeTables/to-firewall"
PRINCIPAL = "77777777-0000-0000-0000-000000000001"
GROUP = f"{SUB}/resourceGroups/demo-x7k2p-rg"
ROLE = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"


def _sku(name: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "resourceType": "virtualMachines",
        "name": name,
        "family": known.FAMILY,
        "locations": ["eastus"],
        "locationInfo": [{"location": "eastus", "zones": ["2", "1"]}],
        "capabilities": [
            {"name": "vCPUs", "value": "2"},
            {"name": "ConfidentialComputingType", "value": "SNP"},
        ],
        "restrictions": [],
    }
    return {**usual, **changes}


RULE = {
    "name": "AllowVnetInBound",
    "properties": {
        "priority": 65000,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "*",
        "sourceAddressPrefix": "VirtualNetwork",
        "destinationAddressPrefix": "VirtualNetwork",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
    },
}
_OWNRULE = {
    "name": "agents",
    "properties": {
        "priority": 100,
        "direction": "Inbound",
        "access": "Deny",
        "protocol": "Tcp",
        "sourceAddressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"],
        "destinationApplicationSecurityGroups": [{"id": "asg"}],
        "sourcePortRange": "*",
        "destinationPortRanges": ["15150", "443"],
    },
}


def answers() -> dict[str, tuple[int, Any]]:
    """Return the answers of a subscription in which all that is asked for exists."""
    location = {"type": "Location", "reasonCode": "NotAvailableForSubscription", "restrictionInfo": {}}
    zone = {"type": "Zone", "reasonCode": "NotAvailableForSubscription", "restrictionInfo": {"zones": ["1"]}}
    more = f"{{endpoint}}{COMPUTE}/more?api-version=2021-07-01"
    configuration = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/{{}}/ipConfigurations/ipconfig"
    subnet = {
        "addressPrefix": "10.0.128.0/17",
        "networkSecurityGroup": {"id": known.NSG},
        "natGateway": {"id": known.NAT},
        "routeTable": {"id": ROUTES},
        "defaultOutboundAccess": False,
        "ipConfigurations": [{"id": configuration.format(name)} for name in ("worker-0-nic", "podvm-app-1a2b-net")],
        "delegations": [{"name": "web", "properties": {"serviceName": "Microsoft.Web/serverFarms"}}],
    }
    return {
        f"GET {COMPUTE}/skus": (
            200,
            {"value": [_sku("Standard_DC2as_v5"), {"resourceType": "disks"}], "nextLink": more},
        ),
        f"GET {COMPUTE}/more": (
            200,
            {
                "value": [
                    _sku("Standard_DC4as_v5", restrictions=[location, zone]),
                    _sku("Standard_D2s_v5", capabilities=[{"name": "vCPUs", "value": "2"}]),
                    _sku("Standard_West", locations=["westus"], locationInfo=[{"location": "westus"}]),
                ]
            },
        ),
        f"GET {EASTUS}/usages": (
            200,
            {"value": [{"name": {"value": known.FAMILY}, "currentValue": 4, "limit": 100, "unit": "Count"}]},
        ),
        f"POST {EASTUS}/placementScores/spot/generate": (
            200,
            {
                "placementScores": [
                    {"sku": "Standard_DC2as_v5", "region": "eastus", "score": "High"},
                    {"sku": "Standard_DC4as_v5", "region": "eastus", "score": "Low"},
                    {"sku": "Standard_DC8as_v5", "region": "eastus", "score": "DataNotFoundOrStale"},
                ]
            },
        ),
        f"GET {known.VNET}": (
            200,
            {
                "id": known.VNET,
                "location": "eastus",
                "properties": {
                    "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                    "subnets": [{"id": known.WORKERS, "properties": subnet}],
                    "virtualNetworkPeerings": [
                        {"properties": {"remoteVirtualNetworkAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}}
                    ],
                },
            },
        ),
        f"GET {known.NSG}": (
            200,
            {
                "id": known.NSG,
                "location": "eastus",
                "properties": {"securityRules": [_OWNRULE], "defaultSecurityRules": [RULE]},
            },
        ),
        f"GET {known.NAT}": (
            200,
            {
                "id": known.NAT,
                "sku": {"name": "Standard"},
                "zones": ["1"],
                "properties": {"publicIpAddresses": [{"id": "address"}], "idleTimeoutInMinutes": 10},
            },
        ),
        f"GET {ROUTES}": (
            200,
            {
                "id": ROUTES,
                "properties": {
                    "routes": [
                        {
                            "name": "out",
                            "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"},
                        }
                    ]
                },
            },
        ),
    }


def image_answers(**changes: Any) -> dict[str, tuple[int, Any]]:
    """Return those for the image of ``preflight_facts``, with these properties of its definition."""
    definition, version = known.IMAGE.rsplit("/versions/", 1)[0], known.IMAGE
    said = {
        "hyperVGeneration": "V2",
        "features": [{"name": "SecurityType", "value": "ConfidentialVmSupported"}],
        **changes,
    }
    published = {"provisioningState": "Succeeded", "publishingProfile": {"targetRegions": [{"name": "East US"}]}}
    return {
        f"GET {definition}": (200, {"id": definition, "location": "eastus", "properties": said}),
        f"GET {version}": (200, {"id": version, "location": "eastus", "properties": published}),
    }
