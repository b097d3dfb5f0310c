"""The OpenShift sandboxed containers operator 1.9 to 1.13: KataConfig's life, as far as a user of it can see.

Modelled on openshift/sandboxed-containers-operator (devel d0632e58 and the files around 1.9 named in the modules that
this one uses): finalizer, node labels, pool ``kata-oc``, reasons of ``InProgress``, requeues, deletion.
"""

from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, CSV, DAEMON_SET, KATA_CONFIG, MACHINE_CONFIG_POOL, NODE, POD, SECRET
from rehearsal.operators import kata_webhook
from rehearsal.operators.context import Context, KeyOf
from rehearsal.operators.machine_config import updating
from rehearsal.operators.osc_nodes import KataNodes
from rehearsal.operators.osc_peer_pods import NAMESPACE, PACKAGE, ImageProblemError, PeerPods, gate_is_open, since
from rehearsal.timings import RETRY

FINALIZER = "kataconfiguration.openshift.io/finalizer"
_NEWS = ("osc-feature-gates", "peer-pods-cm", "peer-pods-secret", "cco-secret")


class KataConfigs:
    """The operator's one controller."""

    name = "sandboxed-containers-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._nodes = KataNodes(context)
        self._peer_pods = PeerPods(context)
        self._known: set[str] = set()
        self._changed: set[str] = set()
        self.watches: Mapping[Kind, KeyOf] = {
            KATA_CONFIG: self._seen,
            MACHINE_CONFIG_POOL: self._any,
            NODE: self._any,
            CSV: self._any,
            CONFIG_MAP: self._of_ours,
            SECRET: self._of_ours,
            DAEMON_SET: self._of_ours,
        }

    def _seen(self, obj: Object) -> str:
        name = str(obj["metadata"]["name"])
        self._known.add(name)
        self._changed.add(name)
        return name

    def _any(self, _: Object) -> str | None:
        return next(iter(sorted(self._known)), None)

    def _of_ours(self, obj: Object) -> str | None:
        metadata = obj["metadata"]
        ours = metadata["name"] in _NEWS or metadata["name"].startswith("osc-")
        return self._any(obj) if metadata["namespace"] == NAMESPACE and ours else None

    async def reconcile(self, key: str) -> float | None:
        """Bring the KataConfig one step further."""
        kata_config = await self._api.get(KATA_CONFIG, key)
        if kata_config is None:
            self._known.discard(key)
            self._changed.discard(key)
            return None
        version = await self._context.installed_version(PACKAGE, NAMESPACE)
        if version is None:
            return None
        await kata_webhook.install(self._api)
        retry = self._context.clock.scaled(RETRY)
        status: Object = {"kataNodes": {}, "runtimeClasses": [], **kata_config.get("status", {})}
        if kata_config["spec"].get("enablePeerPods"):
            if key in self._changed and "deletionTimestamp" not in kata_config["metadata"]:
                await self._peer_pods.credentials.ask()
            await self._peer_pods.follow_gate(confidential=await self._confidential(version))
        self._changed.discard(key)
        if "deletionTimestamp" in kata_config["metadata"] and _condition(status, "reason") not in (
            "Installing",
            "Updating",
        ):
            return retry if await self._delete(kata_config, status, version) else None
        again = await self._install(kata_config, status, version)
        await self._api.set_status(KATA_CONFIG, kata_config, status)
        await self._nodes.log_level(kata_config["spec"].get("logLevel") or "info")
        return retry if again else None

    async def _confidential(self, version: str) -> bool:
        gates = await self._api.get(CONFIG_MAP, "osc-feature-gates", NAMESPACE)
        return gate_is_open((gates or {}).get("data", {}).get("confidential"), version)

    async def _install(self, kata_config: Object, status: Object, version: str) -> bool:
        """Take one step of installation; True if the next one needs a retry."""
        if (
            FINALIZER not in kata_config["metadata"].get("finalizers", [])
            and "deletionTimestamp" not in kata_config["metadata"]
        ):
            await self._finalizers(kata_config, [*kata_config["metadata"].get("finalizers", []), FINALIZER])
        if await self._nodes.install_machine_configs(kata_config):
            in_progress(status, "True", "Installing", "Performing initial installation of kata on cluster")
        if await self._nodes.label(kata_config) and not await self._updating():
            status["waitingForMcoToStart"] = True
        await self._nodes.install_pool()
        busy = await self._updating()
        if busy and _condition(status, "status") == "False":
            in_progress(status, "True", "Updating", "Adding and/or removing kata-enabled nodes")
        if not busy and status.get("waitingForMcoToStart"):
            return False  # the pool's start will be seen
        status["waitingForMcoToStart"] = False
        if failing := await self._nodes.report(status):
            in_progress(status, "True", "Failed", f"Node {failing} Degraded")
        return False if busy else await self._finish(kata_config, status, version)

    async def _finish(self, kata_config: Object, status: Object, version: str) -> bool:
        in_progress(status, "False")
        await self._peer_pods.runtime_class(kata_config, status, "kata", "350Mi")
        await self._nodes.monitor_scc(wanted=True)
        if not kata_config["spec"].get("enablePeerPods"):
            return False
        try:
            done, reason, message = await self._peer_pods.image(kata_config, version, create=True)
        except ImageProblemError as problem:
            in_progress(status, "True", "PodVMImageJobFailed", str(problem))
            return True
        in_progress(status, "True", reason, message)
        if not done:
            return True
        await self._peer_pods.daemon_set(kata_config, version)
        await self._peer_pods.runtime_class(kata_config, status, "kata-remote", "120Mi")
        if since(version, "1.13"):
            await self._peer_pods.runtime_class(kata_config, status, "kata-nvidia-gpu", "120Mi")
        # Also after a failed image job: then the condition says that all is done, and no image is there.
        in_progress(status, "False")
        return False

    async def _delete(self, kata_config: Object, status: Object, version: str) -> bool:
        """Take one step of removal; True if the next one needs a retry."""
        if blocking := await self._kata_pods(status):
            message = (
                f'Existing pods using "kata-runtime" found. Please delete the pods manually: {", ".join(blocking)}'
            )
            in_progress(status, "False", "BlockedByExistingKataPods", message)
            await self._api.set_status(KATA_CONFIG, kata_config, status)
            return True
        if await self._nodes.unlabel():
            status["waitingForMcoToStart"] = True
        in_progress(status, "True", "Uninstalling", "Removing kata from cluster")
        await self._nodes.remove_machine_configs()
        busy = updating(await self._api.get(MACHINE_CONFIG_POOL, "worker"))
        if not busy and status.get("waitingForMcoToStart"):
            await self._api.set_status(KATA_CONFIG, kata_config, status)
            return False
        status["waitingForMcoToStart"] = False
        await self._nodes.report(status)
        again = False
        if not busy:
            await self._nodes.remove_pool()
            again = kata_config["spec"].get("enablePeerPods", False) and not await self._remove_peer_pods(
                kata_config, status, version
            )
        await self._api.set_status(KATA_CONFIG, kata_config, status)
        if not busy and not again:
            await self._nodes.monitor_scc(wanted=False)
            await self._nodes.log_level(None)
            # Upstream only when it is gone; an operator that is not there at that moment would leave the request.
            await self._peer_pods.credentials.give_back()
            kept = [each for each in kata_config["metadata"]["finalizers"] if each != FINALIZER]
            await self._finalizers(kata_config, kept)
        return again

    async def _finalizers(self, kata_config: Object, finalizers: list[str]) -> None:
        """Write the whole object for its finalizers: a selector that is missing becomes null (``addFinalizer``)."""
        path = KATA_CONFIG.path(name=kata_config["metadata"]["name"])
        written = await self._api.request("GET", path)
        written["metadata"]["finalizers"] = finalizers
        written["spec"] = {"kataConfigPoolSelector": None, **written["spec"]}
        kata_config.update(await self._api.request("PUT", f"{path}?fieldManager={self._api.manager}", written))

    async def _remove_peer_pods(self, kata_config: Object, status: Object, version: str) -> bool:
        await self._peer_pods.remove_daemon_set()
        done, reason, message = await self._peer_pods.image(kata_config, version, create=False)
        in_progress(status, "True", reason, message)
        return done

    async def _updating(self) -> bool:
        pools = [await self._api.get(MACHINE_CONFIG_POOL, name) for name in ("kata-oc", "worker")]
        return any(updating(pool) for pool in pools)

    async def _kata_pods(self, status: Object) -> list[str]:
        """Return every pod, finished ones included, that uses a runtime class of ours."""
        ours = status.get("runtimeClasses", [])
        return [
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            for pod in await self._api.list(POD)
            if pod["spec"].get("runtimeClassName") in ours
        ]


def in_progress(status: Object, value: str, reason: str = "", message: str = "") -> None:
    """Set the condition ``InProgress``, the only one that there is."""
    status["conditions"] = [{"type": "InProgress", "status": value, "reason": reason, "message": message}]


def _condition(status: Object, part: str) -> str:
    conditions: list[Object] = status.get("conditions", [])
    return str(conditions[0].get(part, "")) if conditions else ""
