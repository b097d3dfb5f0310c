"""The check of a subnet of the stack's own: what does not fit, and what would."""

from typing import Any

import pytest

from coco_azure.inventory.azure_facts import AzureFacts, Subnet, Vnet
from coco_azure.preflight import network
from coco_azure.preflight.model import Finding
from tests.unit import preflight_facts as known

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network-rg"
VNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/demo-vnet"
WORKERS = Subnet(id=f"{VNET}/subnets/demo-worker-subnet", prefixes=("10.0.32.0/19",))
MASTERS = Subnet(id=f"{VNET}/subnets/demo-master-subnet", prefixes=("10.0.0.0/19",))
SET = "pulumi config set --path 'coco-azure:azure.ownSubnet.addressRange' "


def _findings(wanted: str, *subnets: Subnet, **changes: Any) -> list[Finding]:
    vnet = Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), subnets=(MASTERS, WORKERS, *subnets))
    facts = AzureFacts(subscription="s", region="eastus", resource_group="rg", vnet=vnet)
    given = {"own_subnet": known.own_subnet(wanted) if wanted else None, "nodes": ("a", "b"), **changes}
    return list(network.own_subnet_problems(facts, known.requiring(**given)))


def _own(*prefixes: str, used: int = 0) -> Subnet:
    return Subnet(id=f"{VNET}/subnets/Coco-PodVMs", prefixes=prefixes, used=used)


def test_a_range_that_fits_is_no_problem() -> None:
    assert _findings("10.0.64.0/24") == []


def test_without_an_own_subnet_and_without_facts_nothing_is_said() -> None:
    facts = AzureFacts(subscription="s", region="eastus", resource_group="rg")

    assert _findings("") == []
    assert list(network.own_subnet_problems(facts, known.requiring(own_subnet=known.own_subnet("10.9.0.0/24")))) == []


def test_a_range_outside_of_the_vnet_is_a_problem_with_one_that_is_free() -> None:
    (finding,) = _findings("192.168.7.0/24")

    assert finding.check == "own-subnet"
    assert finding.level == "problem"
    assert "192.168.7.0/24 is in no range of VNet demo-vnet (10.0.0.0/16)" in finding.found
    assert finding.fix == f"{SET}10.0.64.0/24"


@pytest.mark.parametrize("wanted", ["10.0.40.0/24", "10.0.32.0/20"])
def test_a_range_that_overlaps_another_subnet_is_a_problem_that_names_it(wanted: str) -> None:
    (finding,) = _findings(wanted)

    assert finding.found == f"{wanted} overlaps 10.0.32.0/19 of subnet demo-worker-subnet"
    assert finding.fix.startswith(f"{SET}10.0.64.0/")


def test_the_own_subnet_of_an_earlier_run_is_no_overlap() -> None:
    assert _findings("10.0.64.0/24", _own("10.0.64.0/24", used=12)) == []


def test_another_range_is_refused_while_pod_vms_are_in_the_subnet() -> None:
    (finding,) = _findings("10.0.65.0/24", _own("10.0.64.0/24", used=3))

    assert "3 addresses are in use" in finding.found
    assert f"{SET}10.0.64.0/24" in finding.fix
    assert _findings("10.0.65.0/24", _own("10.0.64.0/24")) == []


def test_a_range_with_too_few_addresses_is_a_problem_with_a_larger_one_and_with_fewer_pods() -> None:
    (finding,) = _findings("10.0.64.0/28")

    assert finding.found == "10.0.64.0/28 has 11 addresses for pod VMs"
    assert finding.needed == "20: peerPods.limitPerNode 10 on 2 nodes"
    fewer = "pulumi config set --path 'coco-azure:peerPods.limitPerNode' 5"
    assert finding.fix == f"{SET}10.0.64.0/27; or fewer pods: {fewer}"


def test_with_no_free_range_the_vnet_has_to_grow() -> None:
    rest = tuple(Subnet(id=f"{VNET}/subnets/{at}", prefixes=(f"10.0.{at}.0/18",)) for at in (64, 128, 192))

    (finding,) = _findings("192.168.7.0/24", *rest)

    assert "az network vnet update -g network-rg -n demo-vnet --add addressSpace.addressPrefixes" in finding.fix
