"""What must be denied, tried with pods like the check's on the real cluster: which pods, and how each has ended.

Being denied is not enough: it counts for the expected reason, so that a pod which cannot start for another one is no
success. The agent of Kata says ``... is blocked by policy`` (``src/agent/src/policy.rs``), CDH what KBS has answered.
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coco_azure import names
from coco_azure.formats import initdata
from coco_azure.formats.kbs.log import KbsRequest

Object = Mapping[str, Any]
CHANGED, IMAGE = "changed initdata", "another image under the check's initdata"
TRIED = (CHANGED, IMAGE)
"""What is tried, for people."""
_PODS = {CHANGED: "denial-initdata", IMAGE: "denial-image"}
_REASONS = {
    CHANGED: re.compile(r"PolicyDeny|Attest ?[Ff]ailed|attestation policy|get resource failed", re.IGNORECASE),
    IMAGE: re.compile(r"CreateContainerRequest is blocked by policy"),
}
_OF_JOBS = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", names.JOB_UID)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one attempt has ended.

    Attributes:
        denied: whether it was denied for the expected reason.
        reason: what the cluster or KBS said.
    """

    denied: bool
    reason: str


def pods(job: Object, annotation: str, image: str) -> dict[str, Object]:
    """Return the pod of each attempt, by what it tries; they belong to the Job, and go with it.

    Args:
        job: the check's Job, as it is in the cluster.
        annotation: pod annotation that holds initdata.
        image: an image that every node has, and that the check's agent policy does not name.
    """
    metadata, template = job["metadata"], job["spec"]["template"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    made: dict[str, Object] = {}
    for tried in TRIED:
        own = template.get("metadata") or {}
        # The Job would take a pod with its labels for one of its own.
        labels = {key: value for key, value in (own.get("labels") or {}).items() if key not in _OF_JOBS}
        annotations, spec = dict(own.get("annotations") or {}), copy.deepcopy(dict(template["spec"]))
        if tried == CHANGED:
            annotations[annotation] = initdata.commented(annotations[annotation])
        else:
            spec["containers"][0]["image"] = image
        head = {"name": _PODS[tried], "labels": labels, "annotations": annotations, "ownerReferences": [owner]}
        made[tried] = {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}
    return made


def outcome(tried: str, pod: Object, events: Iterable[Object], log: Sequence[KbsRequest]) -> Outcome | None:
    """Return how an attempt has ended, or None while that is open.

    Args:
        tried: which one, of ``TRIED``.
        pod: its pod now.
        events: events about the pod.
        log: requests in KBS's log, the oldest first; those from before the pod do not count.
    """
    status: Mapping[str, Any] = ((pod.get("status") or {}).get("containerStatuses") or [{}])[0].get("state") or {}
    ended = status.get("terminated")
    if "running" in status or (ended is not None and ended.get("exitCode") == 0):
        return Outcome(denied=False, reason="its container has started")
    texts = [str((ended or status.get("waiting") or {}).get("message") or "")]
    texts += [str(event.get("message") or "") for event in events]
    if tried == CHANGED:
        since = datetime.fromisoformat(str(pod["metadata"]["creationTimestamp"]))
        texts += [f"KBS: {each.reason}" for each in log if not each.granted and each.time >= since]
    for text in texts:
        if _REASONS[tried].search(text) or (tried == CHANGED and text.startswith("KBS: ")):
            return Outcome(denied=True, reason=" ".join(text.split())[:200])
    return None


def costs(size: str) -> str:
    """Return what the attempts cost, before they are made."""
    return (
        f"attestationCheck.negative: whenever the check runs, {len(TRIED)} pods try what must be denied "
        f"({', '.join(TRIED)}); each has a VM of size {size} until it is denied, for some minutes"
    )


def name(tried: str) -> str:
    """Return the name of an attempt's pod."""
    return _PODS[tried]


def refusal(tried: str, reason: str, namespace: str) -> str:
    """Return the error of an attempt that was not denied as it must be."""
    return (
        f"{tried} has to be denied, and was not: {reason}. Look: oc -n {namespace} get events; oc -n "
        f"{names.TRUSTEE_NAMESPACE} logs -l app=kbs --tail -1. To deploy without trying: pulumi config set --path "
        "coco-azure:attestationCheck.negative false"
    )
