"""The stand-in of the Kubernetes provider: when a workload is ready, and what it says until then."""

from typing import Any

import pytest

from rehearsal.kubernetes_provider import kstatus, workloads
from rehearsal.kubernetes_provider.workloads import REVISION


def _deployment(revision: str, *, available: bool = True, progress: str = "NewReplicaSetAvailable") -> dict[str, Any]:
    conditions = [
        {"type": "Progressing", "status": "True", "reason": progress, "message": "p"},
        {"type": "Available", "status": str(available), "reason": "MinimumReplicas", "message": "a"},
    ]
    return {
        "metadata": {"name": "d", "uid": "d-uid", "generation": 2, "annotations": {REVISION: revision}},
        "status": {"observedGeneration": 2, "conditions": conditions},
    }


def _replica_set(revision: str, ready: int, wanted: int = 1) -> dict[str, Any]:
    metadata = {"name": f"rs-{revision}", "annotations": {REVISION: revision}, "ownerReferences": [{"uid": "d-uid"}]}
    return {"metadata": metadata, "spec": {"replicas": wanted}, "status": {"readyReplicas": ready} if ready else {}}


def test_a_deployment_has_rolled_out_with_the_replica_set_of_its_revision() -> None:
    assert workloads.deployment(_deployment("2"), [_replica_set("1", 0, 0), _replica_set("2", 1)]).done
    assert not workloads.deployment(_deployment("2"), [_replica_set("1", 1)]).done


def test_a_deployment_waits_for_all_pods_of_the_new_replica_set() -> None:
    found = workloads.deployment(_deployment("2"), [_replica_set("2", 1, 2)])

    assert [note.text for note in found.notes] == [
        "Waiting for app ReplicaSet to be available (1/2 Pods available)",
    ]
    assert found.reasons == (
        "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live",
    )


def test_the_first_revision_need_not_have_made_progress() -> None:
    stuck = "ReplicaSetUpdated"

    assert workloads.deployment(_deployment("1", progress=stuck), [_replica_set("1", 1)]).done
    assert not workloads.deployment(_deployment("2", progress=stuck), [_replica_set("2", 1)]).done


def test_an_unavailable_deployment_says_why() -> None:
    found = workloads.deployment(_deployment("1", available=False), [_replica_set("1", 0)])

    assert found.reasons == ("[MinimumReplicas] a", "Minimum number of live Pods was not attained")


def test_a_deployment_scaled_to_zero_is_ready() -> None:
    assert workloads.deployment(_deployment("1"), [_replica_set("1", 0, 0)]).done


def test_a_replica_set_of_another_deployment_does_not_count() -> None:
    stranger = _replica_set("1", 1)
    stranger["metadata"]["ownerReferences"] = [{"uid": "other"}]

    assert not workloads.deployment(_deployment("1"), [stranger]).done


def test_a_deployment_is_reconciled_once_its_controller_has_seen_it() -> None:
    seen = _deployment("1")

    assert workloads.reconciled(seen)
    assert not workloads.reconciled({**seen, "status": {"observedGeneration": 1}})
    assert not workloads.reconciled({**seen, "status": {}})


def _job(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "j", "namespace": "n"}, "status": status}


def test_a_job_waits_to_start_and_then_to_succeed() -> None:
    assert [note.text for note in workloads.job(_job()).notes] == ['Waiting for Job "n/j" to start']
    running = workloads.job(_job(startTime="now", active=1))
    assert not running.done
    assert [note.text for note in running.notes] == [
        'Waiting for Job "n/j" to succeed (Active: 1 | Succeeded: 0 | Failed: 0)'
    ]


def test_a_job_is_done_when_it_is_complete() -> None:
    assert workloads.job(_job(startTime="now", conditions=[{"type": "Complete", "status": "True"}])).done


@pytest.mark.parametrize(("reason", "failed"), [("BackoffLimitExceeded", True), ("PodFailurePolicy", False)])
def test_a_job_fails_for_the_reasons_that_the_real_provider_knows(reason: str, failed: bool) -> None:  # noqa: FBT001
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": "m"}

    found = workloads.job(_job(startTime="now", failed=1, conditions=[condition]))

    assert found.failed is failed
    assert found.reasons == ((f"[{reason}] m",) if failed else ())


