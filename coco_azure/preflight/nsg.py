"""Whether worker and pod VM may speak to each other, and pod VMs to the world, as network security groups see it.

The worker's cloud-api-adaptor (CAA) opens a TCP connection to port 15150 of the pod VM (cloud-api-adaptor
``src/cloud-api-adaptor/pkg/forwarder/forwarder.go`` DefaultListenPort), and the pod's own traffic goes through a VXLAN
tunnel between the two, whose packets are UDP to the same port in both directions. A group is asked wherever it is: at
the subnet, and at the network interface of the pod VM, which CAA gives it (``AZURE_NSG_ID``). Both have to let a packet
pass; established TCP connections need no rule back. Groups at the workers' own network interfaces are not known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from coco_azure.clients import arm_ids as arm
from coco_azure.formats.shown import some
from coco_azure.inventory.azure_facts import AzureFacts, Nsg, Rule, Subnet
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import spans
from coco_azure.preflight.model import Finding
from coco_azure.preflight.rules import Flow, Network, RuleOutcome, evaluate

FORWARDER_PORT = 15150
"""Port of the agent in a pod VM."""
_HTTPS = 443
_HIGHEST = 100
_SHOWN = 4


Taken = dict[tuple[str, bool], set[int]]
"""Priorities that rules have, or that another row's command takes: by group and whether they are for what comes in."""


@dataclass(frozen=True, kw_only=True)
class _TrafficFlow:
    """Who says what to whom.

    Attributes:
        check: the word of its check.
        what: what it is for.
        protocol, port: protocol and destination port.
        source, target: names of both ends.
        sources, targets: their address ranges; empty: the Internet.
    """

    check: Literal["nsg-rules", "outbound"]
    what: str
    protocol: Literal["Tcp", "Udp"]
    port: int
    source: str
    target: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def flow(self, network: Network, *, inbound: bool) -> Flow:
        """Return it as packets that come in, or go out, where a group is."""
        return Flow(
            inbound=inbound,
            protocol=self.protocol,
            sources=spans.of_prefixes(self.sources),
            destinations=spans.of_prefixes(self.targets) if self.targets else network.internet,
            port=self.port,
        )

    def label(self, *, inbound: bool) -> str:
        """Return a name for a rule that allows it; ``az`` would change the one of the other way if it had the same."""
        way = "in" if inbound else "out"
        return f"coco-{self.source}-to-{self.target}-{self.protocol}-{self.port}-{way}".lower().replace(" ", "-")


def problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what network security groups block (checks ``nsg-rules`` and, towards the Internet, ``outbound``)."""
    yield from _places(facts)
    facts = _planned(facts, requirements)
    pods, network = facts.subnet, _network(facts)
    if pods is None:
        return
    yield from _unread(facts)
    workers = facts.workers.prefixes if facts.workers else facts.vnet.prefixes if facts.vnet else ()
    agent = _TrafficFlow(
        check="nsg-rules",
        what="the worker's cloud-api-adaptor reaches the agent of a pod VM through it",
        protocol="Tcp",
        port=FORWARDER_PORT,
        source="worker",
        target="pod VM",
        sources=workers,
        targets=pods.prefixes,
    )
    tunnel = replace(
        agent,
        what="the pod's network is a VXLAN tunnel through it",
        protocol="Udp",
        port=requirements.peer_pods.vxlan_port,
    )
    back = replace(tunnel, source="pod VM", target="worker", sources=pods.prefixes, targets=workers)
    world = replace(
        back,
        check="outbound",
        what="pod VMs pull images and reach Trustee through it",
        protocol="Tcp",
        port=_HTTPS,
        target="Internet",
        targets=(),
    )
    taken: Taken = {}
    for flow in (*((agent, tunnel, back) if workers else ()), world):
        yield from _judge(facts, flow, network, taken)


def _planned(facts: AzureFacts, requirements: Requirements) -> AzureFacts:
    """Return the facts with a subnet that the stack is about to make, which gets the group of the pod VMs."""
    own = requirements.azure.own_subnet
    if facts.subnet or not facts.vnet or own is None:
        return facts
    name, group = f"{facts.vnet.id}/subnets/{own.name}", facts.pod_nsg_id
    return replace(facts, subnet=Subnet(id=name, prefixes=(own.address_range,), nsg_id=group))


def _network(facts: AzureFacts) -> Network:
    vnet, subnets = facts.vnet, [each for each in (facts.subnet, facts.workers) if each]
    known = (*vnet.prefixes, *vnet.peered) if vnet else ()
    return Network(prefixes=(*known, *(prefix for each in subnets for prefix in each.prefixes)))


def _places(facts: AzureFacts) -> Iterator[Finding]:
    """Yield what is wrong with the place of the group that CAA gives to pod VMs."""
    group = facts.nsgs.get(facts.pod_nsg_id.lower())
    if group is not None and not arm.same(group.location, facts.region):
        yield Finding(
            check="nsg-rules",
            level="problem",
            found=f"network security group {arm.name_of(group.id)} is in {group.location}",
            needed=f"a group in {facts.region}: a pod VM's network interface takes none of another region",
            fix="pulumi config set --path coco-azure:azure.nsgId ID (az network nsg list --query [].id)",
        )
    subscription = arm.subscription_of(facts.pod_nsg_id)
    if subscription and not arm.same(subscription, facts.subscription):
        yield Finding(
            check="nsg-rules",
            level="problem",
            found=f"network security group {arm.name_of(facts.pod_nsg_id)} is in subscription {subscription}",
            needed=f"a group in subscription {facts.subscription}, as the pod VMs' network interfaces are",
            fix="pulumi config set --path coco-azure:azure.nsgId ID (az network nsg list --query [].id)",
        )


def _judge(facts: AzureFacts, flow: _TrafficFlow, network: Network, taken: Taken) -> Iterator[Finding]:
    for arm_id, place, inbound in _passes(facts, flow):
        group = facts.nsgs.get(arm_id.lower())
        if group is not None:
            outcome = evaluate(group, flow.flow(network, inbound=inbound), network)
            before = taken.setdefault(
                (group.id.lower(), inbound), {each.priority for each in group.rules if each.inbound == inbound}
            )
            yield from _finding(flow, group, place, outcome, before, inbound=inbound)


def _passes(facts: AzureFacts, flow: _TrafficFlow) -> list[tuple[str, str, bool]]:
    """Return the groups that a packet passes: id, where it is, and whether the packet comes in there."""
    ends = {"pod VM": _ends(facts.subnet, facts.pod_nsg_id), "worker": _ends(facts.workers, ""), "Internet": []}
    verdicts: dict[tuple[str, bool], tuple[str, str, bool]] = {}
    for end, inbound in ((flow.source, False), (flow.target, True)):
        for arm_id, place in ends[end]:
            # One and the same group at subnet and interface says the same twice.
            verdicts.setdefault((arm_id.lower(), inbound), (arm_id, place, inbound))
    return list(verdicts.values())


def _ends(subnet: Subnet | None, interface: str) -> list[tuple[str, str]]:
    groups = [(subnet.nsg_id, f"at subnet {subnet.name}")] if subnet and subnet.nsg_id else []
    return [*groups, *([(interface, "at the pod VMs' network interfaces")] if interface else [])]


def _unread(facts: AzureFacts) -> Iterator[Finding]:
    """Yield the groups that nobody could read, unless it is said already."""
    if any(check == "nsg-rules" for check, _ in facts.unknown):
        return
    places = [*_ends(facts.subnet, facts.pod_nsg_id), *_ends(facts.workers, "")]
    for key, (arm_id, place) in {arm_id.lower(): (arm_id, place) for arm_id, place in reversed(places)}.items():
        if key not in facts.nsgs:
            name = arm.name_of(arm_id)
            yield Finding(
                check="nsg-rules",
                level="warning",
                found=f"network security group {name} ({place}) could not be read",
                needed=f"rules that let worker and pod VM speak on TCP {FORWARDER_PORT} and on the VXLAN port",
                fix=f"az network nsg rule list {arm.flags(arm_id)} --nsg-name {name} --include-default -o table",
            )


def _finding(
    flow: _TrafficFlow, group: Nsg, place: str, outcome: RuleOutcome, taken: set[int], *, inbound: bool
) -> Iterator[Finding]:
    way = "inbound" if inbound else "outbound"
    where = f"network security group {arm.name_of(group.id)} ({place})"
    if outcome.word == "allowed" or (flow.check == "outbound" and outcome.allowed > outcome.denied + outcome.unknown):
        return
    if outcome.word == "denied":
        message = f"denies {way} {_packets(flow)}, {flow.source} to {flow.target}: {_rules(outcome.blocking)}"
    elif outcome.word == "partly":
        message = (
            f"denies {way} {_packets(flow)}, {flow.source} to {flow.target}, for a part of the addresses: "
            f"{_rules(outcome.blocking)}"
        )
    else:
        message = (
            f"does not say for sure whether {way} {_packets(flow)}, {flow.source} to {flow.target}, passes: "
            f"{_rules(outcome.doubtful)} (an application security group, a service tag, or addresses outside of the "
            "VNet)"
        )
    yield Finding(
        check=flow.check,
        level="problem" if outcome.word == "denied" else "warning",
        found=f"{where} {message}",
        needed=f"{way} {_packets(flow)} from {flow.source} to {flow.target}: {flow.what}",
        fix=_allow(flow, group, [*outcome.blocking, *outcome.doubtful], taken, inbound=inbound),
    )


def _packets(flow: _TrafficFlow) -> str:
    return f"{flow.protocol.upper()} {flow.port}"


def _rules(rules: Sequence[Rule]) -> str:
    return f"rule {some([f'{each.name} (priority {each.priority})' for each in rules], _SHOWN)}"


def _allow(flow: _TrafficFlow, group: Nsg, rules: Sequence[Rule], taken: set[int], *, inbound: bool) -> str:
    """Return the command that makes a rule before all those that are in the way, and take its priority."""
    # One that nobody can decide may be hidden behind what denies for sure, and in the way once that no longer does.
    hidden = [each for each in group.rules if each.inbound == inbound and not each.allow and each.groups]
    before = min(each.priority for each in (*rules, *hidden))
    free = next((each for each in range(min(before, 4097) - 1, _HIGHEST - 1, -1) if each not in taken), None)
    target = f"{arm.flags(group.id)} --nsg-name {arm.name_of(group.id)}"
    if free is None:
        first = min((*rules, *hidden), key=lambda each: each.priority)
        return (
            f"no priority before {first.priority} is free; change or delete the rule: "
            f"az network nsg rule update {target} --name {first.name} --priority NUMBER"
        )
    taken.add(free)
    return (
        f"az network nsg rule create {target} --name {flow.label(inbound=inbound)} --priority {free} "
        f"--direction {'Inbound' if inbound else 'Outbound'} --access Allow --protocol {flow.protocol} "
        f"--source-address-prefixes {' '.join(flow.sources)} --source-port-ranges '*' "
        f"--destination-address-prefixes {' '.join(flow.targets) or 'Internet'} "
        f"--destination-port-ranges {flow.port}"
    )
