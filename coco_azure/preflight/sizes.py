"""VM sizes: offered in the region, not restricted for the subscription, confidential by the right TEE.

Source: ``Microsoft.Compute/skus``, whose capability ``ConfidentialComputingType`` is ``SNP`` or ``TDX`` at confidential
sizes, and whose ``restrictions`` are those of the asking subscription. Cloud-api-adaptor names no zone for a pod VM
(``src/cloud-providers/azure/provider.go`` getVMParameters), so a size has to be had in some zone of the region.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle

from coco_azure.inventory.azure_facts import AzureFacts, Size
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

SETTING = "pulumi config set --path 'coco-azure:peerPods.instanceSizes[{place}]' {value}"
_SUGGESTED = 4
_NAMES = {"snp": "SNP (DCasv5, ECasv5)", "tdx": "TDX (DCesv5, ECesv5, ECedsv5)"}
_problem = partial(Finding, check="sizes", level="problem")


def problems(facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the wanted sizes."""
    if facts.sizes is None:
        return
    offered = {size.name.lower(): size for size in facts.sizes.values()}
    findings: list[tuple[str, Finding]] = []
    for name in wanted.peer_pods.sizes:
        size = offered.get(name.lower())
        of_size = _absent(name, facts) if size is None else _unfit(size, facts, wanted)
        findings += [(name.lower(), finding) for finding in of_size]
    # One list of sizes for all rows: a row that puts one size right would put the others back.
    instead = _instead({name for name, _ in findings}, facts, wanted)
    for _, finding in findings:
        yield replace(finding, fix=finding.fix + instead)


def _absent(name: str, facts: AzureFacts) -> Iterator[Finding]:
    yield _problem(
        found=f"{name} is not offered in {facts.region}",
        needed="every size that a pod may ask for; its pods stay ContainerCreating forever",
        fix="",
    )


def _unfit(size: Size, facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    if wanted.peer_pods.confidential and size.tee.lower() != wanted.peer_pods.tee:
        state = f"has the TEE {size.tee}" if size.tee else "is not confidential"
        yield _problem(
            found=f"{size.name} {state}",
            needed=f"a size of peerPods.tee: {_NAMES[wanted.peer_pods.tee]}",
            fix="",
        )
    if not wanted.peer_pods.confidential and size.tee:
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


def _instead(wrong: Collection[str], facts: AzureFacts, wanted: Requirements) -> str:
    """Return the commands that put other sizes into the place of those that are wrong, named in lower case.

    All of the list is set, because it may be the default one, which the stack's file does not have.
    """
    fit = fitting(facts, wanted)
    others = cycle(fit or ["SIZE"])
    by_name = {size.lower(): next(others) for size in wanted.peer_pods.sizes if size.lower() in wrong}
    sizes = [by_name.get(size.lower(), size) for size in wanted.peer_pods.sizes]
    commands = [SETTING.format(place=place, value=size) for place, size in enumerate(sizes)]
    if value := by_name.get(wanted.peer_pods.size.lower()):
        commands.append(f"pulumi config set --path coco-azure:peerPods.instanceSize {value}")
    return "\n".join([*commands, _others(facts, wanted, fit)])


def _others(facts: AzureFacts, wanted: Requirements, fit: Sequence[str]) -> str:
    if fit:
        return f"({facts.region} has, beside those wanted: {', '.join(fit)})"
    tee = f" of {wanted.peer_pods.tee.upper()}" if wanted.peer_pods.confidential else ""
    stem = wanted.peer_pods.size[: len("Standard_DC")]
    listed = f"az vm list-skus -l REGION -r virtualMachines --query \"[?starts_with(name, '{stem}')].name\""
    return f"({facts.region} has no other size{tee}; other regions: {listed})"


def fitting(facts: AzureFacts, wanted: Requirements) -> list[str]:
    """Return a few sizes of the region that the subscription can have and that are not wanted yet, small ones first."""
    already = {size.lower() for size in wanted.peer_pods.sizes}
    fit = [
        size
        for size in (facts.sizes or {}).values()
        if (size.tee.lower() == wanted.peer_pods.tee if wanted.peer_pods.confidential else not size.tee)
        and not size.restrictions
        and size.name.lower() not in already
    ]
    return [size.name for size in sorted(fit, key=lambda size: (size.vcpus, size.name))][:_SUGGESTED]
