"""Whether the subnet of the stack's own fits into the VNet, beside its other subnets, and holds the pod VMs."""

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network

from coco_azure.clients import arm_ids as arm
from coco_azure.inventory.azure_facts import AzureFacts, Subnet, Vnet
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import ranges
from coco_azure.preflight.model import Finding

_SET = "pulumi config set --path 'coco-azure:azure.ownSubnet.addressRange' {value}"
_problem = partial(Finding, check="own-subnet", level="problem")


def problems(facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the range of the own subnet (check ``own-subnet``).

    A subnet of the same name and range counts as the stack's own: a run that was interrupted meets it again.
    """
    planned, vnet = wanted.azure.own_subnet, facts.vnet
    if planned is None or vnet is None:
        return
    own = next((each for each in vnet.subnets if each.name.casefold() == planned.name.casefold()), None)
    addresses = planned.address_range
    room = ranges.usable([addresses])
    in_use = own if own is not None and addresses not in own.prefixes and (own.used or 0) > 0 else None
    # One range for all rows: what one of them sets, another would set back.
    other = _SET.format(value=in_use.prefixes[0]) if in_use else _suggest(vnet, own, _length(wanted, addresses, room))
    if not ranges.holds(vnet.prefixes, addresses):
        yield _problem(
            found=f"{addresses} is in no range of VNet {arm.name_of(vnet.id)} ({', '.join(vnet.prefixes)})",
            needed="a range inside one of them",
            fix=other,
        )
    yield from _overlaps(vnet, addresses, own, other)
    if in_use:
        yield _problem(
            found=f"subnet {in_use.name} has {', '.join(in_use.prefixes)}, where {in_use.used} addresses are in use; "
            f"the settings say {addresses}",
            needed="a subnet without pod VMs, because Azure does not move them",
            fix=f"stop the peer pods first; or {other}",
        )
    if room < wanted.pods:
        fewer = room // max(1, len(wanted.nodes))
        lower = f"; or fewer pods: pulumi config set --path 'coco-azure:peerPods.limitPerNode' {fewer}"
        yield _problem(
            found=f"{addresses} has {room} addresses for pod VMs",
            needed=(
                f"{wanted.pods}: peerPods.limitPerNode {wanted.peer_pods.limit_per_node} on {len(wanted.nodes)} nodes"
            ),
            fix=other + (lower if fewer else ""),
        )


def _overlaps(vnet: Vnet, addresses: str, own: Subnet | None, fix: str) -> Iterator[Finding]:
    for subnet in vnet.subnets:
        met = [prefix for prefix in subnet.prefixes if ranges.overlap(prefix, addresses)]
        if subnet is not own and met:
            yield _problem(
                found=f"{addresses} overlaps {', '.join(met)} of subnet {subnet.name}",
                needed="a range that no other subnet of the VNet has",
                fix=fix,
            )


def _length(wanted: Requirements, addresses: str, room: int) -> int:
    """Return the length of prefix that the pod VMs need, or of the range that is wanted where it has room for them."""
    if room >= wanted.pods:
        return IPv4Network(addresses).prefixlen
    return 32 - (wanted.pods + ranges.RESERVED - 1).bit_length()


def _suggest(vnet: Vnet, own: Subnet | None, length: int) -> str:
    taken = [prefix for subnet in vnet.subnets if subnet is not own for prefix in subnet.prefixes]
    free_range = ranges.free(vnet.prefixes, taken, length)
    if free_range is not None:
        return _SET.format(value=free_range)
    group, name = arm.group_of(vnet.id), arm.name_of(vnet.id)
    return (
        f"no /{length} is free in the VNet; add a range to it: az network vnet update -g {group} -n {name} "
        f"--add addressSpace.addressPrefixes RANGE, then {_SET.format(value='RANGE')}"
    )
