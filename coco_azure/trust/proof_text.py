"""The proof report as an aligned table for a terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from coco_azure.trust.proof import Proof, to_dict

Row = tuple[str, ...]
"""The cells of one line."""

WIDTH = 100
"""Longest line, in characters."""

_INDENT, _GAP = "  ", "  "
_SHORTEST = 8


def to_text(proof: Proof) -> str:
    """Return the proof as text, no line longer than ``WIDTH``; the warnings come last, where a terminal ends."""
    return text_of(to_dict(proof))


def text_of(data: Mapping[str, Any]) -> str:
    """Return the text of a proof that was exported, as ``to_dict`` made it."""
    lines = [f"Proof of a {data['environment']} deployment"]
    for title, section in _sections(data):
        lines += ["", title, *_table(section)]
    if data["warnings"]:
        lines += ["", "Warnings"]
        for warning in data["warnings"]:
            lines += textwrap.wrap(warning, WIDTH, initial_indent=f"{_INDENT}! ", subsequent_indent=f"{_INDENT}  ")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _sections(data: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    sections: list[tuple[str, list[Row]]] = [
        ("Versions", _version_rows(data["versions"])),
        ("Initdata", [part for each in data["initdata"] for part in _initdata_rows(each)]),
        ("Accepted PCR 8", [(value,) for value in data["acceptedPcr8"]]),
        (
            "Secrets by PCR 8",
            [(pcr8[:16], path) for pcr8, paths in (data.get("secrets") or {}).items() for path in paths or ["none"]],
        ),
        (
            "Reference values",
            [
                (each["name"], f"{each['count']}", each["sha256"][:16], each["expires"])
                for each in data["referenceValues"]
            ],
        ),
        ("Policies", [(each["kind"], each["source"], each["sha256"][:16]) for each in data["policies"]]),
        (
            "Certificates",
            [(each["use"], each["subject"], each["issuer"], each["expires"]) for each in data["certificates"]],
        ),
        ("Checks", [(each["name"], each["outcome"]) for each in data["checks"]]),
        ("Attacks of a host", [(each["attack"], each["deniedBy"]) for each in data.get("attacks", ())]),
    ]
    return [(title, content) for title, content in sections if content]


def _version_rows(versions: Sequence[Mapping[str, str]]) -> list[Row]:
    return [(each["package"], each["csv"], f"{_profile(each)}, RCAR {each['protocol']}") for each in versions]


def _profile(each: Mapping[str, str]) -> str:
    own = f".v{each['profile']}." in each["csv"]
    return f"profile {each['profile']}" if own else f"treated as {each['profile']}, having no profile"


def _initdata_rows(each: Mapping[str, str]) -> list[Row]:
    digest = each["digest"]
    half = (len(digest) + 1) // 2 if len(digest) > 64 else len(digest)  # noqa: PLR2004 - what fits into a line
    lines = [digest[start : start + half] for start in range(0, len(digest), half)] or [""]
    return [
        (each["scope"], each["algorithm"], lines[0]),
        *(("", "", line) for line in lines[1:]),
        ("", "PCR 8", each["pcr8"]),
    ]


def _table(section: Sequence[Row]) -> list[str]:
    widths = _widths(section)
    return [
        _INDENT + _GAP.join(_fit(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in section
    ]


def _widths(section: Sequence[Row]) -> list[int]:
    """Return the width of each column: what it needs, the widest ones cut until the line fits."""
    widths = [max(map(len, column)) for column in zip(*section, strict=True)]
    room = WIDTH - len(_INDENT) - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _SHORTEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _fit(cell: str, width: int) -> str:
    flat = " ".join(cell.split())
    return flat if len(flat) <= width else flat[: max(width - 3, 0)] + "..."
