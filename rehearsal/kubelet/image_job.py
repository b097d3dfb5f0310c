"""The job that builds the pod VM image, as far as it shows in the cluster."""

from rehearsal.api import Object
from rehearsal.kinds import CONFIG_MAP
from rehearsal.kubelet.script import Ended
from rehearsal.operators.context import Context
from rehearsal.operators.faults import IMAGE_JOB_FAILS
from rehearsal.operators.osc_peer_pods import CREATE_JOB, IMAGE_KEY
from rehearsal.timings import IMAGE_JOB, POD_VM_START


class ImageJob:
    """The job that builds the pod VM image and writes its id into ``peer-pods-cm``, or removes both."""

    def __init__(self, context: Context, job: str, namespace: str) -> None:
        self._context = context
        # The job's script uses kubectl, and so its field manager (podvm-builder.sh).
        self._api = context.api.named("kubectl-patch")
        self._create = job == CREATE_JOB
        self._namespace = namespace
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
        await self._api.patch(CONFIG_MAP, config, {"data": {IMAGE_KEY: self._image(config) if self._create else None}})
        return Ended(0, "done")

    def _image(self, config: Object) -> str:
        data = config.get("data", {})
        subnet = data.get("AZURE_SUBNET_ID", "")
        subscription = subnet.split("/")[2] if subnet.count("/") > 1 else "unknown"
        gallery = "PodVMGallery_rehearsal/images/podvm-image/versions/1.0.0"
        group = f"/subscriptions/{subscription}/resourceGroups/{data.get('AZURE_RESOURCE_GROUP')}"
        return f"{group}/providers/Microsoft.Compute/galleries/{gallery}"

    async def stop(self) -> None:
        """Do nothing."""
