"""Which setting somebody may have meant, and what a setting holds."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

_LIKE = 0.7
"""How like two names have to be, from 0 to 1 (``difflib``)."""


def setting(model: type[BaseModel], location: Sequence[Any], part: str) -> str:
    """Return the path of the known setting that is nearest to an unknown one; empty: none is near.

    Args:
        model: the settings as a whole.
        location: where the unknown one stands, its own name last.
        part: the path to what it stands in as the user wrote it; empty: it is a part itself.
    """
    *way, wrong = map(str, location)
    if near := _near(wrong, list(_fields(_place(model, way)))):
        return f"{part}.{near}".lstrip(".")
    # The right name in the wrong place.
    paths = [path for path in _leaves("", model) if _same(path.rpartition(".")[2], wrong)]
    return min(paths, key=lambda path: path.count("."), default="")


def first(model: type[BaseModel], location: Sequence[Any]) -> str:
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
