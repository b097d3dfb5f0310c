"""Paths of the engine, and who owns a field of an object."""

from typing import Any

import pytest

from coco_azure.cli.drift import fields
from coco_azure.cli.drift.fields import MISSING
from tests.unit.drift_logs import MASKED, managed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.tls.termination", ("spec", "tls", "termination")),
        ('data["resource-policy.rego"]', ("data", "resource-policy.rego")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ('metadata.annotations["a/b"]', ("metadata", "annotations", "a/b")),
        ("data.key-1", ("data", "key-1")),
    ],
)
def test_a_path_is_read_and_written_as_the_engine_writes_it(text: str, path: fields.Path) -> None:
    assert fields.parse(text) == path
    assert fields.text(path) == text


def test_a_quoted_part_may_have_quotes() -> None:
    assert fields.parse('data["a\\"b"]') == ("data", 'a"b')


def test_a_value_is_found_by_its_path_or_missing() -> None:
    content = {"spec": {"list": [{"image": "x"}], "none": None}}

    assert fields.get(content, ("spec", "list", 0, "image")) == "x"
    assert fields.get(content, ("spec", "none")) is None
    for path in [("spec", "other"), ("spec", "list", 1), ("spec", "list", "image"), ("spec", "none", "x"), ("spec", 0)]:
        assert fields.get(content, path) is MISSING


def test_what_lies_in_a_secret_is_hidden() -> None:
    content = {"data": MASKED, "kind": "Secret"}

    assert fields.hidden(content, ("data", "key1"))
    assert not fields.hidden(content, ("kind",))


def test_the_owner_is_who_has_the_field_and_the_latest_of_several() -> None:
    tree: dict[str, Any] = {"f:data": {".": {}, "f:key": {}}}
    metadata = {
        "managedFields": [
            managed("pulumi-kubernetes-1", tree, time="2026-01-01T00:00:00Z"),
            managed("kubectl-edit", tree, time="2026-01-02T00:00:00Z"),
            managed("other", {"f:data": {"f:else": {}}}, time="2026-01-03T00:00:00Z"),
            managed("controller", tree, time="2026-01-04T00:00:00Z", subresource="status"),
        ]
    }
    result = fields.owner(metadata, ("data", "key"))

    assert result is not None
    assert (result.manager, result.time) == ("kubectl-edit", "2026-01-02T00:00:00Z")
    assert fields.owner(metadata, ("data", "none")) is None


def test_items_of_a_list_have_an_owner_too() -> None:
    tree: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"kbs"}': {"f:image": {}}}}}

    result = fields.owner({"managedFields": [managed("oc", tree)]}, ("spec", "containers", 0, "image"))
    assert result is not None
    assert result.manager == "oc"


def test_a_field_that_nobody_has_any_more_was_last_written_by_somebody_else_than_the_stack() -> None:
    metadata = {
        "managedFields": [
            managed("kubectl-edit", {}, time="2026-01-01T00:00:00Z"),
            managed("pulumi-kubernetes-1", {}, time="2026-01-02T00:00:00Z"),
        ]
    }
    result = fields.last_writer(metadata)

    assert result is not None
    assert result.manager == "kubectl-edit"
    assert fields.last_writer({}) is None


def test_foreign_fields_are_those_of_others_below_what_is_asked_for() -> None:
    metadata = {
        "managedFields": [
            managed("pulumi-kubernetes-1", {"f:data": {"f:ours": {}}}),
            managed("kubectl-edit", {"f:data": {".": {}, "f:theirs": {}}, "f:metadata": {"f:labels": {"f:a": {}}}}),
            managed("operator", {"f:data": {"f:status": {}}}, subresource="status"),
        ]
    }

    assert [path for path, _ in fields.foreign(metadata, ("data", "spec"))] == [("data", "theirs")]
