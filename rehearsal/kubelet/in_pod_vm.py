"""What runs in pods: in a pod VM, with the VM in Azure, which CAA deletes when the pod ends; CAA itself."""

import logging
from typing import Protocol

from rehearsal.api import Api, Object
from rehearsal.azure import made
from rehearsal.azure.arm_state import ArmError, ArmState
from rehearsal.kinds import PEER_POD
from rehearsal.kubelet.guest import Guest
from rehearsal.kubelet.script import Ended

_LOG = logging.getLogger("rehearsal.caa")


class Workload(Protocol):
    """Something that runs in a pod."""

    async def look(self) -> Ended | float:
        """Return how it ended, or seconds until the next look (0.0: it runs until it is stopped)."""

    async def stop(self) -> None:
        """End it."""


class Forever:
    """A container that runs until it is stopped."""

    async def look(self) -> Ended | float:
        """Return 0.0."""
        return 0.0

    async def stop(self) -> None:
        """Do nothing."""


class RunningCaa(Forever):
    """CAA of a node, which takes the connections to its node's pod VMs with it when it ends.

    They are in its memory alone (confidential-containers/cloud-api-adaptor pull request 3055; openshift/sandboxed-
    containers-operator pull request 1917): shims get "ttrpc: closed", and the kubelet makes new sandboxes.
    """


async def own(api: Api, pod: Object, vm: str) -> None:
    """Make the PeerPod of a pod's VM, as CAA does (``pkg/adaptor/k8sops/peerpod.go``); without its finalizer."""
    metadata = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    name = f"{metadata['name']}-resource-{str(metadata['uid'])[:5]}"
    head = {"name": name, "namespace": metadata["namespace"], "ownerReferences": [{**owner, "controller": True}]}
    await api.create(PEER_POD, {"metadata": head, "spec": {"cloudProvider": "azure", "instanceID": vm}})


class InPodVm(Forever):
    """A pod in its VM, with what runs in it: forever, unless ``inner`` says otherwise.

    Attributes:
        guest: what is in the VM, once it has booted.
    """

    def __init__(self, azure: ArmState, vm: str) -> None:
        """Take the VM, by its ARM id."""
        self._azure, self._vm = azure, vm
        self.inner: Workload = Forever()
        self.guest: Guest | None = None

    async def look(self) -> Ended | float:
        """Return how the workload ended."""
        return await self.inner.look()

    async def abandon(self) -> None:
        """End the workload as nobody reaches it any more; the VM stays, for a new CAA does not know of it."""
        await self.inner.stop()

    async def stop(self) -> None:
        """End the workload, and delete the VM. What Azure refuses is only in CAA's log (cloud.go, StopVM)."""
        await self.inner.stop()
        try:
            made.remove_pod_vm(self._azure, self._vm)
        except ArmError as error:
            _LOG.warning("failed to delete VM %s: %s", self._vm, error)
