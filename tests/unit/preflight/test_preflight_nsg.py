"""What the pre-flight says of network security groups."""

from dataclasses import replace

import pytest

from coco_azure.inventory.azure_facts import AzureFacts, Nsg, Subnet, Vnet
from coco_azure.preflight import nsg
from coco_azure.preflight.model import Finding
from tests.unit.preflight_facts import own_subnet, requiring
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


def findings(facts: AzureFacts, **changes: object) -> list[Finding]:
    return list(nsg.problems(facts, requiring(WANTED, **changes)))


def one(facts: AzureFacts, **changes: object) -> Finding:
    (result,) = findings(facts, **changes)
    return result


def _opened(prefix: str) -> AzureFacts:
    opened = rule("inside", 4000, allow=True, sources=(prefix,), destinations=(prefix,))
    return rules(opened, rule("DenyAll", 4096))


AWAY = Subnet(id=f"{NET}/virtualNetworks/hub/subnets/workers", prefixes=("10.9.0.0/24",), nsg_id=NSG)
PEERED = Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), peered=("10.9.0.0/16",))
FINE = {
    "Azure's default rules": FACTS,
    "no group at all": replace(
        FACTS, subnet=replace(PODS, nsg_id=""), workers=replace(WORKERS, nsg_id=""), nsgs={}, pod_nsg_id=""
    ),
    "an earlier rule that allows": rules(rule("open", 100, allow=True), rule("closed", 200)),
    "a group of which it is said already that it could not be read": replace(
        FACTS, nsgs={}, unknown=(("nsg-rules", "NSG cluster-nsg: forbidden"),)
    ),
    "no subnet to judge": replace(rules(rule("closed", 300)), subnet=None),
    "an Internet of which little is closed": rules(
        rule("bad-place", 300, inbound=False, destinations=("203.0.113.0/24",))
    ),
    "IPv6 ranges of a subnet": subnet(prefixes=("10.0.64.0/24", "fd00::/64")),
    **{f"a rule that opens {each} to itself": _opened(each) for each in ("10.0.0.0/16", "VirtualNetwork", "*")},
    "workers of a peered network": replace(FACTS, vnet=PEERED, workers=AWAY),
}


@pytest.mark.parametrize("case", FINE)
def test_where_all_may_pass_nothing_is_said(case: str) -> None:
    assert findings(FINE[case]) == []


@pytest.mark.parametrize("interface", [NSG, NSG.upper()])
def test_one_group_at_subnet_and_interface_says_it_once_however_its_id_is_spelled(interface: str) -> None:
    assert len(findings(replace(rules(rule("closed", 300, protocol="Tcp")), pod_nsg_id=interface))) == 1


def test_a_group_that_blocks_the_forwarder_s_port_is_a_problem_with_the_command_that_opens_it() -> None:
    result = one(rules(rule("no-agents", 300, protocol="Tcp", destination_ports=("15000-15200",))))
    assert (result.check, result.level) == ("nsg-rules", "problem")
    assert "denies inbound TCP 15150, worker to pod VM: rule no-agents (priority 300)" in result.found
    assert "cloud-api-adaptor" in result.needed
    assert result.fix == (
        f"az network nsg rule create --subscription {SUBSCRIPTION} --resource-group network-rg --nsg-name cluster-nsg "
        "--name coco-worker-to-pod-vm-tcp-15150-in --priority 299 --direction Inbound --access Allow --protocol Tcp "
        "--source-address-prefixes 10.0.32.0/19 --source-port-ranges '*' "
        "--destination-address-prefixes 10.0.64.0/24 --destination-port-ranges 15150"
    )


def test_a_blocked_tunnel_is_a_problem_in_each_direction() -> None:
    result = findings(rules(rule("no-tunnels", 300, protocol="Udp", destination_ports=("9000",))))
    assert [(each.level, each.found.split(": ")[0]) for each in result] == [
        ("problem", "network security group cluster-nsg (at subnet podvms) denies inbound UDP 9000, worker to pod VM"),
        ("problem", "network security group cluster-nsg (at subnet workers) denies inbound UDP 9000, pod VM to worker"),
    ]


def test_the_tunnel_s_port_is_that_of_the_settings() -> None:
    facts = rules(rule("no-tunnels", 300, protocol="Udp", destination_ports=("4789",)))
    assert findings(facts) == []
    assert len(findings(facts, vxlan_port=4789)) == 2


def test_what_may_not_go_out_is_a_problem_too() -> None:
    facts = rules(rule("stay", 200, inbound=False, destinations=("VirtualNetwork",)))
    assert [each.found.split("denies ")[1].split(":")[0] for each in findings(facts)] == [
        "outbound TCP 15150, worker to pod VM",
        "outbound UDP 9000, worker to pod VM",
        "outbound UDP 9000, pod VM to worker",
    ]


def test_a_later_rule_that_allows_comes_too_late() -> None:
    assert {each.level for each in findings(rules(rule("open", 300, allow=True), rule("closed", 200)))} == {"problem"}


