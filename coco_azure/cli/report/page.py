"""The report as HTML: one file without scripts, whose policy forbids it to load anything."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from coco_azure.cli.report import heading, names
from coco_azure.cli.report.content import RunReport
from coco_azure.clients.engine_run import Step

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
