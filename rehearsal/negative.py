"""Negative checks: what must be denied, is tried on the live rehearsal cluster, next to what must be released.

Every check is a pod like that of the attestation check, with one thing changed. Being denied is not enough: it counts
when the reason is the expected one, so that a pod that cannot start for another reason does not look like a success.
"""

import copy
import http
import re
import shlex
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from coco_azure.trust import proof_report
from rehearsal import other_secrets
from rehearsal.api import MERGE_PATCH, Object
from rehearsal.attempt import BY_KBS, Check, Outcome
from rehearsal.kubelet import evidence, hostile, osc_release, workloads
from rehearsal.operators import faults
from rehearsal.operators.osc_peer_pods import DAEMON_SET_NAME
from rehearsal.operators.osc_peer_pods import NAMESPACE as OSC
from rehearsal.rest import ApiError, ApiServer
from rehearsal.tampering import tampered

UNSIGNED_IMAGE = "quay.io/rehearsal/unsigned:1.0"
"""An image that nobody signed."""
WORKLOAD = Path(__file__).with_name("workload.yaml")
"""Manifest of the workload that the rehearsal's stack makes an agent policy from."""
FAR_FUTURE = "9000-01-01T00:00:00Z"

_NAMESPACE, _JOB = "coco-attestation-check", "attestation-check"
_LOOK = 0.2
_TIMEOUT = 120.0
"""Seconds that each round of checks may take."""
# A pod VM that gets no image policy from KBS pulls no image either, and that is another reason.
_BY_IMAGE_POLICY = re.compile(
    r"failed to pull image (?!.*(?:PolicyDeny|Attest|https?://))|CreateContainerRequest is blocked by policy"
)
_BY_AGENT = re.compile(r"ExecProcessRequest is blocked by policy")
_OF_JOBS = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")


class NegativeChecksError(RuntimeError):
    """The checks cannot be made; the message says what is missing."""


def run(server: ApiServer, workload: Mapping[str, str] | None) -> list[Outcome]:
    """Make all checks, remove what they made, and return how they ended.

    Args:
        server: API server of the rehearsal.
        workload: pod annotations with the initdata of the rehearsal's workload (output ``workloadInitdata``), or None
            where the stack has none of it.

    Raises:
        NegativeChecksError: there is no such Job, no CAA, or no initdata to tamper with.
        OSError, ApiError: the API server does not answer, or refuses.
    """
    model = _model(server)
    checks = [*_checks(server, model), *(_of_workload(workload) if workload else ())]
    outcomes = _round(server, model, checks)
    expired = Check(name="expired reference value", pod="check-expired", change=_unchanged, reason=BY_KBS)
    with _fault(server, faults.KBS_CLOCK, FAR_FUTURE):
        return outcomes + _round(server, model, [expired])


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes for people, a line each; a long reason goes on under itself."""
    width = max((len(each.name) for each in outcomes), default=0)
    lines = []
    for each in outcomes:
        verdict = "ok   " if each.as_expected else "WRONG"
        actual = each.result if each.as_expected else f"{each.result}, expected {each.expected}"
        begin = f"  {verdict}  {each.name:<{width}}  "
        indent = " " * len(begin)
        lines += textwrap.wrap(
            f"{actual}: {each.reason}", proof_report.WIDTH, initial_indent=begin, subsequent_indent=indent
        )
    return "\n".join(lines)


def _checks(server: ApiServer, model: Object) -> list[Check]:
    release = _release(server)
    annotation = release.annotation
    global_one = server.get(f"/api/v1/namespaces/{OSC}/configmaps/peer-pods-cm") or {}
    of_other_pods = global_one.get("data", {}).get("INITDATA")
    encoded = model["metadata"]["annotations"].get(annotation) or of_other_pods
    if not encoded:
        raise NegativeChecksError("neither the check's pod nor peer-pods-cm has initdata that could be tampered with")
    other = tampered(encoded, compressed=release.compressed)

    def tamper(pod: Object) -> None:
        pod["metadata"]["annotations"][annotation] = other

    def unsigned(pod: Object) -> None:
        # The agent policy of the check's own initdata would deny it before the image policy is asked.
        pod["metadata"]["annotations"][annotation] = of_other_pods or encoded
        pod["spec"]["containers"][0]["image"] = UNSIGNED_IMAGE

    def lie(pod: Object) -> None:
        pod["metadata"]["annotations"][evidence.ANNOTATION] = "sample"

    def look_in(pod: Object) -> None:
        pod["metadata"]["annotations"][workloads.EXEC] = "cat /proc/1/environ"

    return [
        Check(name="the same pod, untouched", pod="check-control", change=_unchanged, reason=None),
        Check(name="tampered initdata", pod="check-tampered", change=tamper, reason=BY_KBS),
        Check(name="unsigned image", pod="check-unsigned", change=unsigned, reason=_BY_IMAGE_POLICY),
        Check(name="exec into the pod", pod="check-exec", change=look_in, reason=_BY_AGENT, by_exec=True),
        Check(name="sample attester", pod="check-sample", change=lie, reason=BY_KBS),
        *(_hostile(key) for key in hostile.ATTACKS if key != hostile.COMMAND),
        *other_secrets.attempts(server, model, annotation, of_other_pods),
    ]


def _of_workload(annotations: Mapping[str, str]) -> list[Check]:
    """Return what is tried on the workload whose manifest its agent policy is made from."""
    manifest = yaml.safe_load(WORKLOAD.read_text())
    probe = manifest["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]

    def be_it(pod: Object, command: Sequence[str]) -> None:
        pod["spec"] = copy.deepcopy(manifest["spec"])
        pod["metadata"]["annotations"] = {**annotations, workloads.EXEC: shlex.join(command)}

    def run_otherwise(pod: Object) -> None:
        be_it(pod, probe)
        pod["metadata"]["annotations"][hostile.ANNOTATION] = hostile.COMMAND

    attack = hostile.ATTACKS[hostile.COMMAND]
    return [
        Check(
            name="a workload's own probe", pod="cart", change=lambda pod: be_it(pod, probe), reason=None, by_exec=True
        ),
        Check(
            name="exec into that workload",
            pod="cart-exec",
            change=lambda pod: be_it(pod, ["cat", "/etc/shadow"]),
            reason=_BY_AGENT,
            by_exec=True,
        ),
        Check(
            name=f"{attack.title} in that workload",
            pod="cart-command",
            change=run_otherwise,
            reason=_denied(attack.denied),
        ),
    ]


def _hostile(key: str) -> Check:
    def change(pod: Object) -> None:
        pod["metadata"]["annotations"][hostile.ANNOTATION] = key

    attack = hostile.ATTACKS[key]
    return Check(name=attack.title, pod=f"check-{key}", change=change, reason=_denied(attack.denied))


def _denied(request: str) -> re.Pattern[str]:
    return re.compile(f"{request} is blocked by policy")


def _unchanged(_: Object) -> None:
    """Leave the pod as it is."""


def _model(server: ApiServer) -> Object:
    """Return the pod of the attestation check's Job, which every check is a change of."""
    job_object = server.get(f"/apis/batch/v1/namespaces/{_NAMESPACE}/jobs/{_JOB}")
    if job_object is None:
        raise NegativeChecksError(f"there is no Job {_NAMESPACE}/{_JOB}: attestationCheck.enabled has to be true")
    template = copy.deepcopy(job_object["spec"]["template"])
    metadata = template.setdefault("metadata", {})
    # The Job would take a pod with its labels for one of its own.
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name not in _OF_JOBS}
    annotations = dict(metadata.get("annotations") or {})
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": template["spec"]}


