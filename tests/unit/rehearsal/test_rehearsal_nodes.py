"""The simulated nodes: pools that are paused or degraded, another log level, another selector, as upstream."""

import asyncio
from typing import Any

import pytest

from rehearsal.kinds import (
    CLUSTER_VERSION,
    CONFIG_MAP,
    CONTAINER_RUNTIME_CONFIG,
    JOB,
    MACHINE_CONFIG_POOL,
    NODE,
    SECRET,
)
from rehearsal.kubelet.image_job import ImageJob
from rehearsal.operators import faults, osc_peer_pods
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.machine_config import MachineConfigs
from rehearsal.operators.osc_nodes import KATA_OC, KataNodes
from rehearsal.operators.osc_peer_pods import PeerPods
from rehearsal.timings import Clock
from tests.unit.memory_api import MemoryApi

OSC = osc_peer_pods.NAMESPACE
MINE = "machineconfiguration.openshift.io/"
ROLE = {"key": f"{MINE}role", "operator": "In", "values": ["worker"]}


class Workers:
    """Two workers, the pool worker, and what the operators of nodes do with them."""

    def __init__(self, speed: float = 1e9) -> None:
        self.api = MemoryApi()
        context = Context(self.api, Clock(speed), Faults(self.api))
        self.context = context
        self._machine_configs, self.kata = MachineConfigs(context), KataNodes(context)
        nodes = {"matchLabels": {"node-role.kubernetes.io/worker": ""}}
        spec = {"machineConfigSelector": {"matchExpressions": [ROLE]}, "nodeSelector": nodes}
        self.do(self.api.create(MACHINE_CONFIG_POOL, {"metadata": {"name": "worker"}, "spec": spec}))
        for name, label in (("a", "yes"), ("b", "no")):
            annotations = {f"{MINE}{key}": "" for key in ("currentConfig", "desiredConfig")} | {f"{MINE}state": "Done"}
            labels = {"node-role.kubernetes.io/worker": "", "cc": label}
            metadata = {"name": name, "labels": labels, "annotations": annotations}
            self.do(self.api.create(NODE, {"metadata": metadata, "spec": {}, "status": {}}))
        self.settle()

    def do(self, work: Any) -> Any:
        """Carry something out."""
        return asyncio.run(work)

    def settle(self) -> None:
        """Let the machine config operator work until nothing changes."""
        for _ in range(50):
            before = self.api.changes
            self.do(self._machine_configs.reconcile(""))
            if self.api.changes == before:
                return

    def install(self, **spec: Any) -> None:
        """Do what the OSC operator does for a KataConfig."""
        kata_config = {"spec": {"enablePeerPods": True, **spec}}
        self.do(self.kata.install_machine_configs(kata_config))
        self.do(self.kata.label(kata_config))
        self.do(self.kata.install_pool())
        self.do(self.kata.log_level(spec.get("logLevel", "info")))
        self.settle()

    def configs(self) -> dict[str, str]:
        """Return the configuration that each node has."""
        result = self.do(self.api.list(NODE))
        return {node["metadata"]["name"]: node["metadata"]["annotations"][f"{MINE}currentConfig"] for node in result}

    def label(self, name: str, **labels: str | None) -> None:
        """Change labels of a node; ``role`` is one of its roles."""
        values = {f"node-role.kubernetes.io/{key}": value for key, value in labels.items()}
        self.do(self.api.patch(NODE, {"metadata": {"name": name}}, {"metadata": {"labels": values}}))

    def custom_pool(self, name: str) -> None:
        """Make a custom pool of the nodes with the role of its name."""
        role = {"key": f"{MINE}role", "operator": "In", "values": ["worker", name]}
        spec = {
            "machineConfigSelector": {"matchExpressions": [role]},
            "nodeSelector": {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}},
        }
        self.do(self.api.create(MACHINE_CONFIG_POOL, {"metadata": {"name": name}, "spec": spec}))

    def machines(self, pool: str) -> int:
        """Return how many nodes a pool says it has."""
        return int(self.do(self.api.get(MACHINE_CONFIG_POOL, pool))["status"]["machineCount"])

    def reboots(self) -> list[str]:
        """Return the nodes that have rebooted, in order."""
        return [name for name, reason in self.api.events if reason == "NodeDone"]

    def report(self) -> dict[str, Any]:
        """Return what KataConfig would say of the nodes."""
        status: dict[str, Any] = {}
        self.do(self.kata.report(status))
        return dict(status["kataNodes"])

    def pool(self, name: str) -> dict[str, Any]:
        """Return the conditions of a pool, by type."""
        result = self.do(self.api.get(MACHINE_CONFIG_POOL, name))
        return {each["type"]: each for each in result["status"]["conditions"]}


def test_a_node_that_fails_says_why_and_so_does_its_pool() -> None:
    workers = Workers()
    metadata = {"name": faults.NAME, "namespace": faults.NAMESPACE}
    workers.do(workers.api.create(CONFIG_MAP, {"metadata": metadata, "data": {"node-degraded": "a"}}))
    workers.install()
    node = workers.do(workers.api.get(NODE, "a"))

    assert node["metadata"]["annotations"][f"{MINE}reason"] == "failed to run rpm-ostree: simulated fault on a"
    degraded = workers.pool("kata-oc")["Degraded"]
    assert degraded["status"] == "True"
    assert degraded["message"] == 'Node a is reporting: "failed to run rpm-ostree: simulated fault on a"'
    assert workers.report()["failedToInstall"] == ["a"]

    workers.do(workers.api.delete(CONFIG_MAP, {"metadata": metadata}))
    workers.settle()
    healed = workers.do(workers.api.get(NODE, "a"))["metadata"]["annotations"]
    assert (healed[f"{MINE}state"], healed[f"{MINE}reason"]) == ("Done", "")
    assert workers.report()["readyNodeCount"] == 2


