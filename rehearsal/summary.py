"""What a run created and how long each part took, and the HTML report that it leaves; both from its event log."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coco_azure import run_marks as marks
from coco_azure.cli.report import command, content, timeline
from coco_azure.cli.report.content import RunReport
from coco_azure.cli.report.graph import Check
from coco_azure.clients.engine_run import Run, kind_of
from coco_azure.clients.event_log import NotALogError
from coco_azure.trust import proof_report
from rehearsal import toolchain
from rehearsal.attempt import Outcome, table
from rehearsal.cluster import CHECKOUT
from rehearsal.toolchain import ToolchainError
from rehearsal.toolchain.cache import Say
from rehearsal.workplace import STACK, Prepared

_LONGEST = proof_report.WIDTH - 24
"""Characters of an output that are shown: initdata of a workload has twenty thousand."""


def write_report(prepared: Prepared, events: Path, out: Path, say: Say, outcomes: Sequence[Outcome] = ()) -> str:
    """Write the report of an event log, and return where it is; a run that ended before it had one has none."""
    tried = [
        Check(
            name=f"{each.name}: {each.expected}",
            outcome="passed" if each.as_expected else "failed",
            detail=f"{each.result}: {each.reason}",
        )
        for each in outcomes
    ]
    try:
        report = command.report_of(prepared.engine(STACK), events, tried)
    except (NotALogError, OSError):
        return ""
    out.write_text(content.html(_with_picture(report, say)), encoding="utf-8")
    short = str(out.relative_to(CHECKOUT) if out.is_relative_to(CHECKOUT) else out)
    say(f"report: {short}")
    return short


def _with_picture(report: RunReport, say: Say) -> RunReport:
    try:
        return command.with_picture(report, say, toolchain.ensure(["dot"], say)["dot"].path)
    except ToolchainError as error:
        say(f"the report has no picture of the dependency graph: {error}")
        return report


def render(
    run: Run,
    outputs: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    *,
    provider: str,
    seconds: float,
    report: str,
) -> str:
    """Return the summary that ``make rehearse`` ends with."""
    lines = ["", "What was created", *_created(run), "", "How long each part took", *_durations(run)]
    lines += ["", "What the stack exports"]
    shown = {name: json.dumps(value) for name, value in outputs.items() if name not in ("proof", marks.COSTS)}
    lines += [
        f"  {name:<17} {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}" for name, text in shown.items()
    ]
    lines += ["", "What must be denied, tried", table(outcomes), "", *_proof(outputs, outcomes)]
    lines += ["", f"Kubernetes provider: {provider}", f"All of it, with set-up: {seconds:.0f} s"]
    lines += ["A second `up` had nothing to change.", f"For a browser: {report}", ""]
    return "\n".join([*lines, "attested" if all(each.as_expected for each in outcomes) else "the chain did not hold"])


def _proof(outputs: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[str]:
    """Return the proof report that the stack exports, with the outcome of every check."""
    checks = [{"name": "attestation check", "outcome": "passed" if outputs.get("attested") else "failed"}]
    checks += [
        {"name": f"{each.name}: {each.expected}", "outcome": "passed" if each.as_expected else "failed"}
        for each in outcomes
    ]
    return proof_report.text_of({**outputs["proof"], "checks": checks}).splitlines()


def _created(run: Run) -> list[str]:
    lines = []
    for step in run.steps:
        if step.operation == "create" and step.outcome == "done" and kind_of(step.urn).startswith("kubernetes:"):
            kind = step.kind
            words = f"{kind.removesuffix('Patch')} (fields of it)" if kind.endswith("Patch") else kind
            lines.append(f"  {words:<28} {step.title}")
    return sorted(lines)


def _durations(run: Run) -> Iterator[str]:
    """Yield for each part when it was worked on; the parts go side by side."""
    for part in timeline.chart(run, ()).groups:
        longest = max(part.rows, key=lambda row: row.seconds)
        words = f"{part.title} (longest: {longest.name}, {longest.seconds:.0f} s)"
        yield f"  second {part.start:>3.0f} to {part.end:>3.0f}  {words}"
