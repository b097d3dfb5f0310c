"""What objects of a cluster say of a roll-out, in words that name the node, job or pod and what shows more."""

from typing import Any

import pytest

from diagnosis import caa, kata_config
from diagnosis.image import Image, failure, has_failed, wrong_image
from diagnosis.kata_config import REASON, STATE, Surroundings

NAMESPACE = "openshift-sandboxed-containers-operator"
LOGS = f"`oc -n {NAMESPACE} logs"


def _kata_config(nodes: dict[str, Any], reason: str = "", message: str = "", **status: Any) -> dict[str, Any]:
    value = "True" if reason else "False"
    condition = {"type": "InProgress", "status": value, "reason": reason, "message": message}
    return {"metadata": {"name": "k"}, "status": {"conditions": [condition], "kataNodes": nodes, **status}}


def _pool(name: str, *, paused: bool = False, degraded: str = "") -> dict[str, Any]:
    condition = {"type": "Degraded", "status": str(bool(degraded)), "message": degraded}
    return {"metadata": {"name": name}, "spec": {"paused": paused}, "status": {"conditions": [condition]}}


def _job(uid: str = "j2", *conditions: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "osc-podvm-image-creation", "uid": uid},
        "status": {"conditions": [{"type": each, "status": "True"} for each in conditions]},
    }


def _image_pod(job: str, phase: str = "Failed", time: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    ended = {"exitCode": 1, "message": "Build 'azure-arm.podvm'\n errored"}
    return {
        "metadata": {
            "name": f"osc-podvm-image-creation-{job}",
            "creationTimestamp": time,
            "labels": {"batch.kubernetes.io/controller-uid": job},
        },
        "status": {"phase": phase, "containerStatuses": [{"name": "create", "state": {"terminated": ended}}]},
    }


def _config(image: str) -> dict[str, Any]:
    return {"metadata": {"name": "peer-pods-cm"}, "data": {"AZURE_IMAGE_ID": image}}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "there is no KataConfig"),
        ({"metadata": {"name": "k"}}, "the operator has not looked at KataConfig yet"),
        (_kata_config({"nodeCount": 3, "readyNodeCount": 3}), "3 of 3 nodes have the kata runtime"),
        (
            _kata_config(
                {"nodeCount": 3, "readyNodeCount": 1, "installing": ["b"], "waitingToInstall": ["c"]},
                "Installing",
                "initial",
            ),
            "1 of 3 nodes have the kata runtime; installing: b; waiting: c; Installing: initial",
        ),
        (
            _kata_config({"nodeCount": 1, "readyNodeCount": 0}, waitingForMcoToStart=True),
            "0 of 1 nodes have the kata runtime; waiting for the machine config operator to start",
        ),
    ],
)
def test_progress_has_counts_and_names(found: dict[str, Any] | None, said: str) -> None:
    assert kata_config.progress(found) == said


def test_a_failed_node_is_named_with_its_reason_and_the_log_of_its_daemon() -> None:
    found = _kata_config({"nodeCount": 2, "readyNodeCount": 1, "failedToInstall": ["b"]}, "Failed")
    node = {"metadata": {"name": "b", "annotations": {STATE: "Degraded", REASON: "disk\n full"}}}
    daemon = {"metadata": {"name": "mcd-x"}, "spec": {"nodeName": "b"}}
    around = Surroundings(nodes=[node], pools=[_pool("kata-oc", degraded="1 nodes")], daemons=[daemon])
    failed, pool = kata_config.problems(found, around)

    assert failed.startswith("node b is Degraded: disk full. `oc describe node b`")
    assert "`oc -n openshift-machine-config-operator logs mcd-x -c machine-config-daemon`" in failed
    assert pool == "MachineConfigPool kata-oc is degraded: 1 nodes. `oc describe mcp kata-oc` shows more"


def test_a_paused_pool_is_named_with_the_command_that_lets_it_go_on() -> None:
    found = _kata_config({"nodeCount": 2, "readyNodeCount": 0}, "Installing")
    (said,) = kata_config.problems(found, Surroundings(pools=[_pool("kata-oc", paused=True), _pool("other")]))

    assert said.startswith("MachineConfigPool kata-oc is paused")
    assert '`oc patch mcp kata-oc --type merge -p \'{"spec":{"paused":false}}\'`' in said


def test_no_selected_node_names_the_setting_and_the_command() -> None:
    (said,) = kata_config.problems(_kata_config({"nodeCount": 0, "readyNodeCount": 0}), Surroundings())

    assert "coco-azure:peerPods.kataConfig.poolSelector" in said
    assert "`oc label node NODE KEY=VALUE`" in said


def test_a_deletion_that_pods_block_is_told_with_the_operators_words() -> None:
    found = _kata_config({"nodeCount": 1, "readyNodeCount": 1}, "BlockedByExistingKataPods", "delete them: shop/a")
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    (said,) = kata_config.problems(found, Surroundings())

    assert said.startswith("KataConfig k is being deleted (BlockedByExistingKataPods: delete them: shop/a). ")
    assert said.endswith("`oc describe kataconfig k` shows more")


