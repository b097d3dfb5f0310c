"""From what the engine says to what a check reports."""

from typing import Any

import pytest

from coco_azure.cli.drift import command
from coco_azure.cli.drift.fields import to_dict
from tests.unit.drift_logs import MASKED, LogOf, looked, managed, only, reported, state, urn


def test_nothing_that_differs_is_no_drift() -> None:
    report = reported(looked(LogOf()).refreshed("map", "a", state({"data": {}}), state({"data": {}})))

    assert (report.code, report.findings) == (0, ())
    assert command.render(report) == "no drift of stack test\n"


@pytest.mark.parametrize("inputs", [None, {"spec": {"domain": "apps.example.com"}}], ids=["new", "refreshed"])
def test_nothing_of_what_is_only_read_is_a_drift_or_advised_to_be_changed(inputs: Any) -> None:
    tree: dict[str, Any] = {"f:spec": {"f:domain": {}, "f:more": {}}}
    spec = {"domain": "apps.example.com", "more": "x"}
    old = state(inputs, name="cluster", status={"a": 1})
    new = state(inputs, name="cluster", status={"a": 2}, spec=spec, managers=[managed("installer", tree)])
    log = looked(LogOf()).refreshed("ingress", "facts-ingress", old, new, "status.a", "spec.more")
    changed = log.refreshed("ingress", "trustee-facts-ingress", old, None)
    report = reported(changed, read_only={urn("ingress", name) for name in ("facts-ingress", "trustee-facts-ingress")})

    assert (report.code, report.findings, report.notes) == (0, (), ())
    assert command.render(report) == "no drift of stack test\n"


def test_a_changed_field_is_told_with_both_values_and_its_owner() -> None:
    tree: dict[str, Any] = {"f:data": {"f:VXLAN_PORT": {}}}
    old = state({"data": {"VXLAN_PORT": "9000"}}, name="peer-pods-cm")
    new = state({"data": {"VXLAN_PORT": "9999"}}, name="peer-pods-cm", managers=[managed("kubectl-edit", tree)])
    log = looked(LogOf()).refreshed("map-patch", "cm", old, new, "data.VXLAN_PORT")
    report = reported(log.planned("update", "map-patch", "cm", "data.VXLAN_PORT"))
    difference = only(report)

    assert (difference.what, difference.field, difference.stack, difference.actual) == (
        "changed",
        "data.VXLAN_PORT",
        "9000",
        "9999",
    )
    assert (difference.object, difference.operation) == ("ConfigMap place/peer-pods-cm", "update")
    assert difference.owner is not None
    assert difference.owner.manager == "kubectl-edit"
    assert (report.code, report.ahead) == (2, ())
    assert "owned by kubectl-edit (Update, 2026-11-25T00:00:00Z)" in command.render(report)


def test_of_a_field_that_is_gone_with_all_around_it_each_part_is_told() -> None:
    old = state({"data": {"a": "1", "b": "2"}})
    report = reported(looked(LogOf()).refreshed("map-patch", "cm", old, state({}), "data"))

    assert {(difference.field, difference.what, difference.stack) for difference in report.findings} == {
        ("data.a", "removed", "1"),
        ("data.b", "removed", "2"),
    }


def test_a_secret_is_never_shown() -> None:
    old, new = state({"data": MASKED}), state({"data": MASKED}, managers=[managed("oc", {"f:data": {"f:x": {}}})])
    report = reported(looked(LogOf()).refreshed("secret", "s", old, new, "data.key1"))

    assert {difference.field for difference in report.findings} == {"data.key1", "data.x"}
    assert {difference.actual for difference in report.findings} == {"(secret)"}
    assert "[secret]" not in command.render(report)


def test_of_long_texts_the_first_difference_is_shown() -> None:
    one, other = "a\n" * 200 + "allow = false\n", "a\n" * 200 + "allow = true\n"
    old, new = state({"data": {"policy": one}}), state({"data": {"policy": other}})
    difference = only(reported(looked(LogOf()).refreshed("map", "p", old, new, "data.policy")))

    assert difference.stack == "line 201 of 201: allow = false"
    assert difference.actual == "line 201 of 201: allow = true"


def test_of_a_long_line_the_first_differing_character_is_shown() -> None:
    old, new = state({"data": {"INITDATA": "x" * 300 + "1"}}), state({"data": {"INITDATA": "x" * 300 + "2"}})
    difference = only(reported(looked(LogOf()).refreshed("map", "p", old, new, "data.INITDATA")))

    assert (difference.stack, difference.actual) == ("from character 301 of 301: 1", "from character 301 of 301: 2")


def test_an_object_that_is_gone_is_told_with_what_would_be_done() -> None:
    log = looked(LogOf()).refreshed("map", "policy", state({"data": {}}, namespace="trustee-operator-system"), None)
    difference = only(reported(log.planned("create", "map", "policy")))

    assert (difference.what, difference.operation) == ("missing", "create")
    assert any("delete pods -l app=kbs" in effect for effect in difference.effects)


def test_a_field_that_somebody_added_to_an_object_of_the_stack_is_drift_with_the_command_that_takes_it_out() -> None:
    by = managed("Mozilla", {"f:data": {".": {}, "f:a/b": {}}})
    new = state({"data": {"ours": "1"}}, managers=[by])
    new["outputs"]["data"] = {"ours": "1", "a/b": "2"}
    difference = only(reported(looked(LogOf()).refreshed("map", "p", state({"data": {"ours": "1"}}), new)))

    assert (difference.what, difference.field, difference.actual) == ("added", 'data["a/b"]', "2")
    assert difference.owner is not None
    assert difference.owner.manager == "Mozilla"
    assert '"path":"/data/a~1b"' in difference.effects[0]


