"""What to write in place of a value of the wrong type: in the stack's file, and on the command line.

``pulumi config set --path`` takes ``true``, ``false`` and whole numbers for what they look like; ``--type string``
keeps them text. In the stack's file YAML decides, and quotes make it text.
"""

import re
import shlex
from dataclasses import dataclass

from pydantic_core import ErrorDetails

from coco_azure.settings.base import scalar_text

_TRUTH = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_QUOTED = re.compile(r"""(["'])(\w+)\1""")
"""A value with quotes of its own, as ``pulumi config set`` stores them where a shell has kept them."""
_EXAMPLE = re.compile(r"needed a (?:duration|date) such as ([^\s,]+)")
_YAML_DATE = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.\d+)? \+0000 UTC")
"""What Pulumi makes of a date that stands in the file without quotes (Go's form of a time; *seen* at 3.259)."""


@dataclass(frozen=True)
class Literal:
    """What to write.

    Attributes:
        words: what the message says more of what is needed.
        argument: value for ``pulumi config set --path``, with options before it; empty: none can be given.
    """

    words: str
    argument: str


def literal(problem: ErrorDetails, needed: str) -> Literal | None:
    """Return what to write in place of a value; None where only the user knows.

    Args:
        problem: what pydantic says of it; its value is no secret.
        needed: what is needed, in words.
    """
    value = problem["input"]
    text = scalar_text(value)
    if text is not None and (problem["type"] == "string_type" or _is_option(problem, text)):
        return Literal(f', in the file of the stack in quotes: "{text}"', f"--type string {text}")
    if isinstance(value, str) and (written := _of_text(problem["type"], value)) is not None:
        return written
    example = _EXAMPLE.search(needed)
    return Literal("", shlex.quote(example[1])) if example else None


def _of_text(kind: str, value: str) -> Literal | None:
    if date := _YAML_DATE.fullmatch(value):
        text = date[1] if date[2] == "00:00:00" else f"{date[1]}T{date[2]}Z"
        return Literal(f', in the file of the stack in quotes: "{text}"', text)
    if (quoted := _QUOTED.fullmatch(value)) is not None:
        return Literal(f", without quotes of its own: {quoted[2]}", f"--type string {quoted[2]}")
    bare: str | None = None
    if kind == "bool_type":
        bare = _TRUTH.get(value.strip().lower())
    elif kind == "int_type" and re.fullmatch(r"-?[0-9]+", value.strip()):
        bare = str(int(value))
    return None if bare is None else Literal(f", in the file of the stack without quotes: {bare}", bare)


def _is_option(problem: ErrorDetails, text: str) -> bool:
    """Return whether the text of a number is one of the words that a setting takes."""
    return problem["type"] == "literal_error" and f"'{text}'" in str(problem.get("ctx", {}).get("expected", ""))
