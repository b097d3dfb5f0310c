"""The engine's event log of a ``pulumi preview --refresh``: what was read, and what would be done.

The format is that of ``--event-log`` (pulumi sdk/go/common/apitype/events.go), a JSON object a line. The engine masks
secrets in it. First every resource of the state is read (operation ``refresh``), then the program runs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Properties = Mapping[str, Any]
_SAME = ("same", "refresh", "read", "read-replacement", "read-discard")
_PARTS = ("delete-replaced", "create-replacement", "discard-replaced", "remove-pending-replace")
"""Steps that a ``replace`` consists of."""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """A resource of the state, and what is there.

    Attributes:
        urn: its URN.
        old: ``id``, ``inputs`` and ``outputs`` in the state.
        new: the same as they are there; None where there is no such object any more.
        changed: paths of the properties that differ, such as ``data["a.b"]``.
    """

    urn: str
    old: Properties
    new: Properties | None
    changed: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Type token, such as ``kubernetes:core/v1:ConfigMap``."""
        return kind_of(self.urn)

    @property
    def name(self) -> str:
        """Name in the program."""
        return name_of(self.urn)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a ``pulumi up --refresh`` would do to a resource.

    Attributes:
        urn: its URN.
        operation: ``create``, ``update``, ``replace``, ``delete``, ``import`` ...
        changed: paths of the properties that it is about.
    """

    urn: str
    operation: str
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Log:
    """What an event log says.

    Attributes:
        settings: the stack's settings, as text by name.
        refreshed: every resource that was read.
        planned: every change that would be made, by URN.
        components: outputs of components, by URN: those of the state, and those of this run (None: it did not get
            there).
        errors: what went wrong, with tracebacks.
        finished: whether the run came to its end without an error.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    refreshed: tuple[Refreshed, ...] = ()
    planned: Mapping[str, Planned] = field(default_factory=dict)
    components: Mapping[str, tuple[Properties, Properties | None]] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    finished: bool = False


def kind_of(urn: str) -> str:
    """Return the type token in a URN."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.split("::", 3)[3]


def read(lines: Iterable[str]) -> Log:
    """Return what the lines of an event log say; a line that was cut off at the end is left out."""
    events = list(_events(lines))
    refreshed, planned = [], {}
    before: dict[str, Properties] = {}
    after: dict[str, list[Properties]] = {}
    for event in events:
        if (made := event.get("resourcePreEvent")) and (step := _planned(made["metadata"])):
            planned[step.urn] = step
        if not (done := event.get("resOutputsEvent")):
            continue
        said = done["metadata"]
        refreshing, component = said["op"] == "refresh", "kubernetes:" not in said["type"]
        if refreshing:
            refreshed.append(_refreshed(said))
        outputs = (said.get("new") or {}).get("outputs") or {}
        if component and refreshing:
            before[said["urn"]] = outputs
        elif component:
            after.setdefault(said["urn"], []).append(outputs)
    return Log(
        settings=next((event["preludeEvent"]["config"] for event in events if "preludeEvent" in event), {}),
        refreshed=tuple(refreshed),
        planned=planned,
        components={urn: (outputs, _registered(after.get(urn, []))) for urn, outputs in before.items()},
        errors=tuple(_errors(events)),
        finished=any(event.get("summaryEvent", {}).get("result") == "succeeded" for event in events),
    )


def _registered(outputs: Sequence[Properties]) -> Properties | None:
    """Return the outputs that a component has registered: at its first event it still has those of the state."""
    return outputs[-1] if len(outputs) > 1 else None


def _events(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _refreshed(said: Properties) -> Refreshed:
    return Refreshed(
        urn=said["urn"], old=said.get("old") or {}, new=said.get("new"), changed=tuple(said.get("detailedDiff") or ())
    )


def _planned(said: Properties) -> Planned | None:
    if said["op"] in _SAME or said["op"] in _PARTS:
        return None
    return Planned(urn=said["urn"], operation=said["op"], changed=tuple(said.get("detailedDiff") or ()))


def _errors(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        said = event.get("diagnosticEvent", {})
        if said.get("severity") == "error":
            yield str(said["message"]).strip()
