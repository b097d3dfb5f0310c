"""Decodes a stack's configuration: each setting is a text, which is JSON where it is no plain text."""

import json
from collections.abc import Mapping
from typing import Any

PROJECT = "coco-azure"
"""The project's name in ``Pulumi.yaml``, which is the prefix of each key."""


def decode(config: Mapping[str, Any], project: str = PROJECT) -> dict[str, Any]:
    """Return the settings of a project by their names, without its prefix.

    Args:
        config: text by key, as the engine gives it, or values as the stack's file has them, which stay what they are.
        project: the prefix.
    """
    prefix = f"{project}:"
    return {key.removeprefix(prefix): _decoded(value) for key, value in config.items() if key.startswith(prefix)}


def decode_entries(config: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings that ``pulumi config --json`` or an entry of ``pulumi stack history --json`` tells.

    Args:
        config: ``value`` (text) and ``secret`` by key; secret ones are left out.
    """
    return decode({key: entry.get("value") for key, entry in config.items() if not entry.get("secret")})


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value, parse_constant=_no_json)
    except (TypeError, ValueError):
        return value  # a plain text where an object belongs: the model says so, with the key's name


def _no_json(constant: str) -> Any:
    """Refuse ``NaN`` and ``Infinity``, which Python reads and JSON does not have."""
    raise ValueError(constant)
