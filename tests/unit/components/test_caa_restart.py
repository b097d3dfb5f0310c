"""When CAA is restarted, what that is told before, and how it goes node by node."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, Literal, cast

import pytest

from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.settings.peer_pods import PeerPodSettings
from coco_azure.versions.osc_profiles import OSC
from components.peer_pods import shared_config_maps
from components.peer_pods.caa_restart import CaaRestart
from tests.unit.fake_cluster import NODES, FakeCluster
from tests.unit.recording import Recorder, run_program

NAMESPACE = "openshift-sandboxed-containers-operator"
DAEMON_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
REVISIONS = f"/apis/apps/v1/namespaces/{NAMESPACE}/controllerrevisions"
OWN_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
KATA = "node-role.kubernetes.io/kata-oc"


def _caa(node: str, revision: str) -> Object:
    labels = {"name": "osc-caa-ds", "controller-revision-hash": revision}
    ready = [{"type": "Ready", "status": "True"}]
    metadata = {"name": f"caa-{node}-{revision}", "namespace": NAMESPACE, "labels": labels}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"conditions": ready}}


def _peer(name: str, node: str, phase: str = "Running") -> Object:
    spec = {"runtimeClassName": "kata-remote", "nodeName": node}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": {"phase": phase}}


class Cluster(FakeCluster):
    """CAA on two nodes, in an old revision: what is deleted comes again in the new one."""

    restarted: list[str]
    closed: list[str]

    def delete(self, path: str) -> None:
        """Delete a pod of CAA's, and have another one."""
        folder, _, name = path.rpartition("/")
        assert folder == OWN_PODS
        node = name.split("-")[1] + "-" + name.split("-")[2]
        self.restarted.append(node)
        pods = self.lists["/api/v1/pods"]
        assert not [pod for pod in pods if pod["spec"]["nodeName"] == node and "runtimeClassName" in pod["spec"]]
        selected = {each["metadata"]["name"] for each in self.lists[NODES] if KATA in each["metadata"]["labels"]}
        again = [_caa(node, "new")] if node in selected else []
        pods[:] = [pod for pod in pods if pod["metadata"]["name"] != name] + again

    def patch(self, path: str, change: Object) -> None:
        """Change an object, and remember the nodes that are closed."""
        if path.startswith(NODES) and change["spec"]["unschedulable"]:
            self.closed.append(path.rpartition("/")[2])
        super().patch(path, change)


def _cluster(present: Mapping[str, str], *peers: Object) -> Cluster:
    """Return a cluster with CAA in an old revision, what ``peer-pods-cm`` has, and peer pods."""
    spec = {"selector": {"matchLabels": {"name": "osc-caa-ds"}}, "template": {"spec": {"nodeSelector": {KATA: ""}}}}
    daemon_set: Any = {"metadata": {"name": "osc-caa-ds"}, "spec": spec, "status": {}}
    config: Any = {"metadata": {"name": "peer-pods-cm"}, "data": present}
    nodes: list[Any] = [
        {"metadata": {"name": f"worker-{number}", "labels": {KATA: "", "cc": "true"}}} for number in (0, 1)
    ]
    revisions: list[Any] = [
        {
            "metadata": {"name": each, "labels": {"name": "osc-caa-ds", "controller-revision-hash": each}},
            "revision": rank,
        }
        for rank, each in enumerate(("old", "new"))
    ]
    pods: list[Any] = [*peers, *(_caa(node["metadata"]["name"], "old") for node in nodes)]
    lists: dict[str, list[Object]] = {
        CONFIG_MAPS: [config],
        DAEMON_SETS: [daemon_set],
        REVISIONS: revisions,
        "/api/v1/pods": pods,
    }
    cluster = Cluster(lists={**FakeCluster().lists, **lists, NODES: nodes})
    cluster.restarted, cluster.closed = [], []
    return cluster


def _present() -> dict[str, str]:
    """Return what the program writes into ``peer-pods-cm``."""
    return dict(run_program({}).registrations["peer-pods-cm"].inputs["data"])


def _warned(
    cluster: FakeCluster,
    caplog: pytest.LogCaptureFixture,
    how: str = "wait",
    osc: str = "1.9.0",
    *,
    admission_policies: bool = True,
) -> str:
    caplog.clear()
    answers = Recorder(osc=osc, cluster=cluster, preview=True, admission_policies=admission_policies)
    with caplog.at_level(logging.WARNING):
        run_program({"peerPods": {"caaRestart": how}}, answers)
    return "\n".join(record.message for record in caplog.records if "CAA" in record.message)


