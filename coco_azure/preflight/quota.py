"""Quota: vCPUs of each family, and of the region, for as many pod VMs as there may be.

Source: ``Microsoft.Compute/locations/{region}/usages``: one entry for each family (``standardDCASv5Family``) and one
for the whole region (``cores``). Confidential families have a limit of 0 in many new subscriptions.
"""

from collections.abc import Iterator, Sequence

from coco_azure.inventory.azure_facts import AzureFacts, Size, Usage
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

REGION = "cores"
"""Name of the quota of all families of a region together."""


def problems(facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    """Yield quotas that do not cover all pod VMs at their largest size."""
    if facts.sizes is None or facts.usages is None or not wanted.pods:
        return
    offered = {size.name.lower(): size for size in facts.sizes.values()}
    sizes = [offered[name.lower()] for name in wanted.peer_pods.sizes if name.lower() in offered]
    usages = {name.lower(): usage for name, usage in facts.usages.items()}
    for family in sorted({size.family for size in sizes}):
        largest = _largest([size for size in sizes if size.family == family])
        usage = usages.get(family.lower())
        # A family that is not listed has no quota of its own to ask for.
        yield from _short(usage or Usage(name=family, used=0, limit=0), largest, facts, wanted)
    if sizes and REGION in usages:
        yield from _short(usages[REGION], _largest(sizes), facts, wanted)


def _largest(sizes: Sequence[Size]) -> Size:
    return max(sizes, key=lambda size: size.vcpus)


def _short(usage: Usage, size: Size, facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    needed = wanted.pods * size.vcpus
    # Pod VMs that run already are among those that are used, and among those that are needed.
    own = min(usage.used, wanted.running * size.vcpus)
    if usage.limit - usage.used + own >= needed:
        return
    what = f"all vCPUs of {facts.region}" if usage.name.lower() == REGION else f"{usage.name} in {facts.region}"
    mine = f", of which at most {own} by the {wanted.running} pod VMs of this cluster" if own else ""
    nodes = len(wanted.nodes)
    yield Finding(
        check="quota",
        level="problem",
        found=f"{what}: limit {usage.limit}, in use {usage.used}{mine}",
        needed=(
            f"{needed} vCPUs: {wanted.peer_pods.limit_per_node} pods x {nodes} node{'s' if nodes > 1 else ''} x "
            f"{size.vcpus} ({size.name})"
        ),
        fix=_fix(usage, size, facts, wanted, needed - own),
    )


def _fix(usage: Usage, size: Size, facts: AzureFacts, wanted: Requirements, more: int) -> str:
    limit = usage.used + more
    scope = f"/subscriptions/{facts.subscription}/providers/Microsoft.Compute/locations/{facts.region}"
    raised = (
        f"az quota update --resource-name {usage.name} --scope {scope} "
        f"--limit-object value={limit} limit-object-type=LimitValue"
    )
    room = max(0, usage.limit - usage.used) // (size.vcpus * len(wanted.nodes))
    fewer = (
        f"fewer pods: pulumi config set --path coco-azure:peerPods.limitPerNode {room}"
        if room
        else "a size of another family, smaller sizes in peerPods.instanceSizes, or VMs that nobody needs (az vm list)"
    )
    return f"{raised}\nor {fewer}"
