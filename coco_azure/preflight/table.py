"""All findings as one aligned text table: check, found, needed, fix."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from coco_azure.preflight.judge import Verdict
from coco_azure.preflight.model import Finding

_HEAD = ("check", "found", "needed")
_WIDEST = 44
"""Most characters of a column but the last, whose commands are not broken, so that they can be copied."""
_GAP = "  "


def render(verdict: Verdict) -> str:
    """Return the table with a headline, or nothing where nothing was found."""
    rows = [(finding, "") for finding in verdict.problems]
    rows += [(finding, "accepted") for finding in verdict.accepted]
    rows += [(finding, "warning") for finding in verdict.warnings]
    if not rows:
        return ""
    return "\n".join([_headline(verdict), "", *_table(rows)])


def records(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the findings as data, for a report: those of ``Finding`` as mappings, each with ``accepted``."""
    rows = [asdict(finding) | {"accepted": False} for finding in verdict.problems]
    rows += [asdict(finding) | {"accepted": True} for finding in verdict.accepted]
    return rows + [asdict(finding) | {"accepted": False} for finding in verdict.warnings]


def _headline(verdict: Verdict) -> str:
    parts = [
        (len(verdict.problems), "problem"),
        (len(verdict.accepted), "accepted problem"),
        (len(verdict.warnings), "warning"),
    ]
    counts = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in parts if count)
    return f"pre-flight: {counts}"


def _table(rows: Sequence[tuple[Finding, str]]) -> Iterator[str]:
    cells = [
        (f"{finding.check} ({mark})" if mark else finding.check, finding.found, finding.needed)
        for finding, mark in rows
    ]
    wrapped = [[_wrap(cell) for cell in row] for row in [_HEAD, *cells]]
    widths = [max(len(line) for row in wrapped for line in row[column]) for column in range(len(_HEAD))]
    fixes = [["fix"], *_fixes([finding for finding, _ in rows])]
    for number, (row, fix) in enumerate(zip(wrapped, fixes, strict=True)):
        for *line_cells, command in zip_longest(*row, fix, fillvalue=""):
            padded = [text.ljust(width) for text, width in zip(line_cells, widths, strict=True)]
            yield _GAP.join([*padded, command]).rstrip()
        if number == 0:
            yield _GAP.join("-" * width for width in [*widths, len("fix")])


def _fixes(findings: Sequence[Finding]) -> Iterator[list[str]]:
    """Yield the lines of each fix; the commands of several rows are those of the first of them, and mend all."""
    seen: dict[tuple[str, str], None] = {}
    for finding in findings:
        key = (finding.check, finding.fix)
        yield [f"(the commands of the first row of {finding.check})"] if key in seen else finding.fix.splitlines()
        seen[key] = None


def _wrap(text: str) -> list[str]:
    # A name that is longer, as the console makes them, stays whole: people search for it.
    return textwrap.wrap(text, _WIDEST, break_on_hyphens=False, break_long_words=False) or [""]
