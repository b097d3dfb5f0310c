"""The guard of KataConfig as the program makes it, opens it and shuts it."""

import contextlib
from typing import Any

import pulumi
import pytest

from coco_azure import names
from coco_azure.clients.refused import RefusedError
from coco_azure.names import KATA_CONFIGS
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, failed_program, run_program
from tests.unit.rollout_facts import kata_config

LEFT = "delete another"
DEBUG: dict[str, Any] = {"peerPods": {"kataConfig": {"logLevel": "debug"}}}
OUTPUT = {"kataConfig": {"name": "example-kataconfig", "uid": "uid-1", "nodes": ["worker-0", "worker-1"]}}
STACKS = {"organization/coco-azure/test": OUTPUT}


def _cluster(left: str = "", *, guarded: bool = True, **metadata: Any) -> FakeCluster:
    gate = {"metadata": {"name": "osc-feature-gates"}, "data": {"confidential": "true"}}
    ours = kata_config(**metadata)
    if left:
        ours["metadata"]["annotations"][names.APPROVED] = left
    cluster = FakeCluster()
    cluster.lists[f"/api/v1/namespaces/{names.OSC_NAMESPACE}/configmaps"] = [gate]
    cluster.lists[KATA_CONFIGS] = [ours]
    if guarded:
        cluster.lists[names.ADMISSION_POLICIES] = [{"metadata": {"name": names.GUARD, "annotations": OURS}}]
    return cluster


OURS = {names.STACK: "coco-azure/test"}


def _run(cluster: FakeCluster, config: dict[str, Any], *, preview: bool = False) -> list[Any]:
    """Return what the program has approved on KataConfig, in order."""
    answers = Recorder(cluster=cluster, preview=preview, stacks=STACKS)
    with contextlib.suppress(pulumi.RunError):
        run_program(config, answers)
    written = [change["metadata"]["annotations"] for _, change in cluster.patched if set(change) == {"metadata"}]
    return [each[names.APPROVED] for each in written if names.APPROVED in each]


def test_kataconfig_comes_after_its_guard_and_is_deleted_before_it() -> None:
    run = run_program({})

    assert "peer-pods-guard-binding" in run.dependencies("peer-pods-kataconfig")
    assert "peer-pods-guard-policy" in run.dependencies("peer-pods-guard-binding")
    # Who may not install the operator leaves the cluster as it is.
    assert "peer-pods-operator-installed" in run.dependencies("peer-pods-guard-policy")


@pytest.mark.parametrize(("allowed", "action"), [(True, "Audit"), (False, "Deny")])
def test_it_stays_open_for_those_who_allow_any_reboot(allowed: bool, action: str) -> None:  # noqa: FBT001 - a setting
    answers = Recorder(cluster=_cluster(), stacks=STACKS)
    run = run_program({"peerPods": {"kataConfig": {"allowReboot": allowed}}}, answers)

    assert run.registrations["peer-pods-guard-binding"].inputs["spec"]["validationActions"] == [action]


def test_an_approved_replacement_is_approved_in_the_cluster_and_taken_back() -> None:
    anew = {"peerPods": {"kataConfig": {"logLevel": "debug", "change": "recreate"}}}

    assert _run(_cluster(LEFT), anew) == [None, "delete uid-1", None]


def test_an_approved_change_in_place_is_approved_as_the_spec_that_it_brings() -> None:
    spec = "enablePeerPods=true logLevel=debug checkNodeEligibility=false "

    assert _run(_cluster(), DEBUG) == [f"update uid-1 0 {spec}", None]


def test_without_a_guard_nothing_is_approved_for_it_would_be_as_soon_as_there_is_one() -> None:
    assert _run(_cluster(guarded=False), DEBUG) == []


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"peerPods": {"kataConfig": {"guard": False}}},
        {"peerPods": {"kataConfig": {"logLevel": "debug", "change": "recreate", "allowReboot": False}}},
        {"peerPods": {"enabled": False, "kataConfig": {"allowReboot": False}}},
    ],
    ids=["nothing to do", "no guard", "not approved", "a removal that is not approved"],
)
def test_what_another_run_has_left_open_is_shut_whatever_comes_of_this_one(config: dict[str, Any]) -> None:
    assert _run(_cluster(LEFT), config, preview=True) == []
    assert _run(_cluster(LEFT), config) == [None]
    assert _run(_cluster(), config) == []


def test_an_approval_that_cannot_be_written_ends_the_run_with_one_error_and_no_traceback(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: FakeCluster, path: str, __: Any) -> None:
        raise RefusedError(status=403, reason=f"Forbidden: {path}")

    monkeypatch.setattr(FakeCluster, "patch", refuse)
    failed_program(DEBUG, Recorder(cluster=_cluster(), stacks=STACKS))

    (error,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert error.getMessage() == (
        f"annotation {names.APPROVED} of KataConfig, which approves a roll-out, cannot be written: refused by the API "
        f"server (403 Forbidden: {KATA_CONFIGS}/example-kataconfig). Run `pulumi up` again once that is mended"
    )


def test_what_another_stack_has_approved_is_left_to_it() -> None:
    theirs = _cluster(LEFT, owner="coco-azure/other")

    assert _run(theirs, {}) == []


def test_a_stack_that_gives_up_its_peer_pods_may_delete_its_kataconfig() -> None:
    config = {"peerPods": {"enabled": False, "kataConfig": {"allowReboot": True}}}

    assert _run(_cluster(), config, preview=True) == []
    assert _run(_cluster(), config) == ["delete uid-1"]


def test_where_the_cluster_cannot_have_it_that_is_said_and_nothing_of_it_is_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = run_program({}, Recorder(admission_policies=False))

    assert "This cluster's API server has no ValidatingAdmissionPolicy (Kubernetes 1.30, OpenShift 4.17)" in caplog.text
    assert not [name for name in run.registrations if name.startswith(("peer-pods-guard", "peer-pods-caa-hold"))]


def test_it_can_be_turned_off(caplog: pytest.LogCaptureFixture) -> None:
    run = run_program({"peerPods": {"kataConfig": {"guard": False}}}, Recorder(admission_policies=False))

    assert "has no ValidatingAdmissionPolicy" not in caplog.text
    assert not [name for name in run.registrations if name.startswith("peer-pods-guard")]
