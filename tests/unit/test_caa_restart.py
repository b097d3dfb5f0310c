"""When CAA is restarted, and when that is warned about."""

import logging
from typing import Any

import pytest

from components.cluster.client import Object
from rendering.peer_pods import PeerPods, read_at_start, render
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, run_program

NAMESPACE = "openshift-sandboxed-containers-operator"
DAEMON_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
MARK = "coco-azure/peer-pods-cm"


def _cluster(mark: str | None, *, on_pods: bool = True) -> FakeCluster:
    """Return a cluster with CAA, marked with what it has read, and two pods of its runtime."""
    marked = {"annotations": {} if mark is None else {MARK: mark}}
    template = {"metadata": marked if on_pods else {}}
    daemon_set = {"metadata": {"name": "osc-caa-ds", **({} if on_pods else marked)}, "spec": {"template": template}}
    pods: list[Object] = [
        {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"runtimeClassName": "kata-remote"},
            "status": {"phase": phase},
        }
        for name, phase in (("app", "Running"), ("done", "Succeeded"))
    ]
    return FakeCluster(lists={**FakeCluster().lists, DAEMON_SETS: [daemon_set], "/api/v1/pods": pods})


def _warned(cluster: FakeCluster, caplog: pytest.LogCaptureFixture, osc: str = "1.9.0") -> bool:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        run_program({}, Recorder(osc=osc, cluster=cluster))
    return "1 peer pod may be lost with it: shop/app." in caplog.text


def test_a_restart_under_peer_pods_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    assert _warned(_cluster("what it has read"), caplog)


def test_a_restart_by_the_operator_is_warned_about_too(caplog: pytest.LogCaptureFixture) -> None:
    assert _warned(_cluster("what it has read", on_pods=False), caplog, osc="1.12.1")


def test_without_a_restart_nothing_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    assert not _warned(FakeCluster(), caplog)
    present = str(run_program({}).registrations["peer-pods-caa"].inputs["spec"]["template"]["metadata"]["annotations"])

    assert not _warned(_cluster(present.split("'")[3]), caplog)


def test_a_cluster_that_cannot_be_asked_stops_nothing() -> None:
    class Away(FakeCluster):
        def get(self, path: str) -> Any:
            if path.startswith(DAEMON_SETS):
                raise OSError(path)
            return super().get(path)

    assert "peer-pods-caa" in run_program({}, Recorder(cluster=Away())).registrations


def test_caa_reads_every_key_that_the_stack_writes() -> None:
    written = render(
        PeerPods(
            subnet_id="/s",
            nsg_id="/n",
            region="eastus",
            resource_group="rg",
            instance_size="a",
            instance_sizes=["a"],
            tags={"a": "b"},
            initdata="i",
            image_id="/i",
        )
    )

    assert read_at_start(written) == written


def test_a_key_that_caa_does_not_read_is_no_reason_for_a_restart() -> None:
    assert read_at_start({"VXLAN_PORT": "9000", "OTHER": "x"}) == {"VXLAN_PORT": "9000"}
