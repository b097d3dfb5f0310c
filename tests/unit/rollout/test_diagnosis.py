"""What objects of a cluster say of a roll-out, in words that name the node, job or pod and what shows more."""

from typing import Any

import pytest

from coco_azure import names
from coco_azure.rollout.diagnosis import caa, image
from coco_azure.rollout.diagnosis.image import ImageStatus, RolloutObjects, failure, has_failed, wrong_image
from coco_azure.rollout.facts import KataPod
from components.peer_pods import kata_change

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
    ("values", "text"),
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
def test_progress_has_counts_and_names(values: dict[str, Any] | None, text: str) -> None:
    assert image.progress(values) == text


def test_progress_can_be_read_on_100_columns_and_names_failed_nodes_first() -> None:
    many = [f"worker-{number}.a-long-name.example.com" for number in range(40)]
    nodes = {"nodeCount": 80, "readyNodeCount": 0, "waitingToInstall": many, "failedToInstall": ["broken"]}

    line = image.progress(_kata_config(nodes, "Installing", "a long message " * 10))

    assert len(line) <= 100
    assert line.startswith("0 of 80 nodes have the kata runtime; FAILED: broken; waiting: worker-0.")


def _deleting(reason: str, **nodes: list[str]) -> dict[str, Any]:
    values = _kata_config(dict(nodes), reason)
    return {**values, "metadata": {"name": "k", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def test_a_deletion_that_waits_for_pods_names_them() -> None:
    pods = [KataPod(namespace="shop", name=f"till-{number}") for number in range(5)]
    asked: list[int] = []

    def blocking() -> list[KataPod]:
        asked.append(1)
        return pods

    (level, line), _ = kata_change.lines(_deleting("BlockedByExistingKataPods"), blocking)

    assert level == "info"
    assert line == ("the deletion waits for kata pods, delete them: shop/till-0, shop/till-1, shop/till-2 and 2 more")
    assert kata_change.lines(_deleting("Uninstalling", uninstalling=["a"]), blocking) == [
        ("info", "KataConfig is being deleted; leaving the pool: a; Uninstalling"),
        ("debug", 'coco-azure:nodes ["a"]'),
    ]
    assert asked == [1]
    assert kata_change.lines(_kata_config({}), blocking) == kata_change.lines(None, blocking) == []


def test_a_failed_node_is_named_with_its_reason_and_the_log_of_its_daemon() -> None:
    result = _kata_config({"nodeCount": 2, "readyNodeCount": 1, "failedToInstall": ["b"]}, "Failed")
    node = {
        "metadata": {
            "name": "b",
            "annotations": {names.MACHINE_CONFIG_STATE: "Degraded", names.MACHINE_CONFIG_REASON: "disk\n full"},
        }
    }
    daemon = {"metadata": {"name": "mcd-x"}, "spec": {"nodeName": "b"}}
    around = RolloutObjects(nodes=[node], pools=[_pool("kata-oc", degraded="1 nodes")], daemons=[daemon])
    failed, pool = image.problems(result, around)

    assert failed.startswith("node b is Degraded: disk full. `oc describe node b`")
    assert "`oc -n openshift-machine-config-operator logs mcd-x -c machine-config-daemon`" in failed
    assert pool == "MachineConfigPool kata-oc is degraded: 1 nodes. `oc describe mcp kata-oc` shows more"


def test_a_paused_pool_is_named_with_the_command_that_lets_it_go_on() -> None:
    result = _kata_config({"nodeCount": 2, "readyNodeCount": 0}, "Installing")
    (problems,) = image.problems(result, RolloutObjects(pools=[_pool("kata-oc", paused=True), _pool("other")]))

    assert problems.startswith("MachineConfigPool kata-oc is paused")
    assert '`oc patch mcp kata-oc --type merge -p \'{"spec":{"paused":false}}\'`' in problems


def test_nodes_that_never_get_kata_are_named_with_the_reason() -> None:
    def node(name: str, **labels: str) -> dict[str, Any]:
        roles = {f"node-role.kubernetes.io/{role}": "" for role in ("worker", "kata-oc")}
        return {"metadata": {"name": name, "labels": {**roles, **labels}}}

    infra = {"node-role.kubernetes.io/infra": ""}
    pool = {"metadata": {"name": "infra"}, "spec": {"nodeSelector": {"matchLabels": infra}}}
    nodes = [node("a"), node("b", **infra), node("win-1", **{"kubernetes.io/os": "windows"})]
    problems = image.problems(_kata_config({}), RolloutObjects(nodes=nodes, pools=[pool]))

    assert len(problems) == 2
    assert "node b never gets kata, and KataConfig waits for it: it is in machine config pool infra." in problems[0]
    assert "node win-1 never gets kata, and KataConfig waits for it: it runs Windows." in problems[1]


def test_no_selected_node_names_the_setting_and_the_command() -> None:
    (problems,) = image.problems(_kata_config({"nodeCount": 0, "readyNodeCount": 0}), RolloutObjects())

    assert "coco-azure:peerPods.kataConfig.poolSelector" in problems
    assert "`oc label node NODE KEY=VALUE`" in problems


def test_a_deletion_that_pods_block_is_told_with_the_operators_words() -> None:
    result = _kata_config({"nodeCount": 1, "readyNodeCount": 1}, "BlockedByExistingKataPods", "delete them: shop/a")
    result["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    (problems,) = image.problems(result, RolloutObjects())

    assert problems.startswith("KataConfig k is being deleted (BlockedByExistingKataPods: delete them: shop/a). ")
    assert problems.endswith("`oc describe kataconfig k` shows more")


def test_a_job_has_failed_although_the_operator_is_already_at_the_next_one() -> None:
    image = ImageStatus(config=_config(""), job=_job("j2"), pods=[_image_pod("j1"), _image_pod("j2")])

    assert image.state == "building"
    assert has_failed(image, known=())
    # Its first pod has failed, and the job starts another: that is no failure yet.
    assert not has_failed(image, known={"j1"})


def test_a_failure_of_an_earlier_run_is_none_of_this_one_and_none_where_there_is_an_image() -> None:
    assert not has_failed(ImageStatus(config=_config(""), pods=[_image_pod("j1")]), known={"j1"})
    assert not has_failed(ImageStatus(config=_config("/image"), pods=[_image_pod("j1")]), known=())


def test_the_failure_names_the_newest_pod_its_end_and_its_log() -> None:
    pods = [_image_pod("j2", time="2026-01-02T00:00:00Z"), _image_pod("j1"), _image_pod("j3", phase="Succeeded")]
    result = failure(ImageStatus(config=_config(""), pods=pods))

    assert (
        "pod osc-podvm-image-creation-j2 ended with exit code 1 in container create: Build 'azure-arm.podvm'" in result
    )
    assert f"{LOGS} osc-podvm-image-creation-j2`" in result


def test_a_job_that_is_over_without_an_image_is_stuck_and_the_message_says_how_to_go_on() -> None:
    image = ImageStatus(config=_config(""), job=_job("j1", "Complete"))

    assert image.state == "stuck"
    assert f"`oc -n {NAMESPACE} delete job osc-podvm-image-creation`" in failure(image)


def test_no_image_and_no_job_points_to_kataconfig_and_events() -> None:
    assert "no job of the operator's is building an image" in failure(ImageStatus(config=_config("")))


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
    result = wrong_image(ImageStatus(config=_config("/image"), builder=builder), confidential=confidential, own=own)

    assert (result is not None) is wrong
    if result is not None:
        assert "pulumi config set --path 'coco-azure:peerPods.rebuildImage' TEXT" in result


def _caa_pod(name: str, ready: str, waiting: dict[str, str] | None = None, restarts: int = 0) -> dict[str, Any]:
    container = {"restartCount": restarts, "state": {"waiting": waiting} if waiting else {"running": {}}}
    conditions = [{"type": "Ready", "status": ready}]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
    return {"metadata": {"name": name}, "spec": {"nodeName": "a"}, "status": status}


def test_a_pod_of_caa_that_is_not_ready_is_named_with_its_reason_and_its_last_log() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}
    pods = [_caa_pod("caa-1", "True"), _caa_pod("caa-2", "False", waiting, restarts=4)]

    (problems,) = caa.problems({"status": {"desiredNumberScheduled": 2}}, pods)

    assert problems.startswith("CAA's pod caa-2 on a is not ready (CrashLoopBackOff: back-off 5m0s). ")
    assert problems.endswith(f"{LOGS} caa-2 --previous` shows more")


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
        caa.restart_warning(running, wanted=True)
    )