def test_a_field_that_somebody_added_to_an_object_of_an_operator_is_nobodys_drift() -> None:
    new = state({"data": {}}, managers=[managed("kubectl-patch", {"f:data": {"f:AZURE_IMAGE_ID": {}}})])
    new["outputs"]["data"] = {"AZURE_IMAGE_ID": "/x"}
    report = reported(looked(LogOf()).refreshed("map-patch", "cm", state({"data": {}}), new))

    assert report.findings == ()


def test_disablecvm_follows_the_gate_and_is_nobodys_drift() -> None:
    old, new = (state({"data": {"DISABLECVM": value}}, name="peer-pods-cm") for value in ("false", "true"))
    log = looked(LogOf()).refreshed("map-patch", "cm", old, new, "data.DISABLECVM")

    assert reported(log.planned("update", "map-patch", "cm", "data.DISABLECVM")).code == 0


def test_an_image_of_ones_own_is_the_stacks() -> None:
    old, new = (state({"data": {"AZURE_IMAGE_ID": value}}, name="peer-pods-cm") for value in ("/mine", "/other"))
    report = reported(looked(LogOf()).refreshed("map-patch", "cm", old, new, "data.AZURE_IMAGE_ID"))

    assert only(report).field == "data.AZURE_IMAGE_ID"


def test_an_install_plan_that_olm_has_cleared_away_is_no_drift() -> None:
    log = looked(LogOf()).refreshed("plan", "p", state({"spec": {"approved": True}}), None)

    assert reported(log.planned("create", "plan", "p")).code == 0


def test_a_lost_mark_is_worth_a_note_and_no_drift() -> None:
    value = {"annotations": {"coco-azure/peer-pods-cm": "1"}}
    old = state({"metadata": {"name": "osc-caa-ds", **value}})
    log = looked(LogOf()).refreshed(
        "deployment", "d", old, state({}), 'metadata.annotations["coco-azure/peer-pods-cm"]'
    )
    report = reported(log)

    assert report.code == 0
    assert "mark coco-azure/peer-pods-cm is gone" in report.notes[0]


def test_what_only_waits_once_more_is_worth_a_note_and_no_drift() -> None:
    log = looked(LogOf()).refreshed("deployment", "d", state({}), state({}))
    report = reported(log.planned("update", "deployment", "d"))

    assert report.code == 0
    assert "was not ready" in report.notes[0]


def test_putting_kataconfig_back_reboots_the_nodes_that_it_names() -> None:
    status = {"kataNodes": {"installed": ["worker-1", "worker-2"]}}
    old = state({"spec": {"logLevel": "info"}}, name="example", namespace="", status=status)
    log = looked(LogOf()).refreshed("kata", "k", old, state({"spec": {"logLevel": "debug"}}), "spec.logLevel")
    log.refreshed("job", "j", state({"spec": {}}), state({"spec": {}}))
    report = reported(log.planned("replace", "kata", "k", "spec.logLevel").planned("replace", "job", "j"))

    assert report.reboots
    assert only(report).reboots
    assert report.plan[0] == "replace KataConfig example: reboots nodes: worker-1, worker-2"
    assert report.plan[1].endswith("proves the chain again")
    assert "NODES REBOOT" in command.render(report)


def test_another_annotation_of_kataconfig_reboots_nothing() -> None:
    old = state({"metadata": {"name": "k", "annotations": {"a": "1"}}})
    log = looked(LogOf()).refreshed("kata", "k", old, state({"metadata": {"name": "k"}}), "metadata.annotations")

    assert not reported(log.planned("update", "kata", "k", "metadata.annotations")).reboots


def test_a_refusal_after_all_has_been_looked_at_still_tells() -> None:
    report = reported(looked(LogOf()).fails("this reboots nodes, and is not approved"), result="failed")

    assert (report.code, report.problems) == (0, ())
    assert report.refusals == ("this reboots nodes, and is not approved",)


def test_a_cluster_that_does_not_answer_cannot_be_told() -> None:
    report = reported(LogOf().fails("failed to read resource state due to unreachable cluster"), result="failed")

    assert report.code == 1


def test_a_log_without_a_word_cannot_be_told() -> None:
    assert reported(LogOf()).code == 1
    assert reported(looked(LogOf()), result="failed").code == 1


def test_what_the_program_is_ahead_of_the_stack_is_no_drift() -> None:
    log = looked(LogOf()).refreshed("map", "a", state({"data": {"k": "1"}}), state({"data": {"k": "1"}}))
    report = reported(log.planned("update", "map", "a", "data.k").planned("create", "map", "new"))

    assert report.code == 0
    assert report.ahead == ("update ConfigMap place/one", "create ConfigMap (new)")
    assert "not deployed yet" in command.render(report)


def test_providers_are_no_objects() -> None:
    log = looked(LogOf()).refreshed("provider", "cluster", {"inputs": {"a": "1"}}, {"inputs": {"a": "1"}})
    report = reported(log.planned("update", "provider", "cluster", "enablePatchForce"))

    assert (report.code, report.ahead, report.plan) == (0, (), ())


def test_the_report_is_json_too() -> None:
    log = looked(LogOf()).refreshed("map", "a", state({"data": {}}), None)
    difference = to_dict(reported(log))

    assert (difference["code"], difference["drift"], difference["stack"]) == (2, True, "test")
    assert difference["findings"][0]["object"] == "ConfigMap place/one"
