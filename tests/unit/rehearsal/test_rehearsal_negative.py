"""The negative checks count a denial only for its own reason."""

import base64
import hashlib
import re
from typing import Any

import pytest
import yaml

from coco_azure.clients.engine_run import Run
from coco_azure.clients.pod_exec import Executed
from coco_azure.trust import proof
from rehearsal import negative, summary
from rehearsal.attempt import Check, Outcome, table
from tests.unit.pod_vm import document, packed
from tests.unit.recording import ROOT
from tests.unit.trust.test_proof import GOOD

KBS_SAYS_NO = (
    "curl: (22) The requested URL returned error: 500 rpc status: get resource failed: PolicyDeny: no\n"
    "no attested secret: the Confidential Data Hub did not hand out default/kbsres1/key1\n"
)
BLOCKED = '"ExecProcessRequest is blocked by policy": permission denied'


def _pod(**state: Any) -> dict[str, Any]:
    return {"status": {"phase": "Pending", "containerStatuses": [{"state": state}]}}


def _ended(code: int, message: str) -> dict[str, Any]:
    return _pod(terminated={"exitCode": code, "message": message})


def _check(reason: str | None = "PolicyDeny", command: tuple[str, ...] = ()) -> Check:
    pattern = None if reason is None else re.compile(reason)
    return Check(name="a check", pod="check", change=lambda _: None, reason=pattern, command=command)


def _reason(outcome: Outcome | None) -> str | None:
    return None if outcome is None else outcome.result


@pytest.mark.parametrize(
    ("reason", "pod", "text"),
    [
        ("PolicyDeny", _ended(1, KBS_SAYS_NO), "denied"),
        ("PolicyDeny", _ended(1, "curl: (7) no such host"), "failed otherwise"),
        ("PolicyDeny", _ended(0, "attested"), "accepted"),
        ("PolicyDeny", _pod(waiting={"message": "failed to pull image x: PolicyDeny: no"}), "denied"),
        ("PolicyDeny", _pod(waiting={"message": "CAA does not answer on this node"}), None),
        ("PolicyDeny", _pod(running={}), None),
        ("PolicyDeny", {}, None),
        (None, _ended(0, "attested"), "released"),
        (None, _ended(1, KBS_SAYS_NO), "denied"),
        (None, _ended(2, "KBS handed out another value"), "failed otherwise"),
        (None, _pod(waiting={"message": "PolicyDeny"}), None),
    ],
)
def test_a_denial_counts_for_its_own_reason_only(reason: str | None, pod: dict[str, Any], text: str | None) -> None:
    assert _reason(_check(reason).judge(pod)) == text


@pytest.mark.parametrize(
    ("reason", "executed", "text"),
    [
        ("ExecProcessRequest is", Executed(result="failed", message=BLOCKED), "denied"),
        ("ExecProcessRequest is", Executed(result="failed", message="no such file"), "failed otherwise"),
        ("ExecProcessRequest is", Executed(result="ran", message=""), "accepted"),
        ("ExecProcessRequest is", Executed(result="refused", message=BLOCKED, status=404), None),
        ("ExecProcessRequest is", Executed(result="no answer", message=BLOCKED), None),
        (None, Executed(result="ran", message=""), "released"),
        (None, Executed(result="failed", message=BLOCKED), "failed otherwise"),
    ],
)
def test_exec_is_judged_by_the_agents_answer(reason: str | None, executed: Executed, text: str | None) -> None:
    assert _reason(_check(reason, ("cat", "/ready")).judge_exec(executed)) == text


def test_exec_is_open_until_it_has_an_answer_but_not_after_its_pod_has_ended() -> None:
    check = _check("ExecProcessRequest is", ("true",))

    assert check.judge(_pod(waiting={"message": BLOCKED})) is None
    assert check.judge(_pod(running={})) is None
    assert _reason(check.judge(_ended(0, "attested"))) == "failed otherwise"


def test_a_pod_vm_without_an_image_policy_is_no_proof_of_one() -> None:
    denies = negative._BY_IMAGE_POLICY

    assert denies.search("failed to pull image x: the image policy rejects it")
    assert denies.search('"CreateContainerRequest is blocked by policy": permission denied')
    assert not denies.search("failed to pull image x: RCAR handshake Attest failed: no")
    assert not denies.search("failed to pull image x: https://kbs.example.com: 503")


def test_a_check_without_an_outcome_says_what_it_waited_for() -> None:
    outcome = _check().nothing(_pod(waiting={"message": "SkuNotAvailable"}))

    assert (outcome.result, outcome.as_expected) == ("failed otherwise", False)
    assert "SkuNotAvailable" in outcome.reason
    assert "no pod" in _check().nothing(None).reason


def test_the_table_shows_what_is_wrong() -> None:
    outcome = _check().judge(_ended(1, KBS_SAYS_NO))
    assert outcome is not None
    wrong = Outcome(name="another check", expected="denied", result="accepted", reason="attested")

    assert table([outcome, wrong]).splitlines() == [
        "  ok     a check        denied: PolicyDeny: no",
        "  WRONG  another check  accepted, expected denied: attested",
    ]
    assert table([]) == ""


