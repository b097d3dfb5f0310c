"""Event logs and graphs of runs, as the engine writes them, made of what a test says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coco_azure import run_marks as marks
from coco_azure.cli.report import graph
from coco_azure.cli.report.graph import Graph
from coco_azure.clients import event_log
from coco_azure.clients.engine_run import Run

MASKED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
START = 1_800_000_000
KINDS = {
    "map": "kubernetes:core/v1:ConfigMap",
    "secret": "kubernetes:core/v1:Secret",
    "kata": "kubernetes:kataconfiguration.openshift.io/v1:KataConfig",
    "job": "kubernetes:batch/v1:Job",
    "stash": "pulumi:index:Stash",
    "infrastructure": "kubernetes:config.openshift.io/v1:Infrastructure",
    "provider": "pulumi:providers:kubernetes",
    "trustee": "coco-azure:index:TrusteeStack",
    "stack": "pulumi:pulumi:Stack",
}
PARENT = "urn:pulumi:test::coco-azure::coco-azure:index:TrusteeStack::trustee"


def urn(kind: str, name: str) -> str:
    """Return the URN of a resource, a child of Trustee unless it is a component itself."""
    own = KINDS[kind]
    types = own if not own.startswith(("kubernetes:", "pulumi:index:")) else f"coco-azure:index:TrusteeStack${own}"
    return f"urn:pulumi:test::coco-azure::{types}::{name}"


class LogOf:
    """An event log under construction."""

    def __init__(self, **settings: str) -> None:
        self._lines: list[dict[str, Any]] = [{"timestamp": START, "preludeEvent": {"config": settings}}]

    def _add(self, at: int, **event: Any) -> "LogOf":
        self._lines.append({"sequence": len(self._lines), "timestamp": START + at, **event})
        return self

    def begins(self, at: int, kind: str, name: str, operation: str = "create", **sides: Any) -> "LogOf":
        """Add the beginning of a step; ``old`` and ``new`` are inputs, ``detailed`` is its detailedDiff."""
        return self._add(at, resourcePreEvent={"metadata": _metadata(kind, name, operation, **sides)})

    def ends(self, at: int, kind: str, name: str, operation: str = "create", **sides: Any) -> "LogOf":
        """Add the end of a step."""
        return self._add(at, resOutputsEvent={"metadata": _metadata(kind, name, operation, **sides)})

    def fails(self, at: int, kind: str, name: str, operation: str = "create") -> "LogOf":
        """Add the failure of a step."""
        return self._add(at, resOpFailedEvent={"metadata": _metadata(kind, name, operation), "status": 2, "steps": 1})

    def step(self, begin: int, end: int, kind: str, name: str, *operation: str, **sides: Any) -> "LogOf":
        """Add a step with nothing in between."""
        return self.begins(begin, kind, name, *operation, **sides).ends(end, kind, name, *operation, **sides)

    def reads(self, kind: str, outputs: Mapping[str, Any]) -> "LogOf":
        """Add the reading of an object that is not the stack's."""
        side = {"type": KINDS[kind], "custom": True, "parent": PARENT, "inputs": {}, "outputs": outputs}
        metadata = {"op": "read", "urn": urn(kind, kind), "type": KINDS[kind], "old": None, "new": side}
        return self._add(0, resOutputsEvent={"metadata": {**metadata, "detailedDiff": None}})

    def says(self, at: int, severity: str, text: str, about: str = "", *, ephemeral: bool = False) -> "LogOf":
        """Add a message."""
        diagnostic = {"severity": severity, "message": f"{text}\n", "color": "never"}
        return self._add(
            at, diagnosticEvent={**diagnostic, **({"urn": about} if about else {}), "ephemeral": ephemeral}
        )

    def mark(self, name: str, data: Any) -> "LogOf":
        """Add what the program tells the report."""
        return self.says(0, "debug", marks.line(name, data))

    def summary(self, at: int, result: str = "succeeded", *, preview: bool = False, **counts: int) -> "LogOf":
        """Add the end of the run."""
        return self._add(at, summaryEvent={"result": result, "isPreview": preview, "resourceChanges": counts})

    @property
    def lines(self) -> list[str]:
        """The log's lines."""
        return [json.dumps(line) for line in self._lines]

    def run(self) -> Run:
        """Return what the log is read as."""
        return event_log.read(self.lines)


def _metadata(
    kind: str, name: str, operation: str, *, old: Any = None, new: Any = None, detailed: Any = None
) -> dict[str, Any]:
    side = {
        "type": KINDS[kind],
        "custom": not KINDS[kind].startswith(("coco-azure:", "pulumi:pulumi:")),
        "parent": "" if kind in ("trustee", "stack") else PARENT,
    }
    inputs = new if new is not None else {"metadata": {"namespace": "place", "name": name}}
    return {
        "op": operation,
        "urn": urn(kind, name),
        "type": KINDS[kind],
        "old": {**side, "inputs": old} if old is not None else None,
        "new": {**side, "inputs": inputs},
        "detailedDiff": detailed,
    }


def dot_of(needs: Mapping[str, Sequence[str]], parents: Mapping[str, str] | None = None) -> str:
    """Return a graph as ``pulumi stack graph`` writes it."""
    urns = sorted({*needs, *(other for value in needs.values() for other in value), *(parents or {}).values()})
    number = {name: f"Resource{place}" for place, name in enumerate(urns)}
    lines = [f'    {number[name]} [label="{name}"];' for name in urns]
    lines += [f'    {number[o]} -> {number[u]} [color = "#246C60"];' for u, value in needs.items() for o in value]
    lines += [f'    {number[child]} -> {number[p]} [color = "#AA6639"];' for child, p in (parents or {}).items()]
    return "\n".join(["strict digraph {", *lines, "}", ""])


def graph_of(needs: Mapping[str, Sequence[str]]) -> Graph:
    """Return the graph of these dependencies, every resource a child of Trustee."""
    names = {*needs, *(other for value in needs.values() for other in value)}
    return graph.read(dot_of(needs, dict.fromkeys(names, PARENT)))
