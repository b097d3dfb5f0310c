"""What the pre-flight says of the pod VMs' subnet and its way out."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preflight import network
from preflight.facts import AzureFacts, NatGateway, Route, RouteTable, Vnet
from preflight.model import Finding
from tests.unit.preflight_network import FACTS, NAT, NET, PODS, VNET, WANTED, WORKERS, subnet

TABLE = f"{NET}/routeTables/through-the-firewall"


def said(facts: AzureFacts, **changes: Any) -> list[Finding]:
    return list(network.problems(facts, replace(WANTED, **changes)))


def one(facts: AzureFacts, **changes: Any) -> Finding:
    (found,) = said(facts, **changes)
    return found


def routed(*hops: tuple[str, str], **changes: Any) -> AzureFacts:
    table = RouteTable(id=TABLE, routes=tuple(Route(name="r", prefix=prefix, hop=hop) for prefix, hop in hops))
    return replace(subnet(route_table_id=TABLE, **changes), routes=table)


def test_a_subnet_with_room_and_a_nat_gateway_is_no_problem() -> None:
    assert said(FACTS) == []


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert said(replace(FACTS, vnet=None, subnet=None, workers=None, nat=None)) == []


def test_a_subnet_without_enough_free_addresses_is_a_problem_with_the_numbers() -> None:
    found = one(subnet(prefixes=("10.0.64.0/27",), used=4))
    assert (found.check, found.level) == ("subnet", "problem")
    assert "has 23 free addresses: 27 without the 5 that Azure keeps, 4 taken" in found.found
    assert found.needed.startswith("7 more: 10 pod VMs on each of 3 nodes")
    assert "azure.ownSubnet.addressRange" in found.fix
    assert "peerPods.limitPerNode 7" in found.fix


def test_pod_vms_that_run_already_need_no_address_once_more() -> None:
    assert said(subnet(prefixes=("10.0.64.0/27",), used=27, pod_vms=27), limit_per_node=9) == []
    assert said(subnet(prefixes=("10.0.64.0/27",), used=27), limit_per_node=9, running=27) == []
    assert len(said(subnet(prefixes=("10.0.64.0/27",), used=27, pod_vms=5), limit_per_node=9)) == 1


def test_a_full_subnet_offers_no_smaller_number_of_pods() -> None:
    assert "limitPerNode" not in one(subnet(prefixes=("10.0.64.0/28",), used=11)).fix


def test_where_nodes_are_not_known_one_pod_vm_needs_an_address() -> None:
    assert said(subnet(prefixes=("10.0.64.0/28",), used=10), nodes=()) == []
    assert "1 more: a pod VM" in one(subnet(prefixes=("10.0.64.0/28",), used=11), nodes=()).needed


def test_the_image_job_takes_an_address_while_it_works() -> None:
    room = subnet(prefixes=("10.0.64.0/28",), used=1)
    assert said(room, limit_per_node=10, nodes=("a",)) == []
    assert said(room, limit_per_node=10, nodes=("a",), reboots=True, image_id="/images/own") == []
    assert "one for the image job" in one(room, limit_per_node=10, nodes=("a",), reboots=True).needed


def test_addresses_that_azure_does_not_count_are_not_judged() -> None:
    assert said(subnet(prefixes=("10.0.64.0/29",), used=None)) == []
    assert said(subnet(prefixes=("fd00::/64",), used=0)) == []


def test_ranges_of_a_subnet_are_added_up() -> None:
    assert said(subnet(prefixes=("10.0.64.0/28", "10.0.65.0/27"), used=0)) == []


@given(st.integers(20, 29), st.integers(0, 5000), st.integers(1, 50), st.integers(1, 20))
def test_missing_addresses_are_those_that_counting_finds(length: int, used: int, limit: int, nodes: int) -> None:
    hosts = ipaddress.ip_network(f"10.0.0.0/{length}").num_addresses - 5
    facts = subnet(prefixes=(f"10.0.0.0/{length}",), used=min(used, hosts))
    missing = limit * nodes - (hosts - min(used, hosts))
    found = said(facts, limit_per_node=limit, nodes=tuple(map(str, range(nodes))))
    assert [each.needed.split()[0] for each in found] == ([str(missing)] if missing > 0 else [])


def test_a_delegated_subnet_is_a_problem() -> None:
    found = one(subnet(delegations=("Microsoft.ContainerInstance/containerGroups",)))
    assert "is delegated to Microsoft.ContainerInstance/containerGroups" in found.found


@pytest.mark.parametrize("name", ["GatewaySubnet", "AzureBastionSubnet"])
def test_a_subnet_for_a_service_of_azure_s_is_a_problem(name: str) -> None:
    assert f"subnet {name} is for a service" in one(subnet(id=f"{VNET}/subnets/{name}")).found


def test_a_network_of_another_region_is_a_problem_with_the_setting() -> None:
    found = one(replace(FACTS, vnet=Vnet(id=VNET, location="westeurope", prefixes=("10.0.0.0/16",))))
    assert "VNet cluster-vnet is in westeurope, and pod VMs go to eastus" in found.found
    assert found.fix == "pulumi config set --path coco-azure:azure.region westeurope"


def test_regions_are_compared_without_regard_to_case() -> None:
    assert said(replace(FACTS, vnet=Vnet(id=VNET, location="EastUS", prefixes=("10.0.0.0/16",)))) == []


def test_a_network_that_the_workers_do_not_reach_is_a_problem() -> None:
    away = replace(WORKERS, id=f"{NET}/virtualNetworks/other/subnets/workers", prefixes=("10.9.0.0/24",))
    found = one(replace(FACTS, workers=away))
    assert (found.check, found.level) == ("subnet", "problem")
    assert "az network vnet peering create" in found.fix
    assert FACTS.vnet is not None
    assert said(replace(FACTS, workers=away, vnet=replace(FACTS.vnet, peered=("10.9.0.0/16",)))) == []


def test_a_nat_gateway_without_an_address_is_no_way_out() -> None:
    found = one(replace(FACTS, nat=NatGateway(id=NAT)))
    assert (found.check, found.level) == ("outbound", "problem")
    assert "NAT gateway out of subnet podvms has no public IP address" in found.found
    assert "--sku Standard" in found.fix


def test_a_private_subnet_without_nat_gateway_is_a_problem() -> None:
    found = one(replace(subnet(nat_gateway_id="", default_outbound=False), nat=None))
    assert (found.check, found.level) == ("outbound", "problem")
    assert "az network vnet subnet update" in found.fix
    assert "--vnet-name cluster-vnet --name podvms" in found.fix


@pytest.mark.parametrize("said_so", [None, True])
def test_default_outbound_access_is_a_warning_that_names_load_balancers_too(said_so: bool | None) -> None:  # noqa: FBT001
    found = one(replace(subnet(nat_gateway_id="", default_outbound=said_so), nat=None))
    assert (found.check, found.level) == ("outbound", "warning")
    assert "load balancer" in found.found


@pytest.mark.parametrize("hop", ["VirtualAppliance", "VirtualNetworkGateway"])
def test_a_default_route_to_an_appliance_or_a_gateway_is_a_way_out(hop: str) -> None:
    assert said(replace(routed(("0.0.0.0/0", hop), nat_gateway_id="", default_outbound=False), nat=None)) == []


def test_two_halves_are_a_default_route_too() -> None:
    halves = (("0.0.0.0/1", "VirtualAppliance"), ("128.0.0.0/1", "VirtualAppliance"))
    assert said(replace(routed(*halves, nat_gateway_id="", default_outbound=False), nat=None)) == []


def test_one_half_is_none() -> None:
    half = routed(("0.0.0.0/1", "VirtualAppliance"), nat_gateway_id="", default_outbound=False)
    assert one(replace(half, nat=None)).level == "problem"


@pytest.mark.parametrize(("hop", "why"), [("None", "drops what goes there"), ("VnetLocal", "keeps it in the VNet")])
def test_a_default_route_to_nowhere_is_a_problem_even_with_a_nat_gateway(hop: str, why: str) -> None:
    found = one(routed(("0.0.0.0/0", hop)))
    assert (found.level, why in found.found, TABLE.rsplit("/", 1)[1] in found.fix) == ("problem", True, True)


def test_a_default_route_to_the_internet_needs_the_nat_gateway_all_the_same() -> None:
    internet = routed(("0.0.0.0/0", "Internet"), nat_gateway_id="", default_outbound=False)
    assert one(replace(internet, nat=None)).level == "problem"
    assert said(routed(("0.0.0.0/0", "Internet"))) == []


def test_other_routes_say_nothing_of_the_internet() -> None:
    assert said(routed(("10.0.0.0/8", "VirtualAppliance"), ("AzureCloud", "None"))) == []


def test_a_route_table_that_could_not_be_read_is_a_warning() -> None:
    found = one(replace(subnet(nat_gateway_id="", route_table_id=TABLE, default_outbound=False), nat=None))
    assert (found.level, "could not be read" in found.found) == ("warning", True)


def test_a_nat_gateway_that_could_not_be_read_is_not_judged() -> None:
    assert said(replace(FACTS, nat=None, subnet=PODS)) == []


def test_a_subnet_of_the_stack_s_own_that_an_interrupted_run_has_left_half_made_is_no_problem() -> None:
    half = replace(subnet(nat_gateway_id="", nsg_id="", default_outbound=False), nat=None)
    assert said(half, own_range="10.0.64.0/24", own_name="podvms") == []
    bare = replace(FACTS, nat=NatGateway(id=NAT))
    assert said(bare, own_range="10.0.64.0/24", own_name="PodVMs") == []
    assert len(said(half, own_range="10.0.80.0/24", own_name="another")) == 1


def test_a_route_table_that_leads_the_stack_s_own_subnet_nowhere_is_a_problem() -> None:
    assert one(routed(("0.0.0.0/0", "None")), own_range="10.0.64.0/24", own_name="podvms").check == "outbound"
