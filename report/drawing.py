"""Draws a graph by Graphviz: the ``dot`` on PATH, or the one of Go modules that the toolchain builds."""

import subprocess
from dataclasses import replace
from pathlib import Path

import toolchain
from report import dot
from report.content import Report
from toolchain.cache import Say

_TIMEOUT = 120.0
_LABEL = "Dependency graph; the table below it says the same"


class DrawingError(RuntimeError):
    """Graphviz cannot be had, or does not draw; the message says why."""


def with_picture(report: Report, say: Say) -> Report:
    """Return the report with its graph drawn; without Graphviz as it is, which is told."""
    if not report.dot:
        return report
    try:
        return replace(report, picture=dot.inlined(draw(report.dot, say), _LABEL))
    except (DrawingError, toolchain.ToolchainError) as error:
        say(f"the report has no picture of the dependency graph: {error}")
        return report


def draw(text: str, say: Say) -> str:
    """Return the SVG of a DOT text.

    Raises:
        ToolchainError: there is no Graphviz, and none can be built.
        DrawingError: it fails.
    """
    program: Path = toolchain.ensure(["dot"], say)["dot"].path
    try:
        done = subprocess.run(
            [str(program), "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"{program} took more than {_TIMEOUT:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise DrawingError(f"{program}: {error.stderr.strip() or error.returncode}") from error
    return done.stdout
