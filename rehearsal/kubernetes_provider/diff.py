"""What an update would change (``provider.go``, ``Diff`` and ``convertPatchToDiff``).

The new inputs are compared with the live object as far as the old inputs said something about it, so a drift that the
state has seen shows, and what the cluster fills in does not. Pure functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from rehearsal.kubernetes_provider.forced import Path, hits, parsed, within, written
from rehearsal.kubernetes_provider.objects import UNKNOWN, Object

_FORCED = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}


class _Absent(Enum):
    """A key that is not there, as opposed to one that is null."""

    ABSENT = auto()


_ABSENT = _Absent.ABSENT

# What the real provider's JSON makes of an unknown value: a map, with a key that no input has.
_COMPUTED: Object = {"Element": {}}


def detailed(
    live: Mapping[str, Any], inputs: Mapping[str, Any], forcing: Sequence[str], ignored: Sequence[str] = ()
) -> dict[str, PropertyDiff]:
    """Return the changes from ``live`` to ``inputs`` by path.

    Args:
        live: the live object, pruned to what the old inputs said something about.
        inputs: new inputs; ``UNKNOWN`` counts as changed.
        forcing: patterns of changes that replace the object.
        ignored: paths to leave out, such as ``metadata.annotations``.

    Raises:
        ValueError: a path of ``ignored`` cannot be read.
    """
    collector = _Collector(forcing)
    collector.map((), merge_patch(live, _known(inputs)), live, inputs, in_array=False)
    paths = [parsed(path) for path in ignored]
    return {
        written(path): change
        for path, change in collector.changes.items()
        if not any(within(path, around) for around in paths)
    }


def replacing(changes: Mapping[str, PropertyDiff]) -> list[str]:
    """Return the paths whose change replaces the object."""
    forced = set(_FORCED.values())
    return [
        path
        for path, change in changes.items()
        if change.kind in forced or (path == "metadata" and change.kind is PropertyDiffKind.DELETE)
    ]


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """Return the JSON merge patch (RFC 7386) from ``old`` to ``new``."""
    patch: Object = {}
    for key, value in new.items():
        before = old.get(key, _ABSENT)
        if isinstance(before, dict) and isinstance(value, dict):
            inner = merge_patch(before, value)
            if inner:
                patch[key] = inner
        elif before is _ABSENT or not same(before, value):
            patch[key] = value
    patch.update({key: None for key in old if key not in new})
    return patch


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same; ``true`` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return _COMPUTED if value is UNKNOWN else value


@dataclass
class _Collector:
    """Walks a merge patch beside the old and the new values, and notes every property that really changes."""

    forcing: Sequence[str]
    changes: dict[Path, PropertyDiff] = field(default_factory=dict)

    def map(self, path: Path, patch: Mapping[str, Any], old: Any, new: Any, *, in_array: bool) -> None:
        for key, value in patch.items():
            self.value((*path, key), value, _get(old, key), _get(new, key), in_array=in_array)
        if in_array:
            # A merge patch replaces lists as a whole, so it does not say what is gone from an object in a list.
            for key in old:
                if key not in patch:
                    self.value((*path, key), None, old[key], _get(new, key), in_array=True)

    def array(self, path: Path, patch: list[Any], old: list[Any], new: Any) -> None:
        for index in range(max(len(patch), len(old))):
            self.value(
                (*path, index),
                patch[index] if index < len(patch) else None,
                old[index] if index < len(old) else _ABSENT,
                new[index] if isinstance(new, list) and index < len(new) else None,
                in_array=True,
            )

    def value(self, path: Path, patch: Any, old: Any, new: Any, *, in_array: bool) -> None:
        if new is _ABSENT and (patch is not None or old is _ABSENT):
            return
        input_diff = False
        if patch is None:
            kind, input_diff = PropertyDiffKind.DELETE, True
        elif old is _ABSENT:
            kind = PropertyDiffKind.ADD
        elif isinstance(patch, dict) and isinstance(old, dict):
            self.map(path, patch, old, new, in_array=in_array)
            return
        elif isinstance(patch, list) and isinstance(old, list):
            self.array(path, patch, old, new)
            return
        elif same(patch, old):
            return
        else:
            kind = PropertyDiffKind.UPDATE
        if any(hits(pattern, path, patch) for pattern in self.forcing):
            kind = _FORCED[kind]
        self.changes[path] = PropertyDiff(kind, input_diff)


def _get(content: Any, key: str) -> Any:
    return content.get(key, _ABSENT) if isinstance(content, Mapping) else _ABSENT
