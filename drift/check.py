"""The check: from what the engine says to the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from drift import compare, facts, objects
from drift.events import Log, Planned, kind_of, name_of
from drift.model import Finding, Report

_CASCADE = ("replace",)
_EMPTY = ("an unhandled error occurred", "preview failed", "update failed")
"""Errors that only say that there was one."""


def report(stack: str, log: Log, history: Sequence[Mapping[str, Any]]) -> Report:
    """Return what has drifted.

    Args:
        stack: name of the stack.
        log: the event log of ``pulumi preview --refresh``.
        history: ``pulumi stack history --json``, the latest first.
    """
    settings = facts.changed_settings(history, log.settings) or []
    missing, errors = facts.gone(log.errors, settings)
    refusals, errors = (errors, []) if _has_looked_at_everything(log) else ([], errors)
    drifted = [one for found in log.refreshed for one in compare.of(found, log.planned.get(found.urn))]
    moved = [*facts.operators(log.refreshed), *facts.moved(log, settings), *missing]
    states = {found.urn: found.old for found in log.refreshed}
    ahead, waits = _not_deployed(log, drifted)
    notes = [note for found in log.refreshed for note in compare.marks(found)] + waits + facts.offers(log)
    if moved and not settings:
        ahead = []  # the plan has them: they follow from what has moved
    elif settings:
        ahead = [f"settings have changed since the last `pulumi up`: {', '.join(settings)}", *ahead]
    return Report(
        stack=stack,
        findings=(*drifted, *moved),
        plan=tuple(_in_words(step, states.get(step.urn, {})) for step in log.planned.values() if _counts(step)),
        reboots=any(objects.reboots(step) for step in log.planned.values()),
        ahead=tuple(ahead),
        notes=tuple(notes),
        refusals=tuple(text for text in dict.fromkeys(map(_brief, refusals)) if not text.startswith(_EMPTY)),
        problems=tuple(_problems(log, errors, explained=bool(missing or refusals))),
        planned=_has_looked_at_everything(log),
    )


def _has_looked_at_everything(log: Log) -> bool:
    """Return whether the program got to all its look-ups; an error after that is a refusal, and still tells all."""
    looked = [after for urn, (_, after) in log.components.items() if kind_of(urn) in facts.LOOKING_UP]
    return bool(looked) and None not in looked


def _problems(log: Log, errors: Sequence[str], *, explained: bool) -> list[str]:
    said = [_brief(error) for error in errors]
    found = [text for text in dict.fromkeys(said) if not text.startswith(_EMPTY)]
    if not found and not log.refreshed:
        return ["the engine has read no resource: is the stack deployed? `pulumi up` deploys it"]
    if not found and not log.finished and not explained:
        return said[:1] or ["the engine did not come to its end, and did not say why"]
    return found


def _brief(error: str) -> str:
    """Return the line of an error that says what it is; that of a traceback is the last one that is not indented."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        lines = [line for line in lines if not line.startswith((" ", "Traceback"))][-1:] or lines
    # "1 error occurred:" and the like go on in the next line.
    return " ".join(line.strip() for line in (lines[:2] if lines[0].endswith("occurred:") else lines[:1]))


def _not_deployed(log: Log, drifted: Sequence[Finding]) -> tuple[list[str], list[str]]:
    """Return the planned changes that no drift explains, and those that only wait once more for what is not ready."""
    names = {found.resource for found in drifted}
    differing = {found.urn: set(found.changed) for found in log.refreshed}
    ahead, waits = [], []
    states = {found.urn: found.old for found in log.refreshed}
    for step in log.planned.values():
        said = objects.title(step.urn, states.get(step.urn, {}))
        rest = set(step.changed) - differing.get(step.urn, set())
        if step.operation == "update" and not step.changed and objects.is_object(step.urn):
            waits.append(f"{said} was not ready when it was looked at; the next run would wait for it again")
        elif (
            objects.of_olm(step.urn)
            or not objects.is_object(step.urn)
            or (step.operation in _CASCADE and not step.changed)
        ):
            continue
        elif rest or (not step.changed and name_of(step.urn) not in names):
            ahead.append(_in_words(step, states.get(step.urn, {})))
    return ahead, waits


def _counts(step: Planned) -> bool:
    return objects.is_object(step.urn)


def _in_words(step: Planned, properties: Mapping[str, Any]) -> str:
    follows = objects.consequence(step, properties)
    return f"{step.operation} {objects.title(step.urn, properties)}" + (f": {follows}" if follows else "")
