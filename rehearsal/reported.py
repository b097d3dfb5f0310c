"""The HTML report that a rehearsal leaves."""

from collections.abc import Sequence
from pathlib import Path

from drift.engine import Engine
from rehearsal.attempt import Outcome
from rehearsal.cluster import CHECKOUT
from rehearsal.workplace import STACK, Prepared
from report import drawing, page, source
from report.events import NotALogError
from report.model import Check
from toolchain.cache import Say


def write(prepared: Prepared, events: Path, out: Path, say: Say, outcomes: Sequence[Outcome] = ()) -> str:
    """Write the report of an event log, and return where it is; a run that ended before it had one has none."""
    engine = Engine(stack=STACK, options=(), folder=CHECKOUT, variables=prepared.environment())
    tried = [
        Check(
            name=f"{each.name}: {each.expected}",
            outcome="passed" if each.as_expected else "failed",
            detail=f"{each.found}: {each.reason}",
        )
        for each in outcomes
    ]
    try:
        report = source.report(engine, events, tried)
    except (NotALogError, OSError):
        return ""
    out.write_text(page.html(drawing.with_picture(report, say)), encoding="utf-8")
    short = str(out.relative_to(CHECKOUT) if out.is_relative_to(CHECKOUT) else out)
    say(f"report: {short}")
    return short
