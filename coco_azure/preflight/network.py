"""Whether the pod VMs' subnet can take them, or one of their own be made, and whether they get out of it.

A pod VM has one network interface with one IPv4 address and no public one (cloud-api-adaptor
``src/cloud-providers/azure/provider.go`` buildNetworkConfig). It is in no backend pool of a load balancer, so the
outbound rules that nodes go out by are not its own. What is left: a route to an appliance, a NAT gateway, or Azure's
default outbound access, which Microsoft retires (learn.microsoft.com, "Default outbound access in Azure"). A route goes
before a NAT gateway.
"""

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network

from coco_azure.clients import arm_ids as arm
from coco_azure.inventory.azure_facts import AzureFacts, RouteTable, Subnet, Vnet
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import spans
from coco_azure.preflight.model import Finding

_SERVICES = frozenset({"gatewaysubnet", "azurefirewallsubnet", "azurefirewallmanagementsubnet", "azurebastionsubnet"})
_OWN = "pulumi config set --path coco-azure:azure.ownSubnet.addressRange RANGE (a subnet of the pod VMs' own)"
_ANOTHER = "pulumi config set --path coco-azure:azure.subnetId ID (another subnet)"
_EVERYWHERE = spans.ADDRESSES
_problem = partial(Finding, check="subnet", level="problem")
_DEAD_ENDS = {"none": "drops what goes there", "vnetlocal": "keeps it in the VNet"}


def problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the subnet (check ``subnet``) and its outbound connectivity (check ``outbound``)."""
    yield from _vnet(facts)
    if facts.subnet is not None:
        yield from _kind(facts.subnet)
        yield from _addresses(facts.subnet, requirements)
        planned = requirements.azure.own_subnet
        own = planned is not None and arm.same(facts.subnet.name, planned.name)
        yield from _outbound(facts, facts.subnet, own=own)


def _vnet(facts: AzureFacts) -> Iterator[Finding]:
    vnet, workers = facts.vnet, facts.workers
    if vnet is None:
        return
    if not arm.same(vnet.location, facts.region):
        yield _problem(
            found=f"VNet {arm.name_of(vnet.id)} is in {vnet.location}, and pod VMs go to {facts.region}",
            needed="both in one region: a network interface is in the region of its VNet",
            fix=f"pulumi config set --path coco-azure:azure.region {vnet.location}",
        )
    reached = spans.of_prefixes((*vnet.prefixes, *vnet.peered))
    if workers and not arm.within(workers.id, vnet.id) and spans.without(spans.of_prefixes(workers.prefixes), reached):
        yield _problem(
            found=(
                f"the worker nodes' subnet {workers.name} ({', '.join(workers.prefixes)}) is neither in VNet "
                f"{arm.name_of(vnet.id)} nor in one that it is peered with"
            ),
            needed="a way from worker to pod VM: cloud-api-adaptor connects to it by its private address",
            fix=(
                f"a subnet of the workers' VNet: {_ANOTHER}; or peer the two, from both sides: az network vnet peering "
                f"create {arm.flags(vnet.id)} --vnet-name {arm.name_of(vnet.id)} --name to-workers --remote-vnet "
                f"{workers.id.partition('/subnets/')[0]} --allow-vnet-access"
            ),
        )


def _kind(subnet: Subnet) -> Iterator[Finding]:
    if subnet.delegations:
        yield _problem(
            found=f"subnet {subnet.name} is delegated to {', '.join(subnet.delegations)}",
            needed="a subnet without delegation: Azure refuses the network interface of a VM in this one",
            fix=f"{_OWN}\nor {_ANOTHER}",
        )
    if subnet.name.lower() in _SERVICES:
        yield _problem(
            found=f"subnet {subnet.name} is for a service of Azure's",
            needed="a subnet for VMs: Azure refuses the network interface of a VM in this one",
            fix=f"{_OWN}\nor {_ANOTHER}",
        )


def _addresses(subnet: Subnet, requirements: Requirements) -> Iterator[Finding]:
    """Yield whether addresses are missing: one for each pod VM to come; those of pod VMs that run count as had."""
    if subnet.used is None or not spans.of_prefixes(subnet.prefixes):
        return
    available = spans.usable(subnet.prefixes)
    free = max(available - subnet.used, 0)
    # The image job takes an address for the while it works (a private endpoint, ``azure-podvm-image-handler.sh``).
    job = int(requirements.builds)
    had = subnet.pod_vms or requirements.running
    missing = (requirements.pods or 1) + job - had - free
    if missing <= 0:
        return
    fewer = (free + had - job) // max(len(requirements.nodes), 1)
    less = f"\nor fewer: pulumi config set --path coco-azure:peerPods.limitPerNode {fewer}" if fewer > 0 else ""
    counted = (
        f"{requirements.peer_pods.limit_per_node} pod VMs on each of {len(requirements.nodes)} nodes"
        if requirements.nodes
        else "a pod VM"
    )
    running = f", {had} of them by pod VMs" if had else ""
    yield _problem(
        found=(
            f"subnet {subnet.name} ({', '.join(subnet.prefixes)}) has {free} free addresses: {available} without the "
            f"{spans.RESERVED} that Azure keeps, {subnet.used} taken{running}"
        ),
        needed=f"{missing} more: {counted}{', and one for the image job' if job else ''}",
        fix=f"{_OWN}\nor {_ANOTHER}{less}",
    )


def _outbound(facts: AzureFacts, subnet: Subnet, *, own: bool) -> Iterator[Finding]:
    hop = _default_hop(facts.routes) if facts.routes else ""
    if (why := _DEAD_ENDS.get(hop.lower())) and facts.routes:
        yield _no_way(
            f"route table {arm.name_of(facts.routes.id)} of subnet {subnet.name} {why} (0.0.0.0/0 to {hop})",
            f"az network route-table route list {arm.flags(facts.routes.id)} "
            f"--route-table-name {arm.name_of(facts.routes.id)} -o table",
        )
    elif own or (hop and hop.lower() != "internet"):
        # A subnet of the stack's own gets its NAT gateway in this run, where an earlier one was interrupted. Whether a
        # firewall or a gateway lets pod VMs out, it does not tell.
        return
    elif subnet.nat_gateway_id and facts.nat is not None:
        if not facts.nat.addresses:
            name = arm.name_of(facts.nat.id)
            yield _no_way(
                f"NAT gateway {name} of subnet {subnet.name} has no public IP address",
                f"az network public-ip create {arm.flags(facts.nat.id)} --name {name}-ip --sku Standard "
                f"--allocation-method Static\naz network nat gateway update {arm.flags(facts.nat.id)} --name {name} "
                f"--public-ip-addresses {name}-ip",
            )
    elif not subnet.nat_gateway_id:
        yield from _without_gateway(subnet, routed=bool(subnet.route_table_id and facts.routes is None))


def _without_gateway(subnet: Subnet, *, routed: bool) -> Iterator[Finding]:
    vnet = subnet.id.partition("/subnets/")[0]
    mend = (
        f"az network vnet subnet update {arm.flags(subnet.id)} --vnet-name {arm.name_of(vnet)} --name {subnet.name} "
        f"--nat-gateway ID (az network nat gateway create)\nor {_OWN}"
    )
    if routed:
        yield Finding(
            check="outbound",
            level="warning",
            found=f"subnet {subnet.name} has no NAT gateway, and its route table could not be read",
            needed=_NEEDED,
            fix=mend,
        )
    elif subnet.default_outbound is False:
        yield _no_way(
            f"subnet {subnet.name} is a private one (defaultOutboundAccess is false) without NAT gateway", mend
        )
    else:
        yield Finding(
            check="outbound",
            level="warning",
            found=(
                f"subnet {subnet.name} has no NAT gateway and no default route to an appliance: what is left is "
                "Azure's default outbound access, which new VNets lack, or a route that a gateway learns, which nobody "
                "sees here. A load balancer's outbound rules are for its own backends, and pod VMs are none"
            ),
            needed=_NEEDED,
            fix=mend,
        )


_NEEDED = "a way to the Internet: pod VMs pull images and reach Trustee; a NAT gateway, or a route to a firewall"


def _no_way(found: str, fix: str) -> Finding:
    return Finding(check="outbound", level="problem", found=found, needed=_NEEDED, fix=fix)


def _default_hop(routes: RouteTable) -> str:
    """Return where the Internet is routed to, by 0.0.0.0/0 or by two halves that go the same way; empty: not said."""
    read = [(spans.of_address(route.prefix), route.hop) for route in routes.routes]
    halves = {span: hop for span, hop in read if span in ((0, 2**31 - 1), (2**31, 2**32 - 1))}
    if len(halves) == 2 and len({hop.lower() for hop in halves.values()}) == 1:  # noqa: PLR2004 - both halves
        return next(iter(halves.values()))
    return next((hop for span, hop in read if span == _EVERYWHERE), "")


_SET = "pulumi config set --path 'coco-azure:azure.ownSubnet.addressRange' {value}"
_range_problem = partial(Finding, check="own-subnet", level="problem")


def own_subnet_problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the range of the own subnet (check ``own-subnet``).

    A subnet of the same name and range counts as the stack's own: a run that was interrupted meets it again.
    """
    planned, vnet = requirements.azure.own_subnet, facts.vnet
    if planned is None or vnet is None:
        return
    own = next((each for each in vnet.subnets if each.name.casefold() == planned.name.casefold()), None)
    addresses = planned.address_range
    room = spans.usable([addresses])
    in_use = own if own is not None and addresses not in own.prefixes and (own.used or 0) > 0 else None
    # One range for all rows: what one of them sets, another would set back.
    other = (
        _SET.format(value=in_use.prefixes[0]) if in_use else _suggest(vnet, own, _length(requirements, addresses, room))
    )
    if not spans.holds(vnet.prefixes, addresses):
        yield _range_problem(
            found=f"{addresses} is in no range of VNet {arm.name_of(vnet.id)} ({', '.join(vnet.prefixes)})",
            needed="a range inside one of them",
            fix=other,
        )
    yield from _overlaps(vnet, addresses, own, other)
    if in_use:
        yield _range_problem(
            found=f"subnet {in_use.name} has {', '.join(in_use.prefixes)}, where {in_use.used} addresses are in use; "
            f"the settings say {addresses}",
            needed="a subnet without pod VMs, because Azure does not move them",
            fix=f"stop the peer pods first; or {other}",
        )
    if room < requirements.pods:
        fewer = room // max(1, len(requirements.nodes))
        lower = f"; or fewer pods: pulumi config set --path 'coco-azure:peerPods.limitPerNode' {fewer}"
        yield _range_problem(
            found=f"{addresses} has {room} addresses for pod VMs",
            needed=(
                f"{requirements.pods}: peerPods.limitPerNode {requirements.peer_pods.limit_per_node} on "
                f"{len(requirements.nodes)} nodes"
            ),
            fix=other + (lower if fewer else ""),
        )


