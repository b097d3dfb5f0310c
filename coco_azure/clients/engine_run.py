"""A run of the engine: its steps, its messages, and what the program said of itself; ``event_log`` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Properties = Mapping[str, Any]
Result = Literal["succeeded", "failed", "not ended"]
_WORK = frozenset({"create", "update", "create-replacement", "delete-replaced", "delete", "read", "import", "refresh"})
_DIFFERENCES = frozenset({"create", "update", "replace", "delete", "import"})
_NO_CHANGE = frozenset(
    {
        *("same", "refresh", "read", "read-replacement", "read-discard"),
        *("delete-replaced", "create-replacement", "discard-replaced", "remove-pending-replace"),
    }
)
_ENGINE = "pulumi:"
_EMPTY = ("an unhandled error occurred", "preview failed", "update failed")
_OWN = frozenset({"pulumi:index:Stash"})


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a run.

    Attributes:
        severity: ``info``, ``warning``, ``error``.
        urn: the resource that it is about; empty for the whole run.
        at: when, in seconds since the epoch.
    """

    severity: str
    text: str
    urn: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the engine did to one resource, or would do in a preview.

    Attributes:
        operation: ``create``, ``update``, ``replace``, ``delete-replaced``, ``read``, ``refresh``, ``same`` ...
        old: the resource in the state: ``custom``, ``parent``, ``inputs``, ``outputs``; empty where there is none.
        new: the same as it is afterwards; None where there is no such resource any more.
        changed: paths of the properties that differ, as its provider says, such as ``data["a.b"]``.
        began, ended: seconds since the epoch; a step that did not end has the end of the run.
        began_as, ended_as: numbers of the events, which tell the order within a second.
        outcome: ``done``, ``failed``, or ``not ended``.
        reported: how many times its outputs were logged: those of a component first as in the state, and once more
            when the program has registered them.
    """

    urn: str
    operation: str
    old: Properties = field(default_factory=dict)
    new: Properties | None = None
    changed: tuple[str, ...] = ()
    began: float
    ended: float
    began_as: int
    ended_as: int
    outcome: str = "done"
    reported: int = 0

    @property
    def kind(self) -> str:
        """Last part of the type, such as ``ConfigMap``."""
        return kind_of(self.urn).rpartition(":")[2]

    @property
    def name(self) -> str:
        """Name in the program."""
        return name_of(self.urn)

    @property
    def properties(self) -> Properties:
        """The resource afterwards, or as it was where it is gone."""
        return self.new or self.old

    @property
    def title(self) -> str:
        """Namespace and name of the Kubernetes object, where it is one."""
        metadata = (self.properties.get("inputs") or {}).get("metadata") or {}
        if not isinstance(metadata, Mapping):
            return ""
        # The provider puts the namespace "default" even on patches of cluster-scoped objects.
        parts = [metadata[key] for key in ("namespace", "name") if metadata.get(key, "default") != "default"]
        return "/".join(part for part in parts if isinstance(part, str))

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def by_provider(self) -> bool:
        """Whether it is about a resource outside of the engine, or one that keeps a value; no component."""
        kind = kind_of(self.urn)
        return bool(self.properties.get("custom")) and (not kind.startswith(_ENGINE) or kind in _OWN)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, as its event log tells it.

    Attributes:
        stack, project: their names; empty where the run ended before its first resource.
        settings: the stack's settings, as text by name.
        preview: whether nothing was done.
        began, ended: seconds since the epoch.
        resources: every step, also of what stays the same and of components, in the order in which they began.
        messages: warnings, errors and progress, in their order.
        marks: what the program said of itself, see ``coco_azure.run_marks``; the last one of each name.
        counts: how many resources of each operation, as the engine counts.
        node_updates: which nodes were updated, from when on (seconds since the epoch) until the next of them.
    """

    stack: str = ""
    project: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False
    result: Result = "not ended"
    began: float = 0.0
    ended: float = 0.0
    resources: tuple[Step, ...] = ()
    messages: tuple[Message, ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    node_updates: tuple[tuple[float, tuple[str, ...]], ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What providers did."""
        return tuple(step for step in self.resources if step.operation in _WORK and step.by_provider)

    @property
    def differences(self) -> tuple[Step, ...]:
        """What is changed: one step for each resource, in the order in which the engine came to it."""
        first: dict[str, Step] = {}
        for step in self.resources:
            if step.operation in _DIFFERENCES and step.by_provider:
                first.setdefault(step.urn, step)
        return tuple(first.values())

    @property
    def destroys(self) -> bool:
        """Whether everything is taken down."""
        return bool(self.counts) and self.counts.keys() <= {"delete"}

    @property
    def refreshed(self) -> tuple[Step, ...]:
        """Every resource that was read to refresh the state: ``old`` is the state, ``new`` what is there."""
        return tuple(step for step in self.resources if step.operation == "refresh")

    @property
    def planned(self) -> dict[str, Step]:
        """Every change, by URN: of the steps of a replacement only the replacement itself."""
        return {step.urn: step for step in self.resources if step.operation not in _NO_CHANGE}

    @property
    def parents(self) -> dict[str, str]:
        """URN of each resource's parent."""
        return {step.urn: parent for step in self.resources if (parent := step.properties.get("parent"))}

    @property
    def errors(self) -> tuple[Message, ...]:
        """What went wrong, each text once, with tracebacks."""
        return self._with_severity("error")

    @property
    def warnings(self) -> tuple[Message, ...]:
        """What was warned about, each text once."""
        return self._with_severity("warning")

    def _with_severity(self, severity: str) -> tuple[Message, ...]:
        return tuple({each.text: each for each in self.messages if each.severity == severity}.values())


def is_empty(error: str) -> bool:
    """Return whether an error only says that something went wrong, which another one says better."""
    return error.startswith(_EMPTY)


def kind_of(urn: str) -> str:
    """Return the type token in a URN, such as ``kubernetes:core/v1:ConfigMap``."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """Return the resource's name in a URN."""
    return urn.split("::", 3)[3]
