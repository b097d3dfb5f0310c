"""What Azure charges for, as rows of a table: how many at most, from the counts of ``coco_azure.preflight.cost``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ROWS = (
    ("natGateways", "NAT gateway of the stack's own subnet", "by the hour, and by the data that goes through it"),
    ("publicIPs", "public IP address of that gateway", "by the hour"),
    ("imageVersions", "pod VM image that the operator stores in a gallery", "by its size, as long as it is stored"),
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One thing that costs.

    Attributes:
        what: its name.
        count: how many there are at most.
        sizes: sizes that each of them may have, the default one first; empty where there is no choice.
        charged: what Azure counts.
    """

    what: str
    count: int
    sizes: tuple[str, ...] = ()
    charged: str


def of(drivers: Mapping[str, Any]) -> tuple[Cost, ...]:
    """Return a row for each thing of which there may be one."""
    return tuple(row for row in _rows(drivers) if row.count > 0)


def _rows(drivers: Mapping[str, Any]) -> Iterator[Cost]:
    yield Cost(
        what=f"{'confidential ' if drivers.get('confidential') else ''}VM of a pod, with its OS disk",
        count=int(drivers.get("podVMs", 0)),
        sizes=tuple(map(str, drivers.get("sizes", ()))),
        charged="by the hour, as long as the pod is there",
    )
    for key, what, charged in _ROWS:
        yield Cost(what=what, count=int(drivers.get(key, 0)), charged=charged)
