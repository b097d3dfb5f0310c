"""What must be denied is tried with pods like the check's, and a denial counts for its own reason only."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coco_azure.clients.pod_exec import Executed, Result
from coco_azure.formats import initdata
from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.trust import denials
from coco_azure.trust.denials import CHANGED, EXEC, IMAGE, DenialOutcome
from tests.unit.workload_terms import ANNOTATION, encoded

BLOCKED = 'cannot enter container: rpc error: desc = "ExecProcessRequest is blocked by policy: ": unknown'
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
    pods = denials.pods(JOB, ANNOTATION, CAA, 900)

    changed, image, exec_ = pods[CHANGED], pods[IMAGE], pods[EXEC]
    template = JOB["spec"]["template"]
    assert image["spec"]["containers"] == [{"name": "c", "image": CAA}]
    assert changed["spec"]["containers"] == template["spec"]["containers"]
    assert exec_["spec"]["containers"] == [{"name": "c", "image": "ubi", "command": ["sleep", "900"]}]
    assert image["metadata"]["annotations"] == exec_["metadata"]["annotations"] == template["metadata"]["annotations"]
    other = changed["metadata"]["annotations"][ANNOTATION]
    assert other != encoded(None)
    assert initdata.decode(other) == initdata.decode(encoded(None))
    for pod in pods.values():
        rest = {key: value for key, value in pod["spec"].items() if key != "containers"}
        assert rest == {"runtimeClassName": "kata-remote", "activeDeadlineSeconds": 900}
        assert pod["metadata"]["labels"] == {"app": "check"}
        assert pod["metadata"]["ownerReferences"][0]["uid"] == "u"


@pytest.mark.parametrize(
    ("tried", "state", "events", "result"),
    [
        (CHANGED, {"waiting": {"message": "get resource failed: PolicyDeny"}}, [], "denied"),
        (CHANGED, {"waiting": {"message": "ContainerCreating"}}, ["Attest failed"], "denied"),
        (CHANGED, {"waiting": {"message": "no VM: quota"}}, [], None),
        (CHANGED, {"running": {}}, [], "let in"),
        (IMAGE, {"waiting": {"message": "CreateContainerRequest is blocked by policy: x"}}, [], "denied"),
        (IMAGE, {"waiting": {"message": "get resource failed: PolicyDeny"}}, [], None),
        (IMAGE, {"terminated": {"exitCode": 0}}, [], "let in"),
        (EXEC, {"waiting": {"message": "ExecProcessRequest is blocked by policy"}}, [], None),
        (EXEC, {"running": {}}, ["ExecProcessRequest is blocked by policy"], None),
        (EXEC, {"terminated": {"exitCode": 0, "reason": "Completed"}}, [], "untried"),
    ],
)
def test_only_the_expected_reason_is_a_denial(
    tried: str, state: dict[str, Any], events: list[str], result: str | None
) -> None:
    ended = denials.outcome(tried, _pod(**state), [{"message": each} for each in events], [])

    assert (ended.result if ended is not None else None) == result


def test_what_kbs_has_denied_since_the_pod_was_made_counts_for_initdata() -> None:
    earlier = KbsRequest(time=datetime(2026, 12, 1, 1, tzinfo=UTC), step="auth", granted=False, reason="PolicyDeny")

    assert denials.outcome(CHANGED, _pod(waiting={}), [], [earlier, _denied(granted=True)]) is None
    assert denials.outcome(IMAGE, _pod(waiting={}), [], [_denied()]) is None
    ended = denials.outcome(CHANGED, _pod(waiting={}), [], [_denied()])
    assert ended == DenialOutcome(result="denied", reason="KBS: PolicyDeny")


@pytest.mark.parametrize(
    ("answer", "message", "status", "result"),
    [
        ("failed", BLOCKED, 0, "denied"),
        ("ran", "", 0, "let in"),
        ("ran", "command terminated with non-zero exit code: 1", 0, "let in"),
        # What a command prints or a proxy writes is no word of the agent's.
        ("ran", BLOCKED, 0, "let in"),
        ("refused", BLOCKED, 403, "untried"),
        ("refused", 'cannot create resource "pods/exec" (403 Forbidden)', 403, "untried"),
        ("refused", "Upgrade request required (400 Bad Request)", 400, "untried"),
        ("refused", 'pods "denial-exec" not found (404 Not Found)', 404, None),
        ("refused", "dial tcp: connection refused (500 Internal Server Error)", 500, None),
        ("failed", "error executing command in container: ttrpc: closed", 0, None),
        ("no answer", BLOCKED, 0, None),
    ],
)
def test_exec_is_denied_by_the_agent_alone(answer: Result, message: str, status: int, result: str | None) -> None:
    ended = denials.of_exec(Executed(result=answer, message=message, status=status))

    assert (ended.result if ended is not None else None) == result


def test_exec_that_works_says_what_that_means_and_what_to_do() -> None:
    text = denials.refusal(EXEC, DenialOutcome(result="let in", reason="`true` ran in its container"), "n")

    assert text.startswith("exec into a pod like the check's has to be denied, and was not: `true` ran")
    assert "does not hold to that policy: whoever may exec in this cluster" in text
    assert "peerPods.rebuildImage" in text
    assert "attestationCheck.negative false" in text


def test_exec_that_could_not_be_tried_is_called_no_denial_and_says_what_it_needs() -> None:
    text = denials.refusal(EXEC, DenialOutcome(result="untried", reason="forbidden (403 Forbidden)"), "n")

    assert "could not be tried, which is no denial: forbidden (403 Forbidden). Needed: " in text
    assert "oc -n n auth can-i create pods/exec" in text


def test_what_it_costs_and_what_to_do_is_said() -> None:
    assert "3 pods" in denials.costs("Standard_DC2as_v5")
    assert "VM of size Standard_DC2as_v5" in denials.costs("Standard_DC2as_v5")
    assert "attestationCheck.negative false" in denials.refusal(
        CHANGED, DenialOutcome(result="let in", reason="x"), "n"
    )
