"""All that a report shows, gathered from a run, the engine's graph and the stack's outputs; and its HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from coco_azure import run_marks as marks
from coco_azure.cli.report import heading, names, timeline
from coco_azure.cli.report.graph import Change, Check, Graph, changes_of, reason
from coco_azure.cli.report.heading import Attestation, Cost
from coco_azure.cli.report.timeline import Chart, Link
from coco_azure.clients.engine_run import Message, Run, Step, is_empty, kind_of, name_of

_ATTESTATIONS = {
    "attested": ("passed", "a pod got its secret from KBS, and it is the expected one"),
    "not attested": ("failed", "no pod has proven itself to Trustee at the end of this run"),
}
_ORDER = ("replace", "delete", "update", "import", "create")


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A changed resource, with what differs and the reason in words."""

    difference: Step
    changes: tuple[Change, ...]
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
class RunReport:
    """What is shown.

    Attributes:
        changed: what it changes, replacements first.
        nodes: the graph as a table.
        planned: whether the graph has what a preview foresees; without it, it has what is deployed.
        rehearsal: whether the cluster is a simulated one.
        older: the run that the proof is of, where it is another one; empty where it is this one.
        rollout: what it does to nodes, see ``coco_azure.rollout.plan.of``; empty where the program said nothing.
        proof: the trust-chain proof, see ``coco_azure.trust.proof.to_dict``; empty for a preview and without one.
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
    attestation: Attestation = ""
    rehearsal: bool = False
    older: str = ""
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
    older: str = "",
) -> RunReport:
    """Return the report of a run.

    Args:
        graph: the engine's graph; an empty one where nothing is deployed.
        outputs: the stack's outputs as ``pulumi stack output --json`` prints them, secrets masked.
        tried: checks that were made beside the program.
        facts: further facts of the header, such as the commit.
        planned: whether the graph has what the preview foresees.
        older: the run that the outputs are of, in words, where it is another one; empty where it is this one.
    """
    links = () if run.preview else timeline.critical(run.steps, graph, run.began)
    operations = {one.urn: one.operation for one in run.differences}
    pairs = [(one.step.urn, other.step.urn) for one, other in pairwise(links)]
    pairs += [(link.step.urn, link.step.urn) for link in links]
    # What a run that fails leaves, and all that a preview has, are outputs of a run before.
    own = run.result == "succeeded" and not run.preview and not older
    attestation = heading.attestation(run, outputs, own=own)
    return RunReport(
        run=run,
        chart=timeline.chart(run, links),
        path=links,
        changed=tuple(_changed(run, graph)),
        nodes=tuple(_nodes(graph, {link.step.urn for link in links})),
        rollout=run.marks.get(marks.ROLLOUT) or {},
        proof={} if run.preview else outputs.get("proof") or {},
        checks=(*_checks(run, attestation), *(_proven(outputs) if own else ()), *tried),
        warnings=run.warnings,
        errors=tuple(error for error in run.errors if not is_empty(error.text)) or run.errors,
        costs=_costs(run, outputs if own else {}),
        facts=tuple(facts),
        planned=planned,
        attestation=attestation,
        rehearsal=heading.is_rehearsal(run),
        older="" if own or run.preview else older or "a run before this one",
        dot=names.dot_text(graph, operations, pairs, preview=run.preview) if graph.needs else "",
    )


def _costs(run: Run, outputs: Mapping[str, Any]) -> tuple[Cost, ...] | None:
    drivers = run.marks.get(marks.COSTS) or outputs.get(marks.COSTS)
    return heading.cost_rows(drivers) if drivers else None


def _changed(run: Run, graph: Graph) -> Iterator[Changed]:
    for difference in sorted(run.differences, key=lambda one: _ORDER.index(one.operation)):
        part = names.part(difference.urn, {**graph.parents, **run.parents})
        why = reason(difference, run, graph)
        yield Changed(difference=difference, changes=changes_of(difference), part=part, why=why)


def _nodes(graph: Graph, critical: set[str]) -> Iterator[Node]:
    edges = names.drawn(graph)
    for urn in sorted(edges, key=lambda one: (names.part(one, graph.parents), name_of(one))):
        yield Node(
            name=name_of(urn),
            kind=kind_of(urn).rpartition(":")[2],
            part=names.part(urn, graph.parents),
            needs=tuple(sorted(map(name_of, edges[urn]))),
            critical=urn in critical,
        )


def _checks(run: Run, attestation: Attestation) -> Iterator[Check]:
    findings = run.marks.get(marks.PREFLIGHT)
    if findings is not None and not findings:
        yield Check(name="pre-flight", outcome="passed", detail="nothing was found that stands in the way")
    for finding in findings or ():
        outcome = "accepted" if finding.get("accepted") else finding["level"].replace("problem", "failed")
        detail = f"found: {finding['found']}; needed: {finding['needed']}"
        yield Check(name=f"pre-flight: {finding['check']}", outcome=outcome, detail=detail, fix=finding["fix"])
    if attestation in _ATTESTATIONS:
        outcome, detail = _ATTESTATIONS[attestation]
        yield Check(name="attestation check", outcome=outcome, detail=detail)


def _proven(outputs: Mapping[str, Any]) -> Iterator[Check]:
    for check in (outputs.get("proof") or {}).get("checks", ()):
        yield Check(name=check["name"], outcome=check["outcome"])


_TEMPLATES = Path(__file__).parent / "templates"
_MARKS = {"passed": "✓", "failed": "✗", "warning": "!", "accepted": "~"}


def html(report: RunReport) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=names.duration,
        operation=names.operation,
        moment=_moment,
        mark=lambda outcome: _MARKS.get(outcome, "?"),
        shape=_shape,
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    rendered = environment.get_template("report.html.j2").render(
        report=report,
        run=report.run,
        part=lambda step: names.part(step.urn, report.run.parents),
        # Both are this project's own text, not a run's.
        style=Markup(style),  # noqa: S704
        picture=Markup(report.picture),  # noqa: S704
        times_of=heading.reboots_of(report.run),
        **_figures(report),
    )
    return rendered if rendered.endswith("\n") else f"{rendered}\n"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _shape(step: Step) -> str:
    """Return the class of a bar: what was done, in four kinds."""
    if step.outcome != "done":
        return "broken"
    kinds = {"delete": "delete", "delete-replaced": "delete", "update": "update", "read": "read", "refresh": "read"}
    return kinds.get(step.operation, "create")


def _figures(report: RunReport) -> dict[str, Any]:
    counts = dict.fromkeys(("create", "update", "replace", "delete"), 0)
    for changed in report.changed:
        if changed.difference.operation in counts:
            counts[changed.difference.operation] += 1
    failed = [check for check in report.checks if check.outcome == "failed"]
    return {
        "counts": counts,
        "failed_checks": failed,
        "path_seconds": sum(link.step.seconds for link in report.path),
        "path_before": sum(link.before for link in report.path),
        "reboots": report.rollout.get("reboots") or {},
    }
