"""The pod VM image: whether the operator has one, is building one, or has failed to, whatever KataConfig says.

After a failed job KataConfig's condition says that all is done (``openshift_controller.go``, ImageCreationFailed with
no error), the Job is gone, and its pods stay: the operator deletes it without a propagation policy, which orphans the
pods of a ``batch/v1`` Job (``image_generator.go``, ``deleteJob``).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from coco_azure import names
from coco_azure.rollout.diagnosis import Object, holds, name_of

IMAGE_KEY = "AZURE_IMAGE_ID"
CONFIDENTIAL_KEY = "CONFIDENTIAL_COMPUTE_ENABLED"
_LOGS = f"oc -n {names.OSC_NAMESPACE} logs"

State = Literal["there", "building", "stuck", "none"]


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """What the cluster has of the image.

    Attributes:
        config: ConfigMap ``peer-pods-cm``, or None.
        builder: ConfigMap ``azure-podvm-image-cm``, or None.
        job: the creation job, or None.
        pods: pods of creation jobs, those of earlier jobs too.
    """

    config: Object | None = None
    builder: Object | None = None
    job: Object | None = None
    pods: Sequence[Object] = ()

    @property
    def id(self) -> str:
        """ARM id of the image, or empty text."""
        return str(((self.config or {}).get("data") or {}).get(IMAGE_KEY) or "")

    @property
    def state(self) -> State:
        """Return how it stands; ``stuck``: a job is over that the operator would wait for, forever."""
        if self.id:
            return "there"
        if self.job is None:
            return "none"
        return "stuck" if holds(self.job, "Complete") else "none" if holds(self.job, "Failed") else "building"

    @property
    def failed_pods(self) -> list[Object]:
        """Return the pods that have failed, the newest last."""
        failed = [pod for pod in self.pods if (pod.get("status") or {}).get("phase") == "Failed"]
        return sorted(failed, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    @property
    def failed_jobs(self) -> frozenset[str]:
        """Return the uids of the jobs that have failed: theirs whose pods have, but for one that is still at work."""
        jobs = {str((pod["metadata"].get("labels") or {}).get(names.JOB_UID, "")) for pod in self.failed_pods}
        at_work = {str(self.job["metadata"]["uid"])} if self.job is not None and self.state == "building" else set()
        return frozenset(jobs - at_work)


def has_failed(image: ImageStatus, known: Collection[str]) -> bool:
    """Return whether a job has failed that was not ``known`` (uids), and there is still no image.

    The operator begins another one at once, since it writes KataConfig's status; so a job at work says nothing.
    """
    return not image.id and bool(image.failed_jobs - set(known))


def failure(image: ImageStatus) -> str:
    """Return why there is no image, with the command that shows more."""
    pods, job = image.failed_pods, names.IMAGE_CREATION
    if image.state == "stuck":
        return (
            f"job {job} is over, and peer-pods-cm has no {IMAGE_KEY}: the operator waits for it without end. "
            f"`{_LOGS} job/{job}` shows what it did; `oc -n {names.OSC_NAMESPACE} delete job {job}` lets the operator "
            "start another"
        )
    if not pods:
        return (
            f"peer-pods-cm has no {IMAGE_KEY}, and no job of the operator's is building an image. `oc describe "
            f"kataconfig` and `oc get events -n {names.OSC_NAMESPACE}` show more"
        )
    name = name_of(pods[-1])
    return (
        f"job {job} has failed, although KataConfig claims to be done: pod {name} ended with {_ended(pods[-1])}. "
        f"`{_LOGS} {name}` shows its log. The operator tries again by itself, and `pulumi up` waits for that"
    )


def wrong_image(image: ImageStatus, *, confidential: bool, own: str | None, one_image: bool = False) -> str | None:
    """Return what is wrong with an image that is there, or None.

    The operator sets the flag before it builds, and leaves an image alone that is there already
    (``confidential_handler.go``); for an image of the user's it says nothing. ``one_image``: one
    that was built under the gate is for both.
    """
    setting = str(((image.builder or {}).get("data") or {}).get(CONFIDENTIAL_KEY) or "")
    wanted = "yes" if confidential else "no"
    both = one_image and setting == "yes"
    if own is not None or not image.id or both or setting in ("", wanted):
        return None
    return (
        f"the pod VM image was built with {CONFIDENTIAL_KEY}={setting}, and coco-azure:peerPods.confidential="
        f"{str(confidential).lower()} needs {wanted}: the operator keeps an image that is there. A new one, while all "
        "nodes stay as they are: pulumi config set --path 'coco-azure:peerPods.rebuildImage' TEXT, and `pulumi up`"
    )


def _ended(pod: Object) -> str:
    status = pod.get("status") or {}
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        ended = (each.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            words = [f"exit code {ended['exitCode']} in container {each.get('name')}", ended.get("message")]
            return ": ".join(" ".join(str(word).split()) for word in words if word)
    return str(status.get("message") or status.get("reason") or "phase Failed")
