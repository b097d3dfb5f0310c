"""A stack that has no peer pods any more gives up its KataConfig only with leave, and says which nodes reboot."""

from typing import Any

import pytest

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.clients.refused import RefusedError
from components.peer_pods.kata_change import IGNORE_PROTECT
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, failed_program, run_program
from tests.unit.rollout_facts import kata_config, node, pool

POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
OURS = "coco-azure/test"


def _cluster(*kata_configs: dict[str, Any], converged: bool = False) -> FakeCluster:
    nodes: list[Object] = [
        node("master-0", "master"),
        node("worker-0", "worker", "kata-oc"),
        node("worker-1", "worker"),
    ]
    pools: list[Object] = [
        pool("master", 1),
        pool("worker", 0 if converged else 2),
        *([] if converged else [pool("kata-oc", 1)]),
    ]
    pods: list[Object] = [
        {"metadata": {"namespace": "shop", "name": "till"}, "spec": {"runtimeClassName": "kata-remote"}}
    ]
    lists: dict[str, list[Object]] = {
        names.KATA_CONFIGS: list(kata_configs),
        "/api/v1/nodes": nodes,
        POOLS: pools,
        "/api/v1/pods": pods,
    }
    return FakeCluster(lists=lists)


def _hub(allowed: bool | str = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - a setting
    return {"peerPods": {"enabled": False, "kataConfig": {"allowReboot": allowed}}}


@pytest.mark.parametrize("allowed", [False, "roll-0123456789"])
@pytest.mark.parametrize("preview", [True, False])
def test_without_leave_it_ends_before_anything_is_registered(
    allowed: bool | str,  # noqa: FBT001 - a setting
    *,
    preview: bool,
) -> None:
    result, run = failed_program(_hub(allowed), Recorder(cluster=_cluster(kata_config(owner=OURS)), preview=preview))

    assert "KataConfig example-kataconfig will be deleted, as the stack has no peer pods any more" in result
    assert "Reboot as kata is removed: worker-0 (1)." in result
    assert "shop/till (1)" in result
    assert "pulumi config rm --path 'coco-azure:peerPods.enabled'" in result
    assert "pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' true" in result
    assert not [name for name in run.registrations if "trustee" in name]


def test_with_leave_it_says_what_reboots_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run = run_program(_hub(allowed=True), Recorder(cluster=_cluster(kata_config(owner=OURS))))

    assert "Reboot as kata is removed: worker-0 (1)." in caplog.text
    assert any("trustee" in name for name in run.registrations)


def test_a_guard_that_cannot_be_opened_is_one_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RefusedError(status=403, reason="Forbidden")

    monkeypatch.setattr(FakeCluster, "patch", refuse)
    cluster = _cluster(kata_config(owner=OURS))
    cluster.lists[names.ADMISSION_POLICIES] = [{"metadata": {"name": names.GUARD}}]
    failed_program(_hub(allowed=True), Recorder(cluster=cluster))

    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error.startswith(
        f"annotation {names.APPROVED} of KataConfig, which approves a roll-out, cannot be written: "
    )


def test_on_a_cluster_whose_workers_are_its_control_plane_those_reboot() -> None:
    result, _ = failed_program(_hub(), Recorder(cluster=_cluster(kata_config(owner=OURS), converged=True)))

    assert "Reboot as kata is removed: master-0 (1)." in result


@pytest.mark.parametrize(
    "items",
    [[], [kata_config(owner=None)], [kata_config(owner="coco-azure/other")], [kata_config(owner=OURS, deleting=True)]],
    ids=["none", "nobody's", "another stack's", "going already"],
)
def test_a_kataconfig_that_the_stack_does_not_take_away_is_no_matter(items: list[dict[str, Any]]) -> None:
    assert run_program(_hub(), Recorder(cluster=_cluster(*items))).registrations


@pytest.mark.parametrize(("allowed", "value"), [(False, True), ("roll-0123456789", True), (True, False)])
def test_a_variable_that_takes_the_guard_of_a_destroy_away_is_told(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    allowed: bool | str,  # noqa: FBT001 - a setting
    *,
    value: bool,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv(IGNORE_PROTECT, "true")
    run_program(_hub(allowed), Recorder(cluster=_cluster()))

    assert (f"unset {IGNORE_PROTECT}" in caplog.text) is value
