"""Takes values out of a manifest: what has another type than the API server takes is a problem that names its place."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import yaml

from coco_azure.formats.workload.objects import ManifestError

_Value = TypeVar("_Value", str, bool, int)
_NAMES: Mapping[type, str] = {
    str: "text (quote numbers, dates, true and false)",
    bool: "true or false",
    int: "a number",
}


def shown(value: object) -> str:
    """Return a value of YAML or JSON on one line as a user writes it: null, not None; a date without quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...")


def optional(within: Mapping[str, Any], key: str, kind: type[_Value]) -> _Value | None:
    """Return the value of a key, or None where it is left out or null.

    Raises:
        ManifestError: it is of another type.
    """
    value = within.get(key)
    if value is not None and type(value) is not kind:
        raise ManifestError(f"{key} is {shown(value)}, needed {_NAMES[kind]}")
    return value


def texts(within: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts, empty where it is left out; raises as ``optional`` does."""
    value = within.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ManifestError(f"{key} is {shown(value)}, needed a list of texts (quote numbers, true and false)")
    return list(value)


def objects(within: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects, empty where it is left out; raises as ``optional`` does."""
    value = within.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ManifestError(f"{key} is {shown(value)}, needed a list of objects")
    return value


def object_of(within: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path, empty where any step of it is left out; raises as ``optional`` does."""
    for key in path:
        value = within.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise ManifestError(f"{key} is {shown(value)}, needed an object")
        within = value
    return within
