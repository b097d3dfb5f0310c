"""VM sizes: offered in the region, confidential by the right TEE, within the quota, and likely to be had.

Source: ``Microsoft.Compute/skus``, whose capability ``ConfidentialComputingType`` is ``SNP`` or ``TDX`` at confidential
sizes, and whose ``restrictions`` are those of the asking subscription. Cloud-api-adaptor names no zone for a pod VM
(``src/cloud-providers/azure/provider.go`` getVMParameters), so a size has to be had in some zone of the region.

Source: ``Microsoft.Compute/locations/{region}/usages``: one entry for each family (``standardDCASv5Family``) and one
for the whole region (``cores``). Confidential families have a limit of 0 in many new subscriptions.

Azure has no API that tells for ordinary VMs whether there are machines. Three give a hint. Restrictions of a size say
that a subscription is shut out. Quota says what a subscription may have, not what there is. Spot placement scores
(``Microsoft.Compute/locations/{region}/placementScores/spot/generate``, 2025-06-05) say how likely so many Spot VMs are
to be placed, from the capacity that is left: ``High``, ``Medium``, ``Low``, ``RestrictedSkuNotAvailable`` or
``DataNotFoundOrStale``. The last is no word, and neither is an error: few identities have the right to ask (role
Compute Recommendations Role).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle

from coco_azure.inventory.azure_facts import AzureFacts, Size, Usage
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

SETTING = "pulumi config set --path 'coco-azure:peerPods.instanceSizes[{place}]' {value}"
_SUGGESTED = 4
_NAMES = {"snp": "SNP (DCasv5, ECasv5)", "tdx": "TDX (DCesv5, ECesv5, ECedsv5)"}
_problem = partial(Finding, check="sizes", level="problem")


def problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the wanted sizes."""
    if facts.sizes is None:
        return
    offered = {size.name.lower(): size for size in facts.sizes.values()}
    findings: list[tuple[str, Finding]] = []
    for name in requirements.peer_pods.sizes:
        size = offered.get(name.lower())
        of_size = _absent(name, facts) if size is None else _unfit(size, facts, requirements)
        findings += [(name.lower(), finding) for finding in of_size]
    # One list of sizes for all rows: a row that puts one size right would put the others back.
    instead = _instead({name for name, _ in findings}, facts, requirements)
    for _, finding in findings:
        yield replace(finding, fix=finding.fix + instead)


def _absent(name: str, facts: AzureFacts) -> Iterator[Finding]:
    yield _problem(
        found=f"{name} is not offered in {facts.region}",
        needed="every size that a pod may ask for; its pods stay ContainerCreating forever",
        fix="",
    )


