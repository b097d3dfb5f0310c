"""What a run is to change and in which order: the graph that ``pulumi stack graph`` writes (DOT), a plan, its checks.

The engine writes a node as ``ResourceN [label="URN"];`` and an edge from a child to its parent, or from a dependency to
what depends on it (pulumi pkg/cmd/pulumi/stack, ``stack_graph.go``); the colours say which.

Names and order only: what values a plan has, encrypted or not, is never looked at. Resources that are read have no
entry in a plan; those that others depend on are known by that (pulumi sdk/go/common/apitype, ``plan.go``).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coco_azure import run_marks as marks
from coco_azure.clients.engine_run import Run, Step, name_of
from coco_azure.formats.shown import beginning


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


_CHANGING = ("update", "replace")
_SECRET_KINDS = frozenset({"Secret", "SecretPatch", "Stash"})
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key that marks a special value, such as a secret, in what the engine writes (pulumi sdk/go/common/resource)."""
_MASKED = "[secret]"
_LONGEST = 60
_OWN = ("metadata.annotations.pulumi.com/", "__")
"""Fields that the provider keeps for itself."""


def changes_of(step: Step) -> tuple[Change, ...]:
    """Return what differs in an update or a replacement; nothing of other steps.

    The inputs say it; where they are equal, the provider's own word does, without values.
    """
    if step.operation not in _CHANGING:
        return ()
    old, new = ((side or {}).get("inputs") or {} for side in (step.old, step.new))
    show = step.kind not in _SECRET_KINDS
    differing = [
        Change(path=path, before=_text(before, show=show), after=_text(after, show=show))
        for path, before, after in _leaves("", old, new)
        if not path.startswith(_OWN)
    ]
    return tuple(differing) or tuple(Change(path=path) for path in sorted(step.changed))


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    plain = isinstance(old, Mapping) and isinstance(new, Mapping) and not _special(old) and not _special(new)
    if not plain:
        yield path, old, new
        return
    for key in sorted({*old, *new}):
        yield from _leaves(f"{path}.{key}".removeprefix("."), old.get(key), new.get(key))


def _special(value: Any) -> bool:
    return isinstance(value, Mapping) and _SIGNATURE in value


def _text(value: Any, *, show: bool) -> str:
    if value is None:
        return ""
    if not show or _special(value) or _MASKED in str(value):
        return "(not shown)"
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else None
    if text is None:
        text = str(value) if isinstance(value, int | float) else f"({len(value)} entries)"
    return beginning(" ".join(text.split()), _LONGEST, "…")


def reason(difference: Step, run: Run, graph: Graph) -> str:
    """Return the reason in words; empty where the changed properties say it all."""
    if difference.kind == "KataConfig" and (why := _of_plan(run.marks.get(marks.ROLLOUT))):
        return why
    if difference.operation == "delete":
        return "" if run.destroys else "it is not in the program any more"
    if difference.operation == "replace" and not changes_of(difference):
        replaced = {one.urn for one in run.differences if one.operation == "replace"}
        needs = sorted(name_of(urn) for urn in graph.needs.get(difference.urn, ()) if urn in replaced)
        if needs:
            return f"it depends on {', '.join(needs)}, which is deleted before it is created anew"
        return "the program or its provider asks for a new one; no property of it differs"
    return ""


def _of_plan(plan: Mapping[str, object] | None) -> str:
    why = (plan or {}).get("why")
    return "; ".join(map(str, why)) if isinstance(why, list) else ""
