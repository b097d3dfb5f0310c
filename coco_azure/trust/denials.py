"""What must be denied, tried with pods like the check's on the real cluster: which pods, and how each has ended.

Being denied is not enough: it counts for the expected reason, so that a pod which cannot start for another one is no
success. The agent of Kata says ``... is blocked by policy`` (``src/agent/src/policy.rs``), CDH what KBS has answered.
Exec is tried in a pod that runs; CRI-O hands the agent's words on as those of a command that could not be started
(``internal/oci/runtime_vm.go``, ExecContainer), so that nothing else in its way is taken for a denial.
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from coco_azure import names
from coco_azure.clients.pod_exec import Executed
from coco_azure.formats import initdata
from coco_azure.formats.kbs.log import KbsRequest

Object = Mapping[str, Any]
CHANGED, IMAGE = "changed initdata", "another image under the check's initdata"
EXEC = "exec into a pod like the check's"
TRIED = (CHANGED, IMAGE, EXEC)
"""What is tried, for people."""
COMMAND = ("true",)
"""What exec runs where it is let in: nothing that could be seen or kept."""
_PODS = {CHANGED: "denial-initdata", IMAGE: "denial-image", EXEC: "denial-exec"}
_REASONS = {
    CHANGED: re.compile(r"PolicyDeny|Attest ?[Ff]ailed|attestation policy|get resource failed", re.IGNORECASE),
    IMAGE: re.compile(r"CreateContainerRequest is blocked by policy"),
    EXEC: re.compile(r"ExecProcessRequest is blocked by policy"),
}
_NOT_NOW = (404, 408, 429)
"""Refusals by HTTP status that another attempt may not meet."""
_OF_JOBS = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", names.JOB_UID)


@dataclass(frozen=True, kw_only=True)
class DenialOutcome:
    """How one attempt has ended.

    Attributes:
        result: ``denied`` for the expected reason; ``let in``; ``untried``: something else was in its way, which is no
            denial.
        reason: what the cluster or KBS said.
    """

    result: Literal["denied", "let in", "untried"]
    reason: str


def pods(job: Object, annotation: str, image: str, seconds: int) -> dict[str, Object]:
    """Return the pod of each attempt, by what it tries; they belong to the Job, and go with it.

    Args:
        job: the check's Job, as it is in the cluster.
        annotation: pod annotation that holds initdata.
        image: an image that every node has, and that the check's agent policy does not name.
        seconds: how long a pod, and its VM, may stay where nobody deletes it.
    """
    metadata, template = job["metadata"], job["spec"]["template"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    made: dict[str, Object] = {}
    for tried in TRIED:
        own = template.get("metadata") or {}
        # The Job would take a pod with its labels for one of its own.
        labels = {key: value for key, value in (own.get("labels") or {}).items() if key not in _OF_JOBS}
        annotations, spec = dict(own.get("annotations") or {}), copy.deepcopy(dict(template["spec"]))
        spec["activeDeadlineSeconds"] = seconds
        if tried == CHANGED:
            annotations[annotation] = initdata.commented(annotations[annotation])
        elif tried == IMAGE:
            spec["containers"][0]["image"] = image
        else:
            spec["containers"][0]["command"] = ["sleep", str(seconds)]
        head = {"name": _PODS[tried], "labels": labels, "annotations": annotations, "ownerReferences": [owner]}
        made[tried] = {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}
    return made


def runs(pod: Object) -> bool:
    """Return whether the pod's container runs, so that exec can be tried."""
    return "running" in _state(pod)


def outcome(tried: str, pod: Object, events: Iterable[Object], log: Sequence[KbsRequest]) -> DenialOutcome | None:
    """Return how an attempt has ended, or None while that is open, as that of exec is until exec has an answer.

    Args:
        tried: which one, of ``TRIED``.
        log: requests in KBS's log, the oldest first; those from before the pod do not count.
    """
    state = _state(pod)
    ended = state.get("terminated")
    if tried == EXEC:
        if ended is None:
            return None
        why = f"{ended.get('reason') or ''} {ended.get('message') or ''}".strip()
        return DenialOutcome(result="untried", reason=f"its container has ended before: {why}")
    if "running" in state or (ended is not None and ended.get("exitCode") == 0):
        return DenialOutcome(result="let in", reason="its container has started")
    texts = [str((ended or state.get("waiting") or {}).get("message") or "")]
    texts += [str(event.get("message") or "") for event in events]
    if tried == CHANGED:
        since = datetime.fromisoformat(str(pod["metadata"]["creationTimestamp"]))
        texts += [f"KBS: {each.reason}" for each in log if not each.granted and each.time >= since]
    for text in texts:
        if _REASONS[tried].search(text) or (tried == CHANGED and text.startswith("KBS: ")):
            return DenialOutcome(result="denied", reason=" ".join(text.split())[:200])
    return None


def of_exec(executed: Executed) -> DenialOutcome | None:
    """Return how exec has ended, or None where another attempt may get the agent's answer."""
    if executed.result == "ran":
        return DenialOutcome(result="let in", reason=f"`{' '.join(COMMAND)}` ran in its container")
    if executed.result == "failed" and _REASONS[EXEC].search(executed.message):
        return DenialOutcome(result="denied", reason=executed.message[:200])
    if executed.result == "refused" and 400 <= executed.status < 500 and executed.status not in _NOT_NOW:  # noqa: PLR2004
        return DenialOutcome(result="untried", reason=executed.message)
    return None


def _state(pod: Object) -> Mapping[str, Any]:
    return ((pod.get("status") or {}).get("containerStatuses") or [{}])[0].get("state") or {}


def costs(size: str) -> str:
    """Return what the attempts cost, before they are made."""
    return (
        f"attestationCheck.negative: whenever the check runs, {len(TRIED)} pods try what must be denied "
        f"({', '.join(TRIED)}); each has a VM of size {size} until it is denied, for some minutes, and at most for "
        "attestationCheck.timeout"
    )


def name(tried: str) -> str:
    """Return the name of an attempt's pod."""
    return _PODS[tried]


def refusal(tried: str, ended: DenialOutcome, namespace: str) -> str:
    """Return the error of an attempt that was not denied as it must be: what it means, and what to do."""
    way = "To deploy without trying: pulumi config set --path coco-azure:attestationCheck.negative false"
    look = f"Look: oc -n {namespace} get events; oc -n {names.TRUSTEE_NAMESPACE} logs -l app=kbs --tail -1."
    if tried != EXEC:
        return f"{tried} has to be denied, and was not: {ended.reason}. {look} {way}"
    if ended.result == "let in":
        return (
            f"{tried} has to be denied, and was not: {ended.reason}. The agent policy of its initdata denies it, so "
            "the agent that answers does not hold to that policy: whoever may exec in this cluster, or administers a "
            "node, reads what pods have in memory and files, their secrets too. Needed: a pod VM image whose agent "
            "holds to policies, so none for debugging (OSC's own: pulumi config rm --path "
            "'coco-azure:peerPods.imageId'; a new one: pulumi config set --path coco-azure:peerPods.rebuildImage "
            f'"$(date)"); until then give no pod of this cluster a secret. {way}'
        )
    return (
        f"{tried} could not be tried, which is no denial: {ended.reason}. Needed: a way for WebSockets to the API "
        "server (a proxy on the way has to let them pass), and a user who may get and create pods/exec. Try it: oc -n "
        f"{namespace} auth can-i create pods/exec. {look} {way}"
    )
