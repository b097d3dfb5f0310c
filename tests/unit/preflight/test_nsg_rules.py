"""Evaluation of network security groups, held to a reference that asks rule by rule for one packet at a time."""

import ipaddress
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coco_azure.inventory.azure_facts import Nsg, Rule
from coco_azure.preflight import spans
from coco_azure.preflight.rules import DEFAULTS, Flow, Network, evaluate
from coco_azure.preflight.spans import Box

NETWORK = Network(prefixes=("10.0.0.0/24",))
SOURCES, DESTINATIONS = "10.0.0.0/30", "10.0.0.4/30"
PORT = 15150


def rule(
    name: str = "rule", priority: int = 100, *, allow: bool = False, inbound: bool = True, **values: object
) -> Rule:
    return Rule(**{"name": name, "priority": priority, "inbound": inbound, "allow": allow, "protocol": "Tcp", **values})  # type: ignore[arg-type]


def group(*rules: Rule) -> Nsg:
    return Nsg(id="/nsg", location="eastus", rules=rules)


def flow(sources: str = SOURCES, destinations: str = DESTINATIONS, *, inbound: bool = True) -> Flow:
    return Flow(
        inbound=inbound,
        protocol="Tcp",
        sources=spans.of_prefixes([sources]),
        destinations=spans.of_prefixes([destinations]),
        port=PORT,
        source_ports=(4, 7),
    )


# What a rule of the tests may name, and what it means here: only addresses of a tiny network are asked for.
_WORDS = {
    "*": "0.0.0.0/0",
    "10.0.0.0/30": "10.0.0.0/30",
    "10.0.0.1": "10.0.0.1/32",
    "10.0.0.2-10.0.0.5": None,
    "10.0.0.4/31": "10.0.0.4/31",
    "10.0.0.0/29": "10.0.0.0/29",
    "VirtualNetwork": "10.0.0.0/24",
    "Internet": "",
    "AzureLoadBalancer": "",
    "Storage.EastUS": "",
    "fd00::/8": "",
}
_PORTS = {
    "*": (0, 65535),
    "15150": (15150, 15150),
    "15000-15200": (15000, 15200),
    "80": (80, 80),
    "5": (5, 5),
    "4-6": (4, 6),
}


def has(word: str, address: int) -> bool:
    if word == "10.0.0.2-10.0.0.5":
        return address - int(ipaddress.IPv4Address("10.0.0.0")) in range(2, 6)
    meaning = _WORDS[word]
    return bool(meaning) and ipaddress.IPv4Address(address) in ipaddress.IPv4Network(str(meaning))


def reference(rules: list[Rule], source: int, destination: int, source_port: int, *, ignored: tuple[Rule, ...]) -> bool:
    for each in sorted((*rules, *DEFAULTS), key=lambda one: one.priority):
        if (
            each not in ignored
            and each.inbound
            and each.protocol in ("*", "Tcp")
            and any(low <= PORT <= high for low, high in (_PORTS[port] for port in each.destination_ports))
            and any(low <= source_port <= high for low, high in (_PORTS[port] for port in each.source_ports))
            and (each.groups or any(has(word, source) for word in each.sources))
            and (each.groups or any(has(word, destination) for word in each.destinations))
        ):
            return each.allow
    raise AssertionError("the defaults match everything")


words = st.lists(st.sampled_from(sorted(_WORDS)), min_size=1, max_size=3).map(tuple)
ports = st.lists(st.sampled_from(sorted(_PORTS)), min_size=1, max_size=2).map(tuple)


@st.composite
def rule_lists(draw: st.DrawFn, *, groups: bool = False) -> list[Rule]:
    priorities = draw(st.lists(st.integers(100, 200), max_size=5, unique=True))
    return [
        Rule(
            name=f"rule-{at}",
            priority=priority,
            inbound=draw(st.sampled_from([True, True, True, False])),
            allow=draw(st.booleans()),
            protocol=draw(st.sampled_from(["*", "Tcp", "Tcp", "Udp"])),
            sources=draw(words),
            destinations=draw(words),
            source_ports=draw(ports),
            destination_ports=draw(ports),
            groups=groups and draw(st.booleans()),
        )
        for at, priority in enumerate(priorities)
    ]


def packets() -> list[tuple[int, int, int]]:
    first = int(ipaddress.IPv4Address("10.0.0.0"))
    return list(itertools.product(range(first, first + 4), range(first + 4, first + 8), range(4, 8)))


@given(rule_lists())
@settings(max_examples=250, deadline=None)
def test_ranges_are_decided_as_packet_after_packet_would_be(rules: list[Rule]) -> None:
    result = evaluate(group(*rules), flow(), NETWORK)
    allowed = sum(reference(rules, *packet, ignored=()) for packet in packets())
    assert (result.allowed, result.denied, result.unknown) == (allowed, len(packets()) - allowed, 0)


@given(rule_lists(groups=True))
@settings(max_examples=250, deadline=None)
def test_what_no_guess_about_a_group_of_interfaces_changes_is_known_and_all_else_is_unknown(rules: list[Rule]) -> None:
    result = evaluate(group(*rules), flow(), NETWORK)
    doubtful = [each for each in rules if each.groups]
    guesses = [ignored for size in range(len(doubtful) + 1) for ignored in itertools.combinations(doubtful, size)]
    # A rule with a group still says which ports and protocols; where it gives addresses they hold as well.
    outcomes = [{_with_addresses(rules, packet, ignored) for ignored in guesses} for packet in packets()]
    assert result.unknown == sum(len(outcome) == 2 for outcome in outcomes)
    assert result.allowed == sum(outcome == {True} for outcome in outcomes)
    assert result.denied == sum(outcome == {False} for outcome in outcomes)


