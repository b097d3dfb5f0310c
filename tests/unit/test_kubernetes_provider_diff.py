"""The stand-in of the Kubernetes provider: what an update would change, and which changes need a new object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.provider import PropertyDiffKind as Kind

from rehearsal.kubernetes_provider.diff import detailed, merge_patch, replacing, same
from rehearsal.kubernetes_provider.forced import forcing, parsed, within, written
from rehearsal.kubernetes_provider.objects import UNKNOWN

KEYS = st.sampled_from(["a", "b", "c", "metadata", "x.y/z"])
SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["", "one", "two"]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def _patched(target: Any, patch: Any) -> Any:
    """Apply a merge patch, word by word after RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result


def _kinds(old: dict[str, Any], new: dict[str, Any], *forced: str, ignored: tuple[str, ...] = ()) -> dict[str, Kind]:
    return {path: change.kind for path, change in detailed(old, new, forced, ignored).items()}


@given(old=OBJECTS, new=OBJECTS)
def test_a_merge_patch_makes_the_new_object_of_the_old_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert same(_patched(old, merge_patch(old, new)), new)


@given(content=OBJECTS)
def test_an_object_does_not_differ_from_itself(content: dict[str, Any]) -> None:
    assert detailed(content, content, ()) == {}


@given(old=OBJECTS, new=OBJECTS)
def test_every_difference_is_found(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(detailed(old, new, ())) == (not same(old, new))


@given(old=OBJECTS, new=OBJECTS)
def test_ignoring_every_path_leaves_nothing(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = detailed(old, new, ())

    assert detailed(old, new, (), ignored=list(found)) == {}


@given(path=st.lists(st.text('ab.["]_/-', min_size=1, max_size=5) | st.integers(0, 9), min_size=1).map(tuple))
def test_a_written_path_can_be_read_again(path: tuple[str | int, ...]) -> None:
    assert parsed(written(path)) == path


def test_a_changed_value_is_an_update_of_its_path() -> None:
    assert _kinds({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1", "b": "3"}}) == {"data.b": Kind.UPDATE}


def test_new_and_missing_keys_are_told_apart() -> None:
    found = detailed({"data": {"old": "1"}}, {"data": {"new.key": "1"}}, ())

    assert {path: (change.kind, change.input_diff) for path, change in found.items()} == {
        'data["new.key"]': (Kind.ADD, False),
        "data.old": (Kind.DELETE, True),
    }


def test_lists_are_compared_item_by_item() -> None:
    old = {"spec": {"list": [{"name": "a", "gone": 1}, {"name": "b"}, {"name": "c"}]}}
    new = {"spec": {"list": [{"name": "a"}, {"name": "x"}]}}

    assert _kinds(old, new) == {
        "spec.list[0].gone": Kind.DELETE,
        "spec.list[1].name": Kind.UPDATE,
        "spec.list[2]": Kind.DELETE,
    }


def test_an_unknown_text_counts_as_changed_and_a_new_unknown_key_as_added() -> None:
    assert _kinds({"data": {"a": "1"}}, {"data": {"a": UNKNOWN, "b": UNKNOWN}}) == {
        "data.a": Kind.UPDATE,
        "data.b": Kind.ADD,
    }


def test_an_unknown_map_shows_as_the_loss_of_its_keys_as_with_the_real_provider() -> None:
    assert _kinds({"spec": {"a": [1], "b": 2}}, {"spec": UNKNOWN}) == {"spec.a": Kind.DELETE, "spec.b": Kind.DELETE}


def test_an_unknown_item_of_a_list_is_the_only_change() -> None:
    assert _kinds({"l": ["a", "b"]}, {"l": ["a", UNKNOWN]}) == {"l[1]": Kind.UPDATE}


def test_true_is_not_one() -> None:
    assert _kinds({"a": 1}, {"a": True}) == {"a": Kind.UPDATE}


def test_whole_numbers_are_the_same_as_integers_and_as_floats() -> None:
    assert _kinds({"a": 1}, {"a": 1.0}) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}}, {"image": "b"}),
        ({"spec": {"template": {"spec": {"containers": [{"image": "a", "env": []}]}}}}, {"image": "a"}),
    ],
)
def test_any_change_within_a_jobs_template_replaces_it(old: dict[str, Any], new: dict[str, Any]) -> None:
    changes = detailed(old, {"spec": {"template": {"spec": {"containers": [new]}}}}, (".spec.template",))

    assert replacing(changes) == list(changes)
    assert changes


def test_setting_the_whole_of_what_a_forced_property_is_part_of_replaces() -> None:
    assert _kinds({}, {"spec": {"template": {"a": 1}}}, ".spec.template") == {"spec": Kind.ADD_REPLACE}


def test_setting_something_beside_a_forced_property_does_not_replace() -> None:
    assert _kinds({"spec": {}}, {"spec": {"other": 1}}, ".spec.template") == {"spec.other": Kind.ADD}


def test_losing_all_metadata_replaces() -> None:
    assert replacing(detailed({"metadata": {"name": "a"}}, {}, ())) == ["metadata"]


def test_ignored_paths_take_what_is_in_them_along() -> None:
    old = {"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1, "list": [1]}}
    new = {"metadata": {"labels": {"a": "2"}}, "spec": {"x": 2, "list": [2]}}

    assert _kinds(old, new, ignored=("metadata", "spec.list[*]")) == {"spec.x": Kind.UPDATE}


def test_a_path_is_not_within_a_longer_one() -> None:
    assert within(("a", "b"), ("a",))
    assert not within(("a",), ("a", "b"))


def _forcing(content: dict[str, Any], *, patch: bool = False, mutable: bool = True) -> tuple[str, ...]:
    return forcing(content, patch=patch, mutable_config_maps=mutable, mutable_secrets=mutable)


CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
SECRET = {"apiVersion": "v1", "kind": "Secret"}


def test_data_is_updated_in_place_where_the_provider_says_so() -> None:
    assert ".data" not in _forcing(CONFIG_MAP)
    assert ".data" not in _forcing(SECRET)
    assert ".data" in _forcing(CONFIG_MAP, mutable=False)
    assert ".stringData" in _forcing(SECRET, mutable=False)


def test_immutable_objects_are_replaced_whatever_the_provider_says() -> None:
    assert ".data" in _forcing({**CONFIG_MAP, "immutable": True})
    assert ".data" in _forcing({**SECRET, "immutable": True})


def test_a_secrets_type_always_replaces_it() -> None:
    assert ".type" in _forcing(SECRET)
    assert ".type" in _forcing(SECRET, mutable=False)


def test_a_patch_is_replaced_for_another_object_only() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job"}

    assert ".spec.template" in _forcing(job)
    assert _forcing(job, patch=True) == (".metadata.name", ".metadata.namespace")
