"""What rules are made of: resources as the engine has them, and a rule with its remedy and its configuration."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

UNKNOWN: Final = object()
"""Stands where a preview does not know a value yet."""

Severity = Literal["medium", "high", "critical"]
Config = Mapping[str, Any]
"""A rule's configuration: the values of its options."""


_CLUSTER_WIDE = ("KataConfig", "Operator", "Namespace")


class UnknownError(Exception):
    """A rule needs a value that this preview does not know; the run itself will."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the stack.

    Attributes:
        kind: type token, such as ``kubernetes:core/v1:ConfigMap``.
        urn: the engine's name for it.
        props: what is asked for (a rule of one resource) or what came of it (a rule of the stack).
        protect: whether the engine refuses to delete it.
        provider: name and properties of its provider; None where it has none.
    """

    kind: str
    name: str
    urn: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)
    protect: bool = False
    provider: tuple[str, Mapping[str, Any]] | None = None

    @property
    def object_kind(self) -> str:
        """Kind of the Kubernetes object, also for a patch of it: ``ConfigMap``."""
        return self.kind.rsplit(":", 1)[-1].removesuffix("Patch")

    @property
    def is_patch(self) -> bool:
        """Whether it changes an object of somebody else's."""
        return self.kind.endswith("Patch")

    @property
    def is_object(self) -> bool:
        """Whether it is an object of a cluster."""
        return self.kind.startswith("kubernetes:") and isinstance(self.props.get("metadata"), Mapping)

    @property
    def namespace(self) -> str:
        """Namespace of the object; empty where it has none or it is not known yet."""
        # The provider writes namespace default on cluster-wide objects whose kind it has not met yet.
        return "" if self.object_kind in _CLUSTER_WIDE else self._metadata("namespace")

    @property
    def object_name(self) -> str:
        """Name of the object; empty where it is not known yet."""
        return self._metadata("name")

    def _metadata(self, key: str) -> str:
        metadata = self.props.get("metadata")
        value = metadata.get(key) if isinstance(metadata, Mapping) else None
        return value if isinstance(value, str) else ""

    def __str__(self) -> str:
        """Return how messages call it."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.object_kind} {where}{self.object_name}" if self.object_name else self.name

    def at(self, *path: str) -> Any:
        """Return the value at a path, or None; raises UnknownError where this preview does not know it yet."""
        value: Any = self.props
        for part in path:
            if value is UNKNOWN:
                break
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is UNKNOWN:
            raise UnknownError(f"{self}: {'.'.join(path)}")
        return value


@dataclass(frozen=True)
class Stack:
    """Every resource of a stack."""

    resources: Sequence[Resource]

    def objects(self, kind: str, name: str | None = None) -> list[Resource]:
        """Return the objects of a kind, and their patches."""
        return [
            each
            for each in self.resources
            if each.is_object and each.object_kind == kind and name in (None, each.object_name)
        ]

    def one(self, kind: str, name: str) -> Resource | None:
        """Return the first object of a kind and a name."""
        return next(iter(self.objects(kind, name)), None)


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What breaks a rule of the stack.

    Attributes:
        message: the sentence that says so, without a full stop.
        resource: where; None where it is the stack as a whole.
    """

    message: str
    resource: Resource | None = None


@dataclass(frozen=True, kw_only=True)
class Option:
    """One value of a rule's configuration.

    Attributes:
        schema: JSON schema of the value.
        default: the value where none is given.
    """

    schema: Mapping[str, Any]
    default: Any
    doc: str


OfResource = Callable[[Resource, Config], Iterator[str]]
OfStack = Callable[[Stack, Config], Iterator[Violation]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule.

    Attributes:
        id: name in configuration and messages.
        title: what holds where nothing breaks it.
        why: what would follow otherwise.
        remedy: what mends it; stands in every message.
        severity: how bad it is.
        resource: judges one resource before it is made, and says what breaks the rule.
        stack: judges the whole stack at the end of a preview or a run; exactly one of the two is given.
        options: its configuration.
    """

    id: str
    title: str
    why: str
    remedy: str
    severity: Severity
    resource: OfResource | None = None
    stack: OfStack | None = None
    options: Mapping[str, Option] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a rule that judges nothing, or twice."""
        if (self.resource is None) == (self.stack is None):
            raise ValueError(f"rule {self.id} needs either resource or stack")

    def configured(self, config: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the value of every option."""
        return {name: (config or {}).get(name, option.default) for name, option in self.options.items()}

    def text(self, violation: str) -> str:
        """Return what a user reads."""
        return f"{violation}. {self.remedy}"

    def of_resource(self, resource: Resource, config: Mapping[str, Any] | None = None) -> list[str]:
        """Return a message for each thing in a resource that breaks the rule; none for a rule of the stack."""
        messages = [] if self.resource is None else self.resource(resource, self.configured(config))
        return [self.text(each) for each in messages]

    def of_stack(self, stack: Stack, settings: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
        """Return message and URN for each thing in a stack that breaks the rule, whichever kind of rule it is."""
        config = self.configured(settings)
        if self.stack is not None:
            messages = self.stack(stack, config)
            return [(self.text(each.message), each.resource.urn if each.resource else "") for each in messages]
        return [(each, resource.urn) for resource in stack.resources for each in self.of_resource(resource, settings)]
