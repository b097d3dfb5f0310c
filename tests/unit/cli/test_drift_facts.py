"""Facts that the stack looks up: its network in Azure, the operators' versions; and settings that explain a change."""

from typing import Any

from coco_azure.cli.drift import command, facts
from coco_azure.clients import stack_history
from tests.unit.drift_logs import LogOf, looked, only, reported, state

UPDATED = {"kind": "update", "result": "succeeded"}
NAT = "/subscriptions/1/natGateways/nat"


def test_an_azure_fact_that_has_moved_is_drift_on_that_side() -> None:
    before = {"region": "eastus", "subnet": {"natGateway": NAT}}
    report = reported(
        LogOf().component("network", "network", before, {"region": "eastus", "subnet": {"natGateway": ""}})
    )
    difference = only(report)

    assert (difference.side, difference.field, difference.stack, difference.actual) == (
        "azure",
        "subnet.natGateway",
        NAT,
        "nothing",
    )
    assert "1 in Azure" in command.render(report)


def test_a_fact_that_an_older_program_did_not_keep_is_no_drift() -> None:
    log = LogOf().component(
        "network", "network", {"region": "eastus"}, {"region": "eastus", "subnet": {"natGateway": ""}}
    )

    assert reported(log).code == 0


def test_another_network_by_other_settings_is_no_drift() -> None:
    log = LogOf(**{facts.AZURE_SETTINGS: '{"region":"westeurope"}'})
    log.component("network", "network", {"region": "eastus"}, {"region": "westeurope"})
    history = {**UPDATED, "config": {facts.AZURE_SETTINGS: {"value": "{}", "secret": False}}}
    report = reported(log, history)

    assert report.code == 0
    assert facts.AZURE_SETTINGS in report.ahead[0]


def test_a_look_up_of_azure_that_finds_nothing_is_drift_and_the_plan_is_unknown() -> None:
    message = (
        'error: Azure Resource Manager: Subnet: Status=404 Code="SubscriptionNotFound" Message="Resource x not found."'
    )
    log = LogOf().component("network", "network", {"region": "eastus"}, None)
    log.fails(f"Program failed with an unhandled exception:\nTraceback (most recent call last):\n  File\n{message}")
    report = reported(log.fails("an unhandled error occurred: program exited with 1"), result="failed")

    assert (only(report).object, only(report).actual) == ("Subnet", "Resource x not found.")
    assert (report.code, report.problems, report.planned) == (2, (), False)
    assert "is not known" in command.render(report)


def test_a_look_up_that_the_program_gives_up_is_told_in_its_words() -> None:
    message = (
        "an unhandled error occurred: VNet v has no subnet s, as cloud-conf names it (Azure Resource Manager: Subnet: "
        "NotFound). The subnets of v are: t. Choose one: pulumi config set ..."
    )
    log = LogOf().component("network", "network", {"region": "eastus"}, None)
    report = reported(log.fails(message), result="failed")

    assert (only(report).object, only(report).actual) == ("Subnet", "VNet v has no subnet s, as cloud-conf names it")
    assert report.code == 2


def test_azure_that_does_not_let_in_cannot_be_told() -> None:
    log = LogOf().component("network", "network", {"region": "eastus"}, None)
    log.fails('Azure Resource Manager: Subnet: Code="AuthorizationFailed" Message="no"')
    report = reported(log, result="failed")

    assert (report.code, report.findings) == (1, ())
    assert "AuthorizationFailed" in report.problems[0]
    assert command.render(report).startswith("cannot tell:")


def _gate(csv: str, phase: str) -> dict[str, Any]:
    operator = {"name": "package.place", "annotations": {"coco-azure/expects": "package.v1"}}
    refs = [{"kind": "ClusterServiceVersion", "name": csv, "conditions": [{"type": phase, "status": "True"}]}]
    return state({"metadata": operator}, status={"components": {"refs": refs}})


def test_another_csv_than_the_deployed_one_is_drift() -> None:
    log = looked(LogOf()).refreshed("gate", "g", _gate("package.v1", "Succeeded"), _gate("package.v2", "Succeeded"))
    difference = only(reported(log))

    assert (difference.field, difference.stack) == ("ClusterServiceVersion", "package.v1")
    assert difference.actual == "package.v2 (Succeeded)"


def test_the_deployed_csv_that_has_failed_is_drift() -> None:
    log = looked(LogOf()).refreshed("gate", "g", _gate("package.v1", "Succeeded"), _gate("package.v1", "Failed"))

    assert only(reported(log)).actual == "package.v1 (Failed)"


def test_a_newer_offer_of_the_catalog_is_worth_a_note() -> None:
    same = _gate("package.v1", "Succeeded")
    log = looked(LogOf()).refreshed("gate", "g", same, same)
    report = reported(log.component("versions", "v", {"csv": {"package": "v1"}}, {"csv": {"package": "v2"}}))

    assert report.code == 0
    assert report.notes == ("the next `pulumi up` goes to v2 (the last run had v1), or OLM has gone there by itself",)


def test_secret_settings_are_not_compared() -> None:
    history = {**UPDATED, "config": {"a": {"value": "[secret]", "secret": True}, "b": {"value": "1", "secret": False}}}

    assert facts.changed_settings(stack_history.read([history]), {"a": "x", "b": "2"}) == ["b"]
    assert facts.changed_settings(stack_history.read([{**UPDATED, "result": "failed"}]), {}) is None
