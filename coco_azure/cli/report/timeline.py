"""The Gantt chart as data: rows in groups, bars as shares of the run's time, and the steps that it waited for."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coco_azure.cli.report import names
from coco_azure.cli.report.graph import Graph
from coco_azure.clients.engine_run import Run, Step

DELETIONS = frozenset({"delete", "delete-replaced"})


@dataclass(frozen=True, kw_only=True)
class Link:
    """A step on the critical path.

    Attributes:
        before: seconds between what it waited for and its own beginning: the program's and the engine's.
    """

    step: Step
    before: float


def critical(steps: Sequence[Step], graph: Graph, began: float) -> tuple[Link, ...]:
    """Return the path, the first step first.

    It is found from its end: the step that ended last; what it waited for that ended last; and so on. A resource waits
    for its dependencies and for its own deletion, a deletion for those of its dependents; what the program does not
    have any more is deleted after everything else.
    """
    by_urn, dependents = _by_urn(steps), _dependents(graph)
    path: list[Link] = []
    step = max(steps, key=_end, default=None)
    while step is not None:
        previous = max(_waited_for(step, graph, by_urn, dependents), key=_end, default=None)
        path.append(Link(step=step, before=max(0.0, step.began - (previous.ended if previous else began))))
        step = previous
    return tuple(reversed(path))


def _end(step: Step) -> tuple[float, int]:
    return step.ended, step.ended_as


def _by_urn(steps: Iterable[Step]) -> dict[str, list[Step]]:
    steps_of: dict[str, list[Step]] = {}
    for step in steps:
        steps_of.setdefault(step.urn, []).append(step)
    return steps_of


def _dependents(graph: Graph) -> Mapping[str, set[str]]:
    dependents: dict[str, set[str]] = {}
    for urn, needs in graph.needs.items():
        for other in needs:
            dependents.setdefault(other, set()).add(urn)
    return dependents


def _waited_for(
    step: Step, graph: Graph, by_urn: Mapping[str, Sequence[Step]], dependents: Mapping[str, set[str]]
) -> Iterator[Step]:
    deletes = step.operation in DELETIONS
    others = dependents.get(step.urn, ()) if deletes else graph.needs.get(step.urn, ())
    related = [other for urn in others for other in by_urn.get(urn, ()) if (other.operation in DELETIONS) == deletes]
    related += by_urn[step.urn]
    if step.operation == "delete":
        related += [other for steps in by_urn.values() for other in steps if other.operation not in DELETIONS]
    yield from (other for other in related if other.ended_as < step.began_as)


_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_TICKS = 8
LONG = 1.0
"""From how many seconds on a step counts as one that takes time."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A step in the chart.

    Attributes:
        left, width: in per cent of the whole.
        text: what it says in words.
    """

    step: Step
    left: float
    width: float
    critical: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A resource.

    Attributes:
        name, kind, title: of the resource, see ``Step``.
        start, end: when its first step began and its last one ended, in seconds after the start of the run.
        seconds: how long its steps took.
        messages: what was told while it was worked on, with seconds after the start of the run.
    """

    name: str
    kind: str
    title: str
    bars: tuple[Bar, ...]
    start: float
    end: float
    seconds: float
    messages: tuple[tuple[float, str], ...]

    @property
    def critical(self) -> bool:
        """Whether a step of it is on the critical path."""
        return any(bar.critical for bar in self.bars)

    @property
    def long(self) -> bool:
        """Whether it took time."""
        return any(bar.step.seconds >= LONG for bar in self.bars)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A component: its title, its rows, and when the first one began and the last one ended."""

    title: str
    rows: tuple[Row, ...]
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The whole chart.

    Attributes:
        groups: components in the order in which they ended.
        ticks: seconds after the start of the run, with their place in per cent.
        seconds: the whole.
    """

    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, float], ...]
    seconds: float


def chart(run: Run, path: Sequence[Link]) -> Chart:
    """Return the chart of a run; an empty one where nothing was done."""
    whole = max(1.0, run.ended - run.began)
    critical = {id(link.step) for link in path}
    by_urn: dict[str, list[Step]] = {}
    for step in run.steps:
        by_urn.setdefault(step.urn, []).append(step)
    rows: dict[str, list[Row]] = {}
    for urn, steps in by_urn.items():
        rows.setdefault(names.part(urn, run.parents), []).append(_row(run, steps, whole, critical))
    groups = sorted(
        (_group(title, of_group) for title, of_group in rows.items()), key=lambda group: (group.end, group.start)
    )
    return Chart(groups=tuple(groups), ticks=_ticks(whole), seconds=whole)


def _group(title: str, rows: Sequence[Row]) -> Group:
    start, end = min(row.start for row in rows), max(row.end for row in rows)
    return Group(title=title, rows=tuple(rows), start=start, end=end)


def _row(run: Run, steps: Sequence[Step], whole: float, critical: set[int]) -> Row:
    first = steps[0]
    bars = tuple(_bar(run, step, whole, critical=id(step) in critical) for step in steps)
    return Row(
        name=first.name,
        kind=first.kind,
        title=next((step.title for step in steps if step.title), ""),
        bars=bars,
        start=first.began - run.began,
        end=max(step.ended for step in steps) - run.began,
        seconds=sum(step.seconds for step in steps),
        messages=tuple((each.at - run.began, each.text) for each in run.messages if each.urn == first.urn),
    )


def _bar(run: Run, step: Step, whole: float, *, critical: bool) -> Bar:
    words = names.operation(step.operation) if step.outcome == "done" else f"{step.operation}: {step.outcome}"
    start = step.began - run.began
    return Bar(
        step=step,
        left=round(100 * start / whole, 3),
        width=round(100 * step.seconds / whole, 3),
        critical=critical,
        text=f"{words}, second {start:.0f} to {step.ended - run.began:.0f}",
    )


def _ticks(whole: float) -> tuple[tuple[float, float], ...]:
    step = next((step for step in _STEPS if whole / step <= _TICKS), math.ceil(whole / _TICKS))
    return tuple((at, round(100 * at / whole, 3)) for at in range(0, math.floor(whole) + 1, step))
