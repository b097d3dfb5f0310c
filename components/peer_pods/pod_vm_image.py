"""The pod VM image of the operator's, or the stack's own (``peerPods.imageId``), through the life of a KataConfig.

Nothing here is a resource: the image's id stands in ``peer-pods-cm``, which others write too, and what is waited for
there must not be an annotation on it: the next change of the stack's own keys would wait for an image that only a
KataConfig behind it can bring.
"""

from collections.abc import Callable, Iterable

import pulumi
from pulumi import ResourceHook, ResourceHookBinding

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient, Object, wait_for
from coco_azure.rollout import desired_kata_config
from coco_azure.rollout.diagnosis import condition, image, name_of
from coco_azure.rollout.diagnosis.image import IMAGE_KEY, ImageStatus
from coco_azure.settings.base import seconds
from coco_azure.settings.peer_pods import PeerPodSettings
from components.cluster.watching import Line, in_thread, until_complete

_CONFIG_MAPS = names.path(names.CONFIG_MAPS, namespace=names.OSC_NAMESPACE)
_CONFIG = f"{_CONFIG_MAPS}/{names.PEER_PODS_CM}"
_BUILDER = f"{_CONFIG_MAPS}/{names.IMAGE_CM}"
_PODS = names.path(names.PODS, namespace=names.OSC_NAMESPACE)
_JOBS = names.path(names.JOBS, namespace=names.OSC_NAMESPACE)
_DAEMON_SET = names.path(names.DAEMON_SETS, names.CAA, namespace=names.OSC_NAMESPACE)
_CLASS = names.path(names.RUNTIME_CLASS_LIST, names.RUNTIME_CLASS)
_REMOVING = ("Uninstalling", "BlockedByExistingKataPods")
_WINDOW = 5  # seconds of one watch
_PAUSE = 1.0  # seconds between two


