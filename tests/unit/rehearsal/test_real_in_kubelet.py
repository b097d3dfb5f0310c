"""What the simulated kubelet does with a pod whose real program ends."""

import asyncio
from typing import cast

from rehearsal.api import Object
from rehearsal.kinds import NODE, POD
from rehearsal.kubelet.kubelet import Kubelets
from rehearsal.kubelet.script import Ended
from rehearsal.kubelet.workloads import Workloads
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.world import ready
from rehearsal.real.process import EndedError
from rehearsal.timings import Clock
from tests.unit.memory_api import MemoryApi

POD_OBJECT: Object = {
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"nodeName": "w", "containers": [{"name": "manager", "image": "i"}]},
}


class _EndsOnce:
    """Starts programs of which the first one ends by itself, once it is looked at again."""

    def __init__(self) -> None:
        self.looks, self.starts, self.stops = 0, 0, 0

    async def start(self, _: Object) -> "_EndsOnce":
        self.starts += 1
        return self

    async def look(self) -> Ended | float:
        self.looks += 1
        if self.starts == 1 and self.looks > 1:
            raise EndedError("the real OSC operator (/m) ended with code 1; the end of m.log:\nno kind")
        return 1.0

    async def stop(self) -> None:
        self.stops += 1


def test_a_program_that_ends_is_told_in_the_pods_status_and_started_again() -> None:
    api, programs = MemoryApi(), _EndsOnce()
    kubelets = Kubelets(Context(api, Clock(1e9), Faults(api)))
    kubelets._workloads = cast("Workloads", programs)

    async def look() -> Object:
        await kubelets.reconcile("n/p")
        pod = await api.get(POD, "p", "n")
        assert pod is not None
        container: Object = pod["status"]["containerStatuses"][0]
        return container

    async def work() -> None:
        await api.create(NODE, {"metadata": {"name": "w"}, "status": {"conditions": [ready("True")]}})
        await api.create(POD, POD_OBJECT)
        assert (await look())["ready"] is True
        crashed = await look()
        assert crashed["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert "ended with code 1; the end of m.log:\nno kind" in crashed["state"]["waiting"]["message"]
        assert (crashed["restartCount"], crashed["ready"], programs.stops) == (1, False, 1)
        again = await look()
        assert (again["ready"], again["restartCount"], programs.starts) == (True, 1, 2)

    asyncio.run(work())
