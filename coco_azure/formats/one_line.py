"""A stack output that is a sentence on the terminal and data for programs: ``SENTENCE | {JSON}``.

At its end ``pulumi up`` prints an object, or text that is JSON, on a line for each field, and cuts any other line after
150 characters (pulumi ``pkg/backend/display/object_diff.go`` decodeValue, truncatePropertyString).
"""

import json
from collections.abc import Mapping
from typing import Any

_BETWEEN = " | {"


def write(sentence: str, data: Mapping[str, Any]) -> str:
    """Return the output; equal data give equal text."""
    return f"{sentence} | {json.dumps(data, sort_keys=True)}"


def read(value: Any) -> Any:
    """Return the data of such an output; any other value, such as an older stack's, as it is."""
    if not isinstance(value, str) or _BETWEEN not in value:
        return value
    try:
        return json.loads(value[value.index(_BETWEEN) + len(_BETWEEN) - 1 :])
    except ValueError:
        return value


def read_all(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stack's outputs by name with the data of such ones."""
    return {name: read(value) for name, value in outputs.items()}
