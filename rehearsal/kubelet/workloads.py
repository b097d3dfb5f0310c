"""What runs in the simulated pods: CAA, KBS, pod VMs, the image jobs, real programs; anything else just runs."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from rehearsal.api import Object
from rehearsal.azure import arm_state, made
from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet import evidence, initdata, mounts, script
from rehearsal.kubelet.agent import GuestError
from rehearsal.kubelet.caa import Caa, CaaStartError, PodVm, SandboxError, check_sign_in
from rehearsal.kubelet.guest import Guest, Started
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.image_job import ImageJob
from rehearsal.kubelet.in_pod_vm import Forever, InPodVm, RunningCaa, Workload, own
from rehearsal.kubelet.kbs import StartError
from rehearsal.kubelet.kbs.pod import files as kbs_files
from rehearsal.kubelet.network import Network, Served
from rehearsal.kubelet.running_kbs import RunningKbs
from rehearsal.kubelet.script import Script
from rehearsal.kubelet.shim import Container
from rehearsal.operators.context import Context
from rehearsal.operators.faults import POD_VM_FAILS
from rehearsal.operators.osc_peer_pods import CREATE_JOB, DELETE_JOB
from rehearsal.real import pods as real
from rehearsal.real.kbs import RealKbs
from rehearsal.real.process import EndedError
from rehearsal.timings import POD_VM_START

POD_VM_STARTED = "PodVmStarted"
"""Reason of the event that tells what a pod VM measured."""
SECRET_UNSEALED, SECRET_STILL_SEALED = "SecretUnsealed", "SecretStillSealed"
"""Reasons of the events about sealed secrets; the real ones are only in the log of the agent in the pod VM."""

_CAA = "caa-pod"
"""The container of CAA in every version; its DaemonSet's name has changed."""


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


class Workloads:
    """Starts what a pod says."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._azure = Subscription.described()
        self._made = arm_state.described()
        self._caa: dict[str, Caa] = {}
        self._kbs: dict[str, RunningKbs | RealKbs] = {}
        self._sandboxes: dict[str, int] = {}
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
        if container["name"] == _CAA:
            files = await mounts.files(self._api, namespace, pod["spec"], container)
            return self._start_caa(pod, environment, files)
        if container.get("command", [""])[0] == "/usr/local/bin/kbs":
            return await self._start_kbs(pod, mounted, environment)
        try:
            if (operator := await real.operator(pod, environment)) is not None:
                return operator
        except EndedError as error:
            raise CrashError(str(error), exited=True) from error
        job = pod["metadata"].get("labels", {}).get("job-name")
        return ImageJob(self._context, job, namespace) if job in (CREATE_JOB, DELETE_JOB) else Forever()

    def log(self, uid: str) -> str:
        """Return the log of what runs in a pod: only KBS has one."""
        running = self._kbs.get(uid)
        return "" if running is None else running.log

    async def _start_kbs(self, pod: Object, mounted: dict[str, str], environment: dict[str, str]) -> Workload:
        uid = pod["metadata"]["uid"]
        try:
            simulated: RunningKbs | str = RunningKbs(pod, mounted, self._api, self._context.faults)
        except StartError as error:
            simulated = str(error)
        try:
            if (kbs := await real.kbs(pod, mounted, simulated, environment)) is not None:
                self._kbs[uid] = kbs
                return kbs
        except EndedError as error:
            raise CrashError(str(error), exited=True) from error
        if isinstance(simulated, str):
            raise CrashError(simulated, exited=True)
        self._kbs[uid] = simulated
        return Forever()

    def _start_caa(self, pod: Object, environment: dict[str, str], files: Mapping[str, str]) -> Workload:
        node, version = pod["spec"]["nodeName"], pod["spec"]["containers"][0]["image"].rpartition(":")[2]
        self._caa.pop(node, None)
        try:
            check_sign_in(environment, files)
            self._caa[node] = Caa(environment, self._azure, version)
        except CaaStartError as error:
            raise CrashError(str(error), exited=True) from error
        return RunningCaa()

    def forget_sandbox(self, pod: Object) -> None:
        """Have the pod's next start make another VM."""
        uid = pod["metadata"]["uid"]
        self._sandboxes[uid] = self._sandboxes.get(uid, 0) + 1

    def stop_caa(self, node: str) -> None:
        """Let no pod VM be made on a node until CAA has started there again."""
        self._caa.pop(node, None)

    async def _pod_vm(self, pod: Object) -> Workload:
        annotations = pod["metadata"].get("annotations", {})
        containers = await self._containers(pod)
        machine = await self._machine(pod, annotations)
        vm = self._in_azure(pod)
        await own(self._api, pod, vm)
        running = InPodVm(self._made, vm)
        try:
            await self._boot(running, pod, machine, containers)
        except BaseException:
            await running.stop()
            raise
        return running

    def _in_azure(self, pod: Object) -> str:
        """Make the pod's VM, and return its ARM id."""
        variables, metadata = self._caa[pod["spec"]["nodeName"]].environment, pod["metadata"]
        # A sandbox outlives a restart of this simulation, as the real one does.
        lost = self._sandboxes.get(metadata["uid"], 0)
        sandbox = f"{lost or ''}{metadata['uid']}".replace("-", "")
        group, public = made.group_of(variables), variables.get("USE_PUBLIC_IP") == "true"
        location = self._azure.location
        subnet = variables.get("AZURE_SUBNET_ID", "")
        return made.make_pod_vm(self._made, group, location, metadata["name"], sandbox, public_ip=public, subnet=subnet)

    async def _boot(self, running: InPodVm, pod: Object, machine: PodVm, containers: list[Container]) -> None:
        annotations = pod["metadata"].get("annotations", {})
        try:
            guest = running.guest = Guest(machine, self._network.reach)
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
        if script.is_ours(pod["spec"]["containers"][0]):
            running.inner = Script(guest, dict(started[0].container.environment))

    async def _containers(self, pod: Object) -> list[Container]:
        """Return what the agent is asked to create; raises MissingError."""
        metadata, statuses = pod["metadata"], []
        for each in pod["spec"]["containers"]:
            environment = await mounts.environment(self._api, metadata["namespace"], each)
            statuses.append(
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
        return statuses

    async def _machine(self, pod: Object, annotations: dict[str, str]) -> PodVm:
        caa = self._caa.get(pod["spec"]["nodeName"])
        if caa is None:
            raise CrashError("failed to create containerd task: CAA does not answer on this node", exited=False)
        if fault := await self._context.faults.value(POD_VM_FAILS):
            raise CrashError(f"creating instance: {fault}", exited=False)
        try:
            machine = caa.create(annotations, await mounts.pull_secrets(self._api, pod))
            if mode := annotations.get(evidence.ANNOTATION):
                machine = replace(machine, evidence=evidence.changed(machine.evidence, mode))
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

    async def _serving(self, uid: str) -> Served | None:
        if (running := self._kbs.get(uid)) is None:
            return None
        try:
            return await running.served()
        except ValueError as error:
            raise UnreachableError(str(error)) from error


def _measured(machine: PodVm) -> str:
    if machine.digest is None:
        return f"{machine.size}: no initdata, PCR 8 is as at reset"
    boot = "on" if machine.secure_boot else "off"
    return (
        f"{machine.size}, secure boot {boot}, initdata digest {machine.digest}, PCR 8 {initdata.pcr8(machine.digest)}"
    )
