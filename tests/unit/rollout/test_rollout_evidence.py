"""What a change in place leaves behind, and a status of before that does not pass for it."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coco_azure.rollout import evidence
from coco_azure.rollout.desired_kata_config import Applied
from coco_azure.rollout.evidence import CURRENT, DESIRED, STATE, NodeTimes, Traces, lacking
from tests.unit.rollout_facts import kata_config, node, pool

KATA, WORKER = "rendered-kata-oc-2", "rendered-worker-1"
APPLIED = Applied(confidential=True, log_level="debug", pool_selector={"cc": "true"}, before="rendered-kata-oc-1")


def _node(name: str, *roles: str, config: str, state: str = "Done", **labels: str) -> dict[str, Any]:
    made = node(name, *roles, **labels)
    made["metadata"]["annotations"] = {STATE: state, CURRENT: config, DESIRED: config}
    return made


def _traces(**changes: Any) -> Traces:
    """Return what is there when all is done: one node with kata, one without, one master."""
    status = {"kataNodes": {"nodeCount": 1, "readyNodeCount": 1}}
    done: dict[str, Any] = {
        "kata_config": {**kata_config(), "status": status},
        "nodes": [
            _node("a", "worker", "kata-oc", config=KATA, cc="true"),
            _node("b", "worker", config=WORKER, cc="no"),
            _node("m", "master", config="rendered-master-1"),
        ],
        "pools": [
            pool("master"),
            pool("worker", configuration={"name": WORKER}),
            pool("kata-oc", configuration={"name": KATA}),
        ],
        "runtime_config": {"spec": {"containerRuntimeConfig": {"logLevel": "debug"}}},
    }
    return Traces(**(done | changes))


def _changed(name: str, **annotations: str) -> list[Any]:
    nodes = copy.deepcopy(list(_traces().nodes))
    next(each for each in nodes if each["metadata"]["name"] == name)["metadata"]["annotations"] |= annotations
    return nodes


def test_what_is_carried_out_lacks_nothing() -> None:
    assert lacking(APPLIED, _traces()) == []


STALE: dict[str, tuple[dict[str, Any], str]] = {
    "a node that joins has no label yet": (
        {"nodes": [_node("a", "worker", config=WORKER, cc="true")]},
        "label node-role.kubernetes.io/kata-oc on node a",
    ),
    "a node that leaves has its label still": (
        {"nodes": [*_traces().nodes, _node("c", "worker", "kata-oc", config=KATA, cc="no")]},
        "label node-role.kubernetes.io/kata-oc taken from node c",
    ),
    "the status counts other nodes": (
        {"kata_config": {**kata_config(), "status": {"kataNodes": {"nodeCount": 3}}}},
        "count of 1 nodes in KataConfig's status (it has 3)",
    ),
    "the log level is the old one": (
        {"runtime_config": None},
        "logLevel debug in ContainerRuntimeConfig kata-crio-config",
    ),
    "nobody has rendered the log level": (
        {"pools": [pool("kata-oc", configuration={"name": "rendered-kata-oc-1"})], "nodes": _traces().nodes[:1]},
        "new configuration of machine config pool kata-oc (it has rendered-kata-oc-1)",
    ),
    "a node is still to reboot": (
        {"nodes": _changed("a", **{CURRENT: "rendered-kata-oc-1"})},
        "node a at the configuration of pool kata-oc (Done)",
    ),
    "a node is about to reboot": (
        {"nodes": _changed("a", **{DESIRED: "rendered-kata-oc-3"})},
        "node a at the configuration of pool kata-oc (Done)",
    ),
    "a node that leaves is under way": (
        {"nodes": _changed("b", **{STATE: "Working"})},
        "node b at the configuration of pool worker (Working)",
    ),
}


@pytest.mark.parametrize("case", STALE)
def test_a_change_that_has_not_been_carried_out_is_named(case: str) -> None:
    changes, text = STALE[case]

    assert text in lacking(APPLIED, _traces(**changes))


def test_without_another_log_level_there_need_be_no_object_for_it() -> None:
    applied = Applied(confidential=True, log_level="info", pool_selector={"cc": "true"})

    assert lacking(applied, _traces(runtime_config=None)) == []


def test_where_masters_are_workers_their_pool_is_looked_at_and_no_label() -> None:
    nodes = [_node("m", "master", "worker", config="rendered-master-1")]
    pools = [pool("master", configuration={"name": "rendered-master-1"}), pool("worker", 0)]

    assert lacking(APPLIED, _traces(nodes=nodes, pools=pools), converged=True) == []
    behind = [pool("master", configuration={"name": "rendered-master-2"}), pool("worker", 0)]
    assert lacking(APPLIED, _traces(nodes=nodes, pools=behind), converged=True) == [
        "node m at the configuration of pool master (Done)"
    ]


def test_where_no_machine_config_operator_is_only_labels_are_looked_at() -> None:
    assert lacking(APPLIED, _traces(pools=[], runtime_config=None)) == []
    assert evidence.lacking(APPLIED, _traces(pools=[], nodes=[node("a", "worker", cc="true")])) != []


def test_the_time_of_a_node_is_from_its_drain_to_its_return() -> None:
    times, began = NodeTimes(), datetime(2026, 12, 1, 3, 4, 5, tzinfo=UTC)
    for at, state in enumerate(("Done", "Working", "Working", "Done", "Done")):
        times.see([_node("a", "worker", config=KATA, state=state)], began + timedelta(minutes=2 * at))

    assert times.minutes == {"a": 4.0}
    assert times.lines == ["node a rebooted at 03:06:05 UTC, within 4 min 0 s"]


def test_a_node_that_was_under_way_before_anybody_looked_is_not_measured() -> None:
    times, began = NodeTimes(), datetime(2026, 12, 1, tzinfo=UTC)
    for at, state in enumerate(("Working", "Done")):
        times.see([_node("a", "worker", config=KATA, state=state)], began + timedelta(minutes=at))

    assert (times.minutes, times.lines) == ({}, [])
