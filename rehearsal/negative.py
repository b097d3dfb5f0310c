"""Negative checks: what must be denied, is tried on the live rehearsal cluster, next to what must be released.

Every check is a pod like that of the attestation check, with one thing changed. Being denied is not enough: it counts
when the reason is the expected one, so that a pod that cannot start for another reason does not look like a success.
"""

import base64
import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats import initdata
from coco_azure.formats.attestation_check import expected_digest
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.settings.client_secrets import CHECK_SECRET
from coco_azure.settings.cluster import ClusterSettings
from rehearsal.api import Object
from rehearsal.attempt import BY_KBS, Check, Outcome, side_by_side
from rehearsal.kinds import CONFIG_MAP, DAEMON_SET, JOB, POD, SECRET
from rehearsal.kubelet import evidence, hostile, osc_release
from rehearsal.operators import faults
from rehearsal.operators.osc_peer_pods import DAEMON_SET_NAME
from rehearsal.operators.osc_peer_pods import NAMESPACE as OSC

UNSIGNED_IMAGE = "quay.io/rehearsal/unsigned:1.0"
"""An image that nobody signed."""
WORKLOAD = Path(__file__).with_name("workload.yaml")
"""Manifest of the workload that the rehearsal's stack makes an agent policy from."""
FAR_FUTURE = "9000-01-01T00:00:00Z"

_NAMESPACE, _JOB = "coco-attestation-check", "attestation-check"
_PODS = POD.path(_NAMESPACE)
# A pod VM that gets no image policy from KBS pulls no image either, and that is another reason.
_BY_IMAGE_POLICY = re.compile(
    r"failed to pull image (?!.*(?:PolicyDeny|Attest|https?://))|CreateContainerRequest is blocked by policy"
)
_BY_AGENT = re.compile(r"ExecProcessRequest is blocked by policy")
_BY_RESOURCE_POLICY = re.compile(r"PolicyDeny")
"""Evidence is good, and the secret is another document's."""
_OF_JOBS = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")
_OTHER = ResourceUri("kbsres1", "key1")
"""What the rehearsal's stack binds to the initdata of pods that bring none of their own."""


class NegativeChecksError(RuntimeError):
    """The checks cannot be made; the message says what is missing."""


def run(kubeconfig: Path, workload: Mapping[str, str] | None) -> list[Outcome]:
    """Make all checks, remove what they made, and return how they ended.

    Args:
        kubeconfig: of the rehearsal.
        workload: pod annotations with the initdata of the rehearsal's workload (output ``workloadInitdata``), or None
            where the stack has none of it.

    Raises:
        NegativeChecksError: there is no such Job, no CAA, or no initdata to tamper with.
        RefusedError, HTTPError: the API server refuses, or does not answer (``ClusterClient``).
    """
    client = ClusterClient(ClusterSettings(kubeconfig=str(kubeconfig)))
    pod = model(client)
    checks = [*_checks(client, pod), *(_of_workload(workload) if workload else ())]
    outcomes = side_by_side(client, _PODS, pod, checks)
    expired = Check(name="expired reference value", pod="check-expired", change=_unchanged, reason=BY_KBS)
    with _fault(client, faults.KBS_CLOCK, FAR_FUTURE):
        return outcomes + side_by_side(client, _PODS, pod, [expired])


def model(client: ClusterClient) -> Object:
    """Return the pod of the attestation check's Job, which every check is a change of."""
    job_object = client.get(JOB.path(_NAMESPACE, _JOB))
    if job_object is None:
        raise NegativeChecksError(f"there is no Job {_NAMESPACE}/{_JOB}: attestationCheck.enabled has to be true")
    template = copy.deepcopy(job_object["spec"]["template"])
    metadata = template.setdefault("metadata", {})
    # The Job would take a pod with its labels for one of its own.
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name not in _OF_JOBS}
    annotations = dict(metadata.get("annotations") or {})
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": template["spec"]}


def _checks(client: ClusterClient, model: Object) -> list[Check]:
    annotation = _annotation(client)
    global_one = client.get(CONFIG_MAP.path(OSC, "peer-pods-cm")) or {}
    of_other_pods = global_one.get("data", {}).get("INITDATA")
    encoded = model["metadata"]["annotations"].get(annotation) or of_other_pods
    if not encoded:
        raise NegativeChecksError("neither the check's pod nor peer-pods-cm has initdata that could be tampered with")

    def tamper(pod: Object) -> None:
        pod["metadata"]["annotations"][annotation] = initdata.commented(encoded)

    def unsigned(pod: Object) -> None:
        # The agent policy of the check's own initdata would deny it before the image policy is asked.
        pod["metadata"]["annotations"][annotation] = of_other_pods or encoded
        pod["spec"]["containers"][0]["image"] = UNSIGNED_IMAGE

    def lie(pod: Object) -> None:
        pod["metadata"]["annotations"][evidence.ANNOTATION] = "sample"

    def sleep(pod: Object) -> None:
        pod["spec"]["containers"][0]["command"] = ["sleep", "600"]

    look_in = ("cat", "/proc/1/environ")
    return [
        Check(name="the same pod, untouched", pod="check-control", change=_unchanged, reason=None),
        Check(name="tampered initdata", pod="check-tampered", change=tamper, reason=BY_KBS),
        Check(name="unsigned image", pod="check-unsigned", change=unsigned, reason=_BY_IMAGE_POLICY),
        Check(name="exec into the pod", pod="check-exec", change=sleep, reason=_BY_AGENT, command=look_in),
        Check(name="sample attester", pod="check-sample", change=lie, reason=BY_KBS),
        *(_hostile(key) for key in hostile.ATTACKS if key != hostile.COMMAND),
        *_other_secrets(client, model, annotation, of_other_pods),
    ]


