"""Which version a stack takes: the newest that has a profile, a step of OLM's at a time, and none that nobody knows."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names, settings
from coco_azure.settings import SettingsError
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions import choice
from coco_azure.versions.choice import OperatorRequest, VersionChoice
from rehearsal.operators import olm_catalog
from tests.unit.versions.test_operator_channels import NAMESPACE, NEXT, OLD, PACKAGE, PLAN, operator

UNHEARD = "trustee-operator.v1.3.0"
_CATALOG = dataclasses.replace(olm_catalog.TRUSTEE, unheard=("1.3.0", "2.0.0"))
UP_TO_UNHEARD = olm_catalog.manifest_status(_CATALOG, "1.3.0")
NEWEST = "trustee-operator.v1.2.1"


def _csv(version: str) -> str:
    return f"{PACKAGE}.v{version}"


def _at(installed: str, step: str = "") -> dict[str, Any]:
    """Return the status of a Subscription with that installed, and OLM's plan for the next step."""
    status = {"installedCSV": installed, "currentCSV": step or installed, "installPlanRef": PLAN}
    return {**status, "state": "UpgradePending" if step else "AtLatestKnown"}


def _choice(subscription: dict[str, Any], manifest: Any = UP_TO_UNHEARD, **values: Any) -> VersionChoice:
    place = OperatorRequest(
        settings=OperatorSettings.model_validate(values), package=PACKAGE, namespace=NAMESPACE, subscription="trustee"
    )
    return choice.choose(place, [manifest], subscription)


def test_a_new_stack_takes_the_newest_known_version_and_says_what_it_leaves_aside_and_how_to_have_it() -> None:
    chosen = _choice({})
    (note,) = chosen.notes

    assert chosen.csv == NEWEST
    assert f"no profile for it: {UNHEARD}. The stack has {NEWEST}" in note
    assert "pulumi config set --path 'coco-azure:trustee.operator.treatAs' 1.2" in note


def test_a_known_head_is_taken_without_a_word() -> None:
    assert _choice({}, olm_catalog.manifest_status(_CATALOG, "1.2.1")) == VersionChoice(csv=NEWEST)


@pytest.mark.parametrize("values", [{"treatAs": "1.1"}, {"treatAs": "1.1", "approval": "Automatic"}])
def test_with_a_treatment_the_head_is_taken_whatever_it_is_and_that_is_said(values: dict[str, str]) -> None:
    chosen = _choice({}, **values)

    assert chosen.csv == UNHEARD
    (note,) = chosen.notes
    assert f"{UNHEARD} has no profile, and is deployed as if it were 1.1" in note
    assert "as coco-azure:trustee.operator.treatAs says" in note


def test_a_treatment_changes_nothing_for_a_version_that_has_a_profile() -> None:
    assert _choice({}, olm_catalog.manifest_status(_CATALOG, "1.2.1"), treatAs="1.1") == VersionChoice(csv=NEWEST)


def test_where_only_unknown_versions_are_offered_the_error_has_the_ways_out() -> None:
    only = dataclasses.replace(olm_catalog.TRUSTEE, versions=(), unheard=("1.3.0",))
    manifest = olm_catalog.manifest_status(only, "1.3.0")

    with pytest.raises(ValueError, match=f"{UNHEARD} has no profile") as error:
        _choice({}, manifest)
    ways = ["trustee.operator.channel", "version' VERSION", "a newer coco-azure", "trustee.operator.treatAs' 1.2"]
    assert [way for way in ways if way not in str(error.value)] == []
    assert _choice({}, manifest, treatAs="1.2").csv == UNHEARD


def test_an_unknown_pin_is_an_error_unless_it_is_treated_as_something() -> None:
    with pytest.raises(ValueError, match=f"{UNHEARD} has no profile"):
        _choice({}, version="1.3.0")
    assert _choice({}, version="1.3.0", treatAs="1.2").csv == UNHEARD


def test_an_unknown_pin_of_a_hidden_catalog_is_an_error_too() -> None:
    with pytest.raises(ValueError, match=f"{UNHEARD} has no profile"):
        _choice({}, version="1.3.0", catalog="mirrored")


