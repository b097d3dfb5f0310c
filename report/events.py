"""Reads the event log of a ``pulumi preview``, ``up`` or ``destroy`` (``--event-log``, or the Automation API's).

The format is one JSON object a line (pulumi sdk/go/common/apitype/events.go). The engine masks secrets in it; values of
kinds that hold secrets are left out here all the same. Times in it are whole seconds.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from report import changes, marks
from report.model import Difference, Message, Result, Run, Step, kind_of

_WORK = frozenset({"create", "update", "create-replacement", "delete-replaced", "delete", "read", "import", "refresh"})
_DIFFERENCES = frozenset({"create", "update", "replace", "delete", "import"})
_ENGINE = "pulumi:"
_OWN = frozenset({"pulumi:index:Stash"})


class NotALogError(ValueError):
    """The file is not an event log; the message says what it is and which command makes one."""


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
    summary: Mapping[str, Any] = next((event["summaryEvent"] for event in events if "summaryEvent" in event), {})
    planning = any(event.get("resourcePreEvent", {}).get("planning") for event in events)
    said = [
        event[key]["metadata"] for event in events for key in ("resourcePreEvent", "resOutputsEvent") if key in event
    ]
    named = said[0]["urn"].split("::") if said else ["", ""]
    messages = tuple(_messages(events))
    return Run(
        stack=named[0].removeprefix("urn:pulumi:"),
        project=named[1],
        preview=bool(summary.get("isPreview", planning)),
        result=_result(summary, messages),
        began=began,
        ended=ended,
        steps=tuple(_steps(events, ended)),
        differences=tuple(_differences(events)),
        messages=messages,
        parents={one["urn"]: parent for one in said if (parent := _side(one).get("parent"))},
        marks=_marks(events),
        counts=summary.get("resourceChanges") or {},
    )


def _result(summary: Mapping[str, Any], messages: Iterable[Message]) -> Result:
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


def _messages(events: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
    for event in events:
        said = event.get("diagnosticEvent", {})
        # Status messages of providers are for a terminal that draws over them.
        if not said or said["severity"] == "debug" or said.get("ephemeral"):
            continue
        severity, text = said["severity"].partition("#")[0], said["message"].strip()
        if text and not text.startswith("an unhandled error occurred:"):
            yield Message(severity=severity, text=text, urn=said.get("urn", ""), at=float(event["timestamp"]))


def _marks(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    said = (event.get("diagnosticEvent", {}).get("message", "").strip() for event in events)
    return dict(found for text in said if (found := marks.read(text)) is not None)


def _side(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return said.get("new") or said.get("old") or {}


def _worked_on(said: Mapping[str, Any]) -> bool:
    kind = kind_of(said["urn"])
    return bool(_side(said).get("custom")) and (not kind.startswith(_ENGINE) or kind in _OWN)


def _steps(events: Iterable[Mapping[str, Any]], end: float) -> list[Step]:
    """Return the steps; one that a broken-off run did not end has the end of the run."""
    open_steps: dict[tuple[str, str], Step] = {}
    done: list[Step] = []
    for number, event in enumerate(events):
        at = float(event["timestamp"])
        for key, outcome in (("resourcePreEvent", ""), ("resOutputsEvent", "done"), ("resOpFailedEvent", "failed")):
            said = event.get(key, {}).get("metadata")
            if said is None or said["op"] not in _WORK or not _worked_on(said):
                continue
            step = (said["urn"], said["op"])
            if not outcome:
                open_steps[step] = Step(
                    urn=said["urn"],
                    operation=said["op"],
                    title=_title(said),
                    began=at,
                    ended=max(at, end),
                    began_as=number,
                    ended_as=len(events) if isinstance(events, list) else number,
                    outcome="not ended",
                )
            elif found := open_steps.pop(step, None):
                done.append(replace(found, ended=at, ended_as=number, outcome=outcome))
    return sorted([*done, *open_steps.values()], key=lambda step: step.began_as)


def _title(said: Mapping[str, Any]) -> str:
    found = (_side(said).get("inputs") or {}).get("metadata") or {}
    if not isinstance(found, Mapping):
        return ""
    # The provider puts the namespace "default" even on patches of cluster-scoped objects.
    parts = [found[key] for key in ("namespace", "name") if found.get(key, "default") != "default"]
    return "/".join(part for part in parts if isinstance(part, str))


def _differences(events: Iterable[Mapping[str, Any]]) -> Iterator[Difference]:
    seen = set()
    for event in events:
        said = event.get("resourcePreEvent", {}).get("metadata")
        if said is None or said["op"] not in _DIFFERENCES or not _worked_on(said) or said["urn"] in seen:
            continue
        seen.add(said["urn"])
        found = changes.of(said) if said["op"] in ("update", "replace") else ()
        yield Difference(urn=said["urn"], operation=said["op"], title=_title(said), changes=found)
