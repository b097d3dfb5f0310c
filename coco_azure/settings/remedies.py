"""What to write in place of a wrong value or name: in the stack's file, and on the command line.

``pulumi config set --path`` takes ``true``, ``false`` and whole numbers for what they look like; ``--type string``
keeps them text. In the stack's file YAML decides, and quotes make it text.
"""

import difflib
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
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


_LIKE = 0.7
"""How like two names have to be, from 0 to 1 (``difflib``)."""


def nearest_setting(model: type[BaseModel], location: Sequence[Any], part: str) -> str:
    """Return the path of the known setting that is nearest to an unknown one; empty: none is near.

    Args:
        location: where the unknown one stands, its own name last.
        part: the path to what it stands in as the user wrote it; empty: it is a part itself.
    """
    *way, wrong = map(str, location)
    if near := _near(wrong, list(_fields(_place(model, way)))):
        return f"{part}.{near}".lstrip(".")
    # The right name in the wrong place.
    paths = [path for path in _leaves("", model) if _same(path.rpartition(".")[2], wrong)]
    return min(paths, key=lambda path: path.count("."), default="")


def first_value(model: type[BaseModel], location: Sequence[Any]) -> str:
    """Return where the first value of a setting goes, below its path: ``.NAME``, ``[0]``, or empty for a plain one."""
    *way, title = map(str, location)
    origin = get_origin(_fields(_place(model, way)).get(title))
    return ".NAME" if origin is dict else "[0]" if origin is tuple else ""


def begins_path(model: type[BaseModel], written: str) -> bool:
    """Return whether a name with dots in it is the path of a setting, as far as its first step."""
    part, dot, _ = written.partition(".")
    return bool(dot) and part in _fields(model)


def _place(model: type[BaseModel], way: Sequence[str]) -> type[BaseModel]:
    """Return the model that some steps lead to."""
    for step in way:
        model = _below(model, step) or model
    return model


def _near(wrong: str, names: Sequence[str]) -> str:
    lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(wrong.lower(), lower, n=1, cutoff=_LIKE)
    return lower[close[0]] if close else ""


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower().replace("_", "").replace("-", "")


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _below(model: type[BaseModel], step: str) -> type[BaseModel] | None:
    """Return the model that a step leads to: of a field, or of what a list or a map has in it, which is no step."""
    annotation = _fields(model).get(step)
    return model if annotation is None else _model(annotation)


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model(inner)) is not None), None)


def _leaves(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for name, annotation in _fields(model).items():
        inner = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        yield f"{prefix}{name}"
        if inner is not None:
            yield from _leaves(f"{prefix}{name}.", inner)
