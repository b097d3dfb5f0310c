"""The check: from what the engine says to the report."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from coco_azure.cli.drift import compare, facts, objects
from coco_azure.cli.drift.model import Drift, DriftReport
from coco_azure.clients.engine_run import Run, Step, is_empty, kind_of, name_of
from coco_azure.clients.stack_history import Update

_CASCADE = ("replace",)


def report(stack: str, run: Run, history: Sequence[Update], read_only: Collection[str] = ()) -> DriftReport:
    """Return what has drifted.

    Args:
        stack: name of the stack.
        run: that of ``pulumi preview --refresh``.
        history: the runs of the stack, the latest first.
        read_only: URNs of what the stack only reads: nothing of it is the stack's to change. Its inputs do not tell
            that: after a ``pulumi refresh`` it has some, too.
    """
    planned, refreshed = run.planned, [step for step in run.refreshed if step.urn not in read_only]
    settings = facts.changed_settings(history, run.settings) or []
    missing, errors = facts.gone([error.text for error in run.errors], settings)
    refusals, errors = (errors, []) if _has_looked_at_everything(run) else ([], errors)
    drifted = [finding for step in refreshed for finding in compare.of(step, planned.get(step.urn))]
    moved = [*facts.operators(refreshed), *facts.moved(run, settings), *missing]
    states = {step.urn: step.old for step in run.refreshed}
    ahead, waits = _not_deployed(run, drifted)
    notes = [note for step in refreshed for note in compare.marks(step)] + waits + facts.offers(run)
    if moved and not settings:
        ahead = []  # the plan has them: they follow from what has moved
    elif settings:
        ahead = [f"settings have changed since the last `pulumi up`: {', '.join(settings)}", *ahead]
    return DriftReport(
        stack=stack,
        findings=(*drifted, *moved),
        plan=tuple(
            _in_words(step, states.get(step.urn, {})) for step in planned.values() if objects.is_object(step.urn)
        ),
        reboots=any(objects.reboots(step) for step in planned.values()),
        ahead=tuple(ahead),
        notes=tuple(notes),
        refusals=tuple(text for text in dict.fromkeys(map(_brief, refusals)) if not is_empty(text)),
        problems=tuple(_problems(run, errors, explained=bool(missing or refusals))),
        planned=_has_looked_at_everything(run),
    )


def _has_looked_at_everything(run: Run) -> bool:
    """Return whether the program got to all its look-ups; an error after that is a refusal, and still tells all."""
    outputs = [after for urn, _, after in facts.components(run) if kind_of(urn) in facts.LOOKING_UP]
    return bool(outputs) and None not in outputs


def _problems(run: Run, errors: Sequence[str], *, explained: bool) -> list[str]:
    brief = [_brief(error) for error in errors]
    problems = [text for text in dict.fromkeys(brief) if not is_empty(text)]
    if not problems and not run.refreshed:
        return ["the engine has read no resource: is the stack deployed? `pulumi up` deploys it"]
    if not problems and run.result != "succeeded" and not explained:
        return brief[:1] or ["the engine did not come to its end, and did not say why"]
    return problems


def _brief(error: str) -> str:
    """Return the line of an error that says what it is; that of a traceback is the last one that is not indented."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        lines = [line for line in lines if not line.startswith((" ", "Traceback"))][-1:] or lines
    # "1 error occurred:" and the like go on in the next line.
    return " ".join(line.strip() for line in (lines[:2] if lines[0].endswith("occurred:") else lines[:1]))


def _not_deployed(run: Run, drifted: Sequence[Drift]) -> tuple[list[str], list[str]]:
    """Return the planned changes that no drift explains, and those that only wait once more for what is not ready."""
    names = {finding.resource for finding in drifted}
    differing = {step.urn: set(step.changed) for step in run.refreshed}
    ahead, waits = [], []
    states = {step.urn: step.old for step in run.refreshed}
    for step in run.planned.values():
        title = objects.title(step.urn, states.get(step.urn, {}))
        rest = set(step.changed) - differing.get(step.urn, set())
        if step.operation == "update" and not step.changed and objects.is_object(step.urn):
            waits.append(f"{title} was not ready when it was looked at; the next run would wait for it again")
        elif (
            objects.of_olm(step.urn)
            or not objects.is_object(step.urn)
            or (step.operation in _CASCADE and not step.changed)
        ):
            continue
        elif rest or (not step.changed and name_of(step.urn) not in names):
            ahead.append(_in_words(step, states.get(step.urn, {})))
    return ahead, waits


def _in_words(step: Step, properties: Mapping[str, Any]) -> str:
    follows = objects.consequence(step, properties)
    return f"{step.operation} {objects.title(step.urn, properties)}" + (f": {follows}" if follows else "")
