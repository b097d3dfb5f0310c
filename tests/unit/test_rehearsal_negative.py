"""The negative checks tamper so that only the measurement changes, and count a denial only for its own reason."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal import negative
from rehearsal.kubelet import initdata
from rehearsal.negative import Check, Outcome
from rehearsal.tampering import tampered
from tests.unit.pod_vm import document, packed, plain

POLICY = "# who may look in: Nobody 1\npackage agent_policy\ndefault ExecProcessRequest := false\n"
KBS_SAYS_NO = (
    "curl: (22) The requested URL returned error: 500 rpc status: get resource failed: PolicyDeny: no\n"
    "no attested secret: the Confidential Data Hub did not hand out default/kbsres1/key1\n"
)
ENCODINGS = [(plain, False), (packed, True)]


def _one_byte_apart(one: bytes, other: bytes) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


@pytest.mark.parametrize(("encode", "compressed"), ENCODINGS)
@pytest.mark.parametrize("policy", [POLICY, "package agent_policy", None], ids=["comment", "no comment", "no policy"])
def test_tampered_initdata_differs_in_one_byte_and_still_works(
    encode: Any, policy: str | None, *, compressed: bool
) -> None:
    before = initdata.read(encode(document(policy=policy)), compressed=compressed)
    after = initdata.read(tampered(encode(document(policy=policy)), compressed=compressed), compressed=compressed)

    assert _one_byte_apart(before.text, after.text)
    assert after.digest != before.digest
    assert after.data["cdh.toml"] == before.data["cdh.toml"]
    assert after.algorithm == before.algorithm


def test_a_comment_of_the_agent_policy_is_changed_before_anything_else() -> None:
    after = initdata.read(tampered(plain(document(policy=POLICY)), compressed=False), compressed=False)

    assert after.data["policy.rego"] == POLICY.replace("Nobody 1", "NobodY 1")


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=80))
def test_any_policy_can_be_tampered_with(text: str) -> None:
    before = document(policy=f"package agent_policy\n# {text}\n")

    after = initdata.read(tampered(packed(before), compressed=True), compressed=True)
    assert _one_byte_apart(before.encode(), after.text)


def test_initdata_in_which_nothing_can_be_changed_is_an_error() -> None:
    with pytest.raises(ValueError, match="no byte of it can be changed"):
        tampered(plain('algorithm = "sha256"\n'), compressed=False)


def _pod(**state: Any) -> dict[str, Any]:
    return {"status": {"phase": "Pending", "containerStatuses": [{"state": state}]}}


def _ended(code: int, message: str) -> dict[str, Any]:
    return _pod(terminated={"exitCode": code, "message": message})


def _check(reason: str | None = "PolicyDeny", *, by_exec: bool = False) -> Check:
    pattern = None if reason is None else re.compile(reason)
    return Check(name="a check", pod="check", change=lambda _: None, reason=pattern, by_exec=by_exec)


def _found(check: Check, pod: dict[str, Any], *events: tuple[str, str]) -> str | None:
    said = [{"reason": reason, "message": message} for reason, message in events]
    outcome = check.judge(pod, said)
    return None if outcome is None else outcome.found


@pytest.mark.parametrize(
    ("reason", "pod", "found"),
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
def test_a_denial_counts_for_its_own_reason_only(reason: str | None, pod: dict[str, Any], found: str | None) -> None:
    assert _found(_check(reason), pod) == found


@pytest.mark.parametrize(
    ("pod", "events", "found"),
    [
        (_pod(running={}), [], None),
        (_pod(running={}), [("ExecDenied", '"ExecProcessRequest is blocked by policy": permission denied')], "denied"),
        (_pod(running={}), [("ExecDenied", "No closing quotation")], "failed otherwise"),
        (_ended(0, "attested"), [("ExecSucceeded", "somebody ran 'sh' in the pod")], "accepted"),
        (_ended(0, "attested"), [("PodVmStarted", "")], "failed otherwise"),
    ],
)
def test_exec_is_judged_by_what_happened_to_it(
    pod: dict[str, Any], events: list[tuple[str, str]], found: str | None
) -> None:
    assert _found(_check("ExecProcessRequest is blocked", by_exec=True), pod, *events) == found


def test_a_pod_vm_without_an_image_policy_is_no_proof_of_one() -> None:
    denies = negative._BY_IMAGE_POLICY

    assert denies.search("failed to pull image x: the image policy rejects it")
    assert denies.search('"CreateContainerRequest is blocked by policy": permission denied')
    assert not denies.search("failed to pull image x: RCAR handshake Attest failed: no")
    assert not denies.search("failed to pull image x: https://kbs.example.com: 503")


def test_a_check_without_an_outcome_says_what_it_waited_for() -> None:
    outcome = _check().nothing(_pod(waiting={"message": "SkuNotAvailable"}))

    assert (outcome.found, outcome.as_expected) == ("failed otherwise", False)
    assert "SkuNotAvailable" in outcome.reason
    assert "no pod" in _check().nothing(None).reason


def test_the_table_shows_what_is_wrong() -> None:
    outcome = _check().judge(_ended(1, KBS_SAYS_NO), [])
    assert outcome is not None
    wrong = Outcome(name="another check", expected="denied", found="accepted", reason="attested")

    assert negative.table([outcome, wrong]).splitlines() == [
        "  ok     a check        denied: PolicyDeny: no",
        "  WRONG  another check  accepted, expected denied: attested",
    ]
    assert negative.table([]) == ""


class _Cluster:
    """An API server with a CAA of OSC 1.12 and this initdata in ``peer-pods-cm``."""

    def __init__(self, encoded: str) -> None:
        self._encoded = encoded

    def get(self, path: str) -> dict[str, Any]:
        containers = [{"image": "registry.redhat.io/caa:1.12.0"}]
        if "daemonsets" in path:
            return {"spec": {"template": {"spec": {"containers": containers}}}}
        return {"data": {"INITDATA": self._encoded}}


@pytest.mark.parametrize(("rule", "known"), [("", False), ("workload_container if true\n", True)])
def test_another_command_is_tried_only_where_the_policy_knows_the_workload(rule: str, *, known: bool) -> None:
    cluster: Any = _Cluster(packed(document(policy=POLICY + rule)))
    checks = negative._checks(cluster, {"metadata": {"annotations": {}}})

    assert ("another command" in {check.name for check in checks}) == known
    tried = {
        check.pod: check for check in checks if check.pod in {"check-dots", "check-link", "check-hooks", "check-root"}
    }
    assert len(tried) == 4
    for key, check in tried.items():
        pod: dict[str, Any] = {"metadata": {"annotations": {}}}
        check.change(pod)
        assert pod["metadata"]["annotations"] == {"rehearsal/hostile-host": key.removeprefix("check-")}
        request = "CopyFileRequest" if key in {"check-dots", "check-link"} else "CreateContainerRequest"
        assert _found(check, _pod(waiting={"message": f'"{request} is blocked by policy"'})) == "denied"
        assert _found(check, _pod(waiting={"message": '"StartContainerRequest is blocked by policy"'})) is None
