"""Inside a pod VM: the Kata agent with its policy, and the Confidential Data Hub (CDH) with its resources.

What each of the two knows stands in ``agent`` and ``hub``; here is the order in which a pod comes up (kata-containers
3.13.0 ``src/runtime/virtcontainers/kata_agent.go`` and ``src/agent/src/rpc.rs``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rehearsal.kubelet.agent import Agent, Container
from rehearsal.kubelet.caa import PodVm
from rehearsal.kubelet.hub import Hub, Reach, SealedError
from rehearsal.kubelet.sealed import is_sealed

_PAUSE = Container(name="pause", image="pause", command=("/pause",))


@dataclass(frozen=True, kw_only=True)
class Started:
    """A container that runs.

    Attributes:
        container: as it was created, with its environment unsealed.
        unsealed: variables whose secret was released.
        still_sealed: variables whose secret was not, with the reason.
    """

    container: Container
    unsealed: tuple[str, ...] = ()
    still_sealed: Mapping[str, str] = field(default_factory=dict)


class Guest:
    """One pod VM."""

    def __init__(self, machine: PodVm, reach: Reach) -> None:
        """Boot it; raises GuestError where its CDH does not start."""
        self.machine = machine
        self._hub = Hub(machine, reach)
        self._agent = Agent(machine.files.get("policy.rego"), machine.image_denies)

    async def start(self, annotations: Mapping[str, str], containers: Sequence[Container]) -> list[Started]:
        """Start the pod's containers.

        Raises:
            GuestError: the agent's policy or the image policy says no.
        """
        agent = self._agent
        agent.set_policy(annotations)
        agent.demand("CreateSandboxRequest")
        agent.demand("CreateContainerRequest", _PAUSE.request("sandbox"))
        agent.demand("StartContainerRequest", {"container_id": _PAUSE.name})
        started = []
        for container in containers:
            agent.demand("CreateContainerRequest", container.request())
            await self._hub.pull(container.image)
            unsealed = await self._unsealed(container)
            agent.demand("StartContainerRequest", {"container_id": container.name})
            started.append(unsealed)
        return started

    def exec(self, container: str, command: Sequence[str]) -> None:
        """Run a command in a container as ``kubectl exec`` asks for it; raises GuestError where that is denied."""
        self._agent.demand("ExecProcessRequest", {"container_id": container, "process": {"Args": list(command)}})

    def logs(self, container: str) -> None:
        """Read a container's output as ``kubectl logs`` asks for it; raises GuestError where that is denied."""
        self._agent.demand("ReadStreamRequest", {"container_id": container})

    async def resource(self, path: str) -> bytes:
        """Return what ``/cdh/resource/<path>`` of the CDH gives; raises DeniedError, UnreachableError."""
        return await self._hub.resource(path)

    async def _unsealed(self, container: Container) -> Started:
        """Unseal the environment; what cannot be unsealed stays as it is, and the agent only logs it (``rpc.rs``)."""
        environment, unsealed, kept = dict(container.environment), [], {}
        for name, value in container.environment.items():
            if not is_sealed(value):
                continue
            try:
                environment[name] = await self._hub.unseal(value)
            except SealedError as error:
                kept[name] = str(error)
            else:
                unsealed.append(name)
        container = replace(container, environment=environment)
        return Started(container=container, unsealed=tuple(unsealed), still_sealed=kept)