def test_what_a_rehearsal_ends_with_fits_a_terminal_of_100_columns() -> None:
    denied = Outcome(name="a check", expected="denied", result="denied", reason=f"{'because ' * 30}of the policy")
    outputs = {"proof": proof.to_dict(GOOD), "attested": True, "workloads": {"cart": "x" * 20_000}}
    lines = summary.render(Run(), outputs, [denied], provider="4.34.2", seconds=81, report="report.html").splitlines()

    assert max(map(len, lines)) <= 100
    assert any(line.endswith("of the policy") for line in lines)
    (cut,) = [line for line in lines if line.startswith("  workloads ")]
    assert cut.endswith("xxx...")


class _Server:
    """An API server that has one Secret, or none."""

    def __init__(self, data: dict[str, str] | None) -> None:
        self._data = data

    def get(self, path: str) -> Any:
        assert path == "/api/v1/namespaces/trustee-operator-system/secrets/kbsres1"
        return None if self._data is None else {"data": self._data}


def _model(resource: str = "default/attestation-check/value") -> dict[str, Any]:
    values = {"RESOURCE": resource, "SALT": "salt:", "EXPECTED_SHA256": "of the check"}
    environment = [{"name": name, "value": value} for name, value in values.items()]
    return {"metadata": {"annotations": {"initdata": "check"}}, "spec": {"containers": [{"env": environment}]}}


def _attempts(server: Any, model: dict[str, Any], of_other_pods: str | None = "global") -> list[Check]:
    return negative._other_secrets(server, model, "initdata", of_other_pods)


def test_each_documents_pods_try_the_others_secret_and_one_gets_its_own() -> None:
    values = {}
    for attempt in _attempts(_Server({"key1": base64.b64encode(b"value").decode()}), _model()):
        pod = _model()
        attempt.change(pod)
        environment = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
        values[attempt.pod] = (
            pod["metadata"]["annotations"]["initdata"],
            environment["RESOURCE"],
            attempt.reason is not None,
        )
        own = environment["RESOURCE"] == "default/attestation-check/value"
        expected = "of the check" if own else hashlib.sha256(b"salt:value").hexdigest()
        assert environment["EXPECTED_SHA256"] == expected

    assert values == {
        "check-own": ("global", "default/kbsres1/key1", False),
        "check-reach": ("check", "default/kbsres1/key1", True),
        "check-other": ("global", "default/attestation-check/value", True),
    }


def test_nothing_of_the_kind_is_tried_where_secrets_are_not_bound() -> None:
    result = _Server({"key1": base64.b64encode(b"value").decode()})

    assert _attempts(result, _model("default/kbsres1/key1")) == []
    assert _attempts(result, _model(), None) == []
    assert _attempts(_Server(None), _model()) == []


def test_another_documents_secret_is_denied_by_the_resource_policy_alone() -> None:
    assert negative._BY_RESOURCE_POLICY.search("get resource failed: PolicyDeny: access denied by the resource policy")
    assert not negative._BY_RESOURCE_POLICY.search("RCAR handshake Attest failed: Reject by policy default")


def test_the_rehearsals_workload_is_tried_as_its_manifest_says_and_otherwise() -> None:
    (settings,) = [yaml.safe_load((ROOT / "Pulumi.rehearsal.yaml").read_text())["config"]["coco-azure:initdata"]]
    pods, commands = {}, {}
    for check in negative._of_workload({"initdata": "cart"}):
        pods[check.pod] = {"metadata": {"annotations": {"initdata": "check", "of": "check"}}, "spec": {}}
        check.change(pods[check.pod])
        commands[check.pod] = " ".join(check.command)

    assert ROOT / settings["workloads"]["cart"]["manifestFile"] == negative.WORKLOAD
    assert commands == {"cart": "cat /tmp/ready", "cart-exec": "cat /etc/shadow", "cart-command": ""}
    assert {pod: each["metadata"]["annotations"] for pod, each in pods.items()} == {
        **{pod: {"initdata": "cart"} for pod in ("cart", "cart-exec")},
        "cart-command": {"initdata": "cart", "rehearsal/hostile-host": "command"},
    }
    manifest = yaml.safe_load(negative.WORKLOAD.read_text())
    assert all(each["spec"] == manifest["spec"] for each in pods.values())


class _Cluster:
    """An API server with a CAA of OSC 1.12 and this initdata in ``peer-pods-cm``."""

    def __init__(self, encoded: str) -> None:
        self._encoded = encoded

    def get(self, path: str) -> dict[str, Any]:
        containers = [{"image": "registry.redhat.io/caa:1.12.0"}]
        if "daemonsets" in path:
            return {"spec": {"template": {"spec": {"containers": containers}}}}
        return {"data": {"INITDATA": self._encoded}}


def test_a_host_tries_what_a_policy_denies_without_knowing_the_workload() -> None:
    cluster: Any = _Cluster(packed(document()))
    checks = negative._checks(cluster, _model("default/kbsres1/key1"))

    assert not [check for check in checks if "another command" in check.name]
    tried = {
        check.pod: check for check in checks if check.pod in {"check-dots", "check-link", "check-hooks", "check-root"}
    }
    assert len(tried) == 4
    for key, check in tried.items():
        pod: dict[str, Any] = {"metadata": {"annotations": {}}}
        check.change(pod)
        assert pod["metadata"]["annotations"] == {"rehearsal/hostile-host": key.removeprefix("check-")}
        request = "CopyFileRequest" if key in {"check-dots", "check-link"} else "CreateContainerRequest"
        assert _reason(check.judge(_pod(waiting={"message": f'"{request} is blocked by policy"'}))) == "denied"
        assert check.judge(_pod(waiting={"message": '"StartContainerRequest is blocked by policy"'})) is None
