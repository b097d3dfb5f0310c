"""The restart of CAA on one node after another, as it follows from the cluster."""

import itertools
from typing import Any

import pytest

from coco_azure.rollout import caa_restart
from coco_azure.rollout.caa_restart import CaaFacts, CaaPod, Mode, PeerPod, RestartStep, next_step

NAMESPACE = "openshift-sandboxed-containers-operator"
NODES = ("a", "b", "c")
STACK = "coco-azure/prod"
SHOP = PeerPod(namespace="shop", name="till")
GOING = PeerPod(namespace="shop", name="old", going=True)


def _facts(current: str = "", *, unready: str = "", settled: bool = True, **others: Any) -> CaaFacts:
    """Return CAA on three nodes, current on some; ``peers`` are by node."""
    pods = [CaaPod(name=f"caa-{node}", node=node, current=node in current, ready=node not in unready) for node in NODES]
    return CaaFacts(**{"settled": settled, "pods": tuple(pods), "nodes": frozenset(NODES), **others})


@pytest.mark.parametrize("mode", ["wait", "evict", "now"])
@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (_facts(settled=False), RestartStep(action="settle")),
        (_facts(), RestartStep(action="restart", node="a", pod="caa-a")),
        (_facts("a"), RestartStep(action="restart", node="b", pod="caa-b")),
        (_facts("a", unready="a"), RestartStep(action="start", node="a")),
        # One that does not work is no reason to wait for it, once it is its turn.
        (_facts("", unready="a"), RestartStep(action="restart", node="a", pod="caa-a")),
        (_facts("abc", cordoned=frozenset("b")), RestartStep(action="uncordon", node="b")),
        (_facts("abc", unready="b", cordoned=frozenset("b")), RestartStep(action="start", node="b")),
        (_facts("abc"), None),
        (_facts("abc", nodes=frozenset("abcd")), RestartStep(action="start", node="d")),
        (_facts("ab", nodes=frozenset("ab")), RestartStep(action="restart", node="c", pod="caa-c")),
    ],
    ids=[
        "the operator has not followed",
        "nothing done",
        "one done",
        "one starting",
        "a broken one is due",
        "a node that was closed is done",
        "a node that was closed is starting",
        "all done",
        "a node without CAA",
        "a node that has left",
    ],
)
def test_one_node_comes_after_another(facts: CaaFacts, step: RestartStep | None, mode: Mode) -> None:
    assert next_step(facts, mode) == step


def test_nodes_without_peer_pods_come_first_and_the_others_are_waited_for() -> None:
    peers = {"a": (SHOP, GOING), "b": (SHOP,)}

    assert next_step(_facts(peers=peers), "wait") == RestartStep(action="restart", node="c", pod="caa-c")
    assert next_step(_facts("c", peers=peers), "wait") == RestartStep(action="wait", node="b", peers=(SHOP,))


def test_now_asks_for_no_peer_pods_and_goes_node_by_node_all_the_same() -> None:
    peers = {"a": (SHOP,), "b": (SHOP,)}

    assert next_step(_facts(peers=peers), "now") == RestartStep(action="restart", node="a", pod="caa-a")
    assert next_step(_facts("a", unready="a", peers=peers), "now") == RestartStep(action="start", node="a")


def test_a_node_is_closed_before_its_peer_pods_are_evicted_and_the_one_that_was_begun_comes_first() -> None:
    peers = {"a": (SHOP,), "b": (SHOP,)}

    assert next_step(_facts(peers=peers), "evict") == RestartStep(action="cordon", node="a", peers=(SHOP,))
    begun: Any = {"closed": frozenset("b"), "cordoned": frozenset("b")}
    assert next_step(_facts(peers=peers, **begun), "evict") == RestartStep(action="evict", node="b", peers=(SHOP,))
    # Somebody else has closed it: it is neither marked nor opened.
    assert next_step(_facts(peers=peers, closed=frozenset("a")), "evict") == RestartStep(
        action="evict", node="a", peers=(SHOP,)
    )


