"""The simulated machine config operator: custom pools, Windows, and drains that a budget stops; as upstream."""

from rehearsal.api import Kind
from rehearsal.kinds import NODE, POD
from rehearsal.operators.osc_nodes import KATA_OC
from tests.unit.rehearsal.test_rehearsal_nodes import MINE, Workers

BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")


def test_a_node_goes_to_its_custom_pool_and_needs_no_reboot_where_that_wants_the_same() -> None:
    workers = Workers()
    before = workers.configs()
    workers.custom_pool("infra")
    workers.label("b", infra="")
    workers.settle()

    assert (workers.machines("infra"), workers.machines("worker")) == (1, 1)
    assert workers.configs()["b"].startswith("rendered-infra-")
    assert workers.configs()["b"].rpartition("-")[2] == before["b"].rpartition("-")[2]
    assert workers.reboots() == []


def test_a_node_of_two_custom_pools_stays_as_it_is_and_kataconfig_waits_for_it() -> None:
    workers = Workers()
    workers.custom_pool("infra")
    workers.label("b", infra="")
    workers.settle()
    before = workers.configs()["b"]
    workers.install()

    assert workers.configs()["b"] == before
    assert (workers.machines("kata-oc"), workers.machines("infra")) == (1, 0)
    result = workers.report()
    assert (result["installed"], result["waitingToInstall"]) == (["a"], ["b"])
    assert (result["nodeCount"], result["readyNodeCount"]) == (2, 1)

    workers.label("b", infra=None)
    workers.settle()
    assert workers.report()["readyNodeCount"] == 2


def test_a_master_that_takes_workloads_gets_the_label_and_stays_in_its_pool() -> None:
    workers = Workers()
    workers.custom_pool("master")
    workers.label("b", master="")
    workers.settle()
    workers.install()

    assert workers.machines("kata-oc") == 1
    assert workers.report()["waitingToInstall"] == ["b"]


def test_a_windows_worker_is_labelled_and_counted_and_in_no_pool() -> None:
    workers = Workers()
    labels = {"node-role.kubernetes.io/worker": "", "kubernetes.io/os": "windows"}
    workers.do(workers.api.create(NODE, {"metadata": {"name": "win-1", "labels": labels}, "spec": {}, "status": {}}))
    workers.install()

    assert KATA_OC in workers.do(workers.api.get(NODE, "win-1"))["metadata"]["labels"]
    assert workers.machines("kata-oc") == 2
    assert (workers.report()["nodeCount"], workers.report()["readyNodeCount"]) == (3, 2)

    workers.install(kataConfigPoolSelector={"matchLabels": {"cc": "yes"}})
    assert KATA_OC not in workers.do(workers.api.get(NODE, "win-1"))["metadata"]["labels"]
    assert workers.report()["nodeCount"] == 1


def test_a_drain_waits_for_a_budget_that_lets_no_pod_go() -> None:
    workers = Workers()
    pod = {"metadata": {"namespace": "shop", "name": "till"}, "spec": {"nodeName": "a"}}
    budget = {"metadata": {"namespace": "shop", "name": "till"}, "status": {"disruptionsAllowed": 0}}
    workers.do(workers.api.create(POD, pod))
    workers.do(workers.api.create(BUDGET, budget))
    workers.install()
    node = workers.do(workers.api.get(NODE, "a"))

    assert node["spec"]["unschedulable"] is True
    assert node["metadata"]["annotations"][f"{MINE}state"] == "Working"
    assert workers.report()["installing"] == ["a"]

    workers.do(workers.api.delete(BUDGET, budget))
    workers.settle()
    assert workers.report()["readyNodeCount"] == 2
    assert workers.do(workers.api.get(POD, "till", "shop")) is None
