"""The critical path: the chain of steps, each of which had to wait for the one before, that ends last."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coco_azure.cli.report.model import Graph
from coco_azure.clients.engine_run import Step

DELETIONS = frozenset({"delete", "delete-replaced"})


@dataclass(frozen=True, kw_only=True)
class Link:
    """A step on the critical path.

    Attributes:
        step: the step.
        before: seconds between what it waited for and its own beginning: the program's and the engine's.
    """

    step: Step
    before: float


def critical(steps: Sequence[Step], graph: Graph, began: float) -> tuple[Link, ...]:
    """Return the path, the first step first.

    It is found from its end: the step that ended last; what it waited for that ended last; and so on. A resource waits
    for its dependencies and for its own deletion, a deletion for those of its dependents; what the program does not
    have any more is deleted after everything else.

    Args:
        steps: every step of a run.
        graph: the engine's graph.
        began: when the run began.
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
