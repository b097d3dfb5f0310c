"""What the guard of KataConfig approves, and where it can be had; tests/engine has what the API server makes of it."""

from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats.workload import admission
from coco_azure.rollout import guard
from coco_azure.rollout.desired_kata_config import DesiredKataConfig, exact, make_applied
from coco_azure.rollout.plan import decide
from coco_azure.settings.peer_pods import Existing
from tests.unit.rollout_facts import LAST, WANTED, facts, kata_config, wish

DEBUG = wish(log_level="debug")


def _approved(*kata_configs: dict[str, Any], wanted: DesiredKataConfig = WANTED, existing: Existing = "fail") -> str:
    rollout = facts(*kata_configs, last=LAST)
    return guard.approval(decide(rollout, wanted, existing), rollout)


def test_a_replacement_approves_the_deletion_of_the_object_that_is_there() -> None:
    assert _approved(kata_config(), wanted=wish(DEBUG, change="recreate")) == "delete uid-1"
    assert _approved(kata_config(owner=None, uid="uid-7"), existing="recreate") == "delete uid-7"


def test_a_change_in_place_is_approved_as_one_with_or_without_reboots() -> None:
    same_nodes = wish(pool_selector={"node-role.kubernetes.io/worker": ""})

    assert " logLevel=debug " in _approved(kata_config(), wanted=DEBUG)
    assert _approved(kata_config(), wanted=same_nodes).endswith(" node-role.kubernetes.io/worker=")


@pytest.mark.parametrize("kata_configs", [(), (kata_config(),)], ids=["a creation", "nothing to do"])
def test_what_changes_no_kataconfig_approves_nothing(kata_configs: tuple[dict[str, Any], ...]) -> None:
    assert _approved(*kata_configs) == ""


def test_the_approval_of_a_change_names_the_spec_that_it_is_for_and_the_one_that_it_follows() -> None:
    (present,) = facts(kata_config()).kata_configs
    wanted = wish(log_level="debug", pool_selector={"z": "1", "a": ""})
    approval = guard.change(present, make_applied(wanted, "", linux_only=True))

    spec = "enablePeerPods=true logLevel=debug checkNodeEligibility=false a=,kubernetes.io/os=linux,z=1"
    assert approval == f"update uid-1 0 {spec}"
    assert guard.is_for(approval, "uid-1")
    assert not guard.is_for(approval, "uid-2")


@pytest.mark.parametrize("field", ["enablePeerPods", "logLevel", "checkNodeEligibility", "kataConfigPoolSelector"])
def test_every_field_of_the_spec_is_written_by_a_change_and_judged_by_the_policy(field: str) -> None:
    there = {"enablePeerPods": False, "logLevel": "warn", "checkNodeEligibility": True, "kataConfigPoolSelector": {}}
    (present,) = facts(kata_config(spec=there)).kata_configs
    spec = guard.policy("a/b")
    judged = " ".join(each["expression"] for each in (*spec["variables"], *spec["validations"]))

    assert field in exact(present.spec, make_applied(wish(pool_selector={"cc": "true"}), ""))
    assert all(f"variables.{each}.?{field}." in judged for each in ("old", "new"))


def test_no_policy_has_a_parameter_which_an_api_server_may_have_stopped_reading() -> None:
    for spec in (
        *(guard.policy("a/b"), guard.binding(active=True)),
        *(guard.hold_policy("a/b"), guard.hold_binding(active=True)),
        admission.policy("a", {"shop": ["b"]}),
    ):
        assert not {"paramKind", "paramRef"} & spec.keys()
    assert all("paramRef" not in spec for spec in admission.bindings(("shop",), refuse=True).values())


def test_it_can_be_had_where_the_api_server_serves_both_kinds() -> None:
    both = [{"kind": kind} for kind in names.ADMISSION_KINDS]

    assert guard.available({"resources": both})
    assert not guard.available({"resources": both[:1]})
    assert not guard.available({})
    assert not guard.available(None)
