"""Denials are tried once the check has succeeded, and what was tried is in the proof."""

from typing import Any
from unittest import mock

import pytest

from coco_azure.clients.pod_exec import Executed
from coco_azure.formats import one_line
from coco_azure.settings.attestation_check import AttestationCheckSettings
from coco_azure.trust import denials
from components import attestation_denials
from tests.unit.components.test_workloads import _config, _recorder
from tests.unit.recording import run_program
from tests.unit.trust.test_denials import BLOCKED, JOB
from tests.unit.workload_terms import ANNOTATION

NEGATIVE = {"attestationCheck": {"negative": True}}
RECORD = "ConfigMap coco-attestation-check/attestation-denials"


def test_they_come_after_the_check_and_again_with_it() -> None:
    run = run_program({**_config(), **NEGATIVE}, _recorder())

    request = run.registrations["denials-record"].request
    assert "check-job" in run.dependencies("denials-record")
    assert [urn.rpartition("::")[2] for urn in request.replace_with] == ["check-job"]
    data = run.objects()[RECORD]["data"]
    job = run.objects()["Job coco-attestation-check/attestation-check"]
    assert data["proves"] == job["spec"]["template"]["metadata"]["annotations"]["coco-azure/proves"]
    assert data["annotation"] in job["spec"]["template"]["metadata"]["annotations"]
    proof = one_line.read(run.exports["proof"])
    assert [each["name"] for each in proof["checks"]] == [f"{each} is denied" for each in denials.TRIED]


def test_without_the_setting_nothing_is_tried_and_nothing_claimed() -> None:
    run = run_program(_config(), _recorder())

    assert RECORD not in run.objects()
    assert one_line.read(run.exports["proof"])["checks"] == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (NEGATIVE, "development denies next to nothing"),
        ({**_config(), "attestationCheck": {"negative": True, "enabled": False}}, "there is no check"),
    ],
    ids=["development", "no check"],
)
def test_where_nothing_would_be_denied_the_setting_is_an_error(config: dict[str, Any], words: str) -> None:
    with pytest.raises(Exception, match=words):
        run_program(config, _recorder())


class _Cluster:
    """A cluster whose pods end in this state at once."""

    def __init__(self, **states: Any) -> None:
        self.states, self.pods, self.deleted = states, dict[str, Any](), list[str]()
        self.answers = [Executed(result="failed", message=BLOCKED)]
        self.ran = list[tuple[str, str]]()

    def get(self, path: str) -> Any:
        if path.endswith("/osc-caa-ds"):
            return {"spec": {"template": {"spec": {"containers": [{"image": "registry.example.com/caa:1"}]}}}}
        return JOB if path.endswith("/jobs/attestation-check") else None

    def create(self, path: str, content: Any) -> None:
        assert path == "/api/v1/namespaces/coco-attestation-check/pods"
        self.pods[content["metadata"]["name"]] = content

    def delete(self, path: str) -> None:
        self.deleted.append(path.rpartition("/")[2])

    def exec(self, path: str, container: str, command: Any) -> Executed:
        assert command == ("true",)
        self.ran.append((path.rpartition("/")[2], container))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def items(self, _: str, **__: object) -> list[Any]:
        return []

    def changes(self, _: str, name: str, __: int) -> Any:
        metadata = {**self.pods[name]["metadata"], "uid": name, "creationTimestamp": "2026-12-01T02:00:00Z"}
        state = {"state": self.states[name.removeprefix("denial-")]}
        yield "ADDED", {**self.pods[name], "metadata": metadata, "status": {"containerStatuses": [state]}}


def _attempts(cluster: _Cluster, timeout: str = "20m") -> Any:
    arguments = mock.Mock(settings=AttestationCheckSettings(timeout=timeout), client=cluster, kbs=None)
    return attestation_denials._Attempts(arguments)._make(ANNOTATION)


DENIED = {
    "initdata": {"waiting": {"message": "get resource failed: PolicyDeny"}},
    "image": {"waiting": {"message": "CreateContainerRequest is blocked by policy"}},
    "exec": {"running": {}},
}
NAMES = {"denial-initdata", "denial-image", "denial-exec"}


def test_what_is_denied_lets_the_run_go_on_and_leaves_no_pod() -> None:
    cluster = _Cluster(**DENIED)

    _attempts(cluster)

    assert set(cluster.pods) == NAMES
    assert cluster.ran == [("denial-exec", "c")]
    # Once for what a run before has left, once for its own.
    assert sorted(cluster.deleted) == sorted([*NAMES, *NAMES])


@pytest.mark.parametrize("let_in", ["initdata", "image"])
def test_what_is_let_in_fails_the_run_and_leaves_no_pod(let_in: str) -> None:
    cluster = _Cluster(**{**DENIED, let_in: {"running": {}}})

    with pytest.raises(RuntimeError, match="has to be denied, and was not: its container has started"):
        _attempts(cluster)
    assert set(cluster.deleted) >= NAMES


def test_exec_that_works_fails_the_run_and_leaves_no_pod() -> None:
    cluster = _Cluster(**DENIED)
    cluster.answers = [Executed(result="ran", message="")]

    with pytest.raises(
        RuntimeError, match="exec into a pod like the check's has to be denied, and was not: `true` ran"
    ):
        _attempts(cluster)
    assert set(cluster.deleted) >= NAMES


def test_exec_is_tried_again_until_the_agent_has_answered() -> None:
    cluster = _Cluster(**DENIED)
    lost = Executed(result="no answer", message="the connection ended without an outcome")
    cluster.answers = [lost, lost, *cluster.answers]

    _attempts(cluster)

    assert len(cluster.ran) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Executed(result="refused", message="forbidden (403 Forbidden)", status=403), "forbidden (403 Forbidden)"),
        (Executed(result="no answer", message="timed out"), "no outcome in 1s: timed out"),
    ],
    ids=["not allowed", "no answer"],
)
def test_exec_that_nobody_answers_is_no_denial(answer: Executed, words: str) -> None:
    cluster = _Cluster(**DENIED)
    cluster.answers = [answer]

    with pytest.raises(RuntimeError, match="could not be tried, which is no denial: ") as failed:
        _attempts(cluster, "1s")
    assert f"no denial: {words}. Needed: " in str(failed.value)
    assert set(cluster.deleted) >= NAMES


def test_a_container_that_has_ended_is_not_tried() -> None:
    cluster = _Cluster(**{**DENIED, "exec": {"terminated": {"exitCode": 137, "reason": "Error"}}})

    with pytest.raises(RuntimeError, match="no denial: its container has ended before: Error"):
        _attempts(cluster)
    assert cluster.ran == []
