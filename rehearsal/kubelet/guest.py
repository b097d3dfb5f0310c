"""Inside a pod VM: the Kata agent with its policy, and the Confidential Data Hub (CDH) with its resources.

What each of the two knows stands in ``agent`` and ``hub``; here is the order in which a pod comes up (kata-containers
3.13.0 ``src/runtime/virtcontainers/kata_agent.go`` and ``src/agent/src/rpc.rs``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rehearsal.kubelet import hostile
from rehearsal.kubelet.agent import Agent, GuestError, image_policy
from rehearsal.kubelet.caa import PodVm
from rehearsal.kubelet.hub import Hub, Reach, SealedError, is_sealed
from rehearsal.kubelet.shim import Container, Document, Shim, exec_process, pulled


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
        image = image_policy(machine.image_denies, checks_copies=machine.copies_named)
        self._agent = Agent(machine.files.get("policy.rego"), image)
        self._containers: dict[str, Container] = {}

    async def start(self, annotations: Mapping[str, str], containers: Sequence[Container]) -> list[Started]:
        """Start the pod's containers.

        Raises:
            GuestError: the agent's policy or the image policy says no.
        """
        self._agent.set_policy(annotations)
        first = containers[0]
        shim = Shim(first.pod, first.namespace, copies_named=self.machine.copies_named)
        self._asked(annotations, shim, "CreateSandboxRequest", shim.sandbox())
        await self._create(annotations, shim, shim.pause)
        started = []
        for container in containers:
            await self._create(annotations, shim, container)
            unsealed = await self._unsealed(container)
            self._agent.demand("StartContainerRequest", {"container_id": container.identity})
            self._containers[container.name] = container
            started.append(unsealed)
        return started

    async def _create(self, annotations: Mapping[str, str], shim: Shim, container: Container) -> None:
        for copied in shim.copies(container):
            self._asked(annotations, shim, "CopyFileRequest", copied)
        asked = self._asked(annotations, shim, "CreateContainerRequest", shim.create(container))
        # The image policy sees what is pulled, and a container for which nothing is pulled it never sees.
        for image in pulled(asked):
            await self._hub.pull(image)
        if container is shim.pause:
            self._agent.demand("StartContainerRequest", {"container_id": container.identity})

    def _asked(self, annotations: Mapping[str, str], shim: Shim, name: str, document: Document) -> Document:
        """Hold what the host sends in place of a request to the policy; return the first of it."""
        try:
            sent = list(hostile.requests(annotations, shim, name, document))
        except ValueError as error:
            raise GuestError(str(error)) from error
        for request, content in sent:
            self._agent.demand(request, content)
        return sent[0][1]

    def exec(self, container: str, command: Sequence[str]) -> None:
        """Run a command in a started container, as ``kubectl exec`` does; raises GuestError where that is denied."""
        self._agent.demand("ExecProcessRequest", exec_process(self._containers[container], command))

    def logs(self, container: str) -> None:
        """Read a started container's output, as ``kubectl logs`` does; raises GuestError where that is denied."""
        identity = self._containers[container].identity
        self._agent.demand("ReadStreamRequest", {"container_id": identity, "exec_id": identity, "len": 32768})

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
