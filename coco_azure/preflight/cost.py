"""What Azure charges for by the hour of what a stack makes, as counts: how many of which at most, and never a price.

Prices differ by region, contract and day. https://azure.microsoft.com/pricing/calculator takes these counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from coco_azure.inventory.requirements import Requirements


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """Counts of what costs; names are those of the stack's output ``costDrivers``.

    Attributes:
        podVMs: most pod VMs at the same time; each has an OS disk and a network interface.
        confidential: whether they are confidential VMs.
        sizes: sizes that each of them may have, the default size first.
        natGateways, publicIPs: what the stack's own subnet has; a shared subnet's are somebody else's.
        imageVersions: pod VM images that the operator stores in a gallery of the cluster's resource group.
    """

    podVMs: int  # noqa: N815 - as the output says it
    confidential: bool
    sizes: tuple[str, ...]
    natGateways: int  # noqa: N815
    publicIPs: int  # noqa: N815
    imageVersions: int  # noqa: N815

    def output(self) -> Mapping[str, object]:
        """Return the counts as plain values."""
        return {**asdict(self), "sizes": list(self.sizes)}


def drivers(requirements: Requirements) -> Drivers:
    """Return how many of each thing that costs there are at most."""
    own = 1 if requirements.azure.own_subnet is not None and requirements.azure.own_subnet.nat_gateway.enabled else 0
    sizes = sorted(requirements.peer_pods.sizes, key=lambda name: name != requirements.peer_pods.size)
    return Drivers(
        podVMs=requirements.pods,
        confidential=requirements.peer_pods.confidential,
        sizes=tuple(sizes),
        natGateways=own,
        publicIPs=own,
        imageVersions=0 if requirements.peer_pods.own_image else 1,
    )


def text(counts: Drivers, requirements: Requirements) -> str:
    """Return the counts as a person reads them."""
    kind = "confidential VM" if counts.confidential else "VM"
    per_node = f"{requirements.peer_pods.limit_per_node} a node on {_count(len(requirements.nodes), 'node')}"
    parts = [
        f"at most {_count(counts.podVMs, kind)} at a time ({per_node}), with OS disk, of {', '.join(counts.sizes)}",
        _count(counts.natGateways, "NAT gateway"),
        _count(counts.publicIPs, "public IP address"),
        _count(counts.imageVersions, "stored image version"),
    ]
    summary = "; ".join(part for part in parts if not part.startswith("0 "))
    return f"What costs by the hour (counts, no prices): {summary}."


def _count(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number} {what}es" if what.endswith("s") else f"{number} {what}s"
