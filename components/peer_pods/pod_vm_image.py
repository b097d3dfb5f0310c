"""The pod VM image of the operator's, or the stack's own (``peerPods.imageId``), through the life of a KataConfig.

Nothing here is a resource: the image's id stands in ``peer-pods-cm``, which others write too, and what is waited for
there must not be an annotation on it: the next change of the stack's own keys would wait for an image that only a
KataConfig behind it can bring.
"""

import threading
import time
from collections.abc import Iterable

import pulumi
from kubernetes.client import ApiException
from pulumi import ResourceHook, ResourceHookBinding
from urllib3.exceptions import HTTPError

from components.cluster.client import ClusterClient
from components.cluster.watching import Line, first_line, in_thread
from components.peer_pods.kata_facts import KATA_CONFIGS
from diagnosis import NAMESPACE, RUNTIME_CLASS, condition, image, name_of
from diagnosis.caa import DAEMON_SET
from diagnosis.image import CREATION, DELETION, IMAGE_KEY, Image
from settings.base import seconds
from settings.peer_pods import PeerPodSettings

_CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_CONFIG = f"{_CONFIG_MAPS}/peer-pods-cm"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
_DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{DAEMON_SET}"
_CLASS = f"/apis/node.k8s.io/v1/runtimeclasses/{RUNTIME_CLASS}"
_REMOVING = ("Uninstalling", "BlockedByExistingKataPods")
_WINDOW = 5  # seconds of one watch
_PAUSE = 1.0  # seconds between two