def _overlaps(vnet: Vnet, addresses: str, own: Subnet | None, fix: str) -> Iterator[Finding]:
    for subnet in vnet.subnets:
        met = [prefix for prefix in subnet.prefixes if spans.overlap(prefix, addresses)]
        if subnet is not own and met:
            yield _range_problem(
                found=f"{addresses} overlaps {', '.join(met)} of subnet {subnet.name}",
                needed="a range that no other subnet of the VNet has",
                fix=fix,
            )


def _length(requirements: Requirements, addresses: str, room: int) -> int:
    """Return the length of prefix that the pod VMs need, or of the range that is wanted where it has room for them."""
    if room >= requirements.pods:
        return IPv4Network(addresses).prefixlen
    return 32 - (requirements.pods + spans.RESERVED - 1).bit_length()


def _suggest(vnet: Vnet, own: Subnet | None, length: int) -> str:
    taken = [prefix for subnet in vnet.subnets if subnet is not own for prefix in subnet.prefixes]
    free_range = spans.free(vnet.prefixes, taken, length)
    if free_range is not None:
        return _SET.format(value=free_range)
    group, name = arm.group_of(vnet.id), arm.name_of(vnet.id)
    return (
        f"no /{length} is free in the VNet; add a range to it: az network vnet update -g {group} -n {name} "
        f"--add addressSpace.addressPrefixes RANGE, then {_SET.format(value='RANGE')}"
    )
