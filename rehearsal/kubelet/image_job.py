"""The job that builds the pod VM image, as far as it shows in the cluster.

Source: openshift/sandboxed-containers-operator ``config/peerpods/podvm/azure-podvm-image-handler.sh`` at 0d14cc8c
(``verify_vars``, ``create_image_definition``, ``image_exists``, ``delete_image_gallery``). From OSC 1.9 on (pull
requests 584 and 611) the version does not change by itself, so a job that runs again finds that of the last one.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from rehearsal.api import Object
from rehearsal.azure import arm_state, made
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CLUSTER_VERSION, CONFIG_MAP, SECRET
from rehearsal.kubelet.script import Ended
from rehearsal.operators.context import Context
from rehearsal.operators.faults import IMAGE_JOB_FAILS
from rehearsal.operators.osc_peer_pods import BUILDER, CREATE_JOB, IMAGE_KEY
from rehearsal.timings import IMAGE_JOB, POD_VM_START

_MAKES_IMAGE = ("Microsoft.Compute/galleries/write", "Microsoft.Compute/galleries/images/versions/write")
_LATEST = "LATEST_IMAGE_ID"
_NEEDED = ("IMAGE_DEFINITION_SKU", "IMAGE_DEFINITION_NAME", "IMAGE_VERSION", "CONFIDENTIAL_COMPUTE_ENABLED")


class ImageJob:
    """The job that builds the pod VM image and writes its id into ``peer-pods-cm``, or removes both."""

    def __init__(self, context: Context, job: str, namespace: str) -> None:
        self._context = context
        # The job's script uses kubectl, and so its field manager (podvm-builder.sh).
        self._api = context.api.named("kubectl-patch")
        self._create = job == CREATE_JOB
        self._namespace = namespace
        self._azure = arm_state.described()
        self._what = f"image {id(self)}"

    async def look(self) -> Ended | float:
        """Return how it ended, or how long it still takes."""
        if wait := self._context.clock.left(self._what, IMAGE_JOB if self._create else POD_VM_START):
            return wait
        if self._create and await self._context.faults.value(IMAGE_JOB_FAILS) is not None:
            return Ended(1, "Build 'azure-arm.podvm' errored: simulated fault")
        config = await self._api.get(CONFIG_MAP, "peer-pods-cm", self._namespace)
        if config is None:
            return Ended(1, 'Error from server (NotFound): configmaps "peer-pods-cm" not found')
        return await (self._make(config) if self._create else self._remove(config))

    async def _make(self, config: Object) -> Ended:
        data, builder = config.get("data", {}), await self._builder()
        if missing := [key for key in _NEEDED if not builder.get(key)]:
            return Ended(1, f"{missing[0]} is empty")
        group = made.group_of(data)
        if (refused := await self._refusal(group)) is not None:
            return Ended(1, f"ERROR: {refused}")
        names = (builder["IMAGE_DEFINITION_NAME"], builder["IMAGE_VERSION"])
        image = made.image_id(group, await self._cluster_id(), *names)
        latest = str((config["metadata"].get("annotations") or {}).get(_LATEST) or "")
        place, kind = str(data.get("AZURE_REGION")), builder["CONFIDENTIAL_COMPUTE_ENABLED"] == "yes"
        sku = builder["IMAGE_DEFINITION_SKU"]
        try:
            made.make_image(self._azure, group, place, image, confidential=kind, sku=sku, latest=latest)
        except ArmError as error:
            return Ended(1, f"Failed to create Azure image definition: {error}")
        await self._annotate(config, {_LATEST: image, "IMAGE_GALLERY_NAME": _gallery_of(image)})
        await self._api.patch(CONFIG_MAP, config, {"data": {IMAGE_KEY: image}})
        return Ended(0, "done")

    async def _builder(self) -> Mapping[str, str]:
        """Return the job's variables of ``azure-podvm-image-cm``; before 1.9 each job makes a version of its own."""
        builder = await self._api.get(CONFIG_MAP, BUILDER, self._namespace)
        data = dict((builder or {}).get("data") or {})
        if major_minor := data.get("IMAGE_VERSION_MAJ_MIN"):
            data.setdefault("IMAGE_VERSION", f"{major_minor}.{datetime.now(UTC):%Y%m%d%S}")
        return data

    async def _refusal(self, group: str) -> str | None:
        secret = await self._api.get(SECRET, "peer-pods-secret", self._namespace)
        credentials = {
            key: base64.b64decode(value).decode() for key, value in ((secret or {}).get("data") or {}).items()
        }
        return Subscription.described().refusal(credentials, [(each, group) for each in _MAKES_IMAGE])

    async def _annotate(self, config: Object, annotations: Mapping[str, str | None]) -> None:
        """Write, or take away, what the job remembers (azure-podvm-image-handler.sh, ``*_annotation_*``)."""
        annotator = self._context.api.named("kubectl-annotate")
        await annotator.patch(CONFIG_MAP, config, {"metadata": {"annotations": dict(annotations)}})

    async def _remove(self, config: Object) -> Ended:
        data = config.get("data", {})
        group = made.group_of(data)
        gallery = made.gallery_id(group, await self._cluster_id())
        name = (await self._builder()).get("IMAGE_DEFINITION_NAME", made.DEFINITION)
        try:
            made.remove_image(self._azure, group, data.get(IMAGE_KEY, ""), f"{gallery}/images/{name}")
        except ArmError as error:
            ended = Ended(1, f"ERROR: {error}")
        else:
            ended = Ended(0, "done")
        await self._annotate(config, dict.fromkeys((_LATEST, "IMAGE_GALLERY_NAME")))
        # The key is emptied whatever became of the image, not removed (podvm-builder.sh, delete_podvm_image).
        await self._api.patch(CONFIG_MAP, config, {"data": {IMAGE_KEY: ""}})
        return ended

    async def _cluster_id(self) -> str:
        version = await self._api.get(CLUSTER_VERSION, "version")
        return str((version or {})["spec"]["clusterID"])

    async def stop(self) -> None:
        """Do nothing."""


def _gallery_of(image: str) -> str:
    return image.rpartition("/galleries/")[2].split("/")[0]
