"""Whether an object fulfils ``pulumi.com/waitFor``, as the Kubernetes provider reads it.

``jsonpath={.path}``, ``jsonpath={.path}=value``, ``condition=Type``, ``condition=Type=Status``, or a JSON array of them
as text (pulumi-kubernetes ``provider/pkg/metadata/overrides.go``). The part in braces is RFC 9535, but for the ``$``.
"""

import json
from collections.abc import Mapping
from typing import Any

import jsonpath_rfc9535


def holds(annotation: str, seen: Mapping[str, Any]) -> bool:
    """Return whether all that the annotation asks for is so."""
    wanted = json.loads(annotation) if annotation.startswith("[") else [annotation]
    return all(_holds(each, seen) for each in wanted)


def _holds(wanted: str, seen: Mapping[str, Any]) -> bool:
    form, _, rest = wanted.partition("=")
    if form == "condition":
        kind, _, status = rest.partition("=")
        conditions = seen["status"].get("conditions", [])
        return (kind, status or "True") in {(each["type"], each["status"]) for each in conditions}
    assert form == "jsonpath", wanted
    path, braces, value = rest.rpartition("}")
    assert path.startswith("{"), wanted
    assert braces, wanted
    first = jsonpath_rfc9535.compile(f"${path[1:]}").find_one(dict(seen))
    if first is None or not value:
        return first is not None
    assert not isinstance(first.value, dict | list), f"{wanted}: only a single value can be compared"
    printed = str(first.value).lower() if isinstance(first.value, bool) else str(first.value)
    return printed == value.removeprefix("=")