class PodVmImage:
    """Looks at the image, waits for it, and keeps the stack's own out of the operator's hands."""

    def __init__(self, client: ClusterClient, settings: PeerPodSettings) -> None:
        self._client = client
        self._said = settings
        self._known: frozenset[str] | None = None

    def found(self) -> Image:
        """Return what is there now; raises what ``ClusterClient`` raises."""
        # The job first: it writes the id before it is complete.
        job = self._client.get(f"{_JOBS}/{CREATION}")
        seen = Image(
            job=job,
            pods=self._client.items(_PODS, labels=f"job-name={CREATION}"),
            config=self._client.get(_CONFIG),
            builder=self._client.get(f"{_CONFIG_MAPS}/azure-podvm-image-cm"),
        )
        if self._known is None:
            self._known = seen.failed_jobs
        return seen

    def failed(self, seen: Image) -> bool:
        """Return whether a job has failed since the first look of this run."""
        return image.has_failed(seen, self._known or ())

    def alarms(self) -> Iterable[Line]:
        """Yield what is wrong with the image now."""
        seen = self.found()
        if self.failed(seen) or seen.state == "stuck":
            yield "warn", image.failure(seen)

    def kata_config_hooks(self, name: str) -> ResourceHookBinding:
        """Return the hooks of KataConfig.

        The operator's deletion job removes the image that ``peer-pods-cm`` names from Azure, whoever made it
        (``podvm-builder.sh``, ``delete -f -g``), and empties the key. So the stack's own image is out of there before
        KataConfig is deleted, and in again before one is created; without one the operator would build its own.
        """
        before_create = ResourceHook(f"{name}-prepare", self._prepare)
        # Without an image of its own a stack needs no hook, and `pulumi destroy` no --run-program.
        before_delete = [ResourceHook(f"{name}-spare", self._spare)] if self._said.image_id else None
        return ResourceHookBinding(before_create=[before_create], before_delete=before_delete)

    async def _prepare(self, _: pulumi.ResourceHookArgs) -> None:
        await in_thread(self.prepare)

    async def _spare(self, _: pulumi.ResourceHookArgs) -> None:
        await in_thread(self.spare)

    def prepare(self) -> None:
        """Make way for a new KataConfig: the stack's own image is named, and no job of an earlier one is left.

        The operator takes a job that is over for its own: a complete one makes it wait without end, a failed one counts
        as a failure of the new image, and a deletion job blocks the next deletion (``image_generator.go``).
        """
        if self._client.items(KATA_CONFIGS):
            return  # the creation is about to be refused, and the jobs are of that one
        own = self._said.image_id
        config = self._client.get(_CONFIG)
        if own is not None and config is not None and (config.get("data") or {}).get(IMAGE_KEY) != own:
            self._client.patch(_CONFIG, {"data": {IMAGE_KEY: own}})
        for name in (CREATION, DELETION):
            if self._client.get(f"{_JOBS}/{name}") is not None:
                pulumi.log.info(f"job {name} is left over from an earlier KataConfig, and is deleted; its pods stay")
                self._client.delete(f"{_JOBS}/{name}")

    def spare(self) -> None:
        """Delete KataConfig, and take the stack's own image out of what the operator deletes with it.

        In this order: an operator that sees no image, and a KataConfig that is to stay, begins to build one. While it
        removes kata it builds none, and it deletes the image only when the nodes are back.
        """
        config = self._client.get(_CONFIG)
        if config is None or (config.get("data") or {}).get(IMAGE_KEY) != self._said.image_id:
            return
        for found in self._client.items(KATA_CONFIGS):
            # Without a node it is through before anybody can look.
            if (found.get("status") or {}).get("kataNodes", {}).get("nodeCount"):
                self._client.delete(f"{KATA_CONFIGS}/{name_of(found)}")
                self._until_removing(name_of(found))
        self._client.patch(_CONFIG, {"data": {IMAGE_KEY: ""}})

    def _until_removing(self, name: str) -> None:
        """Return once the operator sees to the deletion, or when it takes too long: the image is worth more than a job.

        That the operator waits for pods, or for its time, is told by the deletion's own wait.
        """
        deadline, pause = time.monotonic() + seconds(self._said.kata_config.timeout), threading.Event()
        while (left := deadline - time.monotonic()) > 0:
            found = self._client.get(f"{KATA_CONFIGS}/{name}")
            if found is None or condition(found, "InProgress").get("reason") in _REMOVING:
                return
            for _, changed in self._client.changes(KATA_CONFIGS, name, max(1, min(_WINDOW, int(left)))):
                if condition(changed, "InProgress").get("reason") in _REMOVING:
                    return
            pause.wait(min(_PAUSE, left))

    async def wait(self, _: pulumi.ResourceHookArgs) -> None:
        """Hold a resource until ``settle`` returns; a hook."""
        await in_thread(self.settle)

    def settle(self) -> None:
        """Return once there is the image, the RuntimeClass and CAA's DaemonSet.

        Raises:
            RuntimeError: a job has failed, the image is not what the settings say, or it takes longer than
                ``peerPods.kataConfig.timeout``.
        """
        timeout = self._said.kata_config.timeout
        deadline, pause = time.monotonic() + seconds(timeout), threading.Event()
        while True:
            left = deadline - time.monotonic()
            try:
                lacking = self._lacking()
                if lacking and left > 0:
                    self._watch(max(1, min(_WINDOW, int(left))))
            except (OSError, HTTPError, ApiException) as error:
                # An API server that is away for a while, as it is when its node reboots.
                lacking = [f"answer of the API server ({first_line(error)})"]
            if not lacking:
                return
            if left <= 0:
                setting = f"coco-azure:peerPods.kataConfig.timeout ({timeout})"
                raise RuntimeError(f"within {setting} there was no {', no '.join(lacking)}")
            pause.wait(min(_PAUSE, left))

    def _lacking(self) -> list[str]:
        """Return what CAA needs and is not there; raises RuntimeError where waiting is in vain."""
        seen = self.found()
        if self.failed(seen) or seen.state == "stuck":
            raise RuntimeError(image.failure(seen))
        wrong = image.wrong_image(seen, confidential=self._said.confidential, own=self._said.image_id)
        if wrong is not None:
            raise RuntimeError(wrong)
        lacking = [] if seen.id else [f"{IMAGE_KEY} in peer-pods-cm: {image.failure(seen)}"]
        lacking += [] if self._client.get(_CLASS) else [f"RuntimeClass {RUNTIME_CLASS}"]
        return lacking + ([] if self._client.get(_DAEMON_SET) else [f"DaemonSet {DAEMON_SET}"])

    def _watch(self, window: int) -> None:
        """Return after the window, or once the id is there."""
        for _, changed in self._client.changes(_CONFIG_MAPS, "peer-pods-cm", window):
            if (changed.get("data") or {}).get(IMAGE_KEY):
                return