@pytest.mark.parametrize("manifest", [UP_TO_UNHEARD, olm_catalog.manifest_status(_CATALOG, "1.2.1")])
def test_an_unknown_version_that_is_installed_is_an_error_although_a_known_one_is_offered(manifest: Any) -> None:
    with pytest.raises(ValueError, match=f"{UNHEARD} is installed, and this release has no profile") as error:
        _choice(_at(UNHEARD), manifest)

    ways = ["a newer coco-azure", "treatAs' 1.2", "delete subscriptions.operators.coreos.com/trustee "]
    assert [way for way in ways if way not in str(error.value)] == []


@pytest.mark.parametrize("manifest", [UP_TO_UNHEARD, olm_catalog.manifest_status(_CATALOG, "1.2.1")])
def test_an_unknown_version_that_is_installed_stays_with_a_treatment(manifest: Any) -> None:
    assert _choice(_at(UNHEARD), manifest, treatAs="1.2").csv == UNHEARD


def test_what_is_installed_stays_until_olm_has_a_plan_for_the_next_step() -> None:
    chosen = _choice(_at(OLD))

    assert chosen.csv == OLD
    assert any(f"the catalog has {NEWEST}, and OLM has no plan yet" in note for note in chosen.notes)


def test_each_run_takes_the_one_step_that_olm_offers() -> None:
    chosen = _choice(_at(OLD, NEXT))

    assert chosen.csv == NEXT
    assert any(f"{NEXT} is a step on the way to {NEWEST}" in note for note in chosen.notes)


def test_the_step_to_an_unknown_version_is_not_taken() -> None:
    assert _choice(_at(NEWEST, UNHEARD)).csv == NEWEST
    assert _choice(_at(NEWEST, UNHEARD), treatAs="1.2").csv == UNHEARD


def test_where_the_only_step_skips_all_known_versions_the_stack_stays_and_says_how_to_get_there() -> None:
    def osc(version: str) -> str:
        return f"{names.OSC_PACKAGE}.v{version}"

    place = OperatorRequest(settings=OperatorSettings(), package=names.OSC_PACKAGE, namespace="n", subscription="s")
    manifest = olm_catalog.manifest_status(olm_catalog.OSC, "1.14.0")
    chosen = choice.choose(place, [manifest], _at(osc("1.12.1"), osc("1.14.0")))

    assert chosen.csv == osc("1.12.1")
    (way,) = [note for note in chosen.notes if "only step" in note]
    assert f"{osc('1.13.1')}, and OLM's only step from {osc('1.12.1')} is {osc('1.14.0')}" in way
    assert "pulumi destroy" in way


def test_what_is_newer_than_the_catalog_is_left_as_it_is() -> None:
    assert _choice(_at(NEWEST), olm_catalog.manifest_status(_CATALOG, "1.0.0")) == VersionChoice(csv=NEWEST)


def test_a_plan_that_an_interrupted_run_left_is_gone_on_with() -> None:
    left = {"currentCSV": NEXT, "installPlanRef": PLAN, "state": "UpgradePending"}

    assert _choice(left).csv == NEXT


def test_a_version_that_is_too_old_to_be_known_goes_forward_with_olms_step() -> None:
    ancient = _csv("0.2.0")

    assert _choice(_at(ancient, OLD)).csv == OLD
    with pytest.raises(ValueError, match=f"{ancient} is installed"):
        _choice(_at(ancient))


def test_where_olm_approves_by_itself_the_head_is_what_there_will_be() -> None:
    assert _choice(_at(OLD, NEXT), approval="Automatic", treatAs="1.2").csv == UNHEARD


def _installed(values: Any, **content: Any) -> VersionChoice:
    result = OperatorSettings.model_validate({"install": False, **content})
    return choice.installed_csv(result, PACKAGE, NAMESPACE, values)


def test_an_installed_operator_has_the_csv_that_has_succeeded() -> None:
    assert _installed(operator(v0_3_0="Replacing", v0_4_2="Succeeded")) == VersionChoice(csv=NEXT)


