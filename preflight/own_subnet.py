"""Whether the subnet of the stack's own fits into the VNet, beside its other subnets, and holds the pod VMs."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from preflight import ranges
from preflight.facts import AzureFacts, Subnet, Vnet
from preflight.model import Finding
from preflight.wanted import Wanted

_SET = "pulumi config set --path 'coco-azure:azure.ownSubnet.addressRange' {value}"


def problems(facts: AzureFacts, wanted: Wanted) -> Iterator[Finding]:
    """Yield what is wrong with the range of the own subnet (check ``own-subnet``).

    A subnet of the same name and range counts as the stack's own: a run that was interrupted meets it again.
    """
    if not wanted.own_range or facts.vnet is None:
        return
    vnet, own = facts.vnet, _own(facts.vnet, wanted)
    if not ranges.holds(vnet.prefixes, wanted.own_range):
        yield Finding(
            check="own-subnet",
            level="problem",
            found=f"{wanted.own_range} is in no range of VNet {_name(vnet.id)} ({', '.join(vnet.prefixes)})",
            needed="a range inside one of them",
            fix=_other_range(vnet, wanted, own),
        )
    yield from _overlaps(vnet, wanted, own)
    if own is not None and wanted.own_range not in own.prefixes and (own.used or 0) > 0:
        yield Finding(
            check="own-subnet",
            level="problem",
            found=f"subnet {own.name} has {', '.join(own.prefixes)}, where {own.used} addresses are in use; "
            f"the settings say {wanted.own_range}",
            needed="a subnet without pod VMs, because Azure does not move them",
            fix=f"stop the peer pods first; or {_SET.format(value=own.prefixes[0])}",
        )
    if (room := ranges.usable([wanted.own_range])) < wanted.pods:
        yield Finding(
            check="own-subnet",
            level="problem",
            found=f"{wanted.own_range} has {room} addresses for pod VMs",
            needed=f"{wanted.pods}: peerPods.limitPerNode {wanted.limit_per_node} on {len(wanted.nodes)} nodes",
            fix=_larger(vnet, wanted, own),
        )


def _overlaps(vnet: Vnet, wanted: Wanted, own: Subnet | None) -> Iterator[Finding]:
    for subnet in vnet.subnets:
        met = [prefix for prefix in subnet.prefixes if ranges.overlap(prefix, wanted.own_range)]
        if subnet is not own and met:
            yield Finding(
                check="own-subnet",
                level="problem",
                found=f"{wanted.own_range} overlaps {', '.join(met)} of subnet {subnet.name}",
                needed="a range that no other subnet of the VNet has",
                fix=_other_range(vnet, wanted, own),
            )


def _own(vnet: Vnet, wanted: Wanted) -> Subnet | None:
    return next((each for each in vnet.subnets if each.name.casefold() == wanted.own_name.casefold()), None)


def _other_range(vnet: Vnet, wanted: Wanted, own: Subnet | None) -> str:
    return _suggest(vnet, own, IPv4Network(wanted.own_range).prefixlen)


def _larger(vnet: Vnet, wanted: Wanted, own: Subnet | None) -> str:
    length = 32 - (wanted.pods + ranges.RESERVED - 1).bit_length()
    fewer = ranges.usable([wanted.own_range]) // max(1, len(wanted.nodes))
    lower = f"pulumi config set --path 'coco-azure:peerPods.limitPerNode' {fewer}"
    return _suggest(vnet, own, length) + (f"; or fewer pods: {lower}" if fewer else "")


def _suggest(vnet: Vnet, own: Subnet | None, length: int) -> str:
    taken = [prefix for subnet in vnet.subnets if subnet is not own for prefix in subnet.prefixes]
    found = ranges.free(vnet.prefixes, taken, length)
    if found is not None:
        return _SET.format(value=found)
    group, name = vnet.id.split("/")[4], _name(vnet.id)
    return (
        f"no /{length} is free in the VNet; add a range to it: az network vnet update -g {group} -n {name} "
        f"--add addressSpace.addressPrefixes RANGE, then {_SET.format(value='RANGE')}"
    )


def _name(arm_id: str) -> str:
    return arm_id.rsplit("/", 1)[-1]
