"""The engine's event log of a ``pulumi preview``, ``up`` or ``destroy`` (``--event-log``, or the Automation API's).

The format is one JSON object a line (pulumi sdk/go/common/apitype/events.go). The engine masks secrets in it. Times in
it are whole seconds.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from coco_azure import run_marks as marks
from coco_azure.clients.engine_run import Message, Properties, Result, Run, Step

_COLOUR = re.compile(r"<\{%.*?%\}>")
"""A tag of a colour (pulumi sdk/go/common/diag/colors/colors.go); unless it is to use no
colours at all, the engine writes messages with them (pulumi pkg/backend/display/display.go, ``logJSONEvent``)."""
_OUTCOMES = {"resourcePreEvent": "", "resOutputsEvent": "done", "resOpFailedEvent": "failed"}


class NotALogError(ValueError):
    """The file is not an event log; the message says what it is and which command makes one."""


def read_file(path: Path) -> Run:
    """Return the run in a file; raises as ``read`` does, and OSError."""
    with path.open(encoding="utf-8") as lines:
        return read(lines)


def read(lines: Iterable[str]) -> Run:
    """Return the run that an event log tells of; a line that was cut off at its end is left out.

    Raises:
        NotALogError: no line is an event.
    """
    events = list(_events(lines))
    if not events:
        raise NotALogError(
            "this is no event log of pulumi (JSON, an event a line). Make one: "
            "PULUMI_DEBUG_COMMANDS=true pulumi up --event-log FILE"
        )
    began, ended = float(events[0]["timestamp"]), float(events[-1]["timestamp"])
    summary: Properties = next((event["summaryEvent"] for event in events if "summaryEvent" in event), {})
    planning = any(event.get("resourcePreEvent", {}).get("planning") for event in events)
    steps = _steps(events, ended)
    stack, project = steps[0].urn.split("::")[:2] if steps else ("", "")
    messages = tuple(_messages(events))
    return Run(
        stack=stack.removeprefix("urn:pulumi:"),
        project=project,
        settings=next((event["preludeEvent"]["config"] for event in events if "preludeEvent" in event), {}),
        preview=bool(summary.get("isPreview", planning)),
        result=_result(summary, messages),
        began=began,
        ended=ended,
        resources=tuple(steps),
        messages=messages,
        marks=_marks(events),
        node_updates=tuple(_node_updates(events)),
        counts=summary.get("resourceChanges") or {},
    )


def _result(summary: Properties, messages: Iterable[Message]) -> Result:
    if not summary:
        return "not ended"
    # An engine that does not say how it ended has said what went wrong.
    failed = any(message.severity == "error" for message in messages)
    return "succeeded" if summary.get("result", "failed" if failed else "succeeded") == "succeeded" else "failed"


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict) or "timestamp" not in event:
            return
        yield event


def _messages(events: Iterable[Properties]) -> Iterator[Message]:
    for event in events:
        diagnostic = event.get("diagnosticEvent", {})
        # Status messages of providers are for a terminal that draws over them.
        if not diagnostic or diagnostic["severity"] == "debug" or diagnostic.get("ephemeral"):
            continue
        if text := _text(diagnostic):
            severity = diagnostic["severity"].partition("#")[0]
            yield Message(severity=severity, text=text, urn=diagnostic.get("urn", ""), at=float(event["timestamp"]))


def _text(diagnostic: Properties) -> str:
    return _COLOUR.sub("", str(diagnostic.get("message", ""))).strip()


def _marks(events: Iterable[Properties]) -> dict[str, Any]:
    texts = (_text(event["diagnosticEvent"]) for event in events if "diagnosticEvent" in event)
    return dict(mark for text in texts if (mark := marks.read(text)) is not None)


def _node_updates(events: Iterable[Properties]) -> Iterator[tuple[float, tuple[str, ...]]]:
    for event in events:
        mark = marks.read(_text(event["diagnosticEvent"])) if "diagnosticEvent" in event else None
        if mark is not None and mark[0] == marks.NODES:
            yield float(event["timestamp"]), tuple(map(str, mark[1]))


def _steps(events: list[dict[str, Any]], end: float) -> list[Step]:
    """Return the steps in the order in which they began."""
    steps: list[Step] = []
    latest: dict[tuple[str, str], int] = {}
    for number, event in enumerate(events):
        for key, outcome in _OUTCOMES.items():
            metadata = event.get(key, {}).get("metadata")
            if metadata is None:
                continue
            at, step_key = float(event["timestamp"]), (metadata["urn"], metadata["op"])
            if not outcome or step_key not in latest:
                latest[step_key] = len(steps)
                steps.append(_begun(metadata, at, number, max(at, end), len(events)))
            if outcome:
                steps[latest[step_key]] = _logged(steps[latest[step_key]], metadata, at, number, outcome)
    return steps


def _begun(metadata: Properties, at: float, number: int, end: float, last: int) -> Step:
    return Step(
        urn=metadata["urn"],
        operation=metadata["op"],
        old=metadata.get("old") or {},
        new=metadata.get("new"),
        changed=tuple(metadata.get("detailedDiff") or ()),
        began=at,
        ended=end,
        began_as=number,
        ended_as=last,
        outcome="not ended",
    )


def _logged(step: Step, metadata: Properties, at: float, number: int, outcome: str) -> Step:
    """Return the step with what its end says; outputs that are registered later do not make it last longer."""
    complete = replace(
        step,
        old=metadata.get("old") or step.old,
        new=metadata.get("new") if outcome == "done" else step.new,
        changed=tuple(metadata.get("detailedDiff") or ()) or step.changed,
        reported=step.reported + (outcome == "done"),
    )
    return complete if step.outcome != "not ended" else replace(complete, ended=at, ended_as=number, outcome=outcome)