def test_the_group_at_the_interface_is_asked_as_well() -> None:
    closed = Nsg(id=OTHER, location="eastus", rules=(rule("closed", 200, protocol="Tcp"),))
    result = one(replace(FACTS, pod_nsg_id=OTHER, nsgs={**FACTS.nsgs, OTHER.lower(): closed}))
    assert "podvm-nsg (at the pod VMs' network interfaces) denies inbound TCP 15150" in result.found


def test_a_rule_for_some_addresses_only_is_a_warning() -> None:
    result = one(rules(rule("corner", 300, protocol="Tcp", sources=("10.0.33.0/24",))))
    assert (result.level, "for a part of the addresses: rule corner" in result.found) == ("warning", True)


def test_a_rule_that_nobody_can_decide_is_a_warning_and_no_silent_yes() -> None:
    result = one(rules(rule("frontends", 300, protocol="Tcp", groups=True, sources=())))
    assert result.level == "warning"
    assert "does not say for sure whether inbound TCP 15150, worker to pod VM, passes: rule frontends" in result.found
    assert "--priority 299" in result.fix


def test_a_group_that_could_not_be_read_is_one_warning_with_the_command_that_lists_it() -> None:
    result = one(replace(FACTS, nsgs={}))
    assert (result.level, "could not be read" in result.found) == ("warning", True)
    assert "az network nsg rule list" in result.fix


def test_a_subnet_that_the_stack_is_about_to_make_is_judged_by_the_group_that_it_will_get() -> None:
    closed = replace(rules(rule("closed", 300, protocol="Tcp")), subnet=None)
    result = one(closed, own_subnet=own_subnet("10.0.80.0/24"))
    assert "(at subnet coco-podvms) denies inbound TCP 15150, worker to pod VM" in result.found
    assert "--destination-address-prefixes 10.0.80.0/24" in result.fix
    assert findings(replace(FACTS, subnet=None), own_subnet=own_subnet("10.0.80.0/24")) == []


def test_where_the_workers_are_not_known_the_whole_network_is_asked_for() -> None:
    closed = rules(rule("closed", 300, protocol="Tcp"), workers=None)
    assert one(closed).level == "problem"
    assert findings(replace(closed, vnet=None)) == []


def test_pod_vms_in_the_workers_subnet_are_judged_by_its_group() -> None:
    facts = replace(rules(rule("closed", 300, protocol="Tcp")), subnet=WORKERS)
    assert "at subnet workers" in one(facts).found


def test_the_next_free_priority_before_the_rule_is_taken() -> None:
    some = (rule("closed", 300, protocol="Tcp"), rule("web", 299, destination_ports=("80",)))
    assert "--priority 298" in one(rules(*some)).fix


def test_the_highest_number_of_a_rule_has_one_before_it() -> None:
    assert "--priority 4095" in one(rules(rule("late", 4096, protocol="Tcp"))).fix


def test_where_no_priority_is_left_the_rule_itself_has_to_change() -> None:
    result = one(rules(rule("first", 100, protocol="Tcp")))
    assert result.fix.startswith("no priority before 100 is free")
    assert "az network nsg rule update" in result.fix
    assert "--name first" in result.fix


def test_a_blocked_internet_is_a_problem_of_the_way_out() -> None:
    result = one(rules(rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (result.check, result.level) == ("outbound", "problem")
    assert "denies outbound TCP 443, pod VM to Internet: rule DenyInternet" in result.found
    assert "--destination-address-prefixes Internet" in result.fix


def test_an_internet_of_which_little_is_open_is_a_warning() -> None:
    opened = rule("registry", 300, inbound=False, allow=True, destinations=("20.1.0.0/16",))
    result = one(rules(opened, rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (result.check, result.level, "for a part of the addresses" in result.found) == ("outbound", "warning", True)


def test_an_internet_that_only_service_tags_open_is_a_warning() -> None:
    opened = rule("acr", 300, inbound=False, allow=True, destinations=("AzureContainerRegistry",))
    result = one(rules(opened, rule("DenyInternet", 4000, inbound=False, destinations=("Internet",))))
    assert (result.check, result.level) == ("outbound", "warning")


def test_a_group_of_another_region_is_a_problem() -> None:
    result = one(replace(FACTS, nsgs={NSG.lower(): Nsg(id=NSG, location="westeurope")}))
    assert (result.level, "is in westeurope" in result.found, "azure.nsgId" in result.fix) == ("problem", True, True)


def test_a_group_of_another_subscription_is_a_problem() -> None:
    away = NSG.replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555")
    facts = replace(FACTS, pod_nsg_id=away, nsgs={**FACTS.nsgs, away.lower(): Nsg(id=away, location="EastUS")})
    result = one(facts)
    assert (result.level, "is in subscription 99999999" in result.found) == ("problem", True)


def test_many_rules_are_named_in_part() -> None:
    some = [rule(f"r{n}", 200 + n, protocol="Tcp", sources=(f"10.0.{32 + n}.0/24",)) for n in range(6)]
    assert "r3 (priority 203) and 2 more" in one(rules(*some)).found
