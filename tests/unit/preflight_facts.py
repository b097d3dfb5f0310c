"""A healthy subscription for tests of the pre-flight, as ``preflight.facts``, and what a usual stack wants of it."""

import dataclasses
from typing import Any

from preflight.facts import (
    AzureFacts,
    Image,
    NatGateway,
    Nsg,
    Rule,
    Size,
    Subnet,
    Usage,
    Vnet,
)
from preflight.wanted import Wanted

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


def size(name: str, vcpus: int, **changes: Any) -> Size:
    """Return a size of SNP in three zones."""
    usual: dict[str, Any] = {"family": FAMILY, "tee": "SNP", "zones": ("1", "2", "3")}
    return Size(name=name, vcpus=vcpus, **{**usual, **changes})


def sizes(*more: Size) -> dict[str, Size]:
    """Return sizes by name: the chapter's for SNP, and more, which may take their place."""
    found = [size(f"Standard_DC{vcpus}as_v5", vcpus) for vcpus in (2, 4, 8, 16)]
    return {each.name: each for each in [*found, *more]}


def usages(used: int = 0, limit: int = 1000, cores: int = 5000) -> dict[str, Usage]:
    """Return the quota of the family and of the region."""
    return {
        FAMILY: Usage(name=FAMILY, used=used, limit=limit),
        "cores": Usage(name="cores", used=used, limit=cores),
    }


def _default(name: str, priority: int, *, inbound: bool, allow: bool, tag: str) -> Rule:
    return Rule(
        name=name,
        priority=priority,
        inbound=inbound,
        allow=allow,
        protocol="*",
        sources=(tag if inbound else "*",),
        destinations=("*" if inbound else tag,),
    )


def facts(**changes: Any) -> AzureFacts:
    """Return a subscription in which nothing is wrong, with these changes."""
    rules = (
        Rule(
            name="AllowVnetInBound",
            priority=65000,
            inbound=True,
            allow=True,
            protocol="*",
            sources=("VirtualNetwork",),
            destinations=("VirtualNetwork",),
        ),
        _default("DenyAllInBound", 65500, inbound=True, allow=False, tag="*"),
        _default("AllowInternetOutBound", 65001, inbound=False, allow=True, tag="Internet"),
        Rule(
            name="AllowVnetOutBound",
            priority=65000,
            inbound=False,
            allow=True,
            protocol="*",
            sources=("VirtualNetwork",),
            destinations=("VirtualNetwork",),
        ),
        _default("DenyAllOutBound", 65500, inbound=False, allow=False, tag="*"),
    )
    subnet = Subnet(id=WORKERS, prefixes=("10.0.128.0/17",), used=5, nsg_id=NSG, nat_gateway_id=NAT)
    usual: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "region": "eastus",
        "resource_group": "demo-x7k2p-rg",
        "vnet": Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), subnets=(subnet,)),
        "subnet": subnet,
        "workers": subnet,
        "nsgs": {NSG.lower(): Nsg(id=NSG, location="eastus", rules=rules)},
        "pod_nsg_id": NSG,
        "nat": NatGateway(id=NAT, addresses=(f"{NETWORK}/publicIPAddresses/demo-x7k2p-nat",)),
        "sizes": sizes(),
        "usages": usages(),
        "capacity": dict.fromkeys(("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"), ""),
    }
    return AzureFacts(**{**usual, **changes})


def image(**changes: Any) -> Image:
    """Return a gallery's image for confidential VMs."""
    usual: dict[str, Any] = {
        "id": IMAGE,
        "exists": True,
        "security_type": "ConfidentialVmSupported",
        "regions": ("East US",),
    }
    return Image(**{**usual, **changes})


def wanted(**changes: Any) -> Wanted:
    """Return what a stack with the usual settings wants on two nodes."""
    usual = Wanted(
        size="Standard_DC2as_v5",
        sizes=("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"),
        nodes=("worker-0", "worker-1"),
        reboots=True,
    )
    return dataclasses.replace(usual, **changes)