def _pod(phase: str = "Pending", *, ready: str = "False", **container: Any) -> dict[str, Any]:
    said = {"reason": "ContainersNotReady", "message": "containers with unready status: [c]"}
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": ready, **said},
    ]
    statuses = [{"name": "c", "ready": ready == "True", **container}]
    return {
        "metadata": {"name": "p", "namespace": "n"},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": statuses},
    }


def test_a_ready_or_finished_pod_has_no_problem() -> None:
    assert workloads.pod_problem(_pod("Running", ready="True")) is None
    assert workloads.pod_problem(_pod("Succeeded", state={"terminated": {"reason": "Completed"}})) is None


def test_a_pod_without_its_image_says_so() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image: manifest unknown"}

    assert workloads.pod_problem(_pod(state={"waiting": waiting})) == (
        "[Pod n/p]: containers with unready status: [c][ImagePullBackOff] Back-off pulling image"
    )


def test_a_container_that_is_being_created_is_no_problem_of_its_own() -> None:
    found = workloads.pod_problem(_pod(state={"waiting": {"reason": "ContainerCreating"}}))

    assert found == "[Pod n/p]: containers with unready status: [c]"


def test_a_failed_container_tells_its_exit_code() -> None:
    found = workloads.pod_problem(_pod(state={"terminated": {"reason": "Error", "exitCode": 3}}))

    assert found is not None
    assert found.endswith('container "c" completed with exit code 3')


def test_a_pod_that_is_not_scheduled_yet_says_nothing() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}

    assert workloads.pod_problem({"metadata": {"name": "p"}, "status": {"conditions": [unscheduled]}}) is None


def _daemon_set(**counts: int) -> dict[str, Any]:
    everything = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 2,
        "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "numberReady": 2,
    }
    metadata = {"name": "d", "generation": 1}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "status": {**everything, **counts}}


def test_a_daemon_set_is_ready_with_all_its_pods() -> None:
    assert kstatus.compute(_daemon_set()).message == "All replicas scheduled as expected. Replicas: 2"
    assert kstatus.compute(_daemon_set(desiredNumberScheduled=0, numberReady=0)).current


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"currentNumberScheduled": 1}, "Current: 1/2"),
        ({"updatedNumberScheduled": 0}, "Updated: 0/2"),
        ({"numberAvailable": 1}, "Available: 1/2"),
        ({"numberReady": 1}, "Ready: 1/2"),
        ({"observedGeneration": 0}, "DaemonSet generation is 1, but latest observed generation is 0"),
    ],
)
def test_a_daemon_set_says_what_is_missing(counts: dict[str, int], message: str) -> None:
    found = kstatus.compute(_daemon_set(**counts))

    assert not found.current
    assert found.message == message


def _custom(*conditions: tuple[str, str], **metadata: Any) -> dict[str, Any]:
    listed = [{"type": kind, "status": status, "message": f"{kind} {status}"} for kind, status in conditions]
    return {"apiVersion": "example.dev/v1", "kind": "X", "metadata": metadata, "status": {"conditions": listed}}


@pytest.mark.parametrize(
    ("content", "current", "message"),
    [
        (_custom(), True, "Resource is current"),
        (_custom(("Ready", "True")), True, "Resource is Ready"),
        (_custom(("Ready", "Unknown")), False, "Ready Unknown"),
        (_custom(("Ready", "True"), ("Stalled", "True")), False, "Stalled True"),
        (_custom(("Reconciling", "False")), True, "Resource is current"),
        (_custom(("Ready", "True"), deletionTimestamp="now"), False, "Resource scheduled for deletion"),
    ],
)
def test_custom_objects_follow_the_conventions(content: dict[str, Any], current: bool, message: str) -> None:  # noqa: FBT001
    found = kstatus.compute(content)

    assert (found.current, found.message) == (current, message)
