"""What the pre-flight says of network security groups."""

from dataclasses import replace

import pytest

from preflight import nsg
from preflight.facts import AzureFacts, Nsg, Subnet
from preflight.model import Finding
from tests.unit.preflight_network import (
    FACTS,
    NET,
    NSG,
    PODS,
    SUBSCRIPTION,
    VNET,
    WANTED,
    WORKERS,
    rule,
    rules,
    subnet,
)

OTHER = f"{NET}/networkSecurityGroups/podvm-nsg"


def said(facts: AzureFacts, **changes: object) -> list[Finding]:
    return list(nsg.problems(facts, replace(WANTED, **changes)))  # type: ignore[arg-type]


def one(facts: AzureFacts, **changes: object) -> Finding:
    (found,) = said(facts, **changes)
    return found


def test_azure_s_default_rules_are_no_problem() -> None:
    assert said(FACTS) == []


def test_no_group_at_all_is_no_problem() -> None:
    bare = replace(FACTS, subnet=replace(PODS, nsg_id=""), workers=replace(WORKERS, nsg_id=""), nsgs={}, pod_nsg_id="")
    assert said(bare) == []


def test_a_group_that_blocks_the_forwarder_s_port_is_a_problem_with_the_command_that_opens_it() -> None:
    found = one(rules(rule("no-agents", 300, protocol="Tcp", destination_ports=("15000-15200",))))
    assert (found.check, found.level) == ("nsg-rules", "problem")
    assert "denies inbound TCP 15150, worker to pod VM: rule no-agents (priority 300)" in found.found
    assert "cloud-api-adaptor" in found.needed
    assert found.fix == (
        f"az network nsg rule create --subscription {SUBSCRIPTION} --resource-group network-rg --nsg-name cluster-nsg "
        "--name coco-worker-to-pod-vm-tcp-15150 --priority 299 --direction Inbound --access Allow --protocol Tcp "
        "--source-address-prefixes 10.0.32.0/19 --source-port-ranges '*' "
        "--destination-address-prefixes 10.0.64.0/24 --destination-port-ranges 15150"
    )


def test_a_blocked_tunnel_is_a_problem_in_each_direction() -> None:
    found = said(rules(rule("no-tunnels", 300, protocol="Udp", destination_ports=("9000",))))
    assert [(each.level, each.found.split(": ")[0]) for each in found] == [
        ("problem", "network security group cluster-nsg (at subnet podvms) denies inbound UDP 9000, worker to pod VM"),
        ("problem", "network security group cluster-nsg (at subnet workers) denies inbound UDP 9000, pod VM to worker"),
    ]


def test_the_tunnel_s_port_is_that_of_the_settings() -> None:
    facts = rules(rule("no-tunnels", 300, protocol="Udp", destination_ports=("4789",)))
    assert said(facts) == []
    assert len(said(facts, vxlan_port=4789)) == 2


def test_what_may_not_go_out_is_a_problem_too() -> None:
    facts = rules(rule("stay", 200, inbound=False, destinations=("VirtualNetwork",)))
    assert [each.found.split("denies ")[1].split(":")[0] for each in said(facts)] == [
        "outbound TCP 15150, worker to pod VM",
        "outbound UDP 9000, worker to pod VM",
        "outbound UDP 9000, pod VM to worker",
    ]


def test_an_earlier_rule_that_allows_wins() -> None:
    assert said(rules(rule("open", 100, allow=True), rule("closed", 200))) == []


def test_a_later_rule_that_allows_comes_too_late() -> None:
    assert {each.level for each in said(rules(rule("open", 300, allow=True), rule("closed", 200)))} == {"problem"}


def test_the_group_at_the_interface_is_asked_as_well() -> None:
    closed = Nsg(id=OTHER, location="eastus", rules=(rule("closed", 200, protocol="Tcp"),))
    found = one(replace(FACTS, pod_nsg_id=OTHER, nsgs={**FACTS.nsgs, OTHER.lower(): closed}))
    assert "podvm-nsg (at the pod VMs' network interfaces) denies inbound TCP 15150" in found.found


def test_one_group_at_subnet_and_interface_says_it_once() -> None:
    assert len(said(rules(rule("closed", 300, protocol="Tcp")))) == 1


def test_ids_of_groups_are_compared_without_regard_to_case() -> None:
    facts = rules(rule("closed", 300, protocol="Tcp"))
    assert len(said(replace(facts, pod_nsg_id=NSG.upper()))) == 1


def test_a_rule_for_some_addresses_only_is_a_warning() -> None:
    found = one(rules(rule("corner", 300, protocol="Tcp", sources=("10.0.33.0/24",))))
    assert (found.level, "for a part of the addresses: rule corner" in found.found) == ("warning", True)


def test_a_rule_that_nobody_can_decide_is_a_warning_and_no_silent_yes() -> None:
    found = one(rules(rule("frontends", 300, protocol="Tcp", groups=True, sources=())))
    assert found.level == "warning"
    assert "does not say for sure whether inbound TCP 15150, worker to pod VM, passes: rule frontends" in found.found
    assert "--priority 299" in found.fix


def test_a_group_that_could_not_be_read_is_one_warning_with_the_command_that_lists_it() -> None:
    found = one(replace(FACTS, nsgs={}))
    assert (found.level, "could not be read" in found.found) == ("warning", True)
    assert "az network nsg rule list" in found.fix


