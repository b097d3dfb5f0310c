"""Draws a graph by Graphviz' ``dot``: the one that GRAPHVIZ_DOT names, or that of PATH."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from coco_azure.cli.report import dot
from coco_azure.cli.report.content import RunReport

PROGRAM = "GRAPHVIZ_DOT"
"""Variable with the path of ``dot``, for one that is not on PATH."""
_TIMEOUT = 120.0
_LABEL = "Dependency graph; the table below it says the same"


class DrawingError(RuntimeError):
    """Graphviz is not there, or does not draw; the message says why."""


def with_picture(report: RunReport, say: Callable[[str], None], program: Path | None = None) -> RunReport:
    """Return the report with its graph drawn; without Graphviz as it is, which is told."""
    if not report.dot:
        return report
    try:
        return replace(report, picture=dot.inlined(draw(report.dot, program or find()), _LABEL))
    except DrawingError as error:
        say(f"the report has no picture of the dependency graph: {error}")
        return report


def find() -> Path:
    """Return the path of ``dot``.

    Raises:
        DrawingError: there is none.
    """
    path = os.environ.get(PROGRAM) or shutil.which("dot")
    if path is None:
        raise DrawingError(
            f"Graphviz' dot is not on PATH. Install it (apt-get install graphviz), or name it in {PROGRAM}"
        )
    return Path(path)


def draw(text: str, program: Path) -> str:
    """Return the SVG of a DOT text.

    Raises:
        DrawingError: Graphviz fails, or cannot be started.
    """
    try:
        done = subprocess.run(
            [str(program), "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=_TIMEOUT
        )
    except OSError as error:
        raise DrawingError(f"{program} cannot be started: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"{program} took more than {_TIMEOUT:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise DrawingError(f"{program}: {error.stderr.strip() or error.returncode}") from error
    return done.stdout
