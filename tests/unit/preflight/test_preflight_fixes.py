"""What the pre-flight proposes, carried out: the finding is gone then."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import rehearsal.azure
from coco_azure.inventory.azure_facts import AzureFacts, Grant, Nsg, Rule
from coco_azure.preflight import nsg, roles
from tests.unit.preflight_facts import requiring
from tests.unit.preflight_network import FACTS, GROUP, NET, NSG, SUBSCRIPTION, WANTED

OTHER = f"{NET}/networkSecurityGroups/podvm-nsg"
BUILT_IN = yaml.safe_load((Path(rehearsal.azure.__file__).parent / "roles.yaml").read_text(encoding="utf-8"))
CHECKED = requiring(WANTED, roles="check")

addresses = st.sampled_from(
    ("*", "VirtualNetwork", "Internet", "10.0.32.0/19", "10.0.33.0/24", "10.0.64.0/24", "10.0.64.128/25", "Storage")
).map(lambda each: (each,))
ports = st.sampled_from(("*", "15150", "9000", "443", "1-20000")).map(lambda each: (each,))


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[Rule, ...]:
    priorities = draw(st.lists(st.integers(100, 4096), max_size=5, unique=True))
    return tuple(
        Rule(
            name=f"rule-{priority}",
            priority=priority,
            inbound=draw(st.booleans()),
            allow=draw(st.booleans()),
            protocol=draw(st.sampled_from(["*", "Tcp", "Udp"])),
            sources=draw(addresses),
            destinations=draw(addresses),
            destination_ports=draw(ports),
            groups=draw(st.sampled_from([False, False, True])),
        )
        for priority in priorities
    )


def options(command: str) -> dict[str, list[str]]:
    """Return the options of a command with their values."""
    by_name: dict[str, list[str]] = {}
    name = ""
    for word in shlex.split(command):
        if word.startswith("--"):
            name = word[2:]
            by_name[name] = []
        elif name:
            by_name[name].append(word)
    return by_name


def carried_out(facts: AzureFacts, command: str) -> AzureFacts:
    """Return the facts after ``az network nsg rule create``."""
    assert command.startswith("az network nsg rule create ")
    result = options(command)
    made = Rule(
        name=result["name"][0],
        priority=int(result["priority"][0]),
        inbound=result["direction"] == ["Inbound"],
        allow=result["access"] == ["Allow"],
        protocol=result["protocol"][0],
        sources=tuple(result["source-address-prefixes"]),
        destinations=tuple(result["destination-address-prefixes"]),
        source_ports=tuple(result["source-port-ranges"]),
        destination_ports=tuple(result["destination-port-ranges"]),
    )
    (arm_id,) = [each.id for each in facts.nsgs.values() if each.id.rsplit("/", 1)[1] == result["nsg-name"][0]]
    group = facts.nsgs[arm_id.lower()]
    assert all(each.priority != made.priority for each in group.rules if each.inbound == made.inbound)
    return replace(facts, nsgs={**facts.nsgs, arm_id.lower(): replace(group, rules=(*group.rules, made))})


@given(rule_lists(), rule_lists(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_rules_that_are_proposed_open_what_was_closed(
    some: tuple[Rule, ...],
    more: tuple[Rule, ...],
    of_its_own: bool,  # noqa: FBT001 - drawn
) -> None:
    groups = {NSG.lower(): Nsg(id=NSG, location="eastus", rules=some)}
    if of_its_own:
        groups[OTHER.lower()] = Nsg(id=OTHER, location="eastus", rules=more)
    facts = replace(FACTS, nsgs=groups, pod_nsg_id=OTHER if of_its_own else NSG)
    for _ in range(12):
        items = list(nsg.problems(facts, WANTED))
        # Where a rule has the very first priority, nothing comes before it, and the command changes the rule itself.
        mendable = [each for each in items if " create " in each.fix]
        if not mendable:
            break
        facts = carried_out(facts, mendable[0].fix)
    left = list(nsg.problems(facts, WANTED))
    assert all("no priority before" in each.fix for each in left)
    if all(each.priority > 110 for each in (*some, *more)):
        assert left == []


def grant(role: str, scope: str) -> Grant:
    result = BUILT_IN[role]
    return Grant(
        role=role, scope=scope, actions=tuple(result["actions"]), not_actions=tuple(result.get("notActions", ()))
    )


some_grants = st.lists(
    st.tuples(st.sampled_from(sorted(BUILT_IN)), st.sampled_from((GROUP, f"/subscriptions/{SUBSCRIPTION}", NSG))),
    max_size=4,
    unique=True,
)
_ELSEWHERE = f"{GROUP}/providers/Microsoft.Compute/galleries/g".replace("11111111", "77777777")
images = st.sampled_from(
    (
        "",
        f"{GROUP}/providers/Microsoft.Compute/galleries/g/images/podvm/versions/1.0.0",
        f"{GROUP}/providers/Microsoft.Compute/images/podvm",
        f"{_ELSEWHERE}/images/podvm/versions/1.0.0",
    )
)


@given(some_grants, images)
@settings(deadline=None)
def test_the_built_in_roles_that_are_proposed_give_all_that_was_missing(had: list[Any], image: str) -> None:
    facts = replace(FACTS, principal="identity", grants=[grant(role, scope) for role, scope in had])
    wanted = requiring(CHECKED, image_id=image or None)
    commands = [each.fix.splitlines()[0] for each in roles.problems(facts, wanted)]
    assert all(each.startswith("az role assignment create ") for each in commands)
    given_too = [grant(options(each)["role"][0], options(each)["scope"][0]) for each in commands]
    assert list(roles.problems(replace(facts, grants=[*(facts.grants or ()), *given_too]), wanted)) == []
