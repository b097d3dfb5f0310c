"""The YAML description of a subscription: which one is meant, and what one that ``extends`` another says in whole.

COCO_REHEARSAL_AZURE names it: one that lies here (``ipi``, the default, ``aro``, ``upi``, ``shared-vnet``,
``broken-...``), or the path of a YAML file of the same shape. docs/rehearsal.md has the shape.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

VARIABLE = "COCO_REHEARSAL_AZURE"
DEFAULT = "ipi"
_FOLDER = Path(__file__).parent
_NO_DESCRIPTIONS = ("sizes", "roles", "refusals")
_DEEPEST = 5

Content = Mapping[str, Any]


def names() -> list[str]:
    """Return the names of the descriptions that lie here."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml") if path.stem not in _NO_DESCRIPTIONS)


def path_of(name: str) -> Path:
    """Return the file of a name or path; raises FileNotFoundError."""
    built_in = _FOLDER / f"{name}.yaml"
    path = built_in if name in names() else Path(name)
    if not path.is_file():
        raise FileNotFoundError(
            f"{VARIABLE} is {name!r}: neither {', '.join(names())}, nor a file of that path. "
            f"{_FOLDER / 'ipi.yaml'} shows the shape"
        )
    return path


def chosen() -> str:
    """Return what COCO_REHEARSAL_AZURE says, or the default."""
    return os.environ.get(VARIABLE) or DEFAULT


def load(path: Path) -> Content:
    """Return a description, with what it extends.

    Raises:
        FileNotFoundError: it extends one that there is not.
        ValueError: it is no mapping, or extends itself.
    """
    return _load(path, _DEEPEST)


def _load(path: Path, depth: int) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} is no description of a subscription: it is not a mapping")  # noqa: TRY004 - a file's content
    described = dict(content)
    base = described.pop("extends", None)
    if base is None:
        return described
    if depth == 0:
        raise ValueError(f"{path} extends {base}, more than {_DEEPEST} descriptions deep; one of them extends itself")
    merged = merge(_load(path_of(str(base)), depth - 1), described)
    return dict(merged)


def merge(base: Any, changes: Any) -> Any:
    """Return ``base`` with changes: mappings key by key (null removes one), lists of named things by name."""
    if isinstance(base, Mapping) and isinstance(changes, Mapping):
        merged = dict(base)
        for key, value in changes.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = merge(merged.get(key), value)
        return merged
    if _named(base) and _named(changes):
        others = {each["name"]: each for each in changes}
        kept = [merge(each, others.pop(each["name"], {})) for each in base]
        return [*kept, *others.values()]
    return changes


def _named(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) and "name" in each for each in value)
    )
