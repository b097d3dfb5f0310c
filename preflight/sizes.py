"""VM sizes: offered in the region, not restricted for the subscription, confidential by the right TEE.

Source: ``Microsoft.Compute/skus``, whose capability ``ConfidentialComputingType`` is ``SNP`` or ``TDX`` at confidential
sizes, and whose ``restrictions`` are those of the asking subscription. Cloud-api-adaptor names no zone for a pod VM
(``src/cloud-providers/azure/provider.go`` getVMParameters), so a size has to be had in some zone of the region.
"""

from collections.abc import Iterator, Sequence

from preflight.facts import AzureFacts, Size
from preflight.model import Finding
from preflight.wanted import Wanted

SETTING = "pulumi config set --path 'coco-azure:peerPods.instanceSizes[{place}]' {value}"
_SUGGESTED = 4
_NAMES = {"snp": "SNP (DCasv5, ECasv5)", "tdx": "TDX (DCesv5, ECesv5, ECedsv5)"}


def problems(facts: AzureFacts, wanted: Wanted) -> Iterator[Finding]:
    """Yield what is wrong with the wanted sizes."""
    if facts.sizes is None:
        return
    offered = {size.name.lower(): size for size in facts.sizes.values()}
    for name in wanted.sizes:
        size = offered.get(name.lower())
        found = _absent(name, facts, wanted) if size is None else _unfit(size, facts, wanted)
        yield from found


def _absent(name: str, facts: AzureFacts, wanted: Wanted) -> Iterator[Finding]:
    yield Finding(
        check="sizes",
        level="problem",
        found=f"{name} is not offered in {facts.region}",
        needed="every size that a pod may ask for; its pods stay ContainerCreating forever",
        fix=_instead(name, facts, wanted),
    )


def _unfit(size: Size, facts: AzureFacts, wanted: Wanted) -> Iterator[Finding]:
    if wanted.confidential and size.tee.lower() != wanted.tee:
        said = f"has the TEE {size.tee}" if size.tee else "is not confidential"
        yield Finding(
            check="sizes",
            level="problem",
            found=f"{size.name} {said}",
            needed=f"a size of peerPods.tee: {_NAMES[wanted.tee]}",
            fix=_instead(size.name, facts, wanted),
        )
    if not wanted.confidential and size.tee:
        yield Finding(
            check="sizes",
            level="warning",
            found=f"{size.name} is a confidential size, and peerPods.confidential is false",
            needed="a size without TEE: Azure may refuse a VM of this size that has no security type",
            fix=_instead(size.name, facts, wanted),
        )
    yield from _restricted(size, facts, wanted)


def _restricted(size: Size, facts: AzureFacts, wanted: Wanted) -> Iterator[Finding]:
    regional = [each for each in size.restrictions if not each.zones]
    if regional:
        yield Finding(
            check="sizes",
            level="problem",
            found=f"{size.name} is restricted in {facts.region}: {', '.join(each.reason for each in regional)}",
            needed="a size that this subscription can have",
            fix=f"ask for access (https://aka.ms/azureskunotavailable), or\n{_instead(size.name, facts, wanted)}",
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
        fix=f"ask for access (https://aka.ms/azureskunotavailable), or\n{_instead(size.name, facts, wanted)}",
    )


def _instead(name: str, facts: AzureFacts, wanted: Wanted) -> str:
    """Return the commands that put a size into the place of another.

    All of the list is set, because it may be the default one, which the stack's file does not have.
    """
    fit = fitting(facts, wanted)
    value = fit[0] if fit else "SIZE"
    sizes = [value if size.lower() == name.lower() else size for size in wanted.sizes]
    commands = [SETTING.format(place=place, value=size) for place, size in enumerate(sizes)]
    if name.lower() == wanted.size.lower():
        commands.append(f"pulumi config set --path coco-azure:peerPods.instanceSize {value}")
    return "\n".join([*commands, _others(facts, wanted, fit)])


def _others(facts: AzureFacts, wanted: Wanted, fit: Sequence[str]) -> str:
    if fit:
        return f"({facts.region} has, beside those wanted: {', '.join(fit)})"
    tee = f" of {wanted.tee.upper()}" if wanted.confidential else ""
    listed = (
        f"az vm list-skus -l REGION -r virtualMachines --query \"[?starts_with(name, '{_stem(wanted.size)}')].name\""
    )
    return f"({facts.region} has no other size{tee}; other regions: {listed})"


def _stem(name: str) -> str:
    return name[: len("Standard_DC")]


def fitting(facts: AzureFacts, wanted: Wanted) -> list[str]:
    """Return a few sizes of the region that the subscription can have and that are not wanted yet, small ones first."""
    already = {size.lower() for size in wanted.sizes}
    fit = [
        size
        for size in (facts.sizes or {}).values()
        if (size.tee.lower() == wanted.tee if wanted.confidential else not size.tee)
        and not size.restrictions
        and size.name.lower() not in already
    ]
    return [size.name for size in sorted(fit, key=lambda size: (size.vcpus, size.name))][:_SUGGESTED]
