"""What runs in the simulated pods: CAA, KBS, pod VMs, the image jobs; anything else just runs."""

import asyncio
from typing import Protocol
from urllib.parse import urlsplit

from rehearsal.api import Api, Object
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CONFIG_MAP, POD, ROUTE, SERVICE
from rehearsal.kubelet import mounts, script
from rehearsal.kubelet.caa import Caa, CaaStartError, SandboxError
from rehearsal.kubelet.guest import Guest, GuestError, UnreachableError
from rehearsal.kubelet.kbs import Kbs, StartError
from rehearsal.kubelet.script import Ended
from rehearsal.operators.context import Context
from rehearsal.operators.faults import IMAGE_JOB_FAILS, POD_VM_FAILS
from rehearsal.operators.osc_peer_pods import CREATE_JOB, DELETE_JOB, IMAGE_KEY
from rehearsal.timings import IMAGE_JOB, POD_VM_START

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


class Workloads:
    """Starts what a pod says."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._azure = Subscription.described()
        self._caa: dict[str, Caa] = {}
        self._kbs: dict[str, Kbs] = {}
        self._boxes: dict[str, MountedNow] = {}

    async def start(self, pod: Object) -> Workload:
        """Start the pod's containers.

        Raises:
            MissingError: something that they mount or read is not there.
            CrashError: they do not start.
        """
        container, namespace = pod["spec"]["containers"][0], pod["metadata"]["namespace"]
        environment = await mounts.environment(self._api, namespace, container)
        mounted = await mounts.files(self._api, namespace, pod["spec"], container)
        if pod["spec"].get("runtimeClassName") == "kata-remote":
            return await self._pod_vm(pod, container, environment)
        if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds":
            return self._start_caa(pod, environment)
        if container.get("command", [""])[0] == "/usr/local/bin/kbs":
            return await self._start_kbs(pod, container, mounted)
        job = pod["metadata"].get("labels", {}).get("job")
        return ImageJob(self._context, job, namespace) if job in (CREATE_JOB, DELETE_JOB) else Forever()

    def _start_caa(self, pod: Object, environment: dict[str, str]) -> Workload:
        node = pod["spec"]["nodeName"]
        self._caa.pop(node, None)
        try:
            self._caa[node] = Caa(environment, self._azure)
        except CaaStartError as error:
            raise CrashError(str(error), exited=True) from error
        return Forever()

    async def _start_kbs(self, pod: Object, container: Object, mounted: dict[str, str]) -> Workload:
        namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
        box = MountedNow(self._api, namespace, pod["spec"], container, mounted)
        path = container["command"][container["command"].index("--config-file") + 1]
        try:
            self._kbs[uid] = Kbs.start(path, lambda: box.files)
        except StartError as error:
            raise CrashError(str(error), exited=True) from error
        self._boxes[uid] = box
        return Forever()

    async def _pod_vm(self, pod: Object, container: Object, environment: dict[str, str]) -> Workload:
        caa = self._caa.get(pod["spec"]["nodeName"])
        if caa is None:
            raise CrashError("failed to create containerd task: CAA does not answer on this node", exited=False)
        if fault := await self._context.faults.value(POD_VM_FAILS):
            raise CrashError(f"creating instance: {fault}", exited=False)
        annotations = pod["metadata"].get("annotations", {})
        try:
            guest = Guest(caa.create(annotations), self._reach)
        except (SandboxError, GuestError) as error:
            raise CrashError(str(error), exited=False) from error
        what = f"pod vm {pod['metadata']['uid']}"
        if wait := self._context.clock.left(what, POD_VM_START):
            await asyncio.sleep(wait)
        try:
            await guest.start(annotations, [each["image"] for each in pod["spec"]["containers"]])
        except GuestError as error:
            raise CrashError(str(error), exited=False, reason="Failed") from error
        return Script(guest, environment) if script.is_ours(container) else Forever()

    async def _reach(self, url: str) -> Kbs:
        """Return the KBS behind a URL; raises UnreachableError."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        service, namespace = await self._service_of(parts.scheme, host)
        found = await self._api.get(SERVICE, service, namespace)
        if found is None:
            raise UnreachableError(f"{url}: the route's service {namespace}/{service} does not exist")
        labels = ",".join(f"{key}%3D{value}" for key, value in found["spec"].get("selector", {}).items())
        for pod in await self._api.list(POD, namespace, labels):
            uid = pod["metadata"]["uid"]
            if uid in self._kbs and "deletionTimestamp" not in pod["metadata"] and _ready(pod):
                await self._boxes[uid].refresh()
                return self._kbs[uid]
        raise UnreachableError(f"{url}: 503, service {namespace}/{service} has no ready pod")

    async def _service_of(self, scheme: str, host: str) -> tuple[str, str]:
        for route in await self._api.list(ROUTE):
            spec = route["spec"]
            if spec.get("host") != host or not _admitted(route):
                continue
            tls = spec.get("tls", {})
            if scheme == "https" and not tls:
                raise UnreachableError(f"https://{host}: the route has no TLS; set its tls.termination or use http")
            if scheme == "http" and tls and tls.get("insecureEdgeTerminationPolicy") != "Allow":
                raise UnreachableError(f"http://{host}: 503, the route takes https only")
            return str(spec["to"]["name"]), str(route["metadata"]["namespace"])
        name, _, rest = host.partition(".")
        namespace, _, domain = rest.partition(".")
        if domain.partition(".")[0] == "svc" or (namespace and not domain):
            return name, namespace
        raise UnreachableError(f"{scheme}://{host}: no such host; no admitted route of this cluster has it")


class MountedNow:
    """A container's files as the kubelet refreshes them: all but what is mounted with a subPath."""

    def __init__(self, api: Api, namespace: str, spec: Object, container: Object, files: dict[str, str]) -> None:
        self.files = files
        self._api, self._namespace, self._spec = api, namespace, spec
        self._fresh = {
            **container,
            "volumeMounts": [each for each in container["volumeMounts"] if "subPath" not in each],
        }

    async def refresh(self) -> None:
        """Read the files again; what is gone meanwhile stays as it was."""
        try:
            fresh = await mounts.files(self._api, self._namespace, self._spec, self._fresh)
        except mounts.MissingError:
            return
        self.files = {**self.files, **fresh}


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


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _admitted(route: Object) -> bool:
    ingresses = route.get("status", {}).get("ingress", [])
    return any(
        each["type"] == "Admitted" and each["status"] == "True" for one in ingresses for each in one["conditions"]
    )