@pytest.mark.parametrize("osc", ["1.9.0", "1.12.1"])
@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("wait", "1 run: worker-1: shop/app. On each node the run waits until they are gone, for peerPods.kataConfig"),
        ("evict", "1 run: worker-1: shop/app. Each node is closed to new pods, its peer pods are evicted"),
        ("now", "1 peer pod may be lost with it: shop/app."),
    ],
)
def test_a_preview_names_the_peer_pods_at_stake_and_what_becomes_of_them(
    caplog: pytest.LogCaptureFixture, how: str, text: str, osc: str
) -> None:
    cluster = _cluster({}, _peer("app", "worker-1"), _peer("done", "worker-1", "Failed"))

    assert text in _warned(cluster, caplog, how, osc)


def test_without_admission_policies_it_is_said_that_nothing_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    warning = _warned(_cluster({}, _peer("app", "worker-1")), caplog, admission_policies=False)

    assert "1 peer pod may be lost with it: shop/app." in warning
    assert "peerPods.caaRestart needs ValidatingAdmissionPolicy (Kubernetes 1.30, OpenShift 4.17)" in warning


def test_without_a_restart_nothing_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    assert not _warned(FakeCluster(), caplog)

    cluster = _cluster(_present(), _peer("app", "worker-1"))
    cluster.lists[REVISIONS] = cluster.lists[REVISIONS][:1]
    assert not _warned(cluster, caplog, "now")