def test_a_group_of_which_it_is_said_already_that_it_could_not_be_read_is_not_told_again() -> None:
    assert said(replace(FACTS, nsgs={}, unknown=(("nsg-rules", "NSG cluster-nsg: forbidden"),))) == []


def test_a_subnet_that_the_stack_is_about_to_make_is_judged_by_the_group_that_it_will_get() -> None:
    closed = replace(rules(rule("closed", 300, protocol="Tcp")), subnet=None)
    found = one(closed, own_range="10.0.80.0/24", own_name="coco-podvms")
    assert "(at subnet coco-podvms) denies inbound TCP 15150, worker to pod VM" in found.found
    assert "--destination-address-prefixes 10.0.80.0/24" in found.fix
    assert said(replace(FACTS, subnet=None), own_range="10.0.80.0/24", own_name="coco-podvms") == []


def test_where_the_workers_are_not_known_the_whole_network_is_asked_for() -> None:
    closed = rules(rule("closed", 300, protocol="Tcp"), workers=None)
    assert one(closed).level == "problem"
    assert said(replace(closed, vnet=None)) == []


def test_pod_vms_in_the_workers_subnet_are_judged_by_its_group() -> None:
    facts = replace(rules(rule("closed", 300, protocol="Tcp")), subnet=WORKERS)
    assert "at subnet workers" in one(facts).found


def test_without_a_subnet_there_is_nothing_to_judge() -> None:
    assert said(replace(rules(rule("closed", 300)), subnet=None)) == []


def test_the_next_free_priority_before_the_rule_is_taken() -> None:
    some = (rule("closed", 300, protocol="Tcp"), rule("web", 299, destination_ports=("80",)))
    assert "--priority 298" in one(rules(*some)).fix


def test_the_highest_number_of_a_rule_has_one_before_it() -> None:
    assert "--priority 4095" in one(rules(rule("late", 4096, protocol="Tcp"))).fix


def test_where_no_priority_is_left_the_rule_itself_has_to_change() -> None:
    found = one(rules(rule("first", 100, protocol="Tcp")))
    assert found.fix.startswith("no priority before 100 is free")
    assert "az network nsg rule update" in found.fix
    assert "--name first" in found.fix


def test_a_blocked_internet_is_a_problem_of_the_way_out() -> None:
    found = one(rules(rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (found.check, found.level) == ("outbound", "problem")
    assert "denies outbound TCP 443, pod VM to Internet: rule DenyInternet" in found.found
    assert "--destination-address-prefixes Internet" in found.fix


def test_an_internet_of_which_little_is_open_is_a_warning() -> None:
    opened = rule("registry", 300, inbound=False, allow=True, destinations=("20.1.0.0/16",))
    found = one(rules(opened, rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (found.check, found.level, "for a part of the addresses" in found.found) == ("outbound", "warning", True)


def test_an_internet_of_which_little_is_closed_is_no_matter() -> None:
    assert said(rules(rule("bad-place", 300, inbound=False, destinations=("203.0.113.0/24",)))) == []


def test_an_internet_that_only_service_tags_open_is_a_warning() -> None:
    opened = rule("acr", 300, inbound=False, allow=True, destinations=("AzureContainerRegistry",))
    found = one(rules(opened, rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (found.check, found.level) == ("outbound", "warning")


def test_a_group_of_another_region_is_a_problem() -> None:
    found = one(replace(FACTS, nsgs={NSG.lower(): Nsg(id=NSG, location="westeurope")}))
    assert (found.level, "is in westeurope" in found.found, "azure.nsgId" in found.fix) == ("problem", True, True)


def test_a_group_of_another_subscription_is_a_problem() -> None:
    away = NSG.replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555")
    facts = replace(FACTS, pod_nsg_id=away, nsgs={**FACTS.nsgs, away.lower(): Nsg(id=away, location="EastUS")})
    found = one(facts)
    assert (found.level, "is in subscription 99999999" in found.found) == ("problem", True)


def test_ipv6_ranges_of_a_subnet_are_no_matter() -> None:
    assert said(subnet(prefixes=("10.0.64.0/24", "fd00::/64"))) == []


def test_many_rules_are_named_in_part() -> None:
    some = [rule(f"r{n}", 200 + n, protocol="Tcp", sources=(f"10.0.{32 + n}.0/24",)) for n in range(6)]
    assert "r3 (priority 203) and 2 more" in one(rules(*some)).found


@pytest.mark.parametrize("prefix", ["10.0.0.0/16", "VirtualNetwork", "*"])
def test_rules_that_open_the_network_to_itself_are_enough(prefix: str) -> None:
    opened = rule("inside", 4000, allow=True, sources=(prefix,), destinations=(prefix,))
    assert said(rules(opened, rule("DenyAll", 4096))) == []


def test_a_peered_network_s_workers_are_inside() -> None:
    away = Subnet(id=f"{NET}/virtualNetworks/hub/subnets/workers", prefixes=("10.9.0.0/24",), nsg_id=NSG)
    assert FACTS.vnet is not None
    assert said(replace(FACTS, vnet=replace(FACTS.vnet, id=VNET, peered=("10.9.0.0/16",)), workers=away)) == []
