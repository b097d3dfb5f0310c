"""The HTML report that a rehearsal leaves."""

from collections.abc import Sequence
from pathlib import Path

from coco_azure.cli.report import command, content
from coco_azure.cli.report.content import RunReport
from coco_azure.cli.report.graph import Check
from coco_azure.clients.event_log import NotALogError
from rehearsal import toolchain
from rehearsal.attempt import Outcome
from rehearsal.cluster import CHECKOUT
from rehearsal.toolchain import ToolchainError
from rehearsal.toolchain.cache import Say
from rehearsal.workplace import STACK, Prepared


def write(prepared: Prepared, events: Path, out: Path, say: Say, outcomes: Sequence[Outcome] = ()) -> str:
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
