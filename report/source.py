"""Gathers a report's parts from a stack: event log, graph, outputs, history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from drift.engine import Engine, EngineError
from report import content, events, graph, plan
from report.content import Report
from report.model import Check, Graph, Run

_NEAR = 120.0
"""Seconds by which the start in the stack's history and that of the event log may differ."""


def report(
    engine: Engine, log: Path, tried: Sequence[Check] = (), before: Graph | None = None, planned: Path | None = None
) -> Report:
    """Return the report of an event log; what the engine cannot say any more is left out.

    Args:
        engine: the stack.
        log: the event log.
        tried: checks that were made beside the program.
        before: the graph before the run, which has what the run has deleted.
        planned: update plan of a preview, which has what it would create.

    Raises:
        EngineError: no stack is selected.
        NotALogError: the file is not an event log.
        NotAPlanError: the other one is not an update plan.
        OSError: one of them cannot be read.
    """
    with log.open(encoding="utf-8") as lines:
        run = events.read(lines)
    # A run that ended before its first resource has no URN that says whose it was.
    run = replace(run, stack=run.stack or engine.name().rpartition("/")[2], project=run.project or "coco-azure")
    found = graph.merged(before or Graph(), of_stack(engine))
    # Of a preview that fails pulumi saves no plan: one that is there is older.
    foreseen = planned is not None and run.preview and run.result == "succeeded"
    if foreseen and planned is not None:
        found = _with_plan(found, run, plan.read(planned.read_text(encoding="utf-8")))
    return content.gather(run, found, _outputs(engine), tried, tuple(_facts(engine, run)), planned=foreseen)


def _with_plan(deployed: Graph, run: Run, foreseen: Graph) -> Graph:
    # What is only read has no parent in a plan.
    both = graph.merged(deployed, foreseen)
    return graph.closed(Graph(parents={**run.parents, **both.parents}, needs=both.needs))


def of_stack(engine: Engine) -> Graph:
    """Return the graph of what is deployed; an empty one where nothing is."""
    try:
        return graph.read(engine.graph(*graph.OPTIONS))
    except EngineError:
        return Graph()


def _outputs(engine: Engine) -> Mapping[str, Any]:
    try:
        return engine.outputs()
    except EngineError:
        return {}


def _facts(engine: Engine, run: Run) -> Iterator[tuple[str, str]]:
    try:
        away = {
            abs(datetime.fromisoformat(str(each["startTime"])).timestamp() - run.began): each
            for each in engine.history()
        }
    except (EngineError, KeyError, ValueError):
        return
    # A preview is not in the history.
    if run.preview or min(away, default=_NEAR) >= _NEAR:
        return
    found = away[min(away)]
    environment = found.get("environment") or {}
    if commit := environment.get("git.head"):
        dirty = " and changes that are not committed" if environment.get("git.dirty") == "true" else ""
        yield "Commit", f"{str(commit)[:10]}{dirty}"
    if message := str(found.get("message") or ""):
        yield "Message", message.splitlines()[0]
    if version := environment.get("pulumi.version"):
        yield "Pulumi", str(version)
