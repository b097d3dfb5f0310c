"""What runs in the simulated pods: CAA, KBS, pod VMs, the image jobs; anything else just runs."""

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import replace

from rehearsal.api import Object
from rehearsal.azure import arm_state, made
from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet import attester, initdata, mounts, script
from rehearsal.kubelet.agent import GuestError
from rehearsal.kubelet.caa import Caa, CaaStartError, PodVm, SandboxError
from rehearsal.kubelet.guest import Guest, Started
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.image_job import ImageJob
from rehearsal.kubelet.in_pod_vm import InPodVm, PodVmInAzure, Workload
from rehearsal.kubelet.kbs import StartError
from rehearsal.kubelet.kbs.pod import files as kbs_files
from rehearsal.kubelet.network import Network, Served
from rehearsal.kubelet.running_kbs import RunningKbs
from rehearsal.kubelet.script import Ended
from rehearsal.kubelet.shim import Container
from rehearsal.operators.context import Context
from rehearsal.operators.faults import POD_VM_FAILS
from rehearsal.operators.osc_peer_pods import CREATE_JOB, DELETE_JOB
from rehearsal.timings import POD_VM_START

EXEC = "rehearsal/exec"
"""Pod annotation of a rehearsal: a command that somebody tries to run in the pod once its containers run."""
EXEC_DENIED, EXEC_SUCCEEDED = "ExecDenied", "ExecSucceeded"
"""Reasons of the event that tells how it went."""
POD_VM_STARTED = "PodVmStarted"
"""Reason of the event that tells what a pod VM measured."""
SECRET_UNSEALED, SECRET_STILL_SEALED = "SecretUnsealed", "SecretStillSealed"
"""Reasons of the events about sealed secrets; the real ones are only in the log of the agent in the pod VM."""

_LOOK = 0.2  # seconds of this machine between two looks at a script


class CrashError(Exception):
    """A container or its sandbox does not start.

    Attributes:
        exited: whether its process ran and ended, which makes the kubelet restart it.
        reason: reason of the event otherwise.
    """

    def __init__(self, message: str, *, exited: bool, reason: str = "FailedCreatePodSandBox") -> None:
        super().__init__(message)
        self.exited = exited
        self.reason = reason


class Forever:
    """A container that runs until it is stopped."""

    async def look(self) -> Ended | float:
        """Return 0.0."""
        return 0.0

    async def stop(self) -> None:
        """Do nothing."""