def _of_workload(annotations: Mapping[str, str]) -> list[Check]:
    """Return what is tried on the workload whose manifest its agent policy is made from."""
    manifest = yaml.safe_load(WORKLOAD.read_text())
    probe = manifest["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
    steal = ["cat", "/etc/shadow"]

    def be_it(pod: Object) -> None:
        pod["spec"] = copy.deepcopy(manifest["spec"])
        pod["metadata"]["annotations"] = dict(annotations)

    def run_otherwise(pod: Object) -> None:
        be_it(pod)
        pod["metadata"]["annotations"][hostile.ANNOTATION] = hostile.COMMAND

    attack = hostile.ATTACKS[hostile.COMMAND]
    other = f"{attack.title} in that workload"
    return [
        Check(name="a workload's own probe", pod="cart", change=be_it, reason=None, command=probe),
        Check(name="exec into that workload", pod="cart-exec", change=be_it, reason=_BY_AGENT, command=steal),
        Check(name=other, pod="cart-command", change=run_otherwise, reason=_denied(attack.denied)),
    ]


def _hostile(key: str) -> Check:
    def change(pod: Object) -> None:
        pod["metadata"]["annotations"][hostile.ANNOTATION] = key

    attack = hostile.ATTACKS[key]
    return Check(name=attack.title, pod=f"check-{key}", change=change, reason=_denied(attack.denied))


def _other_secrets(client: ClusterClient, model: Object, annotation: str, of_other_pods: str | None) -> list[Check]:
    """Return attempts of one document's pods to get another document's secret, beside a pod that gets its own.

    There are none where secrets are not bound to documents, as in development.

    Args:
        client: the rehearsal's cluster.
        model: the check's pod.
        annotation: pod annotation that holds initdata.
        of_other_pods: initdata of pods that bring none of their own, encoded; None where there is none.
    """
    secret = client.get(SECRET.path("trustee-operator-system", _OTHER.secret))
    variables = {each["name"]: each.get("value", "") for each in model["spec"]["containers"][0].get("env", [])}
    if variables.get("RESOURCE") != CHECK_SECRET.path or of_other_pods is None or secret is None:
        return []
    expected = expected_digest(str(variables.get("SALT", "")), base64.b64decode(secret["data"][_OTHER.key]))

    def reach(pod: Object) -> None:
        others = {"RESOURCE": _OTHER.path, "EXPECTED_SHA256": expected}
        for each in pod["spec"]["containers"][0]["env"]:
            each["value"] = others.get(each["name"], each.get("value"))

    def be_other(pod: Object) -> None:
        pod["metadata"]["annotations"][annotation] = of_other_pods

    def be_other_and_reach(pod: Object) -> None:
        be_other(pod)
        reach(pod)

    denied = _BY_RESOURCE_POLICY
    return [
        Check(name="another pod, its own secret", pod="check-own", change=be_other_and_reach, reason=None),
        Check(name="the check's pod, that secret", pod="check-reach", change=reach, reason=denied),
        Check(name="another pod, the check's secret", pod="check-other", change=be_other, reason=denied),
    ]


def _denied(request: str) -> re.Pattern[str]:
    return re.compile(f"{request} is blocked by policy")


def _unchanged(_: Object) -> None:
    """Leave the pod as it is."""


def _annotation(client: ClusterClient) -> str:
    """Return the pod annotation that holds initdata in this version of OSC."""
    daemon_set = client.get(DAEMON_SET.path(OSC, DAEMON_SET_NAME))
    if daemon_set is None:
        raise NegativeChecksError(f"there is no DaemonSet {OSC}/{DAEMON_SET_NAME}: no pod VM can start")
    image = str(daemon_set["spec"]["template"]["spec"]["containers"][0]["image"])
    return osc_release.of(image.rpartition(":")[2]).annotation


@contextmanager
def _fault(client: ClusterClient, name: str, value: str) -> Iterator[None]:
    """Have something go wrong for a while."""
    path = CONFIG_MAP.path(faults.NAMESPACE, faults.NAME)
    before = client.get(path)
    if before is None:
        client.create(CONFIG_MAP.path(faults.NAMESPACE), {"metadata": {"name": faults.NAME}})
    try:
        client.patch(path, {"data": {name: value}})
        yield
    finally:
        client.patch(path, {"data": {name: (before or {}).get("data", {}).get(name)}})
