"""Pods that keep a node from being drained: what the API server's eviction would say, before anybody asks it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.rollout import drain
from coco_azure.rollout.drain import Drains, blockers, counted, in_question, read_budget, read_pod
from coco_azure.rollout.facts import read_node
from coco_azure.rollout.plan import decide
from coco_azure.rollout.text import blast_radius
from tests.unit.rollout_facts import LAST, WANTED, facts, kata_config, node, wish

APP = {"app": "till"}


def budget(name: str = "till", *, namespace: str = "shop", allowed: int | None = 0, **spec: Any) -> dict[str, Any]:
    """Return a PodDisruptionBudget; ``allowed`` is None where no controller has counted yet."""
    status = {"disruptionsAllowed": 0} if allowed is None else {"disruptionsAllowed": allowed, "observedGeneration": 1}
    values = {"selector": {"matchLabels": APP}, **(spec or {"minAvailable": 1})}
    return {"metadata": {"namespace": namespace, "name": name, "generation": 1}, "spec": values, "status": status}


def pod(name: str = "till-a", where: str = "worker-0", **changes: Any) -> dict[str, Any]:
    """Return a pod that runs and is ready."""
    ready = {"type": "Ready", "status": str(changes.pop("ready", True))}
    metadata = {"namespace": "shop", "name": name, "labels": APP, **changes.pop("metadata", {})}
    status = {"phase": changes.pop("phase", "Running"), "conditions": [ready]}
    return {"metadata": metadata, "spec": {"nodeName": where}, "status": status}


def drains_of(budgets: list[dict[str, Any]], *pods: dict[str, Any]) -> Drains:
    return Drains(budgets=tuple(map(read_budget, budgets)), pods=tuple(map(read_pod, pods)))


def names(drains: Drains, *nodes: str) -> list[str]:
    return [each.pod for each in blockers(nodes or ("worker-0",), drains)]


def test_a_pod_whose_budget_lets_none_go_is_told_with_node_and_budget() -> None:
    (blocker,) = blockers(["worker-0"], drains_of([budget()], pod()))

    assert (blocker.node, blocker.pod) == ("worker-0", "shop/till-a")
    assert blocker.why == "budget shop/till (minAvailable 1) lets no pod go"
    assert blocker.look == "oc -n shop get pdb till"


@pytest.mark.parametrize(
    "drains",
    [
        drains_of([budget(allowed=1)], pod()),
        drains_of([budget()], pod(where="worker-9")),
        drains_of([budget(namespace="other")], pod()),
        drains_of([budget(selector={"matchLabels": {"app": "other"}}, minAvailable=1)], pod()),
        drains_of([budget()], pod(phase="Succeeded")),
        drains_of([budget()], pod(phase="Pending", ready=False)),
        drains_of([budget()], pod(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})),
        drains_of([budget()], pod(metadata={"ownerReferences": [{"kind": "DaemonSet", "controller": True}]})),
        drains_of([budget()], pod(metadata={"annotations": {"kubernetes.io/config.mirror": "x"}})),
        drains_of([budget(minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow")], pod(ready=False)),
    ],
    ids=[
        "one may go",
        "another node",
        "another namespace",
        "another selector",
        "a finished pod",
        "a pod that does not run yet",
        "a pod that is going",
        "a DaemonSet's",
        "a static pod",
        "not ready, and such may always go",
    ],
)
def test_what_an_eviction_would_let_go_is_no_blocker(drains: Drains) -> None:
    assert names(drains) == []


def test_a_pod_of_two_budgets_cannot_be_evicted_whatever_they_allow() -> None:
    (blocker,) = blockers(["worker-0"], drains_of([budget("a", allowed=3), budget("b", allowed=3)], pod()))

    assert "budgets a and b of shop both protect it" in blocker.why


def test_an_empty_selector_protects_every_pod_of_the_namespace_and_none_protects_nothing() -> None:
    assert names(drains_of([budget(selector={}, minAvailable=1)], pod())) == ["shop/till-a"]
    assert names(drains_of([budget(selector=None, minAvailable=1)], pod())) == []


def test_a_pod_that_is_not_ready_may_go_where_the_others_suffice() -> None:
    enough = budget()
    enough["status"] |= {"currentHealthy": 1, "desiredHealthy": 1}
    assert names(drains_of([enough], pod("ready"), pod("broken", ready=False))) == ["shop/ready"]


@pytest.mark.parametrize(
    ("spec", "pods", "goes"),
    [
        ({"minAvailable": 1}, 1, 0),
        ({"minAvailable": 1}, 3, 2),
        ({"minAvailable": "100%"}, 3, 0),
        ({"minAvailable": "50%"}, 3, 1),
        ({"maxUnavailable": 0}, 3, 0),
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": "10%"}, 3, 1),
        ({"maxUnavailable": 5}, 3, 3),
    ],
)
def test_where_no_controller_has_counted_the_pods_that_are_there_are_counted(
    spec: dict[str, Any], pods: int, goes: int
) -> None:
    drains = drains_of([budget(allowed=None, **spec)], *(pod(f"till-{number}") for number in range(pods)))

    assert counted(drains.budgets[0], drains.pods) == goes
    assert len(names(drains)) == (0 if goes else pods)


BUDGETS = st.builds(
    lambda bound, value, allowed: budget(allowed=allowed, **{bound: value}),
    st.sampled_from(["minAvailable", "maxUnavailable"]),
    st.integers(0, 5) | st.sampled_from(["0%", "30%", "100%"]),
    st.none() | st.integers(0, 3),
)
PODS = st.builds(
    pod,
    st.text("abc", min_size=1),
    st.sampled_from(["worker-0", "worker-1"]),
    ready=st.booleans(),
    phase=st.sampled_from(["Running", "Pending", "Failed"]),
)


@given(st.lists(BUDGETS, max_size=3), st.lists(PODS, max_size=5))
def test_every_blocker_is_a_running_pod_of_a_node_that_reboots_and_has_a_budget(
    budgets: list[dict[str, Any]], pods: list[dict[str, Any]]
) -> None:
    drains = drains_of(budgets, *pods)
    result = blockers({"worker-0"}, drains)

    assert {each.node for each in result} <= {"worker-0"}
    running = {f"shop/{each.name}" for each in drains.pods if each.node == "worker-0" and each.phase == "Running"}
    assert {each.pod for each in result} <= running
    assert not result or drains.budgets


@given(st.lists(BUDGETS, max_size=3))
def test_only_namespaces_in_which_an_eviction_may_be_refused_are_asked_for_their_pods(
    budgets: list[dict[str, Any]],
) -> None:
    read = tuple(map(read_budget, budgets))
    asked = in_question(read)

    assert asked == (["shop"] if len(read) > 1 or any(not each.allowed for each in read) else [])


def test_no_budget_asks_for_nothing() -> None:
    assert in_question(()) == []
    assert drain.blockers(["worker-0"], Drains()) == ()


def _text(drains: Drains) -> str:
    known = facts(drains=drains, nodes=(read_node(node("worker-0", "worker")), read_node(node("worker-1", "worker"))))
    return blast_radius(decide(known, WANTED, "fail"), known, WANTED, "4h")


def test_the_text_tells_by_node_which_pods_it_would_wait_for_and_what_to_do() -> None:
    text = _text(drains_of([budget()], pod(), pod("till-b", "worker-1"), pod("till-c", "infra-0")))

    assert "worker-0 is not drained while it has shop/till-a: budget shop/till (minAvailable 1) lets no pod go." in text
    assert "worker-1 is not drained while it has shop/till-b" in text
    assert "till-c" not in text
    assert text.count("oc -n shop get pdb till") == 1


def test_what_could_not_be_asked_is_said_and_what_needs_nothing_is_not() -> None:
    assert "is not known: Forbidden" in _text(Drains(unknown="Forbidden"))
    assert "drained" not in _text(Drains())


def test_of_nodes_that_do_not_reboot_nothing_is_told() -> None:
    known = facts(kata_config(), last=LAST, drains=drains_of([budget()], pod()))

    assert decide(known, WANTED, "fail").blockers == ()


def _local(name: str, where: str = "worker-0", **changes: Any) -> dict[str, Any]:
    made = pod(name, where, **changes)
    volumes = [{"name": "cache", "emptyDir": {}}, {"name": "fast", "emptyDir": {"medium": "Memory"}}, {"name": "c"}]
    made["spec"]["volumes"] = volumes
    return made


OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "controller": True}]}


def test_pods_without_a_controller_and_with_local_data_are_told_by_node_as_lost() -> None:
    pods = [
        pod("bare"),
        _local("cart", metadata=OWNED),
        pod("fine", metadata=OWNED),
        pod("platform", metadata={"namespace": "openshift-monitoring"}),
        pod("elsewhere", "worker-9"),
        pod("over", phase="Succeeded"),
        pod("agent", metadata={"ownerReferences": [{"kind": "DaemonSet", "controller": True}]}),
    ]
    drains = Drains(evicted=tuple(map(read_pod, pods)))
    result = facts(kata_config(), last=LAST, drains=drains)
    wanted = wish(WANTED, log_level="debug")
    plan = decide(result, wanted, "fail")

    assert [(each.node, each.pod) for each in plan.losses] == [("worker-0", "shop/bare"), ("worker-0", "shop/cart")]
    assert (
        "The drain of worker-0 deletes for good: shop/bare has no controller, so nothing makes it anew; "
        "shop/cart loses the data of emptyDir cache." in blast_radius(plan, result, wanted, "90m")
    )


def test_a_change_that_drains_nothing_deletes_nothing() -> None:
    drains = Drains(evicted=(read_pod(pod("bare")),))
    off = wish(WANTED, confidential=False)

    assert decide(facts(kata_config(), last=LAST, drains=drains), off, "fail").losses == ()
