"""What the pre-flight says of the pod VMs' subnet and its outbound connectivity."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.inventory.azure_facts import AzureFacts, NatGateway, Route, RouteTable, Vnet
from coco_azure.preflight import network
from coco_azure.preflight.model import Finding
from tests.unit.preflight_facts import own_subnet, requiring
from tests.unit.preflight_network import FACTS, NAT, NET, PODS, VNET, WANTED, WORKERS, subnet

TABLE = f"{NET}/routeTables/through-the-firewall"


def findings(facts: AzureFacts, **changes: Any) -> list[Finding]:
    return list(network.problems(facts, requiring(WANTED, **changes)))


def one(facts: AzureFacts, **changes: Any) -> Finding:
    (result,) = findings(facts, **changes)
    return result


def routed(*hops: tuple[str, str], **changes: Any) -> AzureFacts:
    table = RouteTable(id=TABLE, routes=tuple(Route(prefix=prefix, hop=hop) for prefix, hop in hops))
    return replace(subnet(route_table_id=TABLE, **changes), routes=table)


def _out(*hops: tuple[str, str]) -> AzureFacts:
    """Return a private subnet without NAT gateway, whose egress is a route."""
    return replace(routed(*hops, nat_gateway_id="", default_outbound=False), nat=None)


FINE = {
    "a subnet with room and a NAT gateway": FACTS,
    "what is not known": replace(FACTS, vnet=None, subnet=None, workers=None, nat=None),
    "addresses that Azure does not count": subnet(prefixes=("10.0.64.0/29",), used=None),
    "addresses of IPv6": subnet(prefixes=("fd00::/64",), used=0),
    "several ranges, added up": subnet(prefixes=("10.0.64.0/28", "10.0.65.0/27"), used=0),
    "a region in another spelling": replace(FACTS, vnet=Vnet(id=VNET, location="EastUS", prefixes=("10.0.0.0/16",))),
    "a default route to an appliance": _out(("0.0.0.0/0", "VirtualAppliance")),
    "a default route to a gateway": _out(("0.0.0.0/0", "VirtualNetworkGateway")),
    "two halves of one": _out(("0.0.0.0/1", "VirtualAppliance"), ("128.0.0.0/1", "VirtualAppliance")),
    "routes that say nothing of the Internet": routed(("10.0.0.0/8", "VirtualAppliance"), ("AzureCloud", "None")),
    "a NAT gateway that could not be read": replace(FACTS, nat=None, subnet=PODS),
}


@pytest.mark.parametrize("case", FINE)
def test_a_subnet_that_pod_vms_can_use_is_no_problem(case: str) -> None:
    assert findings(FINE[case]) == []


def test_a_subnet_without_enough_free_addresses_is_a_problem_with_the_numbers() -> None:
    result = one(subnet(prefixes=("10.0.64.0/27",), used=4))
    assert (result.check, result.level) == ("subnet", "problem")
    assert "has 23 free addresses: 27 without the 5 that Azure keeps, 4 taken" in result.found
    assert result.needed.startswith("7 more: 10 pod VMs on each of 3 nodes")
    assert "azure.ownSubnet.addressRange" in result.fix
    assert "peerPods.limitPerNode 7" in result.fix


def test_pod_vms_that_run_already_need_no_address_once_more() -> None:
    assert findings(subnet(prefixes=("10.0.64.0/27",), used=27, pod_vms=27), limit_per_node=9) == []
    assert findings(subnet(prefixes=("10.0.64.0/27",), used=27), limit_per_node=9, running=27) == []
    assert len(findings(subnet(prefixes=("10.0.64.0/27",), used=27, pod_vms=5), limit_per_node=9)) == 1


def test_a_full_subnet_offers_no_smaller_number_of_pods() -> None:
    assert "limitPerNode" not in one(subnet(prefixes=("10.0.64.0/28",), used=11)).fix


def test_where_nodes_are_not_known_one_pod_vm_needs_an_address() -> None:
    assert findings(subnet(prefixes=("10.0.64.0/28",), used=10), nodes=()) == []
    assert "1 more: a pod VM" in one(subnet(prefixes=("10.0.64.0/28",), used=11), nodes=()).needed


def test_the_image_job_takes_an_address_while_it_works() -> None:
    room = subnet(prefixes=("10.0.64.0/28",), used=1)
    assert findings(room, limit_per_node=10, nodes=("a",)) == []
    assert findings(room, limit_per_node=10, nodes=("a",), reboots=True) == []
    assert "one for the image job" in one(room, limit_per_node=10, nodes=("a",), builds=True).needed


@given(st.integers(20, 29), st.integers(0, 5000), st.integers(1, 50), st.integers(1, 20))
def test_missing_addresses_are_those_that_counting_finds(length: int, used: int, limit: int, nodes: int) -> None:
    hosts = ipaddress.ip_network(f"10.0.0.0/{length}").num_addresses - 5
    facts = subnet(prefixes=(f"10.0.0.0/{length}",), used=min(used, hosts))
    missing = limit * nodes - (hosts - min(used, hosts))
    result = findings(facts, limit_per_node=limit, nodes=tuple(map(str, range(nodes))))
    assert [each.needed.split()[0] for each in result] == ([str(missing)] if missing > 0 else [])


def test_a_delegated_subnet_is_a_problem() -> None:
    result = one(subnet(delegations=("Microsoft.ContainerInstance/containerGroups",)))
    assert "is delegated to Microsoft.ContainerInstance/containerGroups" in result.found


@pytest.mark.parametrize("name", ["GatewaySubnet", "AzureBastionSubnet"])
def test_a_subnet_for_a_service_of_azure_s_is_a_problem(name: str) -> None:
    assert f"subnet {name} is for a service" in one(subnet(id=f"{VNET}/subnets/{name}")).found


def test_a_network_of_another_region_is_a_problem_with_the_setting() -> None:
    result = one(replace(FACTS, vnet=Vnet(id=VNET, location="westeurope", prefixes=("10.0.0.0/16",))))
    assert "VNet cluster-vnet is in westeurope, and pod VMs go to eastus" in result.found
    assert result.fix == "pulumi config set --path coco-azure:azure.region westeurope"


def test_a_network_that_the_workers_do_not_reach_is_a_problem() -> None:
    away = replace(WORKERS, id=f"{NET}/virtualNetworks/other/subnets/workers", prefixes=("10.9.0.0/24",))
    result = one(replace(FACTS, workers=away))
    assert (result.check, result.level) == ("subnet", "problem")
    assert "az network vnet peering create" in result.fix
    assert FACTS.vnet is not None
    assert findings(replace(FACTS, workers=away, vnet=replace(FACTS.vnet, peered=("10.9.0.0/16",)))) == []


def test_a_nat_gateway_without_an_address_is_no_way_out() -> None:
    result = one(replace(FACTS, nat=NatGateway(id=NAT)))
    assert (result.check, result.level) == ("outbound", "problem")
    assert "NAT gateway out of subnet podvms has no public IP address" in result.found
    assert "--sku Standard" in result.fix


def test_a_private_subnet_without_nat_gateway_is_a_problem() -> None:
    result = one(replace(subnet(nat_gateway_id="", default_outbound=False), nat=None))
    assert (result.check, result.level) == ("outbound", "problem")
    assert "az network vnet subnet update" in result.fix
    assert "--vnet-name cluster-vnet --name podvms" in result.fix


@pytest.mark.parametrize("said_so", [None, True])
def test_default_outbound_access_is_a_warning_that_names_load_balancers_too(said_so: bool | None) -> None:  # noqa: FBT001
    result = one(replace(subnet(nat_gateway_id="", default_outbound=said_so), nat=None))
    assert (result.check, result.level) == ("outbound", "warning")
    assert "load balancer" in result.found


def test_one_half_is_none() -> None:
    assert one(_out(("0.0.0.0/1", "VirtualAppliance"))).level == "problem"


@pytest.mark.parametrize(("hop", "why"), [("None", "drops what goes there"), ("VnetLocal", "keeps it in the VNet")])
def test_a_default_route_to_nowhere_is_a_problem_even_with_a_nat_gateway(hop: str, why: str) -> None:
    result = one(routed(("0.0.0.0/0", hop)))
    assert (result.level, why in result.found, TABLE.rsplit("/", 1)[1] in result.fix) == ("problem", True, True)


def test_a_default_route_to_the_internet_needs_the_nat_gateway_all_the_same() -> None:
    assert one(_out(("0.0.0.0/0", "Internet"))).level == "problem"
    assert findings(routed(("0.0.0.0/0", "Internet"))) == []


def test_a_route_table_that_could_not_be_read_is_a_warning() -> None:
    result = one(replace(subnet(nat_gateway_id="", route_table_id=TABLE, default_outbound=False), nat=None))
    assert (result.level, "could not be read" in result.found) == ("warning", True)


def test_a_subnet_of_the_stack_s_own_that_an_interrupted_run_has_left_half_made_is_no_problem() -> None:
    half = replace(subnet(nat_gateway_id="", nsg_id="", default_outbound=False), nat=None)
    assert findings(half, own_subnet=own_subnet("10.0.64.0/24", "podvms")) == []
    bare = replace(FACTS, nat=NatGateway(id=NAT))
    assert findings(bare, own_subnet=own_subnet("10.0.64.0/24", "PodVMs")) == []
    assert len(findings(half, own_subnet=own_subnet("10.0.80.0/24", "another"))) == 1


def test_a_route_table_that_leads_the_stack_s_own_subnet_nowhere_is_a_problem() -> None:
    assert one(routed(("0.0.0.0/0", "None")), own_subnet=own_subnet("10.0.64.0/24", "podvms")).check == "outbound"
