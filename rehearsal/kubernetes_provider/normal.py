"""Inputs and live objects brought into shapes that can be compared.

Pure functions on plain objects; none changes its arguments.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from rehearsal.kubernetes_provider.objects import Object, has_unknown, text

_READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "core", "extensions", "meta", "policy"}) | {
    f"{group}.k8s.io"
    for group in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "auditregistration",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "settings",
        "storage",
        "storagemigration",
    )
}

# Maps and lists that Go's types leave out when they are empty. Others, such as `emptyDir: {}`, mean something.
_DROPPED_WHEN_EMPTY = frozenset(
    {
        "annotations",
        "args",
        "binaryData",
        "command",
        "data",
        "env",
        "finalizers",
        "imagePullSecrets",
        "labels",
        "matchExpressions",
        "matchLabels",
        "nodeSelector",
        "ownerReferences",
        "ports",
        "tolerations",
        "volumeMounts",
        "volumes",
    }
)


def built_in(api_version: str) -> bool:
    """Return whether Kubernetes itself defines the kinds of this version (``kinds.go``, ``KnownGroupVersions``)."""
    return api_version.rpartition("/")[0] in _BUILT_IN_GROUPS


def normalized(inputs: Mapping[str, Any]) -> Object:
    """Return inputs as the API server would give them back (``provider.go``, ``normalizeInputs``).

    The real provider sends built-in kinds through Go's types. What that does to the kinds of this project: what is
    empty goes, and ``stringData`` of a Secret becomes ``data``.
    """
    result = dict(inputs)
    if built_in(text(inputs, "apiVersion")) and not has_unknown(inputs):
        result = _normal_secret(result) if _is_secret(inputs) else _without_empty(result)
    if isinstance(result.get("metadata"), dict):
        result["metadata"] = {key: value for key, value in result["metadata"].items() if key not in _READ_ONLY}
    return result


def pruned(live: Mapping[str, Any], inputs: Mapping[str, Any]) -> Object:
    """Return the part of ``live`` that ``inputs`` say something about (``provider/util.go``, ``pruneMap``)."""
    return {key: _pruned_value(value, inputs[key]) for key, value in live.items() if key in inputs}


def _pruned_value(value: Any, wanted: Any) -> Any:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return pruned(value, wanted)
    if isinstance(value, list) and isinstance(wanted, list):
        return _pruned_list(value, wanted)
    return value


def _pruned_list(values: list[Any], wanted: list[Any]) -> list[Any]:
    if not values or not wanted:
        return []
    if _shape(values[0]) is not _shape(wanted[0]):
        return values
    return [_pruned_value(value, want) for value, want in zip(values, wanted, strict=False)]


def _shape(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _is_secret(content: Mapping[str, Any]) -> bool:
    return content.get("kind") == "Secret" and content.get("apiVersion") in ("v1", "core/v1")


def _without_empty(content: Any) -> Any:
    if isinstance(content, list):
        return [_without_empty(value) for value in content]
    if not isinstance(content, dict):
        return content
    kept = {key: _without_empty(value) for key, value in content.items() if value is not None}
    return {key: value for key, value in kept.items() if not (key in _DROPPED_WHEN_EMPTY and value in ({}, []))}


def _normal_secret(content: Object) -> Object:
    """Merge ``stringData`` into ``data``, or bring ``data`` into canonical base64 (``clients/unstructured.go``)."""
    added = content.get("stringData")
    if added:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in added.items()}
        return {
            **{key: value for key, value in content.items() if key != "stringData"},
            "data": {**(content.get("data") or {}), **encoded},
        }
    if not content.get("data"):
        return content
    return {**content, "data": {key: _canonical_base64(value) for key, value in content["data"].items()}}


def _canonical_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64encode(base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)).decode()
    except (binascii.Error, ValueError):
        return value
