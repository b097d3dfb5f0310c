"""A small place in Azure where all is well, for the tests of the pre-flight's checks of network and roles."""

from dataclasses import replace
from typing import Any

from coco_azure.inventory.azure_facts import AzureFacts, NatGateway, Nsg, Rule, Subnet, Vnet
from tests.unit.preflight_facts import requiring

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/cluster-rg"
NET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/network-rg/providers/Microsoft.Network"
VNET = f"{NET}/virtualNetworks/cluster-vnet"
NSG = f"{NET}/networkSecurityGroups/cluster-nsg"
NAT = f"{NET}/natGateways/out"

WORKERS = Subnet(id=f"{VNET}/subnets/workers", prefixes=("10.0.32.0/19",), used=3, nsg_id=NSG, nat_gateway_id=NAT)
PODS = Subnet(id=f"{VNET}/subnets/podvms", prefixes=("10.0.64.0/24",), used=0, nsg_id=NSG, nat_gateway_id=NAT)
FACTS = AzureFacts(
    subscription=SUBSCRIPTION,
    region="eastus",
    resource_group="cluster-rg",
    vnet=Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), subnets=(WORKERS, PODS)),
    subnet=PODS,
    workers=WORKERS,
    nsgs={NSG.lower(): Nsg(id=NSG, location="eastus")},
    pod_nsg_id=NSG,
    nat=NatGateway(id=NAT, addresses=(f"{NET}/publicIPAddresses/out",)),
)
WANTED = requiring(nodes=("worker-0", "worker-1", "worker-2"))


def subnet(**changes: Any) -> AzureFacts:
    """Return the facts with another subnet of the pod VMs."""
    return replace(FACTS, subnet=replace(PODS, **changes))


def rules(*some: Rule, **changes: Any) -> AzureFacts:
    """Return the facts with these rules in the only network security group."""
    return replace(FACTS, nsgs={NSG.lower(): Nsg(id=NSG, location="eastus", rules=some)}, **changes)


def rule(name: str, priority: int, **fields: Any) -> Rule:
    """Return a rule that denies all that comes in, unless ``said`` says otherwise."""
    return Rule(**{"name": name, "priority": priority, "inbound": True, "allow": False, "protocol": "*", **fields})