@pytest.mark.parametrize(("csv", "warned"), [("1.8.9", True), ("1.9.0", False)])
def test_another_operator_restarts_caa_as_well(caplog: pytest.LogCaptureFixture, csv: str, *, warned: bool) -> None:
    cluster = _cluster(_present(), _peer("app", "worker-1"))
    manager = {"name": "manager", "env": [{"name": "RELATED_IMAGE_CAA", "value": "caa"}]}
    metadata = {"name": "manager", "ownerReferences": [{"name": f"sandboxed-containers-operator.v{csv}"}]}
    operator = {"metadata": metadata, "spec": {"template": {"spec": {"containers": [manager]}}}}
    cluster.lists[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"] = [operator]

    assert ("On each node the run waits until they are gone" in _warned(cluster, caplog)) is warned


def test_nodes_that_an_earlier_run_has_left_are_told_without_any_change(caplog: pytest.LogCaptureFixture) -> None:
    warning = _warned(_cluster(_present(), _peer("app", "worker-1")), caplog)

    assert "CAA still works with what it has read before where these peer pods run: worker-1: shop/app." in warning


def test_a_cluster_that_cannot_be_asked_stops_nothing() -> None:
    class Away(FakeCluster):
        def get(self, path: str) -> Any:
            if path.startswith(DAEMON_SETS):
                raise OSError(path)
            return super().get(path)

    assert "peer-pods-caa-restarted" in run_program({}, Recorder(cluster=Away())).registrations


def _restart(cluster: Cluster, mode: Literal["wait", "evict"], timeout: str = "1s") -> tuple[CaaRestart, list[str]]:
    lines: list[str] = []
    restart = CaaRestart(
        client=cast("ClusterClient", cluster),
        mode=mode,
        timeout=timeout,
        check="check",
        stack="coco-azure/test",
        tell=lines.append,
    )
    return restart, lines


def test_every_node_is_restarted_once_and_a_second_run_finds_nothing_to_do() -> None:
    cluster = _cluster({})
    restart, lines = _restart(cluster, "wait", "1m")
    restart.run()
    restart.run()
    restart.finish()

    assert cluster.restarted == ["worker-0", "worker-1"]
    assert lines == [
        "CAA: 0 of 2 nodes; restarting it on worker-0",
        "CAA: 1 of 2 nodes; restarting it on worker-1",
    ]


def test_caa_goes_from_a_node_that_has_left_the_pool_since_the_controller_is_held() -> None:
    cluster = _cluster({})
    restart, _ = _restart(cluster, "wait", "1m")
    restart.run()
    cluster.restarted.clear()
    moved: Any = {"name": "worker-1", "labels": {}}
    cluster.lists[NODES] = [cluster.lists[NODES][0], {"metadata": moved}]
    restart.finish()
    restart.finish()

    assert cluster.restarted == ["worker-1"]
    outdated_nodes = [pod["spec"]["nodeName"] for pod in cluster.lists["/api/v1/pods"]]
    assert outdated_nodes == ["worker-0"]


def test_what_is_not_over_in_time_ends_the_run_and_the_next_one_goes_on_with_what_is_left() -> None:
    cluster = _cluster({}, _peer("app", "worker-0"))
    restart, lines = _restart(cluster, "wait")
    with pytest.raises(RuntimeError, match=r"CAA was not restarted on worker-0 within .*timeout \(1s\).*shop/app"):
        restart.run()

    assert cluster.restarted == ["worker-1"]
    assert "CAA: 1 of 2 nodes; its restart waits for peer pods: worker-0: shop/app" in lines
    restart.finish()
    assert "`pulumi up` restarts it there once they are gone" in lines[-1], "a run without changes waits for nobody"
    cluster.lists["/api/v1/pods"] = [pod for pod in cluster.lists["/api/v1/pods"] if pod["metadata"]["name"] != "app"]
    restart.finish()
    assert cluster.restarted == ["worker-1", "worker-0"]


def test_evicted_pods_leave_a_closed_node_which_is_opened_again() -> None:
    cluster = _cluster({}, _peer("app", "worker-0"))
    restart, _ = _restart(cluster, "evict", "1m")
    restart.run()

    assert cluster.evicted == ["shop/app"]
    assert cluster.restarted == ["worker-0", "worker-1"]
    assert cluster.closed == ["worker-0"]
    assert not [node for node in cluster.items(NODES) if (node.get("spec") or {}).get("unschedulable")]
    assert not [node for node in cluster.items(NODES) if node["metadata"].get("annotations")]


def test_a_budget_that_lets_no_pod_go_is_told_and_the_node_is_opened_again() -> None:
    cluster = _cluster({}, _peer("app", "worker-0"))
    cluster.protected["shop/app"] = "Cannot evict pod as it would violate the pod's disruption budget."
    restart, _ = _restart(cluster, "evict")
    with pytest.raises(RuntimeError, match=r"worker-0: shop/app \(shop/app: Cannot evict pod"):
        restart.run()

    assert cluster.restarted == []
    assert not [node for node in cluster.items(NODES) if (node.get("spec") or {}).get("unschedulable")]


def test_a_node_that_a_killed_run_has_closed_is_opened_by_the_next_one() -> None:
    cluster = _cluster({})
    cluster.patch(
        f"{NODES}/worker-1",
        {"metadata": {"annotations": {"coco-azure/cordoned": "coco-azure/test"}}, "spec": {"unschedulable": True}},
    )
    restart, _ = _restart(cluster, "wait", "1m")
    restart.finish()

    assert not [node for node in cluster.items(NODES) if (node.get("spec") or {}).get("unschedulable")]


@pytest.mark.parametrize(("how", "strategy"), [("wait", "OnDelete"), ("evict", "OnDelete"), ("now", "RollingUpdate")])
def test_an_operator_that_takes_an_update_strategy_is_given_one(how: str, strategy: str) -> None:
    settings = PeerPodSettings.model_validate({"caaRestart": how})
    newer = dataclasses.replace(OSC["1.13"], caa_update_strategy=True)

    assert shared_config_maps.feature_gates(settings, newer)["caaUpdateStrategy"] == strategy
    assert "caaUpdateStrategy" not in shared_config_maps.feature_gates(settings, OSC["1.13"])


def test_now_leaves_the_restart_to_an_operator_that_does_it() -> None:
    newer = Recorder(osc="1.12.1", trustee="1.2.0")
    run, held = run_program({"peerPods": {"caaRestart": "now"}}, newer), run_program({}, newer)

    assert "peer-pods-caa-restarted" not in run.registrations
    assert "peer-pods-caa" in run.dependencies("check-job")
    assert "peer-pods-caa" in held.dependencies("peer-pods-caa-restarted")
    # The policy lets others act before they do: the engine would take it away only in the end.
    assert "peer-pods-caa-hold-binding" in run.dependencies("peer-pods-cm")
    actions = [each.registrations["peer-pods-caa-hold-binding"].inputs["spec"] for each in (run, held)]
    assert [each["validationActions"] for each in actions] == [["Audit"], ["Deny"]]
    marks = [each.registrations["peer-pods-caa"].inputs["metadata"]["annotations"] for each in (run, held)]
    assert ["pulumi.com/skipAwait" in each for each in marks] == [False, True]


@pytest.mark.parametrize("how", ["wait", "now"])
def test_where_the_operator_does_not_restart_caa_the_stack_does_in_any_case(how: str) -> None:
    run = run_program({"peerPods": {"caaRestart": how}})
    request = run.registrations["peer-pods-caa-restarted"].request

    assert "peer-pods-caa" not in run.registrations
    assert "peer-pods-caa-restarted" in run.dependencies("check-job")
    assert list(request.hooks.before_update) == ["peer-pods-caa-image", "peer-pods-caa-restart"]
    assert list(request.hooks.on_error) == ["peer-pods-caa-diagnosis"]
