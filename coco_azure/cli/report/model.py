"""What a report knows beside the run itself: properties that differ, the dependency graph, checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
