"""Everything that a report shows, gathered from a run, the engine's graph, the stack's outputs, and what was tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from report import costs, dot, marks, names, path, reasons, timeline
from report.costs import Cost
from report.model import Check, Difference, Graph, Message, Run, kind_of, name_of
from report.path import Link
from report.timeline import Chart

_ORDER = ("replace", "delete", "update", "import", "create")


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A changed resource, with the reason in words."""

    difference: Difference
    part: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resource of the graph.

    Attributes:
        name, kind, part: what it is.
        needs: names of the resources that it depends on, without those that others imply.
        critical: whether it is on the critical path.
    """

    name: str
    kind: str
    part: str
    needs: tuple[str, ...]
    critical: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is shown.

    Attributes:
        run: the run.
        chart: its timeline.
        path: its critical path.
        changed: what it changes, replacements first.
        nodes: the graph as a table.
        planned: whether the graph has what a preview foresees; without it, it has what is deployed.
        rollout: what it does to nodes, see ``rollout.record.of``; empty where the program said nothing.
        proof: the trust-chain proof, see ``rendering.proof.to_dict``; empty for a preview and without one.
        checks: what was tried.
        costs: what Azure charges for; None where neither the run nor the stack says it.
        warnings, errors: its messages.
        facts: of the header: pairs of title and text.
        dot: the graph as DOT; empty where the engine has none.
        picture: the graph as SVG; empty where nobody drew it.
    """

    run: Run
    chart: Chart
    path: tuple[Link, ...]
    changed: tuple[Changed, ...]
    nodes: tuple[Node, ...]
    rollout: Mapping[str, Any]
    proof: Mapping[str, Any]
    checks: tuple[Check, ...]
    warnings: tuple[Message, ...]
    errors: tuple[Message, ...]
    costs: tuple[Cost, ...] | None = None
    facts: tuple[tuple[str, str], ...] = ()
    planned: bool = False
    dot: str = ""
    picture: str = field(default="", repr=False)


def gather(
    run: Run,
    graph: Graph,
    outputs: Mapping[str, Any],
    tried: Sequence[Check] = (),
    facts: Sequence[tuple[str, str]] = (),
    *,
    planned: bool = False,
) -> Report:
    """Return the report of a run.

    Args:
        run: the run.
        graph: the engine's graph; an empty one where nothing is deployed.
        outputs: the stack's outputs as ``pulumi stack output --json`` prints them, secrets masked.
        tried: checks that were made beside the program.
        facts: further facts of the header, such as the commit.
        planned: whether the graph has what the preview foresees.
    """
    links = () if run.preview else path.critical(run.steps, graph, run.began)
    operations = {one.urn: one.operation for one in run.differences}
    pairs = [(one.step.urn, other.step.urn) for one, other in pairwise(links)]
    pairs += [(link.step.urn, link.step.urn) for link in links]
    # A preview's outputs are those of the run before.
    said = {} if run.preview else outputs
    return Report(
        run=run,
        chart=timeline.chart(run, links),
        path=links,
        changed=tuple(_changed(run, graph)),
        nodes=tuple(_nodes(graph, {link.step.urn for link in links})),
        rollout=run.marks.get(marks.ROLLOUT) or {},
        proof=said.get("proof") or {},
        checks=(*_checks(run, said), *tried),
        warnings=_messages(run, "warning"),
        errors=_messages(run, "error"),
        costs=_costs(run, said),
        facts=tuple(facts),
        planned=planned,
        dot=dot.text(graph, operations, pairs, preview=run.preview) if graph.needs else "",
    )


def _costs(run: Run, outputs: Mapping[str, Any]) -> tuple[Cost, ...] | None:
    # A run that failed left the outputs of the one before; its own word is newer.
    found = run.marks.get(marks.COSTS) or outputs.get(marks.COSTS)
    return costs.of(found) if found else None


def _messages(run: Run, severity: str) -> tuple[Message, ...]:
    found = {message.text: message for message in run.messages if message.severity == severity}
    return tuple(found.values())


def _changed(run: Run, graph: Graph) -> Iterator[Changed]:
    for difference in sorted(run.differences, key=lambda one: _ORDER.index(one.operation)):
        part = names.part(difference.urn, {**graph.parents, **run.parents})
        yield Changed(difference=difference, part=part, why=reasons.of(difference, run, graph))


def _nodes(graph: Graph, critical: set[str]) -> Iterator[Node]:
    edges = dot.drawn(graph)
    for urn in sorted(edges, key=lambda one: (names.part(one, graph.parents), name_of(one))):
        yield Node(
            name=name_of(urn),
            kind=kind_of(urn).rpartition(":")[2],
            part=names.part(urn, graph.parents),
            needs=tuple(sorted(map(name_of, edges[urn]))),
            critical=urn in critical,
        )


def _checks(run: Run, outputs: Mapping[str, Any]) -> Iterator[Check]:
    findings = run.marks.get(marks.PREFLIGHT)
    if findings is not None and not findings:
        yield Check(name="pre-flight", outcome="passed", detail="nothing was found that stands in the way")
    for finding in findings or ():
        outcome = "accepted" if finding.get("accepted") else finding["level"].replace("problem", "failed")
        detail = f"found: {finding['found']}; needed: {finding['needed']}"
        yield Check(name=f"pre-flight: {finding['check']}", outcome=outcome, detail=detail, fix=finding["fix"])
    if "attested" in outputs:
        passed = outputs["attested"] is True
        detail = "a pod got its secret from KBS, and it is the expected one" if passed else ""
        yield Check(name="attestation check", outcome="passed" if passed else "failed", detail=detail)
    for check in (outputs.get("proof") or {}).get("checks", ()):
        yield Check(name=check["name"], outcome=check["outcome"])