@pytest.mark.parametrize("mode", ["wait", "evict"])
def test_whatever_the_state_no_caa_is_restarted_over_peer_pods_nor_beside_one_that_starts(mode: Mode) -> None:
    subsets = [set(each) for size in range(4) for each in itertools.combinations(NODES, size)]
    for current, unready, busy in itertools.product(subsets, repeat=3):
        facts = _facts("".join(current), unready="".join(unready), peers=dict.fromkeys(busy, (SHOP,)))
        step = next_step(facts, mode)
        if step is None:
            assert current == set(NODES)
        elif step.action == "restart":
            assert step.node not in busy
            assert not current & unready


def _object(name: str, *, namespace: str = NAMESPACE, **others: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **others.pop("metadata", {})}
    return {"metadata": metadata, **others}


def _daemon_set(version: str | None = None, generation: int = 2, image: str = "caa:2") -> dict[str, Any]:
    annotations = {} if version is None else {"peer-pods-cm/version": version}
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"nodeSelector": {"kata": ""}, "containers": [{"image": image}]},
    }
    spec = {"selector": {"matchLabels": {"name": "osc-caa-ds"}}, "template": template}
    return _object("osc-caa-ds", metadata={"generation": generation}, spec=spec, status={"observedGeneration": 2})


def _caa(name: str, node: str, revision: str, **metadata: Any) -> dict[str, Any]:
    labels = {"name": "osc-caa-ds", "controller-revision-hash": revision}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return _object(name, metadata={"labels": labels, **metadata}, spec={"nodeName": node}, status=status)


def _peer(name: str, node: str, phase: str = "Running", namespace: str = "shop") -> dict[str, Any]:
    spec = {"nodeName": node, "runtimeClassName": "kata-remote"}
    return _object(name, namespace=namespace, spec=spec, status={"phase": phase})


REVISIONS = [
    _object(f"caa-{number}", metadata={"labels": {"controller-revision-hash": f"hash-{number}"}}, revision=number)
    for number in (9, 10)
]


def _read(daemon_set: Any = None, pods: Any = (), **config: Any) -> CaaFacts:
    labels = {"labels": {"kata": ""}}
    nodes: list[Any] = [
        {"metadata": {"name": "a", **labels, "annotations": {"coco-azure/cordoned": STACK}}, "spec": {}},
        {"metadata": {"name": "b", **labels, "annotations": {"coco-azure/cordoned": "other/stack"}}},
        {"metadata": {"name": "master", "labels": {}}, "spec": {"unschedulable": True}},
    ]
    metadata = {"resourceVersion": "7", **config}
    env = [{"name": "NAMESPACE", "valueFrom": {}}, {"name": "RELATED_IMAGE_CAA", "value": "caa:2"}]
    containers = [{"name": "proxy"}, {"name": "manager", "env": env}]
    owned = {"ownerReferences": [{"name": "sandboxed-containers-operator.v1.12.1"}]}
    operator = _object("controller-manager", metadata=owned, spec={"template": {"spec": {"containers": containers}}})
    return caa_restart.read(
        daemon_set or _daemon_set(),
        REVISIONS,
        pods,
        nodes,
        {"metadata": metadata},
        deployments=[operator, _object("peer-pods-webhook", spec={"template": {}})],
        stack=STACK,
        but="check",
    )


def test_what_is_current_is_told_by_the_newest_revision_and_what_goes_counts_for_nothing() -> None:
    gone = _caa("gone", "b", "hash-9", deletionTimestamp="2026-01-01T00:00:00Z")
    facts = _read(pods=[_caa("old", "a", "hash-9"), _caa("new", "b", "hash-10"), gone])

    assert facts.outdated_nodes == ("a",)
    assert [(pod.name, pod.current, pod.ready) for pod in facts.pods] == [("old", False, True), ("new", True, True)]
    assert facts.nodes == {"a", "b"}
    assert facts.cordoned == {"a"}
    assert facts.closed == {"master"}