class Workloads:
    """Starts what a pod says."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._azure = Subscription.described()
        self._made = arm_state.described()
        self._caa: dict[str, Caa] = {}
        self._kbs: dict[str, RunningKbs] = {}
        self._network = Network(self._api, self._serving)

    async def start(self, pod: Object) -> Workload:
        """Start the pod's containers.

        Raises:
            MissingError: something that they mount or read is not there.
            CrashError: they do not start.
        """
        container, namespace = pod["spec"]["containers"][0], pod["metadata"]["namespace"]
        if pod["spec"].get("runtimeClassName") == "kata-remote":
            return await self._pod_vm(pod)
        environment = await mounts.environment(self._api, namespace, container)
        mounted = await kbs_files(self._api, namespace, pod["spec"], container)
        if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds":
            files = await mounts.files(self._api, namespace, pod["spec"], container)
            _check_sign_in(environment, files)
            return self._start_caa(pod, environment)
        if container.get("command", [""])[0] == "/usr/local/bin/kbs":
            try:
                self._kbs[pod["metadata"]["uid"]] = RunningKbs(pod, mounted, self._api, self._context.faults)
            except StartError as error:
                raise CrashError(str(error), exited=True) from error
            return Forever()
        job = pod["metadata"].get("labels", {}).get("job")
        return ImageJob(self._context, job, namespace) if job in (CREATE_JOB, DELETE_JOB) else Forever()

    def _start_caa(self, pod: Object, environment: dict[str, str]) -> Workload:
        node, version = pod["spec"]["nodeName"], pod["spec"]["containers"][0]["image"].rpartition(":")[2]
        self._caa.pop(node, None)
        try:
            self._caa[node] = Caa(environment, self._azure, version)
        except CaaStartError as error:
            raise CrashError(str(error), exited=True) from error
        return Forever()

    async def _pod_vm(self, pod: Object) -> Workload:
        annotations = pod["metadata"].get("annotations", {})
        containers = await self._containers(pod)
        machine = await self._machine(pod, annotations)
        vm = self._in_azure(pod)
        try:
            return InPodVm(await self._booted(pod, machine, containers), vm)
        except BaseException:
            vm.remove()
            raise

    def _in_azure(self, pod: Object) -> PodVmInAzure:
        said, metadata = self._caa[pod["spec"]["nodeName"]].environment, pod["metadata"]
        # One sandbox for a pod's life: it outlives a restart of this simulation, as the real one does.
        sandbox = str(metadata["uid"]).replace("-", "")
        group, public = made.group_of(said), said.get("USE_PUBLIC_IP") == "true"
        location = self._azure.location
        subnet = said.get("AZURE_SUBNET_ID", "")
        vm = made.make_pod_vm(self._made, group, location, metadata["name"], sandbox, public_ip=public, subnet=subnet)
        return PodVmInAzure(self._made, vm)

    async def _booted(self, pod: Object, machine: PodVm, containers: list[Container]) -> Workload:
        annotations = pod["metadata"].get("annotations", {})
        try:
            guest = Guest(machine, self._network.reach)
        except GuestError as error:
            raise CrashError(str(error), exited=False) from error
        what = f"pod vm {pod['metadata']['uid']}"
        if wait := self._context.clock.left(what, POD_VM_START):
            await asyncio.sleep(wait)
        try:
            started = await guest.start(annotations, containers)
        except GuestError as error:
            raise CrashError(str(error), exited=False, reason="Failed") from error
        await self._api.event(pod, POD_VM_STARTED, _measured(machine))
        await self._tell(pod, started)
        if command := annotations.get(EXEC):
            await self._exec(pod, guest, command)
        if script.is_ours(pod["spec"]["containers"][0]):
            return Script(guest, dict(started[0].container.environment))
        return Forever()

    async def _containers(self, pod: Object) -> list[Container]:
        """Return what the agent is asked to create; raises MissingError."""
        metadata, found = pod["metadata"], []
        for each in pod["spec"]["containers"]:
            environment = await mounts.environment(self._api, metadata["namespace"], each)
            found.append(
                Container(
                    name=each["name"],
                    image=each["image"],
                    command=(*each.get("command", ()), *each.get("args", ())),
                    environment=environment,
                    pod=metadata["name"],
                    namespace=metadata["namespace"],
                    volumes=await mounts.volumes(self._api, metadata["namespace"], pod["spec"], each),
                    security={**pod["spec"].get("securityContext", {}), **each.get("securityContext", {})},
                )
            )
        return found

    async def _machine(self, pod: Object, annotations: dict[str, str]) -> PodVm:
        caa = self._caa.get(pod["spec"]["nodeName"])
        if caa is None:
            raise CrashError("failed to create containerd task: CAA does not answer on this node", exited=False)
        if fault := await self._context.faults.value(POD_VM_FAILS):
            raise CrashError(f"creating instance: {fault}", exited=False)
        try:
            machine = caa.create(annotations, await mounts.pull_secrets(self._api, pod))
            if mode := annotations.get(attester.ANNOTATION):
                machine = replace(machine, evidence=attester.changed(machine.evidence, mode))
        except (SandboxError, ValueError) as error:
            raise CrashError(str(error), exited=False) from error
        return machine

    async def _tell(self, pod: Object, started: list[Started]) -> None:
        for each in started:
            name = each.container.name
            if each.unsealed:
                text = f"container {name}: KBS released what is sealed in {', '.join(each.unsealed)}"
                await self._api.event(pod, SECRET_UNSEALED, text)
            for variable, why in each.still_sealed.items():
                text = f"container {name} starts with {variable} still sealed: {why}"
                await self._api.event(pod, SECRET_STILL_SEALED, text, "Warning")

    async def _exec(self, pod: Object, guest: Guest, command: str) -> None:
        try:
            guest.exec(pod["spec"]["containers"][0]["name"], shlex.split(command))
        except (GuestError, ValueError) as error:
            await self._api.event(pod, EXEC_DENIED, str(error), "Warning")
        else:
            await self._api.event(pod, EXEC_SUCCEEDED, f"somebody ran {command!r} in the pod", "Warning")

    async def _serving(self, uid: str) -> Served | None:
        if (running := self._kbs.get(uid)) is None:
            return None
        try:
            return await running.served()
        except ValueError as error:
            raise UnreachableError(str(error)) from error


class Script:
    """The program's verification script in a pod VM."""

    def __init__(self, guest: Guest, environment: dict[str, str]) -> None:
        self._task = asyncio.create_task(script.run(guest, environment))

    async def look(self) -> Ended | float:
        """Return how it ended."""
        done, _ = await asyncio.wait((self._task,), timeout=_LOOK)
        return self._task.result() if done else _LOOK

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()


def _measured(machine: PodVm) -> str:
    if machine.digest is None:
        return f"{machine.size}: no initdata, PCR 8 is as at reset"
    boot = "on" if machine.secure_boot else "off"
    return (
        f"{machine.size}, secure boot {boot}, initdata digest {machine.digest}, PCR 8 {initdata.pcr8(machine.digest)}"
    )


def _check_sign_in(environment: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Raise CrashError where CAA has neither a client secret nor a token (its ``client.go`` and azidentity)."""
    if environment.get("AZURE_CLIENT_SECRET"):
        return
    path = environment.get("AZURE_FEDERATED_TOKEN_FILE")
    if not path:
        raise CrashError("no token file specified. Check pod configuration or set TokenFilePath", exited=True)
    if path not in files:
        raise CrashError(f"open {path}: no such file or directory", exited=True)
