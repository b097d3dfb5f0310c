"""``python -m report``: an HTML report of a run of ``pulumi``, carried out here or told by its event log."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from drift.engine import Engine, EngineError
from report import drawing, plan, source
from report.events import NotALogError
from report.model import Graph
from report.page import html
from report.plan import NotAPlanError

_PROJECT = Path(__file__).parent.parent
_ENGINE_WAITS = 600.0


def main(arguments: Sequence[str] | None = None, project: Path = _PROJECT) -> int:
    """Write a report; return the exit code of ``pulumi`` where it was run, and 1 where there is no report."""
    parser = _parser()
    said = parser.parse_args(arguments)
    if said.plan and not said.events:
        parser.error(
            "--plan belongs to --events; a preview that is run here is asked for its plan: -- --save-plan FILE"
        )
    engine = Engine(stack=said.stack, options=(), folder=project)
    try:
        name = engine.name()
        out = said.out or project / f"report-{name.rpartition('/')[2]}.html"
        if said.events:
            _write(engine, said.events, out, planned=said.plan)
            return 0
        return _run(engine, said.run, said.options, out)
    except (EngineError, NotALogError, NotAPlanError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _run(engine: Engine, verb: str, options: Sequence[str], out: Path) -> int:
    before = source.of_stack(engine)
    with tempfile.TemporaryDirectory(prefix="coco-azure-report-") as folder:
        events, own = Path(folder) / "events.json", [each for each in options if each != "--"]
        planned, more = plan.asked(own, os.environ, Path(folder)) if verb == "preview" else (None, ())
        stack = ["--stack", engine.stack] if engine.stack else []
        command = ["pulumi", verb, *stack, "--event-log", str(events), *more, *own]
        # --event-log is one of the options that the CLI shows and takes only in this mode.
        environment = {**os.environ, "PULUMI_DEBUG_COMMANDS": "true"}
        process = subprocess.Popen(command, cwd=engine.folder, env=environment)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C has reached it as well: it cancels what it does and saves its state; the report tells of that, too.
            code = process.wait(_ENGINE_WAITS)
        if not events.exists():
            sys.stderr.write("no report: pulumi wrote no event log\n")
            return code or 1
        # Of a preview that failed there is no plan, or one of an earlier preview.
        found = engine.folder / planned if planned and code == 0 else None
        _write(engine, events, out, before=before, planned=found if found and found.exists() else None)
        if more and found:
            _say("the update plan that pulumi names was made for the report's graph, and is gone")
        return code


def _write(engine: Engine, events: Path, out: Path, before: Graph | None = None, planned: Path | None = None) -> None:
    report = drawing.with_picture(source.report(engine, events, before=before, planned=planned), _say)
    out.write_text(html(report), encoding="utf-8")
    _say(f"report: {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m report",
        description="Write an HTML report of a run: one file, readable without a network.",
        epilog="An event log by hand: PULUMI_DEBUG_COMMANDS=true pulumi up --event-log FILE",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--events", type=Path, metavar="FILE", help="event log of a run, or of a preview")
    what.add_argument(
        "--run", choices=("up", "preview", "destroy"), help="run pulumi now; options for it come after --"
    )
    parser.add_argument("--plan", type=Path, metavar="FILE", help="update plan of the preview that --events tells of")
    parser.add_argument("--stack", help="name of the stack; default: the selected one")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report-STACK.html in the project's folder")
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="options for pulumi")
    return parser


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
