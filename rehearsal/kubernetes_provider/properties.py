"""Between the engine's property values and plain objects, with secrets kept secret.

Shapes: the engine's side is ``dict[str, PropertyValue]``; ours is what ``objects`` describes. The state of a resource
is the live object with three keys more: ``__inputs``, ``__initialApiVersion`` and ``__fieldManager``.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from rehearsal.kubernetes_provider.objects import FIELD_MANAGER, UNKNOWN, Object, annotation, text

Properties = dict[str, PropertyValue]

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
MANAGER = "__fieldManager"

_UNKNOWN_TEXT = rpc.UNKNOWN
"""The text by which the engine marks an unknown value on the wire; the server hands it over as it is."""


def plain(value: PropertyValue | Mapping[str, PropertyValue]) -> Any:
    """Return a value without its secrecy; whole numbers become integers, as in JSON from the API server."""
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


def with_secrets(outs: Mapping[str, PropertyValue], ins: Mapping[str, PropertyValue]) -> Properties:
    """Return ``outs`` with everything secret that is secret in ``ins``, and with the data of a Secret secret.

    A secret anywhere in a list makes the whole list secret (``provider.go``, ``annotateSecrets``).
    """
    result = dict(outs)
    kind = result.get("kind")
    if kind is not None and kind.value == "Secret":
        for key in ("data", "stringData"):
            if key in result:
                result[key] = result[key].with_secret(is_secret=True)
        return result
    for key, given in ins.items():
        found = result.get(key)
        if found is None:
            continue
        if _is_map(found) and _is_map(given):
            result[key] = PropertyValue(with_secrets(_map(found), _map(given)))
        elif not found.is_secret and given.contains_secret():
            result[key] = found.with_secret(is_secret=True)
    return result


def checkpoint(inputs: Object, live: Object, given: Properties, api_version: str, manager: str) -> Properties:
    """Return the state that the engine keeps (``provider.go``, ``checkpointObject``).

    Args:
        inputs: inputs as sent to the API server.
        live: the object as the API server gave it.
        given: where secrecy comes from: the inputs as the engine sent them.
        api_version: ``apiVersion`` that the object was first created with.
        manager: name of our field manager for this object.
    """
    state = with_secrets(properties(live), given)
    state[INPUTS] = PropertyValue(with_secrets(properties(inputs), given))
    state[INITIAL_API_VERSION] = PropertyValue(api_version)
    state[MANAGER] = PropertyValue(manager)
    return state


def parse_checkpoint(state: Mapping[str, PropertyValue]) -> tuple[Object, Object]:
    """Return inputs and live object of a state (``provider.go``, ``parseCheckpointObject``)."""
    live = plain(state)
    inputs = live.pop(INPUTS, None)
    return inputs if isinstance(inputs, dict) else {}, live


def _is_map(value: PropertyValue) -> bool:
    return isinstance(value.value, Mapping) and not value.is_secret


def _map(value: PropertyValue) -> Mapping[str, PropertyValue]:
    return value.value if isinstance(value.value, Mapping) else {}


def manager_of(state: Mapping[str, PropertyValue], inputs: Object) -> str:
    """Return our field manager for an object: its annotation's, the state's, or a new one (``fieldManagerName``)."""
    known = state.get(MANAGER)
    return annotation(inputs, FIELD_MANAGER) or (
        str(known.value) if known is not None else f"pulumi-kubernetes-{secrets.token_hex(4)}"
    )


def initial_api_version(state: Mapping[str, PropertyValue], inputs: Object) -> str:
    """Return the ``apiVersion`` that the object was first created with."""
    known = state.get(INITIAL_API_VERSION)
    return str(known.value) if known is not None else text(inputs, "apiVersion")