def _with_addresses(rules: list[Rule], packet: tuple[int, int, int], ignored: tuple[Rule, ...]) -> bool:
    source, destination, _ = packet
    impossible = tuple(
        each
        for each in rules
        if each.groups
        and not (
            any(has(word, source) for word in each.sources)
            and any(has(word, destination) for word in each.destinations)
        )
    )
    return reference(rules, *packet, ignored=(*ignored, *impossible))


boxes = st.lists(
    st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(pair)))] * 2),
    max_size=4,
)


def points(boxs: list[Box]) -> list[tuple[int, ...]]:
    return [point for box in boxs for point in itertools.product(*(range(low, high + 1) for low, high in box))]


@given(boxes, boxes)
def test_dividing_boxes_loses_no_point_and_gives_none_to_both_sides(some: list[Box], by: list[Box]) -> None:
    apart = [box for at, box in enumerate(some) if not any(spans.both(box, other) for other in some[:at])]
    inside, rest = spans.divide(apart, by)
    assert sorted(points(inside) + points(rest)) == sorted(points(apart))
    assert set(points(inside)) == set(points(apart)) & set(points(by))
    assert sum(map(spans.size, inside)) == len(points(inside))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_merged_ranges_have_the_same_numbers_and_gaps_between_them(some: list[tuple[int, int]]) -> None:
    result = spans.merged(some)
    assert {n for low, high in result for n in range(low, high + 1)} == {
        n for low, high in some for n in range(low, high + 1)
    }
    assert all(later[0] > earlier[1] + 1 for earlier, later in itertools.pairwise(result))


def test_the_first_rule_by_priority_decides_whatever_the_order_of_the_list() -> None:
    rules = (rule("later", 200, allow=False), rule("earlier", 150, allow=True))
    assert evaluate(group(*rules), flow(), NETWORK).word == "allowed"
    assert evaluate(group(*reversed(rules)), flow(), NETWORK).word == "allowed"


def test_azure_s_own_rules_deny_what_comes_from_elsewhere_by_name() -> None:
    result = evaluate(group(), flow("203.0.113.0/24"), NETWORK)
    assert (result.word, [each.name for each in result.blocking]) == ("denied", ["DenyAllInBound"])


def test_the_rule_that_denies_is_named() -> None:
    result = evaluate(group(rule("closed", 300), rule("open", 400, allow=True)), flow(), NETWORK)
    assert (result.word, [each.name for each in result.blocking]) == ("denied", ["closed"])


def test_a_rule_for_a_part_of_the_addresses_decides_a_part() -> None:
    result = evaluate(group(rule(sources=("10.0.0.1",))), flow(), NETWORK)
    assert (result.word, result.denied, result.allowed) == ("partly", 16, 48)


def test_a_rule_with_an_application_security_group_is_no_silent_yes() -> None:
    hidden = rule("asg", 100, groups=True, sources=(), destinations=("*",))
    result = evaluate(group(hidden), flow(), NETWORK)
    assert (result.word, [each.name for each in result.doubtful]) == ("unknown", ["asg"])


AWAY = flow("10.0.0.0/24", "20.0.0.0/8", inbound=False)
NOWHERE = Flow(inbound=True, protocol="Tcp", sources=(), destinations=(), port=1)
PEERED = Network(prefixes=("10.0.0.0/24", "10.1.0.0/16"))
WORDS: dict[str, tuple[list[Rule], Flow, Network, str]] = {
    "azure's own rules let one network's machines speak to each other": ([], flow(), NETWORK, "allowed"),
    "outwards, too": ([], flow(inbound=False), NETWORK, "allowed"),
    "a group of interfaces that would decide alike is no doubt": (
        [rule(allow=True, groups=True, sources=())],
        flow(),
        NETWORK,
        "allowed",
    ),
    "a service's tag has no private addresses": ([rule(sources=("Storage",))], flow(), NETWORK, "allowed"),
    "it may have any public one": ([rule(inbound=False, destinations=("Storage",))], AWAY, NETWORK, "unknown"),
    "a range of IPv6 has no address of IPv4": ([rule(sources=("::/0",))], flow(), NETWORK, "allowed"),
    "what is no address is no silent yes": ([rule(sources=("10.0.0.0/99",))], flow(), NETWORK, "unknown"),
    "private addresses elsewhere may be VirtualNetwork's": ([], flow("172.16.0.0/24"), NETWORK, "unknown"),
    "public ones are not": ([], flow("8.8.8.0/24"), NETWORK, "denied"),
    "without the network's ranges nobody can tell": ([], flow(), Network(prefixes=()), "unknown"),
    "peered networks are VirtualNetwork's": ([], flow("10.1.0.0/24"), PEERED, "allowed"),
    "probes come from the host": ([], flow("168.63.129.16/32", "10.0.0.0/24"), NETWORK, "allowed"),
    "INTERNET of classic networks": ([rule(inbound=False, destinations=("INTERNET",))], AWAY, NETWORK, "denied"),
    "VIRTUAL_NETWORK, too": ([rule(sources=("VIRTUAL_NETWORK",))], flow(), NETWORK, "denied"),
    "a rule of another protocol or port decides nothing": (
        [rule(protocol="Udp"), rule(protocol="Icmp"), rule(destination_ports=("22", "1-100", "odd"))],
        flow(),
        NETWORK,
        "allowed",
    ),
    "protocols are compared without regard to case": ([rule(protocol="TCP")], flow(), NETWORK, "denied"),
    "a flow from nowhere is allowed": ([], NOWHERE, NETWORK, "allowed"),
}


@pytest.mark.parametrize("case", WORDS)
def test_what_a_group_does_to_a_flow_is_said_in_one_word(case: str) -> None:
    some, packets_of, network, word = WORDS[case]
    assert evaluate(group(*some), packets_of, network).word == word
