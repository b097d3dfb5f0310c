"""The stand-in of the Kubernetes provider: inputs, live objects, and what of them is secret."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from rehearsal.kubernetes_provider.normal import built_in, normalized, pruned
from rehearsal.kubernetes_provider.objects import UNKNOWN, Gvk, annotation, is_patch, object_id, split_id
from rehearsal.kubernetes_provider.properties import (
    MANAGER,
    checkpoint,
    manager_of,
    parse_checkpoint,
    plain,
    properties,
    with_secrets,
    wrapped,
)

KEYS = st.sampled_from(["a", "b", "kind", "data"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-2, 2), st.text("xyz", max_size=3))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def _secret(value: str) -> PropertyValue:
    return PropertyValue(value, is_secret=True)


def _secret_values(values: dict[str, PropertyValue]) -> dict[str, bool]:
    return {key: value.is_secret for key, value in values.items()}


@given(content=OBJECTS)
def test_property_values_lose_nothing_of_an_object(content: dict[str, Any]) -> None:
    assert plain(properties(content)) == content


@given(content=OBJECTS)
def test_pruning_to_itself_changes_nothing(content: dict[str, Any]) -> None:
    assert pruned(content, content) == content


@given(live=OBJECTS, inputs=OBJECTS)
def test_pruning_twice_is_pruning_once(live: dict[str, Any], inputs: dict[str, Any]) -> None:
    once = pruned(live, inputs)

    assert pruned(once, inputs) == once
    assert once.keys() <= inputs.keys()


def test_pruning_leaves_what_the_cluster_has_filled_in() -> None:
    live = {"spec": {"a": 2, "filled": 1, "list": [{"x": 1, "filled": 1}, {"more": 1}]}, "status": {}}

    assert pruned(live, {"spec": {"a": 1, "list": [{"x": 0}]}}) == {"spec": {"a": 2, "list": [{"x": 1}]}}


def test_an_unknown_value_is_unknown_on_both_sides() -> None:
    assert plain(PropertyValue(rpc.UNKNOWN)) is UNKNOWN
    assert wrapped([UNKNOWN]) == PropertyValue([PropertyValue(rpc.UNKNOWN)])


def test_whole_numbers_become_integers() -> None:
    found = plain(PropertyValue(3.0))

    assert found == 3
    assert isinstance(found, int)


def test_the_data_of_a_secret_is_secret_even_if_nothing_said_so() -> None:
    state = checkpoint(
        {"kind": "Secret", "data": {"k": "dg=="}},
        {"kind": "Secret", "data": {"k": "dg=="}, "type": "Opaque"},
        {},
        "v1",
        "manager",
    )

    assert _secret_values(state) == {
        "kind": False,
        "data": True,
        "type": False,
        "__inputs": False,
        "__initialApiVersion": False,
        "__fieldManager": False,
    }
    inputs = state["__inputs"].value
    assert isinstance(inputs, Mapping)
    assert inputs["data"].is_secret


def test_a_secret_value_makes_only_its_own_key_secret() -> None:
    outs = with_secrets(
        properties({"data": {"s": "x", "p": "y"}}),
        {"data": PropertyValue({"s": _secret("x"), "p": PropertyValue("y")})},
    )

    data = outs["data"].value
    assert not outs["data"].is_secret
    assert isinstance(data, Mapping)
    assert _secret_values(dict(data)) == {"s": True, "p": False}


def test_a_secret_in_a_list_makes_the_whole_list_secret() -> None:
    outs = with_secrets(properties({"l": ["a", "b"]}), {"l": PropertyValue([PropertyValue("a"), _secret("b")])})

    assert outs["l"].is_secret


def test_a_state_gives_its_inputs_and_its_object_back() -> None:
    inputs, live = {"metadata": {"name": "a"}}, {"metadata": {"name": "a", "uid": "u"}, "status": {"n": 1}}

    found, seen = parse_checkpoint(checkpoint(inputs, live, {}, "v1", "manager"))

    assert found == inputs
    assert {key: seen[key] for key in live} == live
    assert "__inputs" not in seen


def test_the_field_manager_is_the_annotations_then_the_states_then_a_new_one() -> None:
    state = {MANAGER: PropertyValue("known")}
    named = {"metadata": {"annotations": {"pulumi.com/patchFieldManager": "said"}}}

    assert manager_of(state, named) == "said"
    assert manager_of(state, {}) == "known"
    assert manager_of({}, {}).startswith("pulumi-kubernetes-")
    assert manager_of({}, {}) != manager_of({}, {})


def test_string_data_becomes_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "new"}}

    assert normalized(secret) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": "YQ==", "b": base64.b64encode(b"new").decode()},
    }


def test_base64_of_a_secret_loses_its_line_breaks_and_what_is_none_stays() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "aGVs\nbG8=", "b": "not base64!"}}

    assert normalized(secret)["data"] == {"a": "aGVsbG8=", "b": "not base64!"}


def test_what_is_unknown_is_left_as_it_is() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": UNKNOWN}}

    assert normalized(secret) == secret


def test_what_only_the_server_may_set_is_dropped() -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "u", "generation": 1}}

    assert normalized(config_map)["metadata"] == {"name": "a"}


def test_empty_labels_of_a_built_in_kind_go_and_those_of_a_custom_one_stay() -> None:
    content = {"metadata": {"name": "a", "labels": {}}, "spec": {"volumes": [], "x": {"emptyDir": {}}}}

    assert normalized({**content, "apiVersion": "v1"})["metadata"] == {"name": "a"}
    assert normalized({**content, "apiVersion": "v1"})["spec"] == {"x": {"emptyDir": {}}}
    assert normalized({**content, "apiVersion": "example.dev/v1"})["metadata"] == content["metadata"]


@given(content=OBJECTS)
def test_normalizing_twice_is_normalizing_once(content: dict[str, Any]) -> None:
    once = normalized({**content, "apiVersion": "v1"})

    assert normalized(once) == once


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v1", True), ("apps/v1", True), ("rbac.authorization.k8s.io/v1", True), ("snapshot.storage.k8s.io/v1", False)],
)
def test_only_kubernetes_own_groups_are_built_in(version: str, expected: bool) -> None:  # noqa: FBT001
    assert built_in(version) is expected


def test_the_kind_stands_in_the_type_token() -> None:
    assert Gvk.of_type("kubernetes:core/v1:ConfigMap") == ("", "v1", "ConfigMap")
    assert Gvk.of_type("kubernetes:apps/v1:Deployment").group_version == "apps/v1"
    with pytest.raises(ValueError, match="unrecognized resource type"):
        Gvk.of_type("azure:network/v1:Subnet")
    with pytest.raises(ValueError, match="both a group and a version"):
        Gvk.of_type("kubernetes:v1:ConfigMap")


def test_a_kind_of_its_own_that_ends_with_patch_is_no_patch() -> None:
    assert is_patch("kubernetes:apps/v1:DeploymentPatch", "Deployment")
    assert not is_patch("kubernetes:example.dev/v1:OilPatch", "OilPatch")


@pytest.mark.parametrize(("resource_id", "parts"), [("name", ("", "name")), ("ns/name", ("ns", "name"))])
def test_an_id_is_a_name_with_or_without_a_namespace(resource_id: str, parts: tuple[str, str]) -> None:
    metadata = {"name": parts[1], **({"namespace": parts[0]} if parts[0] else {})}

    assert split_id(resource_id) == parts
    assert object_id({"metadata": metadata}) == resource_id


def test_an_unknown_annotation_hides_the_others() -> None:
    known = {"metadata": {"annotations": {"a": "1"}}}

    assert annotation(known, "a") == "1"
    assert annotation({"metadata": {"annotations": {"a": "1", "b": UNKNOWN}}}, "a") == ""
