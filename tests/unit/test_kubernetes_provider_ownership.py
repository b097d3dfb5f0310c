"""The stand-in of the Kubernetes provider: who set which field, and what an update takes over."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.kubernetes_provider.ownership import created_by_us, takeover, union, without_foreign

FIELDS = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from([".", "f:a", "f:b", "f:c"]), inner, min_size=1, max_size=3),
    max_leaves=6,
).map(lambda fields: {key: value for key, value in fields.items() if key != "."})


def _members(fields: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the paths that a set of fields holds, as structured-merge-diff reads its JSON."""
    found: set[tuple[str, ...]] = set()
    for key, inner in fields.items():
        if key == ".":
            found.add(path)
        elif inner == {}:
            found.add((*path, key))
        else:
            found |= _members(inner, (*path, key))
    return found


def _normal(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a set without empty maps below ``.``, which no API server writes."""
    return {key: {} if key == "." else _normal(inner) for key, inner in fields.items()}


def _entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def _object(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


@given(one=FIELDS.map(_normal), other=FIELDS.map(_normal))
def test_a_union_holds_exactly_what_either_set_holds(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert _members(union(one, other)) == _members(one) | _members(other)


def test_what_a_create_has_set_goes_to_the_resources_own_manager() -> None:
    created = _entry("pulumi-kubernetes", "Update", {"f:data": {"f:a": {}}}, apiVersion="v1")
    operators = _entry("operator", "Update", {"f:data": {"f:b": {}}})

    patch = takeover(_object(created, operators), "pulumi-kubernetes-1a2b3c4d")

    assert patch == [
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [operators, {**created, "manager": "pulumi-kubernetes-1a2b3c4d", "operation": "Apply"}],
        },
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
    ]


def test_what_kubectl_has_set_is_added_to_what_is_ours() -> None:
    own = _entry("ours", "Apply", {"f:data": {"f:a": {}}})
    kubectl = _entry("kubectl-edit", "Update", {"f:data": {"f:b": {}}})

    patch = takeover(_object(own, kubectl), "ours")

    assert patch is not None
    assert patch[0]["value"] == [_entry("ours", "Apply", {"f:data": {"f:a": {}, "f:b": {}}})]


def test_what_others_have_set_is_left_to_them() -> None:
    status = _entry("kubectl", "Update", {"f:status": {}}, subresource="status")

    assert takeover(_object(_entry("operator", "Update", {}), status, _entry("ours", "Apply", {})), "ours") is None


def test_an_apply_of_pulumis_is_not_taken_for_a_create() -> None:
    assert created_by_us(_object(_entry("pulumi-kubernetes", "Update", {})))
    assert not created_by_us(_object(_entry("pulumi-kubernetes", "Apply", {}), _entry("operator", "Update", {})))


def test_an_ignored_field_of_another_manager_is_not_sent() -> None:
    seen = {"spec": {"x": 9, "y": 1}, **_object(_entry("other", "Update", {"f:spec": {"f:x": {}}}))}

    assert without_foreign({"spec": {"x": 1, "y": 1}}, seen, "ours", ["spec.x"]) == {"spec": {"y": 1}}


def test_an_ignored_field_of_ours_is_sent_as_it_is_in_the_cluster() -> None:
    seen = {"spec": {"x": 9}, **_object(_entry("ours", "Apply", {"f:spec": {"f:x": {}}}))}

    assert without_foreign({"spec": {"x": 1}}, seen, "ours", ["spec.x"]) == {"spec": {"x": 9}}


def test_an_ignored_field_that_nobody_has_is_sent_as_the_program_says() -> None:
    assert without_foreign({"spec": {"x": 1}}, _object(), "ours", ["spec.x"]) == {"spec": {"x": 1}}
