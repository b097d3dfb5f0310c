"""Reads the dependency graph that ``pulumi stack graph`` writes (DOT).

The engine writes a node as ``ResourceN [label="URN"];`` and an edge from a child to its parent, or from a dependency to
what depends on it (pulumi pkg/cmd/pulumi/stack, ``stack_graph.go``); the colours say which.

Names and order only: what values a plan has, encrypted or not, is never looked at. Resources that are read have no
entry in a plan; those that others depend on are known by that (pulumi sdk/go/common/apitype, ``plan.go``).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
    """

    name: str
    outcome: str
    detail: str = ""
    fix: str = ""


PARENT, DEPENDENCY = "#AA6639", "#246C60"
"""Colours of both kinds of edges, the engine's defaults; see ``OPTIONS``."""
OPTIONS = ("--parent-edge-color", PARENT, "--dependency-edge-color", DEPENDENCY)
"""Options of ``pulumi stack graph`` for this reader."""

_NODE = re.compile(r'^\s*(\w+) \[label="(.+)"\];$')
_EDGE = re.compile(r'^\s*(\w+) -> (\w+) \[color = "(#\w+)"')


def read(text: str) -> Graph:
    """Return the graph of a DOT text; lines of any other form are left out."""
    urns: dict[str, str] = {}
    edges = []
    for line in text.splitlines():
        if node := _NODE.match(line):
            urns[node[1]] = node[2].replace('\\"', '"')
        elif edge := _EDGE.match(line):
            edges.append((edge[1], edge[2], edge[3]))
    parents: dict[str, str] = {}
    needs: dict[str, set[str]] = {urn: set() for urn in urns.values()}
    for start, end, colour in edges:
        if start not in urns or end not in urns:
            continue
        if colour == PARENT:
            parents[urns[start]] = urns[end]
        else:
            needs[urns[end]].add(urns[start])
    return Graph(parents=parents, needs={urn: frozenset(urns_needed) for urn, urns_needed in needs.items()})


def merged(first: Graph, second: Graph) -> Graph:
    """Return the graph with the resources of both; the second one's word counts where they differ."""
    return Graph(parents={**first.parents, **second.parents}, needs={**first.needs, **second.needs})


def closed(graph: Graph) -> Graph:
    """Return the graph with an entry for everything that others depend on."""
    mentioned = frozenset[str]().union(*graph.needs.values())
    return Graph(parents=graph.parents, needs={**dict.fromkeys(mentioned, frozenset[str]()), **graph.needs})


def reduced(needs: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return the dependencies without those that others imply, for a drawing that can be read.

    The graph has no cycles: the engine could not have deployed it.
    """
    reach: dict[str, frozenset[str]] = {}

    def reachable(urn: str) -> frozenset[str]:
        if urn not in reach:
            direct = frozenset(needs.get(urn, ()))
            reach[urn] = direct.union(*(reachable(other) for other in direct))
        return reach[urn]

    return {
        urn: frozenset(direct) - frozenset().union(*(reachable(other) for other in direct))
        for urn, direct in needs.items()
    }


_SAVE, _VARIABLE = "--save-plan", "PULUMI_OPTION_SAVE_PLAN"
_WITHOUT = ("--show-secrets", "--remote")
"""Options with which no plan is asked for: it would have secrets in the clear, or pulumi refuses both together."""
_NAME = "only-for-the-report.json"
"""pulumi advises to use the plan that it has saved; the name says that this one is not for that."""


class NotAPlanError(ValueError):
    """The file is not an update plan; the message says what it is and which command makes one."""


def read_plan(text: str) -> Graph:
    """Return the graph of a plan; raises NotAPlanError where it is none."""
    try:
        plans = json.loads(text)["resourcePlans"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAPlanError(
            "this is no update plan of pulumi (JSON with resourcePlans). Make one: pulumi preview --save-plan FILE"
        ) from error
    # What is only deleted has no goal; the graph of what is deployed has it.
    goals = {urn: goal for urn, each in plans.items() if (goal := each.get("goal"))}
    return Graph(
        parents={urn: goal["parent"] for urn, goal in goals.items() if goal.get("parent")},
        needs={urn: _needs(goal) for urn, goal in goals.items()},
    )


def _needs(goal: Mapping[str, Any]) -> frozenset[str]:
    of_properties = (goal.get("propertyDependencies") or {}).values()
    return frozenset(goal.get("dependencies") or ()).union(*(urns or () for urns in of_properties))


def asked(options: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return where the plan of a preview will be, and the options that ask for it in addition to the user's.

    Args:
        options: the user's options.
        environment: the user's environment variables, which may stand for options.
        folder: a folder that only the user can read, and that is gone afterwards.
    """
    if own_plan := _value(options, environment):
        return Path(own_plan), ()
    if any(_is_on(name, options, environment) for name in _WITHOUT):
        return None, ()
    return folder / _NAME, (_SAVE, str(folder / _NAME))


def _value(options: Sequence[str], environment: Mapping[str, str]) -> str:
    for place, option in enumerate(options):
        name, _, value = option.partition("=")
        if name == _SAVE:
            return value or "".join(options[place + 1 : place + 2])
    return environment.get(_VARIABLE, "")


def _is_on(name: str, options: Sequence[str], environment: Mapping[str, str]) -> bool:
    variable = f"PULUMI_OPTION_{name.strip('-').replace('-', '_').upper()}"
    return any(option.partition("=")[0] == name for option in options) or bool(environment.get(variable))