class PodVmImage:
    """Looks at the image, waits for it, and keeps the stack's own out of the operator's hands."""

    def __init__(
        self, client: ClusterClient, settings: PeerPodSettings, *, request: str = "", one_image: bool = False
    ) -> None:
        """Remember what is wanted.

        Args:
            request: which image was asked for (``image_request``); empty: the operator's first one.
            one_image: whether it is the same with and without the gate.
        """
        self._client = client
        self._settings = settings
        self._request = request
        self._one_image = one_image
        self._known: frozenset[str] | None = None

    def status(self) -> ImageStatus:
        """Return what is there now; raises what ``ClusterClient`` raises."""
        # The job first: it writes the id before it is complete.
        job = self._client.get(f"{_JOBS}/{names.IMAGE_CREATION}")
        seen = ImageStatus(
            job=job,
            pods=self._client.items(_PODS, labels=f"job-name={names.IMAGE_CREATION}"),
            config=self._client.get(_CONFIG),
            builder=self._client.get(_BUILDER),
        )
        if self._known is None:
            self._known = seen.failed_jobs
        return seen

    def failed(self, seen: ImageStatus) -> bool:
        """Return whether a job has failed since the first look of this run."""
        return image.has_failed(seen, self._known or ())

    def alarms(self) -> Iterable[Line]:
        """Yield what is wrong with the image now."""
        seen = self.status()
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
        before_delete = (
            [ResourceHook(f"{name}-keep-image", self._keep_from_deletion)] if self._settings.image_id else None
        )
        return ResourceHookBinding(before_create=[before_create], before_delete=before_delete)

    async def _prepare(self, _: pulumi.ResourceHookArgs) -> None:
        await in_thread(self.prepare)

    async def _keep_from_deletion(self, _: pulumi.ResourceHookArgs) -> None:
        await in_thread(self.keep_own_image)

    def prepare(self) -> None:
        """Make way for a new KataConfig: the stack's own image is named, and no job of an earlier one is left.

        The operator takes a job that is over for its own: a complete one makes it wait without end, a failed one counts
        as a failure of the new image, and a deletion job blocks the next deletion (``image_generator.go``).
        """
        if self._client.items(names.KATA_CONFIGS):
            return  # the creation is about to be refused, and the jobs are of that one
        own = self._settings.image_id
        config = self._client.get(_CONFIG)
        if own is not None and config is not None and (config.get("data") or {}).get(IMAGE_KEY) != own:
            self._client.patch(_CONFIG, {"data": {IMAGE_KEY: own}})
        for name in (names.IMAGE_CREATION, names.IMAGE_DELETION):
            if self._client.get(f"{_JOBS}/{name}") is not None:
                pulumi.log.info(f"job {name} is left over from an earlier KataConfig, and is deleted; its pods stay")
                self._client.delete(f"{_JOBS}/{name}")

    def keep_own_image(self) -> None:
        """Delete KataConfig, and take the stack's own image out of what the operator deletes with it.

        In this order: an operator that sees no image, and a KataConfig that is to stay, begins to build one. While it
        removes kata it builds none, and it deletes the image only when the nodes are back.
        """
        config = self._client.get(_CONFIG)
        if config is None or (config.get("data") or {}).get(IMAGE_KEY) != self._settings.image_id:
            return
        for kata_config in self._client.items(names.KATA_CONFIGS):
            # Without a node it is through before anybody can look.
            if (kata_config.get("status") or {}).get("kataNodes", {}).get("nodeCount"):
                self._client.delete(f"{names.KATA_CONFIGS}/{name_of(kata_config)}")
                self._until_removing(name_of(kata_config))
        self._client.patch(_CONFIG, {"data": {IMAGE_KEY: ""}})

    def _until_removing(self, name: str) -> None:
        """Return once the operator sees to the deletion, or when it takes too long: the image is worth more than a job.

        That the operator waits for pods, or for its time, is told by the deletion's own wait.
        """
        wait_for(self._client, f"{names.KATA_CONFIGS}/{name}", _is_removed, seconds(self._settings.kata_config.timeout))

    async def wait(self, _: pulumi.ResourceHookArgs) -> None:
        """Hold a resource until ``settle`` returns; a hook."""
        await in_thread(self.settle)

    def settle(self) -> None:
        """Return once there is the image, the RuntimeClass and CAA's DaemonSet.

        Raises:
            RuntimeError: a job has failed, the image is not what the settings say, or it takes longer than
                ``peerPods.kataConfig.timeout``.
        """
        self._until_complete(self._lacking)

    def renew(self) -> None:
        """Have the operator build the image that was asked for since KataConfig was made, and return once it is named.

        Nothing is done where none was asked for, or it is there. Each step is looked at anew, so a run that was broken
        off anywhere goes on: names of its own in ``azure-podvm-image-cm``, no job that has read others, no id.

        Raises:
            RuntimeError: as of ``settle``.
        """
        if self._request and self._settings.image_id is None:
            self._until_complete(self._lacking_request)

    def _until_complete(self, lacking: Callable[[], list[str]]) -> None:
        timeout = self._settings.kata_config.timeout
        if missing := until_complete(lacking, self._watch, seconds(timeout)):
            setting = f"coco-azure:peerPods.kataConfig.timeout ({timeout})"
            raise RuntimeError(f"within {setting} there was no {', no '.join(missing)}")

    def _lacking_request(self) -> list[str]:
        seen = self.status()
        if desired_kata_config.is_of(self._request, seen.id):
            return []
        missing = [f"pod VM image of definition {desired_kata_config.definition(self._request)}: {image.failure(seen)}"]
        if seen.builder is None:  # the operator makes it before its first job
            return missing
        variables = desired_kata_config.variables(self._request)
        data = seen.builder.get("data") or {}
        named = all(data.get(key) == value for key, value in variables.items())
        if named and not seen.id:
            if self.failed(seen):
                raise RuntimeError(image.failure(seen))
            if seen.state != "stuck":
                return missing
        pulumi.log.debug(f"the operator is asked for image {desired_kata_config.definition(self._request)}")
        self._client.patch(_BUILDER, {"data": dict(variables)})
        if seen.job is not None:
            # It has read other names, or is over; the operator starts another.
            self._client.delete(f"{_JOBS}/{names.IMAGE_CREATION}")
        self._client.patch(_CONFIG, {"data": {IMAGE_KEY: ""}})
        return missing

    def _lacking(self) -> list[str]:
        """Return what CAA needs and is not there; raises RuntimeError where waiting is in vain."""
        seen = self.status()
        if self.failed(seen) or seen.state == "stuck":
            raise RuntimeError(image.failure(seen))
        own = self._settings.image_id
        confidential, both = self._settings.confidential, self._one_image
        wrong = image.wrong_image(seen, confidential=confidential, own=own, one_image=both)
        if wrong is not None:
            raise RuntimeError(wrong)
        lacking = [] if seen.id else [f"{IMAGE_KEY} in peer-pods-cm: {image.failure(seen)}"]
        lacking += [] if self._client.get(_CLASS) else [f"RuntimeClass {names.RUNTIME_CLASS}"]
        return lacking + ([] if self._client.get(_DAEMON_SET) else [f"DaemonSet {names.CAA}"])

    def _watch(self, window: int) -> None:
        """Return after the window, or once the id is there."""
        for _, changed in self._client.changes(_CONFIG_MAPS, names.PEER_PODS_CM, window):
            if (changed.get("data") or {}).get(IMAGE_KEY):
                return


def _is_removed(kata_config: Object | None) -> bool:
    """Return whether a KataConfig is gone, or the operator sees to its deletion."""
    return kata_config is None or condition(kata_config, "InProgress").get("reason") in _REMOVING
