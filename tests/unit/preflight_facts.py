"""A healthy subscription for tests of the pre-flight, and what a usual stack wants of it."""

import dataclasses
from typing import Any

from coco_azure.inventory.azure_facts import AzureFacts, AzureImage, NatGateway, Nsg, Size, Subnet, Usage, Vnet
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.rules import DEFAULTS
from coco_azure.settings.azure import AzureSettings, OwnSubnetSettings
from coco_azure.settings.peer_pods import PeerPodSettings

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/network-rg/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/demo-x7k2p-vnet"
WORKERS = f"{VNET}/subnets/demo-x7k2p-worker-subnet"
NSG = f"{NETWORK}/networkSecurityGroups/demo-x7k2p-nsg"
NAT = f"{NETWORK}/natGateways/demo-x7k2p-nat"
IMAGE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/images-rg/providers/Microsoft.Compute/galleries/podvms/images/"
    "podvm/versions/1.0.0"
)
FAMILY = "standardDCASv5Family"
PLACE = PodVmTarget(
    subscription=SUBSCRIPTION,
    tenant="",
    resource_group="demo-x7k2p-rg",
    region="eastus",
    vnet_id=VNET,
    subnet_id=WORKERS,
    workers_id=WORKERS,
    nsg_id=NSG,
    vnet_resource_group="network-rg",
)


def size(name: str, vcpus: int, **changes: Any) -> Size:
    """Return a size of SNP in three zones."""
    usual: dict[str, Any] = {"family": FAMILY, "tee": "SNP", "zones": ("1", "2", "3")}
    return Size(name=name, vcpus=vcpus, **{**usual, **changes})


def sizes(*more: Size) -> dict[str, Size]:
    """Return sizes by name: the chapter's for SNP, and more, which may take their place."""
    offered = [size(f"Standard_DC{vcpus}as_v5", vcpus) for vcpus in (2, 4, 8, 16)]
    return {each.name: each for each in [*offered, *more]}


def usages(used: int = 0, limit: int = 1000, cores: int = 5000) -> dict[str, Usage]:
    """Return the quota of the family and of the region."""
    return {
        FAMILY: Usage(name=FAMILY, used=used, limit=limit),
        "cores": Usage(name="cores", used=used, limit=cores),
    }


def facts(**changes: Any) -> AzureFacts:
    """Return a subscription in which nothing is wrong, with these changes."""
    subnet = Subnet(id=WORKERS, prefixes=("10.0.128.0/17",), used=5, nsg_id=NSG, nat_gateway_id=NAT)
    usual: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "region": "eastus",
        "resource_group": "demo-x7k2p-rg",
        "vnet": Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), subnets=(subnet,)),
        "subnet": subnet,
        "workers": subnet,
        "nsgs": {NSG.lower(): Nsg(id=NSG, location="eastus", rules=DEFAULTS)},
        "pod_nsg_id": NSG,
        "nat": NatGateway(id=NAT, addresses=(f"{NETWORK}/publicIPAddresses/demo-x7k2p-nat",)),
        "sizes": sizes(),
        "usages": usages(),
        "capacity": dict.fromkeys(("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"), "high"),
    }
    return AzureFacts(**{**usual, **changes})


def image(**changes: Any) -> AzureImage:
    """Return a gallery's image for confidential VMs."""
    usual: dict[str, Any] = {
        "id": IMAGE,
        "exists": True,
        "security_type": "ConfidentialVmSupported",
        "regions": ("East US",),
    }
    return AzureImage(**{**usual, **changes})


def wanted(**changes: Any) -> Requirements:
    """Return what a stack with the usual settings wants on two nodes."""
    sizes = ("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5")
    return requiring(
        **{"instance_sizes": sizes, "nodes": ("worker-0", "worker-1"), "reboots": True, **changes},
    )


def requiring(usual: Requirements | None = None, **changes: Any) -> Requirements:
    """Return requirements with other values of their own, of the settings of peer pods, or of those of Azure."""
    usual = usual or Requirements(peer_pods=PeerPodSettings(), azure=AzureSettings())
    parts = {"peer_pods": PeerPodSettings.model_fields, "azure": AzureSettings.model_fields}
    for part, settings in parts.items():
        values = {key: changes.pop(key) for key in tuple(changes) if key in settings}
        changes[part] = getattr(usual, part).model_copy(update=values)
    return dataclasses.replace(usual, **changes)


def own_subnet(address_range: str, name: str = "coco-podvms") -> OwnSubnetSettings:
    """Return the settings of a subnet of the stack's own."""
    return OwnSubnetSettings.model_validate({"addressRange": address_range, "name": name})