def test_a_job_has_failed_although_the_operator_is_already_at_the_next_one() -> None:
    image = Image(config=_config(""), job=_job("j2"), pods=[_image_pod("j1"), _image_pod("j2")])

    assert image.state == "building"
    assert has_failed(image, known=())
    # Its first pod has failed, and the job starts another: that is no failure yet.
    assert not has_failed(image, known={"j1"})


def test_a_failure_of_an_earlier_run_is_none_of_this_one_and_none_where_there_is_an_image() -> None:
    assert not has_failed(Image(config=_config(""), pods=[_image_pod("j1")]), known={"j1"})
    assert not has_failed(Image(config=_config("/image"), pods=[_image_pod("j1")]), known=())


def test_the_failure_names_the_newest_pod_its_end_and_its_log() -> None:
    pods = [_image_pod("j2", time="2026-01-02T00:00:00Z"), _image_pod("j1"), _image_pod("j3", phase="Succeeded")]
    said = failure(Image(config=_config(""), pods=pods))

    assert "pod osc-podvm-image-creation-j2 ended with exit code 1 in container create: Build 'azure-arm.podvm'" in said
    assert f"{LOGS} osc-podvm-image-creation-j2`" in said


def test_a_job_that_is_over_without_an_image_is_stuck_and_the_message_says_how_to_go_on() -> None:
    image = Image(config=_config(""), job=_job("j1", "Complete"))

    assert image.state == "stuck"
    assert f"`oc -n {NAMESPACE} delete job osc-podvm-image-creation`" in failure(image)


def test_no_image_and_no_job_points_to_kataconfig_and_events() -> None:
    assert "no job of the operator's is building an image" in failure(Image(config=_config("")))


@pytest.mark.parametrize(
    ("flag", "confidential", "own", "wrong"),
    [
        ("yes", True, None, False),
        ("no", True, None, True),
        ("yes", False, None, True),
        ("no", True, "/own", False),
        (None, True, None, False),
    ],
)
def test_an_image_of_the_other_kind_is_found_out(
    flag: str | None,
    confidential: bool,  # noqa: FBT001
    own: str | None,
    wrong: bool,  # noqa: FBT001
) -> None:
    builder = None if flag is None else {"data": {"CONFIDENTIAL_COMPUTE_ENABLED": flag}}
    said = wrong_image(Image(config=_config("/image"), builder=builder), confidential=confidential, own=own)

    assert (said is not None) is wrong
    if said is not None:
        assert "coco-azure:peerPods.kataConfig.allowReboot" in said
        assert "`pulumi up --replace '**peer-pods-kataconfig'`" in said


def _caa_pod(name: str, ready: str, waiting: dict[str, str] | None = None, restarts: int = 0) -> dict[str, Any]:
    container = {"restartCount": restarts, "state": {"waiting": waiting} if waiting else {"running": {}}}
    conditions = [{"type": "Ready", "status": ready}]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
    return {"metadata": {"name": name}, "spec": {"nodeName": "a"}, "status": status}


def test_a_pod_of_caa_that_is_not_ready_is_named_with_its_reason_and_its_last_log() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}
    pods = [_caa_pod("caa-1", "True"), _caa_pod("caa-2", "False", waiting, restarts=4)]

    (said,) = caa.problems({"status": {"desiredNumberScheduled": 2}}, pods)

    assert said.startswith("CAA's pod caa-2 on a is not ready (CrashLoopBackOff: back-off 5m0s). ")
    assert said.endswith(f"{LOGS} caa-2 --previous` shows more")


def test_caa_without_a_daemonset_or_without_a_node_is_told() -> None:
    assert "there is no DaemonSet osc-caa-ds" in caa.problems(None, [])[0]
    assert "osc-caa-ds has no node" in caa.problems({"status": {"desiredNumberScheduled": 0}}, [])[0]


def test_only_peer_pods_that_run_count_for_a_warning_and_at_most_five_are_named() -> None:
    def pod(name: str, phase: str = "Running", runtime: str = "kata-remote", where: str = "shop") -> dict[str, Any]:
        spec = {"runtimeClassName": runtime}
        return {"metadata": {"name": name, "namespace": where}, "spec": spec, "status": {"phase": phase}}

    others = [pod("done", "Succeeded"), pod("plain", runtime="kata"), pod("check", where="check")]
    running = caa.peer_pods([*(pod(f"p{number}") for number in range(7)), *others], but=["check"])

    assert running == [f"shop/p{number}" for number in range(7)]
    assert "7 peer pods may be lost with it: shop/p0, shop/p1, shop/p2, shop/p3, shop/p4 and 2 more." in (
        caa.restart_warning(running)
    )
