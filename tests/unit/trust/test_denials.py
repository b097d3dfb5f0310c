"""What must be denied is tried with pods like the check's, and a denial counts for its own reason only."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coco_azure.formats import initdata
from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.trust import denials
from coco_azure.trust.denials import CHANGED, IMAGE
from tests.unit.workload_terms import ANNOTATION, encoded

CAA = "registry.example.com/caa:1"
JOB: dict[str, Any] = {
    "metadata": {"name": "attestation-check", "uid": "u"},
    "spec": {
        "template": {
            "metadata": {
                "labels": {"app": "check", "job-name": "x"},
                "annotations": {ANNOTATION: encoded(None), "a": "b"},
            },
            "spec": {"runtimeClassName": "kata-remote", "containers": [{"name": "c", "image": "ubi"}]},
        }
    },
}


def _pod(**state: Any) -> dict[str, Any]:
    metadata = {"creationTimestamp": "2026-12-01T02:00:00Z"}
    return {"metadata": metadata, "status": {"containerStatuses": [{"state": state}]}}


def _denied(minute: int = 1, *, granted: bool = False) -> KbsRequest:
    time = datetime(2026, 12, 1, 2, minute, tzinfo=UTC)
    return KbsRequest(
        time=time, step="default/security-policy/x", granted=granted, reason="" if granted else "PolicyDeny"
    )


def test_each_pod_is_the_checks_with_one_thing_changed_and_belongs_to_its_job() -> None:
    pods = denials.pods(JOB, ANNOTATION, CAA)

    changed, image = pods[CHANGED], pods[IMAGE]
    assert image["spec"]["containers"][0]["image"] == CAA
    assert changed["spec"] == JOB["spec"]["template"]["spec"]
    assert image["metadata"]["annotations"] == JOB["spec"]["template"]["metadata"]["annotations"]
    other = changed["metadata"]["annotations"][ANNOTATION]
    assert other != encoded(None)
    assert initdata.decode(other) == initdata.decode(encoded(None))
    for pod in pods.values():
        assert pod["metadata"]["labels"] == {"app": "check"}
        assert pod["metadata"]["ownerReferences"][0]["uid"] == "u"


@pytest.mark.parametrize(
    ("tried", "state", "events", "denied"),
    [
        (CHANGED, {"waiting": {"message": "get resource failed: PolicyDeny"}}, [], True),
        (CHANGED, {"waiting": {"message": "ContainerCreating"}}, ["Attest failed"], True),
        (CHANGED, {"waiting": {"message": "no VM: quota"}}, [], None),
        (CHANGED, {"running": {}}, [], False),
        (IMAGE, {"waiting": {"message": "CreateContainerRequest is blocked by policy: x"}}, [], True),
        (IMAGE, {"waiting": {"message": "get resource failed: PolicyDeny"}}, [], None),
        (IMAGE, {"terminated": {"exitCode": 0}}, [], False),
    ],
)
def test_only_the_expected_reason_is_a_denial(
    tried: str, state: dict[str, Any], events: list[str], *, denied: bool | None
) -> None:
    ended = denials.outcome(tried, _pod(**state), [{"message": each} for each in events], [])

    assert (ended.denied if ended is not None else None) is denied


def test_what_kbs_has_denied_since_the_pod_was_made_counts_for_initdata() -> None:
    earlier = KbsRequest(time=datetime(2026, 12, 1, 1, tzinfo=UTC), step="auth", granted=False, reason="PolicyDeny")

    assert denials.outcome(CHANGED, _pod(waiting={}), [], [earlier, _denied(granted=True)]) is None
    assert denials.outcome(IMAGE, _pod(waiting={}), [], [_denied()]) is None
    ended = denials.outcome(CHANGED, _pod(waiting={}), [], [_denied()])
    assert ended is not None
    assert (ended.denied, ended.reason) == (True, "KBS: PolicyDeny")


def test_what_it_costs_and_what_to_do_is_said() -> None:
    assert "2 pods" in denials.costs("Standard_DC2as_v5")
    assert "VM of size Standard_DC2as_v5" in denials.costs("Standard_DC2as_v5")
    assert "attestationCheck.negative false" in denials.refusal(CHANGED, "its container has started", "n")
