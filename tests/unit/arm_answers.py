"""What ARM answers to the pre-flight, in the shapes of its REST API; for ``arm_http.serving``."""

from typing import Any

from tests.unit import preflight_facts as known
from tests.unit.arm_http import Answers

SUB = f"/subscriptions/{known.SUBSCRIPTION}"
COMPUTE = f"{SUB}/providers/Microsoft.Compute"
EASTUS = f"{COMPUTE}/locations/eastus"
ROUTES = f"{known.NETWORK}/routeTables/to-firewall"
PRINCIPAL = "77777777-0000-0000-0000-000000000001"
GROUP = f"{SUB}/resourceGroups/demo-x7k2p-rg"
ROLE = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"


def _sku(name: str, **changes: Any) -> dict[str, Any]:
    vcpus, tee = {"name": "vCPUs", "value": "2"}, {"name": "ConfidentialComputingType", "value": "SNP"}
    usual = {
        "resourceType": "virtualMachines",
        "name": name,
        "family": known.FAMILY,
        "locations": ["eastus"],
        "locationInfo": [{"location": "eastus", "zones": ["2", "1"]}],
        "capabilities": [vcpus, tee],
        "restrictions": [],
    }
    return {**usual, **changes}


def _rule(name: str, priority: int, access: str, protocol: str, **properties: Any) -> dict[str, Any]:
    usual = {"priority": priority, "direction": "Inbound", "access": access, "protocol": protocol}
    return {"name": name, "properties": {**usual, "sourcePortRange": "*", **properties}}


_DEFAULT = _rule(
    "AllowVnetInBound",
    65000,
    "Allow",
    "*",
    sourceAddressPrefix="VirtualNetwork",
    destinationAddressPrefix="VirtualNetwork",
    destinationPortRange="*",
)
_OWN = _rule(
    "agents",
    100,
    "Deny",
    "Tcp",
    sourceAddressPrefixes=["10.0.0.0/24", "10.0.1.0/24"],
    destinationApplicationSecurityGroups=[{"id": "asg"}],
    destinationPortRanges=["15150", "443"],
)


def _network() -> Answers:
    interface = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/{{}}/ipConfigurations/ipconfig"
    subnet = {
        "addressPrefix": "10.0.128.0/17",
        "networkSecurityGroup": {"id": known.NSG},
        "natGateway": {"id": known.NAT},
        "routeTable": {"id": ROUTES},
        "defaultOutboundAccess": False,
        "ipConfigurations": [{"id": interface.format(name)} for name in ("worker-0-nic", "podvm-app-1a2b-net")],
        "delegations": [{"name": "web", "properties": {"serviceName": "Microsoft.Web/serverFarms"}}],
    }
    peered = {"remoteVirtualNetworkAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}
    vnet = {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"id": known.WORKERS, "properties": subnet}],
        "virtualNetworkPeerings": [{"properties": peered}],
    }
    nsg = {"securityRules": [_OWN], "defaultSecurityRules": [_DEFAULT]}
    nat = {"publicIpAddresses": [{"id": "address"}], "idleTimeoutInMinutes": 10}
    route = {"name": "out", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"}}
    return {
        f"GET {known.VNET}": {"id": known.VNET, "location": "eastus", "properties": vnet},
        f"GET {known.NSG}": {"id": known.NSG, "location": "eastus", "properties": nsg},
        f"GET {known.NAT}": {"id": known.NAT, "sku": {"name": "Standard"}, "properties": nat},
        f"GET {ROUTES}": {"id": ROUTES, "properties": {"routes": [route]}},
    }


def answers() -> Answers:
    """Return the answers of a subscription in which all that is asked for exists."""
    location = {"type": "Location", "reasonCode": "NotAvailableForSubscription", "restrictionInfo": {}}
    more = f"{{endpoint}}{COMPUTE}/more?api-version=2021-07-01"
    second = [
        _sku(
            "Standard_DC4as_v5",
            restrictions=[location, {**location, "type": "Zone", "restrictionInfo": {"zones": ["1"]}}],
        ),
        _sku("Standard_D2s_v5", capabilities=[{"name": "vCPUs", "value": "2"}]),
        _sku("Standard_West", locations=["westus"], locationInfo=[{"location": "westus"}]),
    ]
    usage = {"name": {"value": known.FAMILY}, "currentValue": 4, "limit": 100, "unit": "Count"}
    scores = {"Standard_DC2as_v5": "High", "Standard_DC4as_v5": "Low", "Standard_DC8as_v5": "DataNotFoundOrStale"}
    return {
        f"GET {COMPUTE}/skus": {"value": [_sku("Standard_DC2as_v5"), {"resourceType": "disks"}], "nextLink": more},
        f"GET {COMPUTE}/more": {"value": second},
        f"GET {EASTUS}/usages": {"value": [usage]},
        f"POST {EASTUS}/placementScores/spot/generate": {
            "placementScores": [{"sku": sku, "region": "eastus", "score": score} for sku, score in scores.items()]
        },
        **_network(),
    }


def image_answers(**changes: Any) -> Answers:
    """Return those for the image of ``preflight_facts``, with these properties of its definition."""
    definition, version = known.IMAGE.rsplit("/versions/", 1)[0], known.IMAGE
    features = [{"name": "SecurityType", "value": "ConfidentialVmSupported"}]
    values = {"hyperVGeneration": "V2", "features": features, **changes}
    published = {"provisioningState": "Succeeded", "publishingProfile": {"targetRegions": [{"name": "East US"}]}}
    return {
        f"GET {definition}": {"id": definition, "location": "eastus", "properties": values},
        f"GET {version}": {"id": version, "location": "eastus", "properties": published},
    }
