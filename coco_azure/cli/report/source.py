"""Gathers a report's parts from a stack: event log, graph, outputs, history."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coco_azure.cli.report import content, graph, heading, plan
from coco_azure.cli.report.content import RunReport
from coco_azure.cli.report.model import Check, Graph
from coco_azure.clients import event_log, stack_history
from coco_azure.clients.engine_run import Run
from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.clients.stack_history import Update


def report(
    engine: Engine,
    log: Path,
    tried: Sequence[Check] = (),
    *,
    before: Graph | None = None,
    planned: Path | None = None,
    user: str = "",
) -> RunReport:
    """Return the report of an event log; what the engine cannot say any more is left out.

    Args:
        engine: the stack.
        log: the event log.
        tried: checks that were made beside the program.
        before: the graph before the run, which has what the run has deleted.
        planned: update plan of a preview, which has what it would create.
        user: who ran it; empty where that is not known.

    Raises:
        EngineError: no stack is selected.
        NotALogError: the file is not an event log.
        NotAPlanError: the other one is not an update plan.
        OSError: one of them cannot be read.
    """
    run = event_log.read_file(log)
    # A run that ended before its first resource has no URN that says whose it was.
    run = replace(run, stack=run.stack or engine.name().rpartition("/")[2], project=run.project or "coco-azure")
    dependencies = graph.merged(before or Graph(), of_stack(engine))
    # Of a preview that fails pulumi saves no plan: one that is there is older.
    has_plan = planned is not None and run.preview and run.result == "succeeded"
    if has_plan and planned is not None:
        dependencies = _with_plan(dependencies, run, plan.read(planned.read_text(encoding="utf-8")))
    history = _history(engine)
    update, finished = stack_history.of_run(history, run), stack_history.last_finished(history)
    facts = tuple(heading.facts(run, update, user))
    # Outputs are those of the last run that came to its end.
    older = "" if finished is None or update == finished else finished.title
    return content.gather(run, dependencies, _outputs(engine), tried, facts, planned=has_plan, older=older)


def _with_plan(deployed: Graph, run: Run, planned: Graph) -> Graph:
    # What is only read has no parent in a plan.
    both = graph.merged(deployed, planned)
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


def _history(engine: Engine) -> list[Update]:
    try:
        return engine.history()
    except EngineError:
        return []
