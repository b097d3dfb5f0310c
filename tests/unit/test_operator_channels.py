"""Decisions on an operator's version: what the catalog offers, what is installed, what OLM does next."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.operators import channels as operator_channels
from rehearsal.operators import olm_catalog
from rendering.profiles import OSC_PACKAGE
from settings.operators import OperatorSettings

PACKAGE, NAMESPACE, NAME = "trustee-operator", "trustee-operator-system", "trustee-subscription"
MANIFEST = olm_catalog.manifest_status(olm_catalog.TRUSTEE, "1.1.0")
OLD, NEXT, NEWEST = (f"trustee-operator.v{version}" for version in ("0.3.0", "0.4.2", "1.1.0"))


def _settings(**said: Any) -> OperatorSettings:
    return OperatorSettings.model_validate(said)


def operator(**phases: str) -> dict[str, Any]:
    """Return the status of an Operator object with CSVs of these versions (``v0_3_0``) in these phases."""
    refs: list[dict[str, Any]] = [{"kind": "Deployment", "name": "manager", "conditions": [{"type": "Succeeded"}]}]
    for version, phase in phases.items():
        name = f"trustee-operator.v{version.removeprefix('v').replace('_', '.')}"
        refs.append({"kind": "ClusterServiceVersion", "name": name, "conditions": [{"type": phase, "status": "True"}]})
    return {"components": {"refs": refs}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, NEWEST),
        ({"version": "0.3.0"}, OLD),
        ({"version": "trustee-operator.v0.4.2"}, NEXT),
        # Another catalog's package hides this one's, and the pin says enough.
        ({"version": "1.2.1", "catalog": "mirrored"}, "trustee-operator.v1.2.1"),
    ],
)
def test_the_csv_is_the_channels_newest_or_the_pinned_one(said: dict[str, Any], expected: str) -> None:
    assert operator_channels.chosen_csv(_settings(**said), PACKAGE, MANIFEST) == expected


def test_a_pin_finds_a_csv_that_is_not_named_after_its_version() -> None:
    entries = [{"name": "trustee-operator.v0.4.2-7", "version": "0.4.2"}]
    manifest = {**MANIFEST, "channels": [{"name": "stable", "currentCSV": NEWEST, "entries": entries}]}

    assert operator_channels.chosen_csv(_settings(version="0.4.2"), PACKAGE, manifest) == "trustee-operator.v0.4.2-7"


def test_a_channel_that_lists_no_entries_has_its_newest_only() -> None:
    manifest = {**MANIFEST, "channels": [{"name": "stable", "currentCSV": NEWEST}]}

    assert operator_channels.chosen_csv(_settings(version="1.1.0"), PACKAGE, manifest) == NEWEST
    with pytest.raises(ValueError, match=f"it has {NEWEST}"):
        operator_channels.chosen_csv(_settings(version="0.3.0"), PACKAGE, manifest)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        (
            {"catalog": "mirrored"},
            ["'redhat-operators'", "'mirrored'", "coco-azure:trustee.operator.catalog' redhat-operators", "version"],
        ),
        ({"channel": "fast"}, ["no channel 'fast'", "its channels: stable", "operator.channel' CHANNEL"]),
        (
            {"version": "9.9.9"},
            [f"it has {OLD}, {NEXT}", NEWEST, "pulumi config rm --path 'coco-azure:trustee.operator.version'"],
        ),
        ({"version": "other-operator.v1.0.0"}, ["a CSV of another package", "or just the version: 1.0.0"]),
    ],
)
def test_what_the_catalog_does_not_offer_is_an_error_with_the_ways_out(said: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ValueError, match="trustee-operator") as error:
        operator_channels.chosen_csv(_settings(**said), PACKAGE, MANIFEST)

    assert [part for part in parts if part not in str(error.value)] == []


def test_an_installed_operator_has_the_csv_that_has_succeeded() -> None:
    found = operator(v0_3_0="Replacing", v0_4_2="Succeeded")

    assert operator_channels.installed_csv(_settings(install=False), PACKAGE, NAMESPACE, found) == NEXT


@pytest.mark.parametrize(
    ("found", "said", "parts"),
    [
        (operator(), {}, ["none at all", "coco-azure:trustee.operator.install' true"]),
        ({}, {}, ["none at all"]),
        (operator(v0_3_0="Failed"), {}, [f"{OLD} in phase Failed", f"oc -n {NAMESPACE} get csv"]),
        (operator(v0_4_2="Succeeded"), {"version": "0.3.0"}, [f"asks for {OLD}", f"{NEXT} is installed", "config rm"]),
    ],
)
def test_an_operator_that_is_not_installed_as_the_stack_says_is_an_error(
    found: dict[str, Any], said: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(ValueError, match="install is false") as error:
        operator_channels.installed_csv(_settings(install=False, **said), PACKAGE, NAMESPACE, found)

    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize("version", ["1.2", "1.2.x", "latest", "v1.2.1", "", "trustee-operator.v", "1.2.1 "])
def test_a_pin_that_is_no_full_version_is_refused(version: str) -> None:
    with pytest.raises(ValidationError, match="a full version such as"):
        _settings(version=version)


PLAN = {"name": "install-1"}


@pytest.mark.parametrize(
    ("pin", "status"),
    [
        (OLD, {}),
        (OLD, {"currentCSV": OLD, "installPlanRef": PLAN, "state": "UpgradePending"}),
        (OLD, {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}),
        (NEXT, {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}),
        # OLM has not looked for the next step yet.
        (NEXT, {"installedCSV": OLD, "currentCSV": OLD, "installPlanRef": PLAN, "state": "AtLatestKnown"}),
    ],
)
def test_a_pin_that_olm_can_reach_is_fine(pin: str, status: dict[str, Any]) -> None:
    operator_channels.check_offer(PACKAGE, NAMESPACE, pin, status, name=NAME)


def test_a_pin_older_than_what_is_installed_is_an_error_with_the_ways_out() -> None:
    status = {"installedCSV": "trustee-operator.v0.10.0", "currentCSV": "trustee-operator.v0.10.0"}

    with pytest.raises(ValueError, match=r"never goes back.*operator\.version' 0\.10\.0") as error:
        operator_channels.check_offer(PACKAGE, NAMESPACE, NEXT, status, name=NAME)

    way = (
        f"oc -n {NAMESPACE} delete subscriptions.operators.coreos.com/{NAME} "
        "clusterserviceversions.operators.coreos.com/trustee-operator.v0.10.0, and then: pulumi up --refresh"
    )
    assert way in str(error.value)


def test_going_back_with_the_runtime_of_the_nodes_takes_a_destroy() -> None:
    installed = "sandboxed-containers-operator.v1.12.1"
    pin = "sandboxed-containers-operator.v1.9.0"

    with pytest.raises(ValueError, match=r"never goes back.*pulumi destroy"):
        operator_channels.check_offer(OSC_PACKAGE, NAMESPACE, pin, {"installedCSV": installed}, name=NAME)


def test_a_pin_more_than_one_step_away_names_the_next_step() -> None:
    status = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}

    with pytest.raises(ValueError, match=rf"next step from {OLD} is {NEXT}.*operator\.version' 0\.4\.2"):
        operator_channels.check_offer(PACKAGE, NAMESPACE, NEWEST, status, name=NAME)


def test_only_the_plan_of_the_pinned_csv_is_approved() -> None:
    own = {"currentCSV": OLD, "installPlanRef": PLAN}
    later = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": {"name": "install-2"}}

    assert operator_channels.approval(OLD, own) == ("install-1", True)
    assert operator_channels.approval(OLD, later) == ("install-2", False)
    assert operator_channels.approval(NEXT, later) == ("install-2", True)
    assert operator_channels.approval(NEWEST, later) == (f"no-plan-for-{NEWEST}", True)
    assert operator_channels.approval(OLD, {}) == (f"no-plan-for-{OLD}", True)


@given(st.sampled_from([OLD, NEXT, NEWEST, ""]), st.sampled_from([OLD, NEXT, NEWEST, ""]), st.booleans())
def test_no_plan_of_another_csv_is_ever_approved(current: str, installed: str, has_plan: bool) -> None:  # noqa: FBT001
    reference = PLAN if has_plan else None
    status = {"currentCSV": current, "installedCSV": installed, "installPlanRef": reference}
    name, approved = operator_channels.approval(OLD, status)

    assert not (approved and name == PLAN["name"] and current != OLD)


@pytest.mark.parametrize("before", [{}, {"installedCSV": OLD}, {"installedCSV": NEXT}])
def test_a_wait_in_vain_for_an_older_version_says_that_olm_never_goes_back(before: dict[str, str]) -> None:
    status = {"currentCSV": NEXT, **before}

    said = operator_channels.advice(_settings(version="0.3.0"), PACKAGE, NAMESPACE, OLD, status, name=NAME)
    assert "never goes back" in said


@pytest.mark.parametrize("said", [{}, {"version": "0.4.2"}])
def test_a_wait_in_vain_says_where_to_look_and_how_to_wait_longer(said: dict[str, Any]) -> None:
    told = operator_channels.advice(_settings(**said), PACKAGE, NAMESPACE, NEXT, {}, name=NAME)

    assert f"{NEXT} has not succeeded within 10m" in told
    assert f"oc -n {NAMESPACE} get subscription,installplan,csv" in told
    assert "coco-azure:trustee.operator.installTimeout" in told


def test_a_plan_that_was_left_by_a_pin_is_told_of() -> None:
    status = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}

    advice = operator_channels.stuck(NAMESPACE, status)
    assert advice is not None
    assert f'oc -n {NAMESPACE} patch installplan install-1 --type merge -p \'{{"spec":{{"approved":true}}}}\'' in advice
    assert operator_channels.stuck(NAMESPACE, {**status, "state": "AtLatestKnown"}) is None
    assert operator_channels.stuck(NAMESPACE, {**status, "installedCSV": ""}) is None


def test_the_operator_objects_name_is_that_of_olm() -> None:
    namespace = "openshift-sandboxed-containers-operator"

    for package in olm_catalog.PACKAGES:
        name = operator_channels.operator_object(package, namespace)
        assert name == olm_catalog.operator_name(package, namespace)
        assert len(name) <= 63