def _release(server: ApiServer) -> osc_release.Release:
    daemon_set = server.get(f"/apis/apps/v1/namespaces/{OSC}/daemonsets/{DAEMON_SET_NAME}")
    if daemon_set is None:
        raise NegativeChecksError(f"there is no DaemonSet {OSC}/{DAEMON_SET_NAME}: no pod VM can start")
    return osc_release.of(daemon_set["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2])


def _round(server: ApiServer, model: Object, checks: Sequence[Check]) -> list[Outcome]:
    """Make these checks side by side."""
    pods = f"/api/v1/namespaces/{_NAMESPACE}/pods"
    until = time.monotonic() + _TIMEOUT
    try:
        for check in checks:
            _gone(server, f"{pods}/{check.pod}", until)
            pod = copy.deepcopy(model)
            pod["metadata"]["name"] = check.pod
            check.change(pod)
            server.request("POST", pods, {"apiVersion": "v1", "kind": "Pod", **pod})
        return [_wait(server, check, until) for check in checks]
    finally:
        for check in checks:
            _gone(server, f"{pods}/{check.pod}", time.monotonic() + _TIMEOUT)


def _wait(server: ApiServer, check: Check, until: float) -> Outcome:
    while True:
        pod = server.get(f"/api/v1/namespaces/{_NAMESPACE}/pods/{check.pod}")
        if pod is not None:
            fields = f"involvedObject.uid%3D{pod['metadata']['uid']}"
            events = server.request("GET", f"/api/v1/namespaces/{_NAMESPACE}/events?fieldSelector={fields}")["items"]
            if (outcome := check.judge(pod, events)) is not None:
                return outcome
        if time.monotonic() > until:
            return check.nothing(pod)
        time.sleep(_LOOK)


def _gone(server: ApiServer, path: str, until: float) -> None:
    """Delete what is at ``path`` and wait until it is gone: a pod of kata would block the deletion of KataConfig."""
    while server.get(path) is not None and time.monotonic() < until:
        try:
            server.request("DELETE", path)
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise
        time.sleep(_LOOK)


@contextmanager
def _fault(server: ApiServer, name: str, value: str) -> Iterator[None]:
    """Have something go wrong for a while."""
    folder = f"/api/v1/namespaces/{faults.NAMESPACE}/configmaps"
    path = f"{folder}/{faults.NAME}"
    before = server.get(path)
    if before is None:
        server.request("POST", folder, {"metadata": {"name": faults.NAME}})
    try:
        server.request("PATCH", path, {"data": {name: value}}, MERGE_PATCH)
        yield
    finally:
        earlier = (before or {}).get("data", {}).get(name)
        server.request("PATCH", path, {"data": {name: earlier}}, MERGE_PATCH)