@pytest.mark.parametrize(
    ("version", "outdated_nodes"),
    [(None, ("a",)), ("7", ())],
    ids=["an operator that does not follow peer-pods-cm", "one that does, in the template"],
)
def test_a_pod_made_before_the_last_change_of_peer_pods_cm_has_not_read_it(
    version: str | None, outdated_nodes: tuple[str, ...]
) -> None:
    times = ("2026-01-01T00:00:09Z", "2026-01-01T00:00:10Z")
    pods = [_caa(node, node, "hash-10", creationTimestamp=time) for node, time in zip("ab", times, strict=True)]
    entries = [
        {"time": "2026-01-01T00:00:05Z", "fieldsV1": {"f:data": {"f:AZURE_IMAGE_ID": {}}}},
        {"time": "2026-01-01T00:00:10Z", "fieldsV1": {"f:data": {"f:INITDATA": {}}}},
        {"time": "2026-01-01T00:00:20Z", "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
    ]

    assert _read(_daemon_set(version), pods, managedFields=entries).outdated_nodes == outdated_nodes


@pytest.mark.parametrize(
    ("daemon_set", "settled"),
    [
        (_daemon_set(), True),
        (_daemon_set(generation=3), False),
        (_daemon_set(version="7"), True),
        (_daemon_set(version="6"), False),
        (_daemon_set(image="caa:1"), False),
    ],
    ids=["the stack's own", "not seen by the controller", "followed by the operator", "not followed yet", "of before"],
)
def test_a_restart_begins_when_a_new_pod_would_get_the_present_configuration(daemon_set: Any, *, settled: bool) -> None:
    assert _read(daemon_set).settled is settled


def test_peer_pods_are_at_stake_until_they_have_ended_but_for_those_of_the_check() -> None:
    pods = [
        _peer("runs", "a"),
        _peer("starts", "a", "Pending"),
        _peer("done", "a", "Succeeded"),
        _peer("check", "a", namespace="check"),
        _peer("nowhere", ""),
        _object("plain", spec={"nodeName": "a"}, status={"phase": "Running"}),
    ]
    facts = _read(pods=[*pods, _caa("old", "a", "hash-9")])

    assert caa_restart.on_nodes(facts) == "a: shop/runs, shop/starts"
    assert set(facts.peers) == {"a"}


def test_a_warning_names_pods_by_node_and_what_becomes_of_them() -> None:
    facts = _facts("a", peers={"a": (SHOP,), "b": (SHOP, GOING)})

    waits = caa_restart.warning(facts, "wait", NODES, "the time")
    assert "3 run: a: shop/till; b: shop/till, shop/old. On each node the run waits until they are gone" in waits
    evicts = caa_restart.warning(facts, "evict", facts.outdated_nodes, "the time")
    assert "2 run: b: shop/till, shop/old. Each node is closed to new pods, its peer pods are evicted" in evicts
    assert caa_restart.warning(_facts(), "wait", NODES, "the time") == ""


def test_a_restart_that_takes_too_long_says_what_is_in_the_way_and_what_helps() -> None:
    facts = _facts("a", peers={"b": (SHOP,)})

    waited = caa_restart.too_long(facts, "wait", "peerPods.kataConfig.timeout (1m)", "")
    assert "CAA was not restarted on b, c within peerPods.kataConfig.timeout (1m)" in waited
    assert "b: shop/till. Those nodes go on with what CAA has read before" in waited
    assert "pulumi config set --path coco-azure:peerPods.caaRestart evict" in waited
    evicted = caa_restart.too_long(facts, "evict", "x", "shop/till: Cannot evict pod")
    assert "b: shop/till (shop/till: Cannot evict pod)." in evicted
    assert "pulumi config set --path coco-azure:peerPods.caaRestart now" in evicted
