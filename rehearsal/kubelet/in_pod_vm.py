"""What runs in a pod VM, with the VM in Azure: CAA deletes it when the pod ends."""

import logging
from typing import Protocol

from rehearsal.azure import made
from rehearsal.azure.arm_state import ArmError, ArmState
from rehearsal.kubelet.script import Ended

_LOG = logging.getLogger("rehearsal.caa")


class Workload(Protocol):
    """Something that runs in a pod."""

    async def look(self) -> Ended | float:
        """Return how it ended, or seconds until the next look (0.0: it runs until it is stopped)."""

    async def stop(self) -> None:
        """End it."""


class PodVmInAzure:
    """One pod's VM."""

    def __init__(self, azure: ArmState, vm: str) -> None:
        self._azure = azure
        self._vm = vm

    def remove(self) -> None:
        """Delete it. What Azure refuses is only in CAA's log, and the VM is left (cloud.go, StopVM)."""
        try:
            made.remove_pod_vm(self._azure, self._vm)
        except ArmError as error:
            _LOG.warning("failed to delete VM %s: %s", self._vm, error)


class InPodVm:
    """A workload in its VM."""

    def __init__(self, inner: Workload, machine: PodVmInAzure) -> None:
        self._inner = inner
        self._machine = machine

    async def look(self) -> Ended | float:
        """Return how the workload ended."""
        return await self._inner.look()

    async def stop(self) -> None:
        """End the workload, and delete the VM."""
        await self._inner.stop()
        self._machine.remove()