@pytest.mark.parametrize(
    ("values", "content", "parts"),
    [
        (operator(), {}, ["none at all", "coco-azure:trustee.operator.install' true"]),
        ({}, {}, ["none at all"]),
        (operator(v0_3_0="Failed"), {}, [f"{OLD} in phase Failed", f"oc -n {NAMESPACE} get csv"]),
        (operator(v0_4_2="Succeeded"), {"version": "0.3.0"}, [f"asks for {OLD}", f"{NEXT} is installed", "config rm"]),
        (operator(v1_3_0="Succeeded"), {}, [UNHEARD, "a newer coco-azure", "trustee.operator.treatAs' 1.2"]),
    ],
)
def test_an_operator_that_is_not_installed_as_the_stack_says_is_an_error(
    values: dict[str, Any], content: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(ValueError, match="install is false") as error:
        _installed(values, **content)

    assert [part for part in parts if part not in str(error.value)] == []


def test_an_installed_operator_without_a_profile_is_treated_as_the_settings_say() -> None:
    chosen = _installed(operator(v1_3_0="Succeeded"), treatAs="1.2")

    assert chosen.csv == UNHEARD
    assert "as if it were 1.2" in chosen.notes[0]


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"treatAs": "1.7"}, ["trustee.operator.treatAs is 1.7", "0.3, 0.4, 1.0, 1.1, 1.2", "treatAs' 1.2"]),
        ({"approval": "Automatic"}, ["versions that nobody knows yet", "operator.approval'", "treatAs' 1.2"]),
        (
            {"approval": "Automatic", "treatAs": "1.2", "version": "1.2.1"},
            ["approval is Automatic, and trustee.operator.version pins 1.2.1", "operator.approval' (or .version)"],
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_told_at_once(values: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        settings.parse({"trustee": {"operator": values}}, Path())

    assert [part for part in parts if part not in str(error.value)] == []


def test_a_package_without_settings_of_that_kind_has_no_problem() -> None:
    values = {"trustee": {"operator": {"treatAs": "1.2", "approval": "Automatic"}}}

    assert settings.parse(values, Path()).trustee.operator.automatic


def _step(package: str, installed: str, version: str) -> VersionChoice:
    leaves = f"{package}.v{installed}" if installed != version else ""
    return VersionChoice(csv=f"{package}.v{version}", leaves=leaves)


@pytest.mark.parametrize(
    ("osc", "trustee", "expected"),
    [
        # Neither step alone, nor both, leave them speaking.
        (("1.9.0", "1.13.1"), ("0.3.0", "0.4.2"), ("1.9.0", "0.3.0")),
        (("1.9.0", "1.10.1"), ("0.3.0", "0.4.2"), ("1.10.1", "0.4.2")),
        (("1.12.1", "1.12.1"), ("1.1.0", "1.2.1"), ("1.12.1", "1.2.1")),
        (("1.11.0", "1.13.1"), ("1.1.0", "1.2.1"), ("1.13.1", "1.2.1")),
        (("1.10.1", "1.13.1"), ("0.4.2", "0.4.2"), ("1.10.1", "0.4.2")),
        (("1.9.0", "1.9.0"), ("0.3.0", "0.4.2"), ("1.9.0", "0.3.0")),
        # Nothing can be held back: the chain says what is wrong.
        (("1.9.0", "1.9.0"), ("1.2.1", "1.2.1"), ("1.9.0", "1.2.1")),
        # Without a profile there is nothing to compare.
        (("1.12.1", "1.14.0"), ("1.2.1", "1.2.1"), ("1.14.0", "1.2.1")),
    ],
)
def test_steps_of_the_stacks_own_never_part_pod_vms_and_kbs_that_speak(
    osc: tuple[str, str], trustee: tuple[str, str], expected: tuple[str, str]
) -> None:
    before = {names.OSC_PACKAGE: _step(names.OSC_PACKAGE, *osc), PACKAGE: _step(PACKAGE, *trustee)}
    after = choice.in_step(before)

    assert tuple(after[name].csv.partition(".v")[2] for name in (names.OSC_PACKAGE, PACKAGE)) == expected
    for name, each in after.items():
        held = each.csv != before[name].csv
        assert any("would not speak with each other" in note for note in each.notes) is held


def test_a_stack_of_one_side_takes_its_steps() -> None:
    alone = {PACKAGE: _step(PACKAGE, "0.3.0", "0.4.2")}

    assert choice.in_step(alone) == alone


def test_the_step_that_a_stack_takes_by_itself_names_what_it_leaves() -> None:
    assert _choice(_at(OLD, NEXT)).leaves == OLD
    assert _choice(_at(OLD)).leaves == ""
    assert _choice(_at(OLD, NEXT), version="0.4.2").leaves == ""
