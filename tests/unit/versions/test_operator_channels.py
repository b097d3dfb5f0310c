"""What catalogs offer of an operator, what OLM does next, and which plan of it is approved."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coco_azure import names
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions import channels as operator_channels
from rehearsal.operators import olm_catalog

PACKAGE, NAMESPACE, NAME = "trustee-operator", "trustee-operator-system", "trustee-subscription"
MANIFEST = olm_catalog.manifest_status(olm_catalog.TRUSTEE, "1.1.0")
OLD, NEXT, NEWEST = (f"trustee-operator.v{version}" for version in ("0.3.0", "0.4.2", "1.1.0"))


def _settings(**values: Any) -> OperatorSettings:
    return OperatorSettings.model_validate(values)


def operator(**phases: str) -> dict[str, Any]:
    """Return the status of an Operator object with CSVs of these versions (``v0_3_0``) in these phases."""
    refs: list[dict[str, Any]] = [{"kind": "Deployment", "name": "manager", "conditions": [{"type": "Succeeded"}]}]
    for version, phase in phases.items():
        name = f"trustee-operator.v{version.removeprefix('v').replace('_', '.')}"
        refs.append({"kind": "ClusterServiceVersion", "name": name, "conditions": [{"type": phase, "status": "True"}]})
    return {"components": {"refs": refs}}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"version": "0.3.0"}, OLD),
        ({"version": "trustee-operator.v0.4.2"}, NEXT),
        # The cluster knows the package from another catalog only, and the pin says enough.
        ({"version": "1.2.1", "catalog": "mirrored"}, "trustee-operator.v1.2.1"),
    ],
)
def test_a_pin_is_a_version_or_a_csv(values: dict[str, Any], expected: str) -> None:
    settings = _settings(**values)
    offered = operator_channels.channel(settings, PACKAGE, [MANIFEST])

    assert operator_channels.pinned(settings, PACKAGE, offered) == expected


def test_a_pin_finds_a_csv_that_is_not_named_after_its_version() -> None:
    entries = [{"name": "trustee-operator.v0.4.2-7", "version": "0.4.2"}]
    manifest = {**MANIFEST, "channels": [{"name": "stable", "currentCSV": NEWEST, "entries": entries}]}
    settings = _settings(version="0.4.2")
    offered = operator_channels.channel(settings, PACKAGE, [manifest])

    assert operator_channels.pinned(settings, PACKAGE, offered) == "trustee-operator.v0.4.2-7"


def test_a_channel_has_its_versions_in_order_with_its_head_among_them() -> None:
    entries = [{"name": f"trustee-operator.v{version}", "version": version} for version in ("1.10.0", "1.9.0")]
    manifest = {**MANIFEST, "channels": [{"name": "stable", "currentCSV": NEWEST, "entries": entries}]}
    result = operator_channels.channel(_settings(), PACKAGE, [manifest])

    assert result is not None
    assert result.head == NEWEST
    assert result.versions == {
        NEWEST: "1.1.0",
        "trustee-operator.v1.9.0": "1.9.0",
        "trustee-operator.v1.10.0": "1.10.0",
    }


def test_a_channel_that_lists_no_entries_has_its_head_only() -> None:
    manifest = {**MANIFEST, "channels": [{"name": "stable", "currentCSV": NEWEST}]}
    offered = operator_channels.channel(_settings(), PACKAGE, [manifest])

    assert operator_channels.pinned(_settings(version="1.1.0"), PACKAGE, offered) == NEWEST
    with pytest.raises(ValueError, match=f"it has {NEWEST}"):
        operator_channels.pinned(_settings(version="0.3.0"), PACKAGE, offered)


def test_of_several_catalogs_that_of_the_settings_counts() -> None:
    other = olm_catalog.manifest_status(olm_catalog.TRUSTEE, "0.4.2") | {"catalogSource": "mirrored"}

    def head(**text: str) -> str:
        result = operator_channels.channel(_settings(**text), PACKAGE, [other, MANIFEST])
        assert result is not None
        return result.head

    assert head() == NEWEST
    assert head(catalog="mirrored") == NEXT


@pytest.mark.parametrize(
    ("values", "manifests", "parts"),
    [
        (
            {"catalog": "mirrored"},
            [MANIFEST],
            ["'redhat-operators'", "'mirrored'", "coco-azure:trustee.operator.catalog' redhat-operators", "version"],
        ),
        (
            {"version": "1.1.0"},
            [],
            ["no catalog in openshift-marketplace", "get catalogsource redhat-operators", "operator.catalog' CATALOG"],
        ),
        ({"channel": "fast"}, [MANIFEST], ["no channel 'fast'", "its channels: stable", "operator.channel' CHANNEL"]),
        (
            {"version": "9.9.9"},
            [MANIFEST],
            [f"it has {OLD}, {NEXT}", NEWEST, "pulumi config rm --path 'coco-azure:trustee.operator.version'"],
        ),
        ({"version": "other-operator.v1.0.0"}, [MANIFEST], ["a CSV of another package", "just the version: 1.0.0"]),
    ],
)
def test_what_the_catalog_does_not_offer_is_an_error_with_the_ways_out(
    values: dict[str, Any], manifests: list[Any], parts: list[str]
) -> None:
    settings = _settings(**values)
    with pytest.raises(ValueError, match="trustee-operator") as error:
        operator_channels.pinned(settings, PACKAGE, operator_channels.channel(settings, PACKAGE, manifests))

    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize("version", ["1.2", "1.2.x", "latest", "v1.2.1", "", "trustee-operator.v", "1.2.1 "])
def test_a_pin_that_is_no_full_version_is_refused(version: str) -> None:
    with pytest.raises(ValidationError, match="a full version such as"):
        _settings(version=version)


PLAN = {"name": "install-1"}
PINNED = _settings(version="0.4.2")


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
    operator_channels.check_offer(PINNED, PACKAGE, NAMESPACE, pin, status, name=NAME)


def test_a_pin_older_than_what_is_installed_is_an_error_with_the_ways_out() -> None:
    status = {"installedCSV": "trustee-operator.v0.10.0", "currentCSV": "trustee-operator.v0.10.0"}

    with pytest.raises(ValueError, match=r"never goes back.*operator\.version' 0\.10\.0") as error:
        operator_channels.check_offer(PINNED, PACKAGE, NAMESPACE, NEXT, status, name=NAME)

    way = (
        f"oc -n {NAMESPACE} delete subscriptions.operators.coreos.com/{NAME} "
        "clusterserviceversions.operators.coreos.com/trustee-operator.v0.10.0, and then: pulumi up --refresh"
    )
    assert way in str(error.value)


def test_going_back_with_the_runtime_of_the_nodes_takes_a_destroy() -> None:
    installed = "sandboxed-containers-operator.v1.12.1"
    pin = "sandboxed-containers-operator.v1.9.0"

    with pytest.raises(ValueError, match=r"never goes back.*pulumi destroy"):
        operator_channels.check_offer(PINNED, names.OSC_PACKAGE, NAMESPACE, pin, {"installedCSV": installed}, name=NAME)


def test_a_pin_more_than_one_step_away_names_the_next_step() -> None:
    status = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}

    with pytest.raises(ValueError, match=rf"next step from {OLD} is {NEXT}.*operator\.version' 0\.4\.2"):
        operator_channels.check_offer(PINNED, PACKAGE, NAMESPACE, NEWEST, status, name=NAME)


def test_a_plan_that_was_made_before_for_another_version_is_told_with_the_way_to_a_new_one() -> None:
    status = {"currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}

    with pytest.raises(ValueError, match=rf"this run is to install {OLD}.*a plan for {NEXT} before") as error:
        operator_channels.check_offer(_settings(), PACKAGE, NAMESPACE, OLD, status, name=NAME)
    assert f"oc -n {NAMESPACE} delete subscriptions.operators.coreos.com/{NAME}" in str(error.value)


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

    result = operator_channels.advice(_settings(version="0.3.0"), PACKAGE, NAMESPACE, OLD, status, name=NAME)
    assert "never goes back" in result


@pytest.mark.parametrize("values", [{}, {"version": "0.4.2"}, {"approval": "Automatic", "treatAs": "1.2"}])
def test_a_wait_in_vain_says_where_to_look_and_how_to_wait_longer(values: dict[str, Any]) -> None:
    result = operator_channels.advice(_settings(**values), PACKAGE, NAMESPACE, NEXT, {}, name=NAME)

    assert f"{NEXT} has not succeeded within 10m" in result
    assert f"oc -n {NAMESPACE} get subscription,installplan,csv" in result
    assert "coco-azure:trustee.operator.installTimeout" in result


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
