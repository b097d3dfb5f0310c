"""A KataConfig that stays: written in one step, waited for by its traces, and kept of the roll-out."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from coco_azure import names, settings
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.rollout import read_facts as kata_facts
from coco_azure.rollout.desired_kata_config import make_applied
from coco_azure.rollout.evidence import NodeTimes
from coco_azure.rollout.facts import LastRollout, fingerprint_of
from coco_azure.rollout.plan import Plan, decide
from coco_azure.settings.peer_pods import PeerPodSettings
from coco_azure.versions.osc_profiles import OSC
from components.peer_pods import kata_change, kata_config, shared_config_maps
from components.peer_pods.kata_gates import KataGateArgs, _Gate
from components.peer_pods.pod_vm_image import PodVmImage
from tests.unit.fake_cluster import NODES, POOLS, FakeCluster
from tests.unit.recording import Recorder, run_program
from tests.unit.rollout_facts import LAST, SPEC, WANTED, facts, node, pool, wish
from tests.unit.rollout_facts import kata_config as made

POOLED = wish(WANTED, pool_selector={"cc": "true"})
NAME, GUARD = "peer-pods-kataconfig", "peer-pods-kataconfig-guard"
OUTPUT = {"name": "example-kataconfig", "uid": "uid-1", "nodes": ["worker-0", "worker-1"], "count": 4}
STACKS = {"organization/coco-azure/test": {"kataConfig": OUTPUT}}


def _plan(action: str = "update") -> Plan:
    plan = decide(facts(made(), last=LAST), POOLED, "fail")
    assert plan.action == "update"
    return dataclasses.replace(plan, action=cast("Any", action))


def _write(cluster: FakeCluster, plan: Plan) -> None:
    hook = kata_change.exactly(cast("ClusterClient", cluster), plan, {"a": "b"})
    asyncio.run(cast("Any", hook(cast("Any", None))))


def test_spec_and_marks_are_written_in_one_step_so_no_run_can_die_between_them() -> None:
    cluster = FakeCluster(lists={names.KATA_CONFIGS: [made()]})
    _write(cluster, _plan())

    ((path, change),) = cluster.patched
    assert path == f"{names.KATA_CONFIGS}/example-kataconfig"
    assert change["metadata"] == {"annotations": {"a": "b"}}
    assert change["spec"]["kataConfigPoolSelector"]["matchLabels"] == {"cc": "true"}


@pytest.mark.parametrize(
    ("action", "spec"), [("update", make_applied(POOLED, "").spec), ("nothing", SPEC), ("replace", SPEC)], ids=str
)
def test_what_is_right_already_or_no_change_in_place_is_left_to_the_engine(action: str, spec: Object) -> None:
    cluster = FakeCluster(lists={names.KATA_CONFIGS: [made(spec=spec)]})
    _write(cluster, _plan(action))

    assert cluster.patched == []


class _Watching(FakeCluster):
    """A cluster that says what it was asked for."""

    def __init__(self, lists: dict[str, list[Object]]) -> None:
        super().__init__(lists=lists)
        self.asked: list[str] = []

    def get(self, path: str) -> Object | None:
        """Return an object, and remember its path."""
        self.asked.append(path)
        return super().get(path)


def _gate(cluster: FakeCluster, plan: Plan, timeout: str = "0s") -> _Gate:
    values = PeerPodSettings()
    # By default it looks once, as with no setting of a user's.
    peer_pods = values.model_copy(update={"kata_config": values.kata_config.model_copy(update={"timeout": timeout})})
    client = cast("ClusterClient", cluster)
    nobody = cast("Any", None)
    image = PodVmImage(client, peer_pods)
    arguments = KataGateArgs(
        settings=peer_pods, kata_config=nobody, name=plan.name, client=client, image=image, plan=plan
    )
    return _Gate(arguments, NodeTimes())


def _carried_out(gate: _Gate) -> None:
    asyncio.run(gate._carried_out(cast("Any", None)))


def test_the_gate_does_not_take_a_status_of_before_for_a_change_that_is_carried_out() -> None:
    done = {"kataNodes": {"nodeCount": 2, "readyNodeCount": 2}, "runtimeClasses": ["kata-remote"]}
    nodes: list[Object] = [node("a", "worker", "kata-oc", cc="true"), node("b", "worker", "kata-oc", cc="no")]
    pools: list[Object] = [pool("worker"), pool("kata-oc")]
    cluster = FakeCluster(lists={names.KATA_CONFIGS: [{**made(), "status": done}], NODES: nodes, POOLS: pools})

    with pytest.raises(RuntimeError, match=r"within coco-azure:peerPods\.kataConfig\.timeout \(0s\)") as error:
        _carried_out(_gate(cluster, _plan()))
    assert "label node-role.kubernetes.io/kata-oc taken from node b" in str(error.value)


@pytest.mark.parametrize("action", ["create", "replace", "nothing"])
def test_what_is_made_anew_is_waited_for_by_its_status_alone(action: str) -> None:
    cluster = _Watching({})
    _carried_out(_gate(cluster, _plan(action)))

    assert cluster.asked == []


def _cluster(**values: Any) -> FakeCluster:
    gates = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps"
    gate = {"metadata": {"name": "osc-feature-gates"}, "data": {"confidential": "true"}}
    return FakeCluster(lists=FakeCluster().lists | {names.KATA_CONFIGS: [made(**values)], gates: [gate]})


def _config(**kata_config: Any) -> dict[str, Any]:
    return {"peerPods": {"kataConfig": {"allowReboot": True, **kata_config}}}


def test_a_change_in_place_is_an_update_to_the_engine_and_drift_is_not() -> None:
    changed = run_program(_config(logLevel="debug"), Recorder(stacks=STACKS, cluster=_cluster()))
    drift = _cluster(spec={**SPEC, "logLevel": "debug"})
    drifted = run_program(_config(), Recorder(stacks=STACKS, cluster=drift))
    again = run_program(_config(logLevel="debug", change="recreate"), Recorder(stacks=STACKS, cluster=_cluster()))

    requests = [each.registrations[NAME].request for each in (changed, drifted, again)]
    assert [list(each.replaceOnChanges) for each in requests] == [[], ["spec"], ["spec"]]


def test_the_output_counts_roll_outs_and_says_which_one_it_is() -> None:
    run = run_program(_config(logLevel="debug"), Recorder(stacks=STACKS, cluster=_cluster()))
    output = run.exports["kataConfig"]

    assert output["count"] == 5
    wanted = dataclasses.replace(make_applied(WANTED, ""), log_level="debug")
    assert output["applied"] == fingerprint_of(wanted)


def test_an_unchanged_run_keeps_the_output_as_it_is() -> None:
    run = run_program(_config(), Recorder(stacks=STACKS, cluster=_cluster()))

    assert {**run.exports["kataConfig"], "uid": "uid-1"} == OUTPUT  # the recorder's objects have no uid
    assert "minutes" not in LastRollout(uid="u", nodes=()).output


@pytest.mark.parametrize("there", [True, False], ids=["with a KataConfig", "before the first"])
def test_of_the_nodes_that_are_drained_every_pod_is_known(there: bool) -> None:  # noqa: FBT001 - a case
    pods: list[Object] = [
        {"metadata": {"namespace": "shop", "name": name}, "spec": {"nodeName": where}}
        for name, where in (("till", "worker-0"), ("cart", "worker-9"))
    ]
    cluster = FakeCluster(lists={"/api/v1/pods": pods})
    known = facts(made()) if there else facts()
    asked = kata_facts.with_drains(known, cast("ClusterClient", cluster), ["worker-0"]).drains

    assert [each.name for each in asked.evicted] == ["till"]


@pytest.mark.parametrize("version", ["1.9", "1.13"])
def test_a_version_that_needs_reboots_by_hand_is_not_asked_to_install_by_daemon_set(version: str) -> None:
    stack = settings.parse({"peerPods": {"kataConfig": {"deploymentMode": "DaemonSet"}}}, Path())

    with pytest.raises(pulumi.RunError, match=rf"OSC {version} needs its nodes rebooted by hand .* config rm --path"):
        kata_config.plan_rollout(stack, cast("Any", None), OSC[version])


def test_a_version_that_needs_none_gets_the_feature_gate() -> None:
    newer = dataclasses.replace(OSC["1.13"], daemon_set_without_reboot=True)
    peer_pods = PeerPodSettings.model_validate({"kataConfig": {"deploymentMode": "DaemonSet"}})

    assert shared_config_maps.feature_gates(peer_pods, newer)["deploymentMode"] == "DaemonSet"
    assert "deploymentMode" not in shared_config_maps.feature_gates(PeerPodSettings(), newer)
