"""Between the engine's property values, azure-native's plain ones, and ARM's documents.

What ARM has under ``properties``, azure-native has beside the rest.
"""

from collections.abc import Mapping
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Properties = dict[str, PropertyValue]
_OWN = ("id", "name", "type", "etag", "location", "sku", "tags", "zones", "extendedLocation", "identity", "systemData")


class Unknown:
    """The one value that a preview does not know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
_UNKNOWN_TEXT = rpc.UNKNOWN
"""The text by which the engine marks an unknown value on the wire; the server hands it over as it is."""


def plain(value: PropertyValue | Mapping[str, PropertyValue]) -> Any:
    """Return a value without its secrecy; whole numbers become integers, and what is not known ``UNKNOWN``."""
    content = value.value if isinstance(value, PropertyValue) else value
    if isinstance(content, Mapping):
        return {key: plain(item) for key, item in content.items()}
    if isinstance(content, list | tuple):
        return [plain(item) for item in content]
    if content == _UNKNOWN_TEXT:
        return UNKNOWN
    if isinstance(content, float) and content.is_integer():
        return int(content)
    return content


def wrapped(content: Any) -> PropertyValue:
    """Return a plain value as a property value; nothing in it is secret."""
    if isinstance(content, Mapping):
        return PropertyValue(properties(content))
    if isinstance(content, list | tuple):
        return PropertyValue([wrapped(item) for item in content])
    if content is UNKNOWN:
        return PropertyValue(_UNKNOWN_TEXT)
    if isinstance(content, int) and not isinstance(content, bool):
        return PropertyValue(float(content))
    return PropertyValue(content)


def properties(content: Mapping[str, Any]) -> Properties:
    """Return a plain object as properties; nothing in it is secret."""
    return {key: wrapped(value) for key, value in content.items()}


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
