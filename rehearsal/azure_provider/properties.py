"""Between the engine's property values and plain values, as JSON has them."""

from collections.abc import Mapping
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Properties = dict[str, PropertyValue]


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
