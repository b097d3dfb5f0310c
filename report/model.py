"""What a run was: steps, messages, and what the program said of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Result = Literal["succeeded", "failed", "not ended"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A property that differs.

    Attributes:
        path: where it is, such as ``spec.logLevel``.
        before, after: short text of the values; empty where there is none, and where it is not to be shown.
    """

    path: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a run.

    Attributes:
        severity: ``info``, ``warning``, ``error``.
        text: what it says.
        urn: the resource that it is about; empty for the whole run.
        at: when, in seconds since the epoch.
    """

    severity: str
    text: str
    urn: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the engine did to one resource.

    Attributes:
        urn: URN of the resource.
        operation: ``create``, ``update``, ``create-replacement``, ``delete-replaced``, ``delete``, ``read`` ...
        title: namespace and name of the Kubernetes object, where it is one.
        began, ended: seconds since the epoch; a step that did not end has the end of the run.
        began_as, ended_as: numbers of the events, which tell the order within a second.
        outcome: ``done``, ``failed``, or ``not ended``.
    """

    urn: str
    operation: str
    title: str = ""
    began: float
    ended: float
    began_as: int
    ended_as: int
    outcome: str = "done"

    @property
    def kind(self) -> str:
        """Last part of the type, such as ``ConfigMap``."""
        return kind_of(self.urn).rpartition(":")[2]

    @property
    def name(self) -> str:
        """Name in the program."""
        return name_of(self.urn)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A resource that is changed, and why as far as the event log says.

    Attributes:
        urn: URN of the resource.
        operation: ``create``, ``update``, ``replace``, ``delete``.
        title: namespace and name of the Kubernetes object, where it is one.
        changes: properties that differ.
    """

    urn: str
    operation: str
    title: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def kind(self) -> str:
        """Last part of the type."""
        return kind_of(self.urn).rpartition(":")[2]

    @property
    def name(self) -> str:
        """Name in the program."""
        return name_of(self.urn)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, as its event log tells it.

    Attributes:
        stack, project: their names.
        preview: whether nothing was done, only foreseen.
        result: how it ended.
        began, ended: seconds since the epoch.
        steps: in the order in which they began.
        differences: what is changed, in the order in which the engine came to it.
        messages: warnings, errors and progress, in their order.
        parents: URN of each resource's parent.
        marks: what the program said of itself, see ``report.marks``; the last one of each name.
        counts: how many resources of each operation, as the engine counts.
    """

    stack: str = ""
    project: str = ""
    preview: bool = False
    result: Result = "not ended"
    began: float = 0.0
    ended: float = 0.0
    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    messages: tuple[Message, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The dependency graph that the engine keeps.

    Attributes:
        parents: URN of each resource's parent.
        needs: URNs that each resource depends on.
    """

    parents: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: what, as a short sentence.
        outcome: ``passed``, ``failed``, ``warning``, ``accepted``, ``unknown``.
        detail: what came of it.
        fix: what mends it.
    """

    name: str
    outcome: str
    detail: str = ""
    fix: str = ""


def kind_of(urn: str) -> str:
    """Return the type token in a URN, such as ``kubernetes:core/v1:ConfigMap``."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.split("::", 3)[3]
