"""An attestation check that has failed: the pod's last event and KBS's reason, with the commands that show more."""

from typing import Any
from unittest import mock

import pytest

from coco_azure.rollout.diagnosis import caa
from components import attestation_check
from components.cluster.watching import asked
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, run_program

LOGS = "oc -n trustee-operator-system logs deployment/trustee-deployment"
REQUEST = '[2027-01-01T00:00:01Z INFO  actix_web::middleware::logger] 10.0.0.1 "POST /kbs/v0/auth HTTP/1.1" 200'
DENIED = "[2027-01-01T00:00:02Z ERROR kbs::error] PolicyDeny"
CAUSES = """\
2027-01-01T00:00:02Z ERROR kbs::error: AttestationError(RcarAttestFailed { source: verify TEE evidence failed
Caused by:
    0: PCR 8 is not accepted })
2027-01-01T00:00:03Z  INFO actix_web::middleware::logger: 10.0.0.1 "POST /kbs/v0/attest HTTP/1.1" 401"""


def _pod(phase: str = "Failed", **state: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "attestation-check-x", "creationTimestamp": "2027-01-01T00:00:00Z"},
        "status": {"phase": phase, "containerStatuses": [{"name": "c", "state": state}]},
    }


def _event(reason: str, message: str, time: str, kind: str = "Warning") -> dict[str, Any]:
    return {
        "metadata": {"name": reason},
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": time,
        "involvedObject": {"kind": "Pod", "name": "attestation-check-x"},
    }


def _messages(log: str | None, *events: dict[str, Any], pods: list[Any] | None = None) -> list[str]:
    listed = [_pod(terminated={"exitCode": 1})] if pods is None else pods
    return caa.check_problems(caa.CheckFacts(namespace="check", pods=listed, events=events, kbs_log=log, kbs_logs=LOGS))


def test_the_pods_last_event_and_the_reason_of_kbs_are_told() -> None:
    events = [
        _event("FailedCreatePodSandBox", "creating an instance:\n quota", "2027-01-01T00:00:02Z"),
        _event("Failed", "earlier", "2027-01-01T00:00:01Z"),
        _event("Scheduled", "later, and no reason", "2027-01-01T00:00:09Z", kind="Normal"),
    ]

    pod, kbs = _messages(f"{REQUEST}\n{DENIED}", *events)

    assert "pod check/attestation-check-x is Failed; exit code 1: the Confidential Data Hub in its pod VM" in pod
    assert "its last event: FailedCreatePodSandBox: creating an instance: quota" in pod
    assert "`oc -n check describe pod attestation-check-x` shows more" in pod
    assert kbs == f"KBS says: PolicyDeny. `{LOGS}` shows more"


def test_the_causes_of_an_error_of_kbs_are_told_with_it_and_the_last_error_counts() -> None:
    _, kbs = _messages(f"{DENIED}\n{CAUSES}")

    assert "verify TEE evidence failed Caused by: 0: PCR 8 is not accepted })" in kbs
    assert "PolicyDeny" not in kbs
    assert "actix_web" not in kbs


def test_a_kbs_that_was_never_asked_is_told_as_such() -> None:
    _, kbs = _messages("[2027-01-01T00:00:00Z INFO  kbs] Using config file /etc/kbs-config/kbs-config.toml")

    assert "KBS has no request in its log" in kbs


def test_a_pod_that_waits_says_for_what() -> None:
    waiting = _pod("Pending", waiting={"reason": "ContainerCreating", "message": "no VM"})

    assert "is Pending; ContainerCreating no VM" in _messages(None, pods=[waiting])[0]


def test_a_job_without_a_pod_and_a_kbs_elsewhere_still_have_a_way_on() -> None:
    job = {**_event("FailedCreate", "quota of pods", "1"), "involvedObject": {"kind": "Job", "name": "j"}}
    pod, kbs = _messages(None, job, pods=[])

    assert "the check has no pod: FailedCreate: quota of pods" in pod
    assert LOGS in kbs


class _Logging(FakeCluster):
    def log(self, path: str, lines: int) -> str:
        assert path.endswith("/pods/trustee-deployment-1")
        assert lines > 100
        return DENIED


@pytest.mark.parametrize("answers", [True, False])
def test_the_hook_asks_the_cluster_and_never_fails_itself(*, answers: bool) -> None:
    cluster = _Logging()
    cluster.lists["/api/v1/namespaces/coco-check/pods"] = [
        {**_pod(terminated={"exitCode": 2}), "metadata": {"name": "a", "labels": {"job-name": "attestation-check"}}}
    ]
    cluster.lists["/api/v1/namespaces/trustee-operator-system/pods"] = [
        {"metadata": {"name": "trustee-deployment-1", "labels": {"app": "kbs"}}}
    ]
    if not answers:
        cluster.items = mock.Mock(side_effect=OSError("gone"))  # type: ignore[method-assign]
    args = mock.Mock(client=cluster, kbs=cluster)
    args.settings.namespace = "coco-check"

    texts = asked(lambda: attestation_check._problems(args), "why the check has failed")

    if answers:
        assert "KBS handed out another value" in texts[0]
        assert texts[1].startswith("KBS says: PolicyDeny")
    else:
        assert texts == ["the API server cannot be asked why the check has failed: gone"]


def test_the_check_has_the_hook() -> None:
    request = run_program({}, Recorder()).registrations["check-job"].request

    assert list(request.hooks.on_error) == ["check-diagnosis"]
