"""The commands of several rows of the pre-flight do not undo each other, in whichever order they are carried out."""

import re
from dataclasses import replace
from itertools import permutations
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from coco_azure.inventory.azure_facts import Nsg, Rule, Vnet
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import judge, network, nsg, sizes
from coco_azure.preflight.model import Finding
from tests.unit import preflight_facts as known
from tests.unit.preflight.test_own_subnet import MASTERS, VNET, WORKERS
from tests.unit.preflight.test_preflight_fixes import carried_out, options, rule_lists
from tests.unit.preflight_facts import requiring
from tests.unit.preflight_network import FACTS, NSG, WANTED

_SET = re.compile(r"pulumi config set --path '?coco-azure:(\S+?)'? (\S+)")


def _configured(fixes: list[str], wanted: Requirements) -> Requirements:
    """Return what is wanted after every command of these fixes."""
    for path, value in (match.groups() for fix in fixes for match in _SET.finditer(fix)):
        if match := re.fullmatch(r"peerPods\.instanceSizes\[(\d+)\]", path):
            place = int(match[1])
            listed = list(wanted.peer_pods.sizes)
            listed[place] = value
            wanted = requiring(wanted, instance_sizes=tuple(listed))
        elif path == "peerPods.instanceSize":
            wanted = requiring(wanted, instance_size=value)
        elif path == "azure.ownSubnet.addressRange":
            wanted = requiring(wanted, own_subnet=known.own_subnet(value))
        elif path == "peerPods.limitPerNode":
            wanted = requiring(wanted, limit_per_node=int(value))
    return wanted


def test_two_sizes_that_are_wrong_are_put_right_by_either_rows_commands() -> None:
    shut = known.size("Standard_DC4as_v5", 4, tee="")
    facts = known.facts(sizes=known.sizes(shut, known.size("Standard_DC32as_v5", 32)))
    wanted = known.wanted(instance_sizes=("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC64as_v5"))
    findings = list(sizes.problems(facts, wanted))
    assert len(findings) == 2

    for order in permutations(findings):
        after = _configured([each.fix for each in order], wanted)
        assert list(sizes.problems(facts, after)) == []
        assert len(set(after.peer_pods.sizes)) == 3


def _denying(priority: int, ports: str = "*", to: str = "*", *, inbound: bool = True, groups: bool = False) -> Rule:
    every = ("*",)
    return Rule(
        name=f"rule-{priority}",
        priority=priority,
        inbound=inbound,
        allow=False,
        protocol="*",
        sources=every,
        destinations=(to,),
        source_ports=every,
        destination_ports=(ports,),
        groups=groups,
    )


# One that nobody can decide, hidden behind one that denies for sure.
@example(
    (_denying(100, inbound=False), _denying(102, to="10.0.64.0/24", groups=True), _denying(104, "15150")),
    Random(0),  # noqa: S311 - an order
)
@given(rule_lists(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_rules_of_several_rows_have_priorities_and_names_of_their_own(rules: tuple[Rule, ...], order: Random) -> None:
    facts = replace(FACTS, nsgs={NSG.lower(): Nsg(id=NSG, location="eastus", rules=rules)}, pod_nsg_id=NSG)
    commands = [each.fix for each in nsg.problems(facts, WANTED) if " create " in each.fix]
    names = [options(command)["name"][0] for command in commands]
    order.shuffle(commands)

    for command in commands:  # each priority only once
        facts = carried_out(facts, command)

    assert len(set(names)) == len(names)
    assert all(" create " not in each.fix for each in nsg.problems(facts, WANTED))


def test_a_range_that_overlaps_and_is_too_small_gets_one_that_does_neither() -> None:
    vnet = Vnet(id=VNET, location="eastus", prefixes=("10.0.0.0/16",), subnets=(MASTERS, WORKERS))
    facts = replace(FACTS, vnet=vnet)
    small = known.wanted(own_subnet=known.own_subnet("10.0.32.0/29"))
    findings = list(network.own_subnet_problems(facts, small))
    assert len(findings) == 2

    for order in permutations(findings):
        fixes = [each.fix.split("; or fewer")[0] for each in order]
        assert list(network.own_subnet_problems(facts, _configured(fixes, small))) == []


def test_of_several_limits_of_pods_the_lowest_is_proposed_everywhere() -> None:
    facts = known.facts(usages=known.usages(limit=100, cores=70))

    rows = judge.judge(facts, ClusterFacts(), known.wanted(), ()).problems
    limits = re.findall(r"limitPerNode'? (\d+)", "\n".join(each.fix for each in rows if each.check == "quota"))

    assert len(limits) == 2
    after = known.wanted(limit_per_node=int(limits[0]))
    assert set(limits) == {limits[0]}
    assert [each for each in judge.judge(facts, ClusterFacts(), after, ()).problems if each.check == "quota"] == []


def test_commands_that_mend_two_rows_are_shown_once() -> None:
    rows = [
        Finding(check="sizes", level="problem", found=each, needed="another", fix="set a\nset b") for each in ("x", "y")
    ]

    text = judge.render(judge.verdict(rows, ()))

    assert text.count("set a") == 1
    assert "(the commands of the first row of sizes)" in text
