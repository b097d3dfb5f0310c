"""Who set which field of an object: ``metadata.managedFields``, read and rewritten.

A set of fields is the JSON of ``FieldsV1``: ``{"f:data": {".": {}, "f:key": {}}}``; an empty map stands for the field
itself, ``.`` for the field beside its parts. Pure functions.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rehearsal.kubernetes_provider.objects import Object, dig

CREATOR = "pulumi-kubernetes"
"""Manager of what a plain create has written; the first update hands it to the resource's own manager."""

# By prefix of the name and by operation, as in `fixCSAFieldManagers` of await.go.
_TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    (CREATOR, "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
_OURS = frozenset({"pulumi-resource-kubernetes", CREATOR, f"{CREATOR}.exe"})


def takeover(seen: Mapping[str, Any], manager: str) -> list[Object] | None:
    """Return the JSON patch that hands to ``manager`` what was set by a create or by kubectl; None where nothing was.

    As ``PatchReplaceFieldsManagers`` of fluxcd/pkg/ssa does. What is taken over and is not among the inputs is dropped
    by the apply that follows: the API server removes what its manager no longer names.
    """
    entries = dig(seen, "metadata", "managedFields") or []
    own = next((entry for entry in entries if entry["manager"] == manager and entry["operation"] == "Apply"), None)
    kept: list[Object] = []
    edited = False
    for entry in entries:
        if own is not None and entry is own:
            continue
        if not _taken_over(entry):
            kept.append(entry)
            continue
        edited = True
        if own is None:
            own = {**entry, "manager": manager, "operation": "Apply"}
        else:
            own = {**own, "fieldsV1": union(own.get("fieldsV1") or {}, entry.get("fieldsV1") or {})}
    if not edited or own is None:
        return None
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, own]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": dig(seen, "metadata", "resourceVersion")},
    ]


def created_by_us(seen: Mapping[str, Any]) -> bool:
    """Return whether the object still carries the manager of a plain create (``await.go``, ``patchForce``)."""
    entries = dig(seen, "metadata", "managedFields") or []
    return any(entry["operation"] == "Update" and entry["manager"] in _OURS for entry in entries)


def union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Object:
    """Return the fields that are in one of two sets."""
    result: Object = {}
    for key in [*one, *(key for key in other if key not in one)]:
        if key in one and key in other:
            result[key] = _union_of_parts(one[key], other[key])
        else:
            result[key] = one.get(key, other.get(key))
    return result


def without_foreign(inputs: Mapping[str, Any], seen: Mapping[str, Any], manager: str, ignored: Iterable[str]) -> Object:
    """Return inputs with every ignored field left to its owner (``await.go``, ``handleSSAIgnoreFields``).

    Args:
        inputs: new inputs.
        seen: the live object.
        manager: our field manager.
        ignored: paths of ``ignore_changes``; as in the real provider, only dots separate their parts.
    """
    result = dict(inputs)
    for dotted in ignored:
        path = dotted.split(".")
        owners = _owners(seen, path)
        found = dig(seen, *path)
        if owners and manager not in owners:
            result = _set(result, path, None)
        elif found is not None:
            result = _set(result, path, found)
    return result


def _taken_over(entry: Mapping[str, Any]) -> bool:
    return not entry.get("subresource") and any(
        entry["manager"].startswith(prefix) and entry["operation"] == operation for prefix, operation in _TAKEN_OVER
    )


def _union_of_parts(one: Mapping[str, Any], other: Mapping[str, Any]) -> Object:
    if not one and not other:
        return {}
    # A field that one set has as a whole and the other in parts is both.
    return union(one or {".": {}}, other or {".": {}})


def _owners(seen: Mapping[str, Any], path: Sequence[str]) -> set[str]:
    fields = [f"f:{part}" for part in path]
    entries = dig(seen, "metadata", "managedFields") or []
    return {entry["manager"] for entry in entries if dig(entry, "fieldsV1", *fields) is not None}


def _set(content: Mapping[str, Any], path: Sequence[str], value: Any) -> Object:
    """Return ``content`` with the value at ``path`` set, or taken away where it is None."""
    first, rest = path[0], path[1:]
    others = {key: item for key, item in content.items() if key != first}
    if not rest:
        return others if value is None else {**others, first: value}
    inner = content.get(first)
    if not isinstance(inner, Mapping):
        return dict(content) if value is None else {**others, first: _set({}, rest, value)}
    return {**others, first: _set(inner, rest, value)}
