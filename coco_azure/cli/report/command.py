"""``coco-azure report``: an HTML report of a run of ``pulumi``, carried out now or told by its event log."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from coco_azure.cli import CommandContext, CommandError
from coco_azure.cli.report import content, graph, heading, names
from coco_azure.cli.report.content import RunReport, html
from coco_azure.cli.report.graph import Check, Graph, NotAPlanError
from coco_azure.clients import event_log, stack_history
from coco_azure.clients.engine_run import Run
from coco_azure.clients.event_log import NotALogError
from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.clients.stack_history import Update

PROGRAM = "GRAPHVIZ_DOT"
"""Variable with the path of ``dot``, for one that is not on PATH."""
_T = TypeVar("_T")
_TIMEOUT = 120.0
_LABEL = "Dependency graph; the table below it says the same"


def with_picture(report: RunReport, say: Callable[[str], None], program: Path | None = None) -> RunReport:
    """Return the report with its graph drawn; without Graphviz as it is, which is told."""
    if not report.dot:
        return report
    try:
        return replace(report, picture=names.inlined(draw(report.dot, program or find()), _LABEL))
    except CommandError as error:
        say(f"the report has no picture of the dependency graph: {error}")
        return report


def find() -> Path:
    """Return the path of ``dot``; raises CommandError where there is none."""
    path = os.environ.get(PROGRAM) or shutil.which("dot")
    if path is None:
        raise CommandError(
            f"Graphviz' dot is not on PATH. Install it (apt-get install graphviz), or name it in {PROGRAM}"
        )
    return Path(path)


def draw(text: str, program: Path) -> str:
    """Return the SVG of a DOT text; raises CommandError where Graphviz fails, or cannot be started."""
    try:
        done = subprocess.run(
            [str(program), "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=_TIMEOUT
        )
    except OSError as error:
        raise CommandError(f"{program} cannot be started: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{program} took more than {_TIMEOUT:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{program}: {error.stderr.strip() or error.returncode}") from error
    return done.stdout


def report_of(
    engine: Engine,
    log: Path,
    tried: Sequence[Check] = (),
    *,
    before: Graph | None = None,
    planned: Path | None = None,
    user: str = "",
) -> RunReport:
    """Return the report of an event log; what the engine cannot say any more is left out.

    Args:
        tried: checks that were made beside the program.
        before: the graph before the run, which has what the run has deleted.
        planned: update plan of a preview, which has what it would create.
        user: who ran it; empty where that is not known.

    Raises:
        EngineError: no stack is selected.
        NotALogError: the file is not an event log.
        NotAPlanError: the other one is not an update plan.
        OSError: one of them cannot be read.
    """
    run = event_log.read_file(log)
    # A run that ended before its first resource has no URN that says whose it was.
    run = replace(run, stack=run.stack or engine.name().rpartition("/")[2], project=run.project or "coco-azure")
    dependencies = graph.merged(before or Graph(), of_stack(engine))
    # Of a preview that fails pulumi saves no plan: one that is there is older.
    has_plan = planned is not None and run.preview and run.result == "succeeded"
    if has_plan and planned is not None:
        dependencies = _with_plan(dependencies, run, graph.read_plan(planned.read_text(encoding="utf-8")))
    history: list[Update] = _known(engine.history, [])
    update, finished = stack_history.of_run(history, run), stack_history.last_finished(history)
    facts = tuple(heading.facts(run, update, user))
    # Outputs are those of the last run that came to its end.
    older = "" if finished is None or update == finished else finished.title
    return content.gather(run, dependencies, _known(engine.outputs, {}), tried, facts, planned=has_plan, older=older)


def _with_plan(deployed: Graph, run: Run, planned: Graph) -> Graph:
    # What is only read has no parent in a plan.
    both = graph.merged(deployed, planned)
    return graph.closed(Graph(parents={**run.parents, **both.parents}, needs=both.needs))


def of_stack(engine: Engine) -> Graph:
    """Return the graph of what is deployed; an empty one where nothing is."""
    return _known(lambda: graph.read(engine.graph(*graph.OPTIONS)), Graph())


def _known(question: Callable[[], _T], otherwise: _T) -> _T:
    """Return what the engine says, or something else where it cannot say it any more."""
    try:
        return question()
    except EngineError:
        return otherwise


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
    surroundings: CommandContext,
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
    except (NotALogError, NotAPlanError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        return 1


def _run(engine: Engine, verb: str, options: Sequence[str], out: Path) -> int:
    before = of_stack(engine)
    with tempfile.TemporaryDirectory(prefix="coco-azure-report-") as folder:
        events, own = Path(folder) / "events.json", [each for each in options if each != "--"]
        planned, more = graph.asked(own, engine.environment, Path(folder)) if verb == "preview" else (None, ())
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
    report = with_picture(report_of(engine, events, **known), _say)
    out.write_text(html(report), encoding="utf-8")
    _say(f"report: {out}")


def _say(text: str) -> None:
    click.echo(text, err=True)
