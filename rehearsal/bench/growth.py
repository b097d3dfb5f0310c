"""How previews and roll-outs grow with what a stack has: client secrets, and workloads with initdata of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.bench.main_job import INSTANT
from rehearsal.bench.stage import Run, settings, stage
from rehearsal.toolchain.cache import Say

SECRETS, WORKLOADS = (10, 100, 500), (1, 10, 50)
_WRITES_ONCE = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Has the engine write its state only at the end (pulumi ``pkg/backend/snapshot.go``).

For measuring: a run that is killed then has lost what it made.
"""


@dataclass
class Size:
    """Runs with one size, one of each kind a round, on a cluster without anything.

    Attributes:
        count: how many there are.
        preview: previews.
        up: roll-outs.
        unwritten: roll-outs whose state is written once, at the end.
    """

    count: int
    preview: list[Run] = field(default_factory=list)
    up: list[Run] = field(default_factory=list)
    unwritten: list[Run] = field(default_factory=list)


@dataclass
class Growth:
    """The sizes of one thing that grows, the smallest first."""

    name: str
    sizes: list[Size]


def growth(
    root: Path, rounds: int, say: Say, secrets: Sequence[int] = SECRETS, workloads: Sequence[int] = WORKLOADS
) -> list[Growth]:
    """Return both growths; each round has every size once."""
    cases: list[tuple[Growth, Callable[[int], dict[str, Any]]]] = [
        (Growth("client secrets", list(map(Size, secrets))), _secrets),
        (Growth("workloads with initdata of their own", list(map(Size, workloads))), _workloads),
    ]
    for number in range(rounds):
        for case, case_settings in cases:
            for size in case.sizes:
                say(f"growth, round {number + 1} of {rounds}: {size.count} {case.name}")
                _measure(root, size, case_settings(size.count))
    return [case for case, _ in cases]


def _measure(root: Path, size: Size, settings: dict[str, Any]) -> None:
    with stage(root, INSTANT) as place:
        place.configure(settings)
        size.preview.append(place.run("preview"))
        size.up.append(place.run("up"))
    with stage(root, INSTANT) as place:
        place.configure(settings)
        size.unwritten.append(place.run("up", environment=_WRITES_ONCE))


def _secrets(count: int) -> dict[str, Any]:
    names = {f"secret{number}": {"key": "generated"} for number in range(count - 1)}
    listed = {"secrets": ["kbsres1", *names]}
    return settings(clientSecrets={"kbsres1": {"key1": "generated"}, **names}, initdata=listed)


def _workloads(count: int) -> dict[str, Any]:
    images = {f"app{number}": {"allowedImages": [f"quay.io/rehearsal/app{number}"]} for number in range(count)}
    return settings(initdata={"workloads": images})
