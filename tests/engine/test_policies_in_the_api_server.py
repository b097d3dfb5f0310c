"""The other admission policies at a real API server, without an engine: initdata of pods, and restarts of CAA."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats.workload import admission
from coco_azure.rollout import guard
from rehearsal.control_plane import ControlPlane
from rehearsal.rest import ApiError, ApiServer
from tests.engine.admission import hold, until

pytestmark = pytest.mark.engine
MERGE = "application/merge-patch+json"
PODS = f"/api/v1/namespaces/{names.OSC_NAMESPACE}/pods"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[ApiServer]:
    """An API server with the policy of stack coco-azure/prod that holds CAA."""
    with ControlPlane.start(tmp_path_factory.mktemp("policies"), tools) as plane:
        api = ApiServer(plane.kubeconfig)
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": names.OSC_NAMESPACE}})
        hold(api, {names.CAA_HOLD: (guard.hold_policy("coco-azure/prod"), guard.hold_binding(active=True))})
        yield api


def test_pods_of_a_namespace_have_the_initdata_of_its_workloads_however_long(server: ApiServer) -> None:
    key, long, other = "io.katacontainers.config.hypervisor.cc_init_data", "A" * 90_000, "Qg=="
    runtime = {"metadata": {"name": names.RUNTIME_CLASS}, "handler": names.RUNTIME_CLASS}
    server.request("POST", "/apis/node.k8s.io/v1/runtimeclasses", runtime)
    for name in ("shop", "web"):
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    spec = admission.policy(key, {"shop": [long, other], "web": [other]})
    hold(
        server,
        {names.WORKLOADS_POLICY: (spec, admission.bindings(("shop", "web"), refuse=True)[names.WORKLOADS_POLICY])},
    )

    def refusal(namespace: str, value: str) -> str:
        pod = {"runtimeClassName": names.RUNTIME_CLASS, "containers": [{"name": "a", "image": "a"}]}
        made = {"metadata": {"generateName": "a-", "annotations": {key: value}}, "spec": pod}
        try:
            server.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", made)
        except ApiError as error:
            return str(error)
        return ""

    until(lambda: "neither the current nor" in refusal("shop", "b2xk"))
    assert "neither the current nor" in refusal("web", long)
    assert [refusal(*each) for each in (("shop", long), ("shop", other), ("web", other))] == ["", "", ""]
    assert "get no secret of their own" in refusal("shop", "")


def test_the_controller_of_daemonsets_replaces_no_caa_and_whoever_else_deletes_one_gets_the_new_one(
    server: ApiServer,
) -> None:
    folder = f"/apis/apps/v1/namespaces/{names.OSC_NAMESPACE}/daemonsets"
    for node in ("a", "b"):
        server.request("POST", "/api/v1/nodes", {"metadata": {"name": node}})
    labels = {"name": "osc-caa-ds"}
    pod = {"containers": [{"name": "caa", "image": "caa"}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    server.request("POST", folder, {"metadata": {"name": "osc-caa-ds"}, "spec": spec})
    until(lambda: len(_pods(server)) == 2)
    before = _pods(server)
    for name in before:
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        server.request("PATCH", f"{PODS}/{name}/status", {"status": ready}, MERGE)

    template = {"metadata": {"annotations": {"peer-pods-cm/version": "2"}}}
    server.request("PATCH", f"{folder}/osc-caa-ds", {"spec": {"template": template}}, MERGE)
    until(lambda: any("coco-azure:peerPods.caaRestart" in text for text in _told(server)))

    assert _pods(server) == before
    first = next(iter(before))
    server.request("DELETE", f"{PODS}/{first}?gracePeriodSeconds=0")
    until(lambda: len(_pods(server)) == 2 and first not in _pods(server))
    assert set(_pods(server).values()) == {None, "2"}
    # The rest goes with the DaemonSet, by another controller.
    server.request("DELETE", f"{folder}/osc-caa-ds?propagationPolicy=Background")
    until(lambda: not _pods(server))


def _pods(server: ApiServer) -> dict[str, Any]:
    """Return what CAA's pods have read, by name; those that go left out."""
    items = [pod["metadata"] for pod in server.get(PODS)["items"] if "deletionTimestamp" not in pod["metadata"]]
    return {metadata["name"]: metadata.get("annotations", {}).get("peer-pods-cm/version") for metadata in items}


def _told(server: ApiServer) -> list[str]:
    return [event["message"] for event in server.get(f"/api/v1/namespaces/{names.OSC_NAMESPACE}/events")["items"]]
