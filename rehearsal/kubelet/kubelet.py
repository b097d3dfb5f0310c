"""The kubelets of all nodes, and the scheduler: they bind pods, start and end containers, and write their status."""

from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import NODE, POD
from rehearsal.kubelet.in_pod_vm import InPodVm, RunningCaa, Workload
from rehearsal.kubelet.mounts import MissingError
from rehearsal.kubelet.workloads import CrashError, Workloads
from rehearsal.operators.context import Context, KeyOf, is_true, key_of
from rehearsal.real.process import EndedError
from rehearsal.timings import CONTAINER_STOP, IMAGE_PULL, RETRY

_NODE = "node/"
_LOST, _TTRPC = 255, "ttrpc: closed"
"""How a container ends whose shim has lost its CAA."""


class Kubelets:
    """One component for all nodes; what runs in a pod is the business of ``workloads``."""

    name = "kubelet"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._workloads = Workloads(context)
        self._running: dict[str, Workload] = {}
        self._restarts: dict[str, int] = {}
        self._last: dict[str, Object] = {}
        self.watches: Mapping[Kind, KeyOf] = {POD: key_of, NODE: lambda node: f"{_NODE}{node['metadata']['name']}"}

    async def reconcile(self, key: str) -> float | None:
        """Bring one pod, or the pods of a node that stopped, one step further."""
        if key.startswith(_NODE):
            return await self._node(key.removeprefix(_NODE))
        namespace, _, name = key.partition("/")
        pod = await self._api.get(POD, name, namespace)
        if pod is None:
            return None
        if "deletionTimestamp" in pod["metadata"]:
            return await self._end(pod, pod["metadata"]["uid"])
        return None if pod.get("status", {}).get("phase") in ("Succeeded", "Failed") else await self._alive(pod)

    async def log(self, namespace: str, name: str) -> str | None:
        """Return the log of a pod's container; None where there is no such pod."""
        pod = await self._api.get(POD, name, namespace)
        return None if pod is None else self._workloads.log(pod["metadata"]["uid"])

    async def exec(self, namespace: str, name: str, container: str, command: list[str]) -> None:
        """Run a command in a pod; raises LookupError where no such container runs, GuestError where it is denied."""
        pod = await self._api.get(POD, name, namespace)
        workload = self._running.get(pod["metadata"]["uid"]) if pod is not None else None
        if workload is None:
            raise LookupError(f'container not found ("{container}")')
        # What runs beside pod VMs has no agent in between: its node's runtime starts any command.
        if isinstance(workload, InPodVm) and workload.guest is not None:
            workload.guest.exec(container, command)

    async def _alive(self, pod: Object) -> float | None:
        if not pod["spec"].get("nodeName"):
            return await self._bind(pod)
        node = await self._api.get(NODE, pod["spec"]["nodeName"])
        if node is None or not is_true(node, "Ready"):
            return self._context.clock.scaled(RETRY)
        return await self._run(pod, pod["metadata"]["uid"])

    async def _node(self, name: str) -> float | None:
        """Stop everything on a node that does not answer; its pods start again by themselves when it is back."""
        node = await self._api.get(NODE, name)
        if node is not None and is_true(node, "Ready"):
            return None
        for pod in await self._api.list(POD):
            uid = pod["metadata"]["uid"]
            if pod["spec"].get("nodeName") == name and uid in self._running:
                await self._stop(uid)
                self._restarts[uid] = self._restarts.get(uid, 0) + 1
                waiting = _waiting(pod, "ContainerCreating", "the node is not ready", self._restarts[uid])
                await self._api.set_status(POD, pod, waiting)
        return None

    async def _bind(self, pod: Object) -> float | None:
        load: dict[str, int] = {}
        for other in await self._api.list(POD):
            name = other["spec"].get("nodeName", "")
            load[name] = load.get(name, 0) + 1
        chosen = _choose(pod, await self._api.list(NODE), load)
        if chosen is None:
            unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            await self._api.set_status(POD, pod, {"phase": "Pending", "conditions": [unschedulable]})
            return self._context.clock.scaled(RETRY)
        metadata = pod["metadata"]
        target = {"apiVersion": "v1", "kind": "Node", "name": chosen}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": metadata["name"]}, "target": target}
        await self._api.request("POST", f"{POD.path(metadata['namespace'], metadata['name'])}/binding", binding)
        return None

    async def _run(self, pod: Object, uid: str) -> float | None:
        workload = self._running.get(uid)
        if workload is None:
            if wait := self._context.clock.left(f"pull {uid}", IMAGE_PULL):
                return wait
            started = await self._start(pod, uid)
            if isinstance(started, float):
                return started
            workload = self._running[uid] = started
        try:
            ended = await workload.look()
        except EndedError as error:
            await self._stop(uid)
            await self._crashed(pod, uid, str(error))
            return self._context.clock.scaled(RETRY)
        if isinstance(ended, float):
            running = _running(pod, self._restarts.get(uid, 0), self._last.get(uid))
            await self._api.set_status(POD, pod, running)
            return ended or None
        await self._api.set_status(POD, pod, _ended(pod, ended.code, ended.output))
        await self._stop(uid)
        return None

    async def _start(self, pod: Object, uid: str) -> Workload | float:
        """Start what the pod runs, or report why not and return when to try again."""
        retry = self._context.clock.scaled(RETRY)
        try:
            return await self._workloads.start(pod)
        except MissingError as missing:
            await self._report(pod, "FailedMount", "ContainerCreating", str(missing))
        except CrashError as crash:
            if crash.exited:
                await self._crashed(pod, uid, str(crash))
            else:
                await self._report(pod, crash.reason, "ContainerCreating", str(crash))
        return retry

    async def _crashed(self, pod: Object, uid: str, message: str) -> None:
        self._restarts[uid] = self._restarts.get(uid, 0) + 1
        self._last[uid] = _terminated(1, message)
        await self._report(pod, "BackOff", "CrashLoopBackOff", f"back-off restarting failed container: {message}")

    async def _report(self, pod: Object, event: str, reason: str, message: str) -> None:
        uid = pod["metadata"]["uid"]
        waiting = _waiting(pod, reason, message, self._restarts.get(uid, 0), self._last.get(uid))
        before = pod.get("status", {}).get("containerStatuses", [{}])[0].get("state")
        if before != waiting["containerStatuses"][0]["state"]:
            await self._api.event(pod, event, message, "Warning")
        await self._api.set_status(POD, pod, waiting)

    async def _end(self, pod: Object, uid: str) -> float | None:
        if pod["spec"].get("nodeName") and (wait := self._context.clock.left(f"stop {uid}", CONTAINER_STOP)):
            return wait
        restarts_caa = isinstance(self._running.get(uid), RunningCaa)
        await self._stop(uid)
        if restarts_caa:
            await self._lose(pod["spec"]["nodeName"])
        for memory in (self._restarts, self._last):
            memory.pop(uid, None)
        await self._api.delete(POD, pod, at_once=True)
        return None

    async def _lose(self, node: str) -> None:
        """End the peer pods of a node whose CAA has ended; the kubelet starts them anew, but for those of Never."""
        self._workloads.stop_caa(node)
        for pod in await self._api.list(POD):
            uid = pod["metadata"]["uid"]
            workload = self._running.get(uid)
            if pod["spec"].get("nodeName") != node or not isinstance(workload, InPodVm):
                continue
            del self._running[uid]
            await workload.abandon()
            self._workloads.forget_sandbox(pod)
            self._context.clock.forget(f"pull {uid}")
            await self._api.event(pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            self._restarts[uid] = self._restarts.get(uid, 0) + 1
            self._last[uid] = _terminated(_LOST, _TTRPC)
            waiting = _waiting(pod, "ContainerCreating", _TTRPC, self._restarts[uid], self._last[uid])
            lost = _ended(pod, _LOST, _TTRPC)
            await self._api.set_status(POD, pod, lost if pod["spec"].get("restartPolicy") == "Never" else waiting)

    async def _stop(self, uid: str) -> None:
        workload = self._running.pop(uid, None)
        if workload is not None:
            await workload.stop()
        self._context.clock.forget(f"pull {uid}")


def _choose(pod: Object, nodes: list[Object], load: dict[str, int]) -> str | None:
    """Return the node for a pod, or None where it fits on none.

    A DaemonSet's pod names its node in its affinity; any other goes to the least loaded worker that is ready, takes new
    pods and has the labels that the pod selects.
    """
    if (named := _daemon_node(pod)) is not None:
        return named if any(node["metadata"]["name"] == named for node in nodes) else None
    selector = pod["spec"].get("nodeSelector", {})
    fitting = [
        str(node["metadata"]["name"])
        for node in nodes
        if is_true(node, "Ready")
        and not node["spec"].get("unschedulable")
        and not any(taint["effect"] == "NoSchedule" for taint in node["spec"].get("taints", []))
        and selector.items() <= node["metadata"]["labels"].items()
    ]
    return min(sorted(fitting), key=lambda name: load.get(name, 0), default=None)


def _daemon_node(pod: Object) -> str | None:
    """Return the node that the DaemonSet controller made the pod for, or None for another pod."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.get("nodeSelectorTerms", []):
        for field in term.get("matchFields", []):
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return None


def _running(pod: Object, restarts: int = 0, last: Object | None = None) -> Object:
    """Return the status of a pod whose containers all run."""
    return _status(pod, "Running", {"running": {}}, ready=True, restarts=restarts, last=last)


def _waiting(pod: Object, reason: str, message: str, restarts: int = 0, last: Object | None = None) -> Object:
    """Return the status of a pod whose containers do not run, with the kubelet's reason for it."""
    phase = "Running" if restarts else "Pending"
    state = {"waiting": {"reason": reason, "message": message}}
    return _status(pod, phase, state, ready=False, restarts=restarts, last=last)


def _ended(pod: Object, code: int, message: str) -> Object:
    """Return the status of a pod that has come to its end."""
    return _status(pod, "Failed" if code else "Succeeded", _terminated(code, message), ready=False)


def _terminated(code: int, message: str) -> Object:
    """Return the state of a container that has ended."""
    reason = "Error" if code else "Completed"
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def _status(
    pod: Object, phase: str, state: Object, *, ready: bool, restarts: int = 0, last: Object | None = None
) -> Object:
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": ready,
            "started": ready,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
        }
        for container in pod["spec"]["containers"]
    ]
    truth = str(ready)
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "ContainersReady", "status": truth},
        {"type": "Ready", "status": truth},
    ]
    return {"phase": phase, "conditions": conditions, "containerStatuses": containers}