def test_a_paused_pool_stands_still_until_it_may_go_on() -> None:
    workers = Workers()
    workers.do(workers.kata.install_pool())
    pool = workers.do(workers.api.get(MACHINE_CONFIG_POOL, "kata-oc"))
    workers.do(workers.api.patch(MACHINE_CONFIG_POOL, pool, {"spec": {"paused": True}}))
    workers.install()
    assert workers.report()["readyNodeCount"] == 0

    workers.do(workers.api.patch(MACHINE_CONFIG_POOL, pool, {"spec": {"paused": False}}))
    workers.settle()
    assert workers.report()["readyNodeCount"] == 2


def test_another_log_level_reboots_the_pool_and_info_needs_no_object() -> None:
    workers = Workers()
    workers.install()
    before = workers.configs()
    assert workers.do(workers.api.list(CONTAINER_RUNTIME_CONFIG)) == []

    seen = [before]
    for level in ("debug", "error"):
        workers.install(logLevel=level)
        seen.append(workers.configs())
    assert all(len({configs[node] for configs in seen}) == 3 for node in ("a", "b"))

    workers.do(workers.kata.log_level(None))
    workers.settle()
    assert workers.configs() == before


def test_another_selector_moves_only_the_nodes_that_it_is_about() -> None:
    workers = Workers()
    workers.install()
    before = workers.configs()
    workers.install(kataConfigPoolSelector={"matchLabels": {"cc": "yes"}})
    node = workers.do(workers.api.get(NODE, "b"))

    assert KATA_OC not in node["metadata"]["labels"]
    assert workers.configs()["a"] == before["a"]
    assert workers.configs()["b"] != before["b"]
    assert workers.report()["installed"] == ["a"]


def test_nodes_that_are_not_eligible_leave_where_eligibility_is_asked_for() -> None:
    workers = Workers()
    workers.install()
    change = {"metadata": {"labels": {"feature.node.kubernetes.io/runtime.kata": "true"}}}
    workers.do(workers.api.patch(NODE, {"metadata": {"name": "a"}}, change))
    workers.install(checkNodeEligibility=True)

    assert workers.report()["installed"] == ["a"]


def _peer_pods(workers: Workers, image: str) -> PeerPods:
    data = dict.fromkeys(("CLOUD_PROVIDER", "AZURE_REGION", "AZURE_RESOURCE_GROUP"), "x")
    metadata = {"name": "peer-pods-cm", "namespace": OSC}
    values = {"metadata": metadata, "data": {**data, "AZURE_IMAGE_ID": image, "AZURE_SUBNET_ID": "/subscriptions/s/x"}}
    workers.do(workers.api.create(CONFIG_MAP, values))
    keys = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID")
    secret = {"metadata": {"name": "peer-pods-secret", "namespace": OSC}, "data": dict.fromkeys(keys, "eA==")}
    workers.do(workers.api.create(SECRET, secret))
    return PeerPods(workers.context)


OWNER = {"apiVersion": "v1", "kind": "KataConfig", "metadata": {"name": "k", "uid": "u"}}


@pytest.mark.parametrize("create", [True, False])
def test_the_image_jobs_keep_or_empty_the_image_and_what_they_remember_of_it(create: bool) -> None:  # noqa: FBT001
    workers = Workers()
    _peer_pods(workers, "" if create else "/old")
    version = {"metadata": {"name": "version"}, "spec": {"clusterID": "0123abcd-8f7a-4a63-9a0e-3c1f6d2b7e90"}}
    workers.do(workers.api.create(CLUSTER_VERSION, version))
    workers.do(PeerPods(workers.context).follow_gate(confidential=True))
    name = osc_peer_pods.CREATE_JOB if create else osc_peer_pods.DELETE_JOB
    job = ImageJob(workers.context, name, OSC)
    for _ in range(3):
        ended = workers.do(job.look())
    config = workers.do(workers.api.get(CONFIG_MAP, "peer-pods-cm", OSC))

    assert ended.code == 0
    image, annotations = config["data"]["AZURE_IMAGE_ID"], config["metadata"].get("annotations", {})
    assert bool(image) is create
    assert annotations == ({"LATEST_IMAGE_ID": image, "IMAGE_GALLERY_NAME": "PodVMGallery_0123abcd"} if create else {})


def test_without_the_gate_the_operator_builds_an_image_that_says_so() -> None:
    workers = Workers()
    workers.do(_peer_pods(workers, "").image(OWNER, "1.9.0", create=True))
    config = workers.do(workers.api.get(CONFIG_MAP, "azure-podvm-image-cm", OSC))

    assert config["data"]["CONFIDENTIAL_COMPUTE_ENABLED"] == "no"
    assert config["data"]["IMAGE_DEFINITION_NAME"] == "podvm-image"


def test_a_job_that_is_over_without_an_image_is_waited_for_without_end() -> None:
    workers = Workers()
    peer_pods = _peer_pods(workers, "")
    workers.do(peer_pods.image(OWNER, "1.9.0", create=True))
    (job,) = workers.do(workers.api.list(JOB))
    workers.do(workers.api.patch(JOB, job, {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}))

    done, reason, _ = workers.do(peer_pods.image(OWNER, "1.9.0", create=True))
    assert (done, reason) == (False, "PodVMImageJobRunning")
