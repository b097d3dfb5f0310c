"""Between ARM's documents and azure-native's properties: what is under ``properties`` stands beside the rest."""

from collections.abc import Mapping
from typing import Any

_OWN = ("id", "name", "type", "etag", "location", "sku", "tags", "zones", "extendedLocation", "identity", "systemData")


def flattened(content: Any) -> Any:
    """Return a document, or a part of one, as azure-native gives it (``x-ms-client-flatten``)."""
    if isinstance(content, Mapping):
        flat = {key: flattened(value) for key, value in content.items() if key != "properties"}
        inner = content.get("properties", {})
        if isinstance(inner, Mapping):
            flat |= {key: flattened(value) for key, value in inner.items() if key not in flat}
        return flat
    return [flattened(each) for each in content] if isinstance(content, list) else content


def body(inputs: Mapping[str, Any], path_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the document that PUT takes for inputs; ``path_names`` are those that only the path has."""
    content = {key: value for key, value in inputs.items() if key not in path_names and key != "id"}
    top = {key: value for key, value in content.items() if key in _OWN and key not in ("name", "type", "etag")}
    properties = {key: _inflated(key, value) for key, value in content.items() if key not in _OWN}
    return {**top, "properties": properties}


def _inflated(key: str, value: Any) -> Any:
    if key in ("delegations", "serviceEndpointPolicies", "securityRules", "routes") and isinstance(value, list):
        return [body(each, ()) | ({"name": each["name"]} if "name" in each else {}) for each in value]
    return value


def seen(before: Any, live: Any) -> Any:
    """Return what an input is now: the parts of the live value that the input has, in its own spelling where equal."""
    if isinstance(before, Mapping) and isinstance(live, Mapping):
        return {key: seen(value, live[key]) for key, value in before.items() if key in live}
    if isinstance(before, list) and isinstance(live, list) and len(before) == len(live):
        return [seen(one, other) for one, other in zip(before, live, strict=True)]
    if isinstance(before, str) and isinstance(live, str) and _plain(before) == _plain(live):
        return before
    return live


def _plain(text: str) -> str:
    return text.lower().replace(" ", "")
