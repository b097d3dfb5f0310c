"""The whole program and the versions of its operators: what it takes, holds back, and treats as something else."""

from typing import Any

import pytest

from coco_azure import names
from tests.unit.fake_cluster import SUBSCRIPTIONS
from tests.unit.recording import Recorder, Run, failed_program, run_program

PLAN = {"name": "install-1"}


def _at(package: str, installed: str, step: str) -> dict[str, Any]:
    status = {"installedCSV": f"{package}.v{installed}", "currentCSV": f"{package}.v{step}", "installPlanRef": PLAN}
    return {**status, "state": "UpgradePending"}


def _upgrading(osc: tuple[str, str], trustee: tuple[str, str]) -> Recorder:
    """Return a cluster that has the first versions, and whose OLM has plans for the second ones."""
    answers = Recorder(osc=osc[1], trustee=trustee[1])
    answers.cluster.put(
        SUBSCRIPTIONS.format(namespace=names.OSC_NAMESPACE),
        "sandboxed-containers-operator",
        _at(names.OSC_PACKAGE, *osc),
    )
    answers.cluster.put(
        SUBSCRIPTIONS.format(namespace=names.TRUSTEE_NAMESPACE),
        "trustee-operator-system",
        _at(names.TRUSTEE_PACKAGE, *trustee),
    )
    return answers


def _versions(run: Run) -> dict[str, tuple[str, str]]:
    """Return CSV and profile of each operator, as the proof says."""
    return {
        each["package"]: (each["csv"].partition(".v")[2], each["profile"]) for each in run.exports["proof"]["versions"]
    }


def _starting(run: Run) -> dict[str, str]:
    return {
        each.inputs["spec"]["name"]: each.inputs["spec"]["startingCSV"].partition(".v")[2]
        for each in run.registrations.values()
        if each.kind == "Subscription"
    }


def test_each_side_takes_its_step_and_approves_it() -> None:
    run = run_program({}, _upgrading(("1.12.1", "1.13.1"), ("1.1.0", "1.2.1")))

    assert _versions(run) == {names.OSC_PACKAGE: ("1.13.1", "1.13"), names.TRUSTEE_PACKAGE: ("1.2.1", "1.2")}
    assert _starting(run) == {names.OSC_PACKAGE: "1.13.1", names.TRUSTEE_PACKAGE: "1.2.1"}
    assert {"peer-pods-operator-install-plan-1.13.1", "trustee-operator-install-plan-1.2.1"} <= run.registrations.keys()


def test_steps_after_which_nobody_speaks_are_held_back_and_told_of() -> None:
    run = run_program({}, _upgrading(("1.9.0", "1.13.1"), ("0.3.0", "0.4.2")))

    assert _versions(run) == {names.OSC_PACKAGE: ("1.9.0", "1.9"), names.TRUSTEE_PACKAGE: ("0.3.0", "0.3")}
    items = [each for each in run.exports["proof"]["warnings"] if "would not speak with each other" in each]
    assert len(items) == 2


def test_they_are_taken_where_the_settings_allow_the_gap() -> None:
    answers = _upgrading(("1.9.0", "1.13.1"), ("0.3.0", "0.4.2"))
    run = run_program({"trustee": {"allowProtocolGap": True}}, answers)

    assert _versions(run) == {names.OSC_PACKAGE: ("1.13.1", "1.13"), names.TRUSTEE_PACKAGE: ("0.4.2", "0.4")}


@pytest.mark.parametrize(
    ("config", "answers", "expected"),
    [
        (
            {"peerPods": {"operator": {"treatAs": "1.13"}}},
            Recorder(osc="1.14.0", trustee="1.2.1"),
            (names.OSC_PACKAGE, "1.14.0", "1.13"),
        ),
        (
            {"trustee": {"operator": {"treatAs": "1.2"}}},
            Recorder(osc="1.13.1", trustee="1.3.0"),
            (names.TRUSTEE_PACKAGE, "1.3.0", "1.2"),
        ),
    ],
    ids=["OSC", "Trustee"],
)
def test_an_unknown_version_is_deployed_as_the_settings_say_and_proof_and_gate_say_so(
    config: dict[str, Any], answers: Recorder, expected: tuple[str, str, str]
) -> None:
    package, version, profile = expected
    run = run_program(config, answers)

    assert _versions(run)[package] == (version, profile)
    assert [
        each for each in run.exports["proof"]["warnings"] if f"{version} has no profile, and is deployed as" in each
    ]
    marks = [
        each.inputs["metadata"]["annotations"].get("coco-azure/treated-as")
        for each in run.registrations.values()
        if each.inputs.get("kind") == "Operator"
    ]
    assert sorted(filter(None, marks)) == [profile]


def test_versions_that_cannot_be_had_on_both_sides_are_told_together() -> None:
    result, run = failed_program({}, Recorder(osc="1.14.0", trustee="1.3.0"))

    assert "sandboxed-containers-operator.v1.14.0 has no profile" in result
    assert "trustee-operator.v1.3.0 has no profile" in result
    assert not [name for name in run.registrations if "namespace" in name or "subscription" in name]


@pytest.mark.parametrize(
    ("osc", "values", "expected"),
    [("1.12.1", {}, "5m"), ("1.13.1", {}, "8m"), ("1.13.1", {"proxyTimeout": "6m"}, "6m")],
)
def test_caa_waits_for_the_agent_as_long_as_in_red_hats_example_unless_the_settings_say_else(
    osc: str, values: dict[str, str], expected: str
) -> None:
    run = run_program({"peerPods": values}, Recorder(osc=osc, trustee="1.2.1"))

    assert run.registrations["peer-pods-cm"].inputs["data"]["PROXY_TIMEOUT"] == expected