def _unfit(size: Size, facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    if requirements.peer_pods.confidential and size.tee.lower() != requirements.peer_pods.tee:
        state = f"has the TEE {size.tee}" if size.tee else "is not confidential"
        yield _problem(
            found=f"{size.name} {state}",
            needed=f"a size of peerPods.tee: {_NAMES[requirements.peer_pods.tee]}",
            fix="",
        )
    if not requirements.peer_pods.confidential and size.tee:
        yield Finding(
            check="sizes",
            level="warning",
            found=f"{size.name} is a confidential size, and peerPods.confidential is false",
            needed="a size without TEE: Azure may refuse a VM of this size that has no security type",
            fix="",
        )
    yield from _restricted(size, facts)


def _restricted(size: Size, facts: AzureFacts) -> Iterator[Finding]:
    regional = [each for each in size.restrictions if not each.zones]
    if regional:
        yield _problem(
            found=f"{size.name} is restricted in {facts.region}: {', '.join(each.reason for each in regional)}",
            needed="a size that this subscription can have",
            fix="ask for access (https://aka.ms/azureskunotavailable), or\n",
        )
        return
    shut = {zone: each.reason for each in size.restrictions for zone in each.zones if zone in size.zones}
    if not shut:
        return
    left = sorted(set(size.zones) - set(shut))
    reasons = ", ".join(sorted(set(shut.values())))
    yield Finding(
        check="zones",
        level="warning" if left else "problem",
        found=f"{size.name} is restricted in zone {', '.join(sorted(shut))} of {facts.region}: {reasons}",
        needed=f"only zone {', '.join(left)} is left" if left else "a zone where this subscription can have it",
        fix="ask for access (https://aka.ms/azureskunotavailable), or\n",
    )


def _instead(wrong: Collection[str], facts: AzureFacts, requirements: Requirements) -> str:
    """Return the commands that put other sizes into the place of those that are wrong, named in lower case.

    All of the list is set, because it may be the default one, which the stack's file does not have.
    """
    fit = fitting(facts, requirements)
    others = cycle(fit or ["SIZE"])
    by_name = {size.lower(): next(others) for size in requirements.peer_pods.sizes if size.lower() in wrong}
    sizes = [by_name.get(size.lower(), size) for size in requirements.peer_pods.sizes]
    commands = [SETTING.format(place=place, value=size) for place, size in enumerate(sizes)]
    if value := by_name.get(requirements.peer_pods.size.lower()):
        commands.append(f"pulumi config set --path coco-azure:peerPods.instanceSize {value}")
    return "\n".join([*commands, _others(facts, requirements, fit)])


def _others(facts: AzureFacts, requirements: Requirements, fit: Sequence[str]) -> str:
    if fit:
        return f"({facts.region} has, beside those wanted: {', '.join(fit)})"
    tee = f" of {requirements.peer_pods.tee.upper()}" if requirements.peer_pods.confidential else ""
    stem = requirements.peer_pods.size[: len("Standard_DC")]
    listed = f"az vm list-skus -l REGION -r virtualMachines --query \"[?starts_with(name, '{stem}')].name\""
    return f"({facts.region} has no other size{tee}; other regions: {listed})"


def fitting(facts: AzureFacts, requirements: Requirements) -> list[str]:
    """Return a few sizes of the region that the subscription can have and that are not wanted yet, small ones first."""
    already = {size.lower() for size in requirements.peer_pods.sizes}
    fit = [
        size
        for size in (facts.sizes or {}).values()
        if (size.tee.lower() == requirements.peer_pods.tee if requirements.peer_pods.confidential else not size.tee)
        and not size.restrictions
        and size.name.lower() not in already
    ]
    return [size.name for size in sorted(fit, key=lambda size: (size.vcpus, size.name))][:_SUGGESTED]


REGION = "cores"
"""Name of the quota of all families of a region together."""


def quota_problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield quotas that do not cover all pod VMs at their largest size."""
    if facts.sizes is None or facts.usages is None or not requirements.pods:
        return
    offered = {size.name.lower(): size for size in facts.sizes.values()}
    sizes = [offered[name.lower()] for name in requirements.peer_pods.sizes if name.lower() in offered]
    usages = {name.lower(): usage for name, usage in facts.usages.items()}
    for family in sorted({size.family for size in sizes}):
        largest = _largest([size for size in sizes if size.family == family])
        usage = usages.get(family.lower())
        # A family that is not listed has no quota of its own to ask for.
        yield from _short(usage or Usage(name=family, used=0, limit=0), largest, facts, requirements)
    if sizes and REGION in usages:
        yield from _short(usages[REGION], _largest(sizes), facts, requirements)


def _largest(sizes: Sequence[Size]) -> Size:
    return max(sizes, key=lambda size: size.vcpus)


def _short(usage: Usage, size: Size, facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    needed = requirements.pods * size.vcpus
    # Pod VMs that run already are among those that are used, and among those that are needed.
    own = min(usage.used, requirements.running * size.vcpus)
    if usage.limit - usage.used + own >= needed:
        return
    what = f"all vCPUs of {facts.region}" if usage.name.lower() == REGION else f"{usage.name} in {facts.region}"
    mine = f", of which at most {own} by the {requirements.running} pod VMs of this cluster" if own else ""
    nodes = len(requirements.nodes)
    yield Finding(
        check="quota",
        level="problem",
        found=f"{what}: limit {usage.limit}, in use {usage.used}{mine}",
        needed=(
            f"{needed} vCPUs: {requirements.peer_pods.limit_per_node} pods x {nodes} node{'s' if nodes > 1 else ''} x "
            f"{size.vcpus} ({size.name})"
        ),
        fix=_fix(usage, size, facts, requirements, needed - own),
    )


def _fix(usage: Usage, size: Size, facts: AzureFacts, requirements: Requirements, more: int) -> str:
    limit = usage.used + more
    scope = f"/subscriptions/{facts.subscription}/providers/Microsoft.Compute/locations/{facts.region}"
    raised = (
        f"az quota update --resource-name {usage.name} --scope {scope} "
        f"--limit-object value={limit} limit-object-type=LimitValue"
    )
    room = max(0, usage.limit - usage.used) // (size.vcpus * len(requirements.nodes))
    fewer = (
        f"fewer pods: pulumi config set --path coco-azure:peerPods.limitPerNode {room}"
        if room
        else "a size of another family, smaller sizes in peerPods.instanceSizes, or VMs that nobody needs (az vm list)"
    )
    return f"{raised}\nor {fewer}"


POOR_SCORES = {
    "low": "Low: little is left of it",
    "restrictedskunotavailable": "RestrictedSkuNotAvailable: none can be had now",
}
"""What a placement score comes to; other scores are no reason to worry, or none at all."""


def capacity_problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield sizes of which Azure says that there are few or none."""
    offered = None if facts.sizes is None else {name.lower() for name in facts.sizes}
    for name in requirements.peer_pods.sizes:
        why = POOR_SCORES.get((facts.capacity or {}).get(name, ""))
        # Of a size that is not offered at all, coco_azure.preflight.sizes says enough.
        if why and (offered is None or name.lower() in offered):
            yield Finding(
                check="capacity",
                level="warning",
                found=f"spot placement score of {name} in {facts.region} is {why}",
                needed="machines that are free; pods of it may fail with AllocationFailed or SkuNotAvailable",
                fix=(
                    "add a second size to peerPods.instanceSizes, reserve capacity (az capacity reservation create), "
                    "or take another region"
                ),
            )
