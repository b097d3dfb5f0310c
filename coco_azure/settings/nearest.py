"""Which setting somebody may have meant."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

_LIKE = 0.7
"""How like two names have to be, from 0 to 1 (``difflib``)."""


def setting(model: type[BaseModel], location: Sequence[Any], written: str) -> str:
    """Return the path of the known setting that is nearest to an unknown one; empty: none is near.

    Args:
        model: the settings as a whole.
        location: where the unknown one stands, its own name last.
        written: the path to it as the user wrote it.
    """
    *way, wrong = map(str, location)
    place = model
    for step in way:
        place = _below(place, step) or place
    if near := _near(wrong, list(_fields(place))):
        return f"{written.removesuffix(wrong)}{near}"
    # The right name in the wrong place.
    paths = [path for path in _leaves("", model) if _same(path.rpartition(".")[2], wrong)]
    return min(paths, key=lambda path: path.count("."), default="")


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
