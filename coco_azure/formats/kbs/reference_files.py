"""The forms in which people have reference values: what a file of them holds, as a list of entries.

A JSON array of entries; the object of Trustee 1.2 (openshift/trustee v1.2.0 ``deps/key-value-storage/src/local_json``),
from name to base64 of an entry; and a ConfigMap with either of them, as veritas writes it and ``oc get -o yaml`` shows.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import yaml

_NEEDED = "needed a JSON array of reference values, or the ConfigMap that has it"


def read(text: str) -> list[Any]:
    """Return the entries of a file, none of them checked.

    Raises:
        ValueError: it has none of these forms.
    """
    content = _parsed(text)
    if isinstance(content, Mapping) and content.get("kind") == "ConfigMap":
        return _config_map(content)
    return _entries(content)


def json_kind(value: object) -> str:
    """Return what a value is called in JSON."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds: Mapping[type, str] = {dict: "an object", list: "an array", str: "a text"}
    return kinds.get(type(value), "a number")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = error
    try:
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError:
        documents = []
    if len(documents) == 1 and isinstance(documents[0], Mapping) and documents[0].get("kind") == "ConfigMap":
        return documents[0]
    raise ValueError(f"not JSON: {problem}")


def _config_map(config_map: Mapping[str, Any]) -> list[Any]:
    data = config_map.get("data")
    if not isinstance(data, Mapping) or len(data) != 1:
        keys = ", ".join(map(str, data)) if isinstance(data, Mapping) else "none"
        raise ValueError(f"found a ConfigMap with the keys {keys}, needed one key with the reference values")
    ((key, content),) = data.items()
    try:
        return _entries(json.loads(str(content)))
    except ValueError as error:
        raise ValueError(f"key {key} of the ConfigMap: {error}") from None


def _entries(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    if isinstance(content, Mapping) and content and all(isinstance(each, str) for each in content.values()):
        return [_decoded(str(name), encoded) for name, encoded in content.items()]
    raise ValueError(f"found {json_kind(content)}, {_NEEDED}")


def _decoded(name: str, encoded: str) -> Any:
    """Return an entry of Trustee 1.2; the operator's own migration writes the other alphabet, and some no padding."""
    text = encoded.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{name} is no base64 of a reference value") from None
