"""What the rules of a network security group do to packets, for whole ranges of addresses at a time.

The first rule by priority that matches decides (learn.microsoft.com, Azure network security groups overview). A rule
may match for a part of the addresses only, or it may be unknown whether it does: an application security group does
not say which addresses it has, and a service tag's ranges change from week to week. Such a rule leaves the packets to
the next one, and counts only where it would decide otherwise: then nobody can tell.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from coco_azure.inventory.azure_facts import Nsg, Rule
from coco_azure.preflight import spans
from coco_azure.preflight.spans import Box, Span

# RFC 1918, RFC 6598 and link-local addresses, loopback, multicast and what is reserved: none of them is of the
# Internet, and no service tag of an Azure service has them.
_NOT_PUBLIC = spans.of_prefixes(
    (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)
# The virtual address of the host, which probes of load balancers come from, and which VirtualNetwork has, too.
_HOST = spans.of_prefixes(("168.63.129.16",))
_EVERYTHING = [spans.ADDRESSES]
_EPHEMERAL: Span = (1024, 65535)


def _default(name: str, priority: int, source: str, destination: str, *, inbound: bool, allow: bool) -> Rule:
    return Rule(
        name=name,
        priority=priority,
        inbound=inbound,
        allow=allow,
        protocol="*",
        sources=(source,),
        destinations=(destination,),
    )


DEFAULTS = (
    _default("AllowVnetInBound", 65000, "VirtualNetwork", "VirtualNetwork", inbound=True, allow=True),
    _default("AllowAzureLoadBalancerInBound", 65001, "AzureLoadBalancer", "*", inbound=True, allow=True),
    _default("DenyAllInBound", 65500, "*", "*", inbound=True, allow=False),
    _default("AllowVnetOutBound", 65000, "VirtualNetwork", "VirtualNetwork", inbound=False, allow=True),
    _default("AllowInternetOutBound", 65001, "*", "Internet", inbound=False, allow=True),
    _default("DenyAllOutBound", 65500, "*", "*", inbound=False, allow=False),
)
"""Rules that every group has and that nobody can delete; they are added where the facts do not have them."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the service tag VirtualNetwork is sure to have: ranges of the VNet and of those that it is peered with."""

    prefixes: tuple[str, ...]

    @cached_property
    def spans(self) -> list[Span]:
        """Return the ranges."""
        return spans.of_prefixes(self.prefixes)

    @cached_property
    def internet(self) -> list[Span]:
        """Return what the service tag Internet has: everything that is public and not the network's."""
        return spans.without(_EVERYTHING, [*_NOT_PUBLIC, *_HOST, *self.spans])

    def read(self, text: str) -> tuple[list[Span], list[Span]]:
        """Return the addresses that a rule's address, range or service tag has, and those that it may have."""
        if (span := spans.of_address(text)) is not None:
            return [span], []
        if (known := self._tags.get(text.lower().replace("_", ""))) is not None:
            return known
        if ":" in text:
            return [], []
        # A service's addresses are public ones. What is no tag at all may be anything.
        return [], spans.without(_EVERYTHING, _NOT_PUBLIC) if text[:1].isalpha() else _EVERYTHING

    @cached_property
    def _tags(self) -> Mapping[str, tuple[list[Span], list[Span]]]:
        # Networks behind a gateway and prefixes of routes belong to VirtualNetwork as well, and nobody can list them.
        members = [*self.spans, *_HOST]
        others = spans.without(_NOT_PUBLIC if self.spans else _EVERYTHING, members)
        return {
            "*": (_EVERYTHING, []),
            "any": (_EVERYTHING, []),
            "virtualnetwork": (members, others),
            "azureloadbalancer": (_HOST, []),
            "internet": (self.internet, []),
        }


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Packets of one kind.

    Attributes:
        inbound: whether they come in where the group is.
        protocol: ``Tcp`` or ``Udp``.
        sources, destinations: ranges of IPv4 addresses.
        port: destination port.
        source_ports: ports that they may come from.
    """

    inbound: bool
    protocol: Literal["Tcp", "Udp"]
    sources: Sequence[Span]
    destinations: Sequence[Span]
    port: int
    source_ports: Span = _EPHEMERAL

    @property
    def boxes(self) -> list[Box]:
        """Return the packets as boxes of source, destination and source port."""
        return list(itertools.product(spans.merged(self.sources), spans.merged(self.destinations), [self.source_ports]))


@dataclass(kw_only=True)
class RuleOutcome:
    """What happens to the packets of a flow.

    Attributes:
        allowed, denied, unknown: how many packets (of different addresses and source ports); unknown: nobody can tell.
        blocking: rules that deny, in the order of their priority.
        doubtful: rules because of which nobody can tell.
    """

    allowed: int = 0
    denied: int = 0
    unknown: int = 0
    blocking: list[Rule] = field(default_factory=list)
    doubtful: list[Rule] = field(default_factory=list)

    @property
    def word(self) -> Literal["allowed", "denied", "partly", "unknown"]:
        """Return what can be said of the flow as a whole."""
        if self.unknown:
            return "unknown"
        if self.denied and self.allowed:
            return "partly"
        return "denied" if self.denied else "allowed"

    def add(self, boxes: Sequence[Box], rule: Rule, doubts: Sequence[Rule]) -> None:
        """Count packets that ``rule`` decides, where each of ``doubts`` may have decided before."""
        count = sum(map(spans.size, boxes))
        others = [each for each in doubts if each.allow != rule.allow]
        if not count:
            return
        if others:
            self.unknown += count
            _append(self.doubtful, others)
        elif rule.allow:
            self.allowed += count
        else:
            self.denied += count
            _append(self.blocking, [rule])


def evaluate(group: Nsg, flow: Flow, network: Network) -> RuleOutcome:
    """Return what a group does to a flow; a flow without addresses is allowed."""
    outcome = RuleOutcome()
    open_ends: list[tuple[list[Box], list[Rule]]] = [(flow.boxes, [])]
    for rule in sorted((*group.rules, *DEFAULTS), key=lambda each: each.priority):
        if rule.inbound != flow.inbound or not _port_matches(rule, flow):
            continue
        sure, possible = _matches(rule, flow, network)
        after: list[tuple[list[Box], list[Rule]]] = []
        for boxes, doubts in open_ends:
            decided, rest = spans.divide(boxes, sure)
            outcome.add(decided, rule, doubts)
            doubted, rest = spans.divide(rest, possible)
            after += [(doubted, [*doubts, rule]), (rest, doubts)]
        open_ends = [(boxes, doubts) for boxes, doubts in after if boxes]
    return outcome


def _port_matches(rule: Rule, flow: Flow) -> bool:
    if rule.protocol not in ("*", flow.protocol) and rule.protocol.lower() not in ("any", flow.protocol.lower()):
        return False
    ports = [spans.of_port(each) for each in rule.destination_ports]
    return any(span is not None and span[0] <= flow.port <= span[1] for span in ports)


def _matches(rule: Rule, flow: Flow, network: Network) -> tuple[list[Box], list[Box]]:
    """Return the packets that the rule matches, and those that it may match."""
    ports = [span for span in map(spans.of_port, rule.source_ports) if span is not None]
    sides = [_side(names, network, among) for names, among in _sides(rule, flow)]
    every = [spans.merged([*sure, *possible]) for sure, possible in sides]
    possible = list(itertools.product(*every, ports))
    return ([], possible) if rule.groups else (list(itertools.product(*(side[0] for side in sides), ports)), possible)


def _sides(rule: Rule, flow: Flow) -> list[tuple[tuple[str, ...], Sequence[Span]]]:
    if rule.groups:
        # The side that a group of interfaces stands for has no addresses.
        rule = replace(rule, sources=rule.sources or ("*",), destinations=rule.destinations or ("*",))
    return [(rule.sources, flow.sources), (rule.destinations, flow.destinations)]


def _side(names: Sequence[str], network: Network, among: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Return the addresses that some names have and may have, among those of the flow only, which keeps them few."""
    sure: list[Span] = []
    possible: list[Span] = []
    for name in names:
        has, may_have = network.read(name)
        sure += has
        possible += may_have
    return _among(sure, among), _among(possible, among)


def _among(matching: Sequence[Span], among: Sequence[Span]) -> list[Span]:
    return [
        box[0] for box in spans.divide([(span,) for span in spans.merged(matching)], [(span,) for span in among])[0]
    ]


def _append(rules: list[Rule], more: Sequence[Rule]) -> None:
    rules += [each for each in more if each not in rules]
