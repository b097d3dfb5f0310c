"""``coco-azure report``: an HTML report of a run of ``pulumi``, carried out now or told by its event log."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from coco_azure.cli import Surroundings
from coco_azure.cli.report import drawing, heading, plan, source
from coco_azure.cli.report.page import html
from coco_azure.cli.report.plan import NotAPlanError
from coco_azure.clients.event_log import NotALogError
from coco_azure.clients.pulumi_cli import Engine, EngineError

_FILE = click.Path(path_type=Path)


@click.command("report", epilog="An event log by hand: PULUMI_DEBUG_COMMANDS=true pulumi up --event-log FILE")
@click.option("--events", type=_FILE, metavar="FILE", help="Event log of a run, or of a preview.")
@click.option("--run", "verb", type=click.Choice(["up", "preview", "destroy"]), help="Run pulumi now.")
@click.option(
    "--plan", "planned", type=_FILE, metavar="FILE", help="Update plan of the preview that --events tells of."
)
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--out", type=_FILE, metavar="FILE", help="Default: report-STACK.html in the project's folder.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTION OF PULUMI...]")
@click.pass_obj
def command(  # noqa: PLR0917 - click passes them by name
    surroundings: Surroundings,
    events: Path | None,
    verb: str | None,
    planned: Path | None,
    stack: str | None,
    out: Path | None,
    options: Sequence[str],
) -> int:
    """Write an HTML report of a run: one file, readable without a network.

    With --run the exit code is that of pulumi.
    """
    if (events is None) == (verb is None):
        raise click.UsageError("give one of --events FILE (a run that is over) and --run VERB (a run to start now)")
    if planned and not events:
        raise click.UsageError("--plan belongs to --events; with --run name the plan behind --: -- --save-plan FILE")
    engine = surroundings.engine(stack)
    try:
        name = engine.name()
        page = out or surroundings.project / f"report-{name.rpartition('/')[2]}.html"
        if events:
            _write(engine, events, page, planned=planned)
            return 0
        return _run(engine, verb or "up", options, page)
    except (EngineError, NotALogError, NotAPlanError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        return 1


def _run(engine: Engine, verb: str, options: Sequence[str], out: Path) -> int:
    before = source.of_stack(engine)
    with tempfile.TemporaryDirectory(prefix="coco-azure-report-") as folder:
        events, own = Path(folder) / "events.json", [each for each in options if each != "--"]
        planned, more = plan.asked(own, engine.environment, Path(folder)) if verb == "preview" else (None, ())
        # The report tells of a run that was interrupted, too.
        code = engine.run(verb, *more, *own, log=events)
        if not events.exists():
            _say("no report: pulumi wrote no event log")
            return code or 1
        # Of a preview that failed there is no plan, or one of an earlier preview.
        saved = engine.folder / planned if planned and code == 0 else None
        planned = saved if saved and saved.exists() else None
        _write(engine, events, out, before=before, planned=planned, user=heading.user(engine.environment))
        if more and saved:
            _say("the update plan that pulumi names was made for the report's graph, and is gone")
        return code


def _write(engine: Engine, events: Path, out: Path, **known: Any) -> None:
    report = drawing.with_picture(source.report(engine, events, **known), _say)
    out.write_text(html(report), encoding="utf-8")
    _say(f"report: {out}")


def _say(text: str) -> None:
    click.echo(text, err=True)
