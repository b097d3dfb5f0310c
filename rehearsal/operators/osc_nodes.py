"""The OSC operator's dealings with nodes: labels, pool ``kata-oc``, MachineConfigs, and the report in KataConfig."""

from collections.abc import Callable

from rehearsal.api import Object
from rehearsal.kinds import CONTAINER_RUNTIME_CONFIG, MACHINE_CONFIG, MACHINE_CONFIG_POOL, NODE, SCC
from rehearsal.operators import pools
from rehearsal.operators.context import Context
from rehearsal.operators.machine_config import STATE_DONE
from rehearsal.operators.world import CURRENT, ROLE, STATE

KATA_OC = f"{ROLE}kata-oc"
_ROLE_LABEL = "machineconfiguration.openshift.io/role"
_POOL_LABEL = "pools.operator.machineconfiguration.openshift.io/kata-oc"
_ELIGIBLE = "feature.node.kubernetes.io/runtime.kata"
"""Label of the Node Feature Discovery operator, by which ``checkNodeEligibility`` selects as well."""
_LOG_LEVEL = "kata-crio-config"
_SCC = "sandboxed-containers-operator-scc"
_EXTENSION = "50-enable-sandboxed-containers-extension"
_PEER_PODS = ("50-kata-remote", "40-worker-kata-remote-config")
_LISTS = (
    "installed",
    "installing",
    "waitingToInstall",
    "failedToInstall",
    "uninstalling",
    "waitingToUninstall",
    "failedToUninstall",
)


class KataNodes:
    """The worker nodes that are to have kata."""

    def __init__(self, context: Context) -> None:
        self._api = context.api

    async def install_machine_configs(self, kata_config: Object) -> bool:
        """Create what installs kata on nodes; True if the main one was not there before."""
        if kata_config["spec"].get("enablePeerPods"):
            for name in _PEER_PODS:
                await self._machine_config(name, [])
        return await self._machine_config(_EXTENSION, ["sandboxed-containers"])

    async def _machine_config(self, name: str, extensions: list[str]) -> bool:
        content = {"metadata": {"name": name, "labels": {_ROLE_LABEL: "kata-oc"}}, "spec": {"extensions": extensions}}
        return await self._api.create(MACHINE_CONFIG, content) is not None

    async def remove_machine_configs(self) -> None:
        """Delete what installs kata on nodes."""
        for name in (_EXTENSION, *_PEER_PODS):
            await self._api.delete(MACHINE_CONFIG, {"metadata": {"name": name}})

    async def log_level(self, wanted: str | None) -> None:
        """Keep the ContainerRuntimeConfig with CRI-O's log level (``processLogLevel``), whose change reboots the nodes.

        None takes it away. Without one the level is ``info``, and none is made for that.
        """
        existing = await self._api.get(CONTAINER_RUNTIME_CONFIG, _LOG_LEVEL)
        wanted_spec = {"containerRuntimeConfig": {"logLevel": wanted}}
        if wanted is None:
            await self._api.delete(CONTAINER_RUNTIME_CONFIG, {"metadata": {"name": _LOG_LEVEL}})
        elif existing is not None:
            if existing["spec"]["containerRuntimeConfig"]["logLevel"] != wanted:
                await self._api.patch(CONTAINER_RUNTIME_CONFIG, existing, {"spec": wanted_spec})
        elif wanted != "info":
            spec = {**wanted_spec, "machineConfigPoolSelector": {"matchLabels": {_POOL_LABEL: ""}}}
            await self._api.create(CONTAINER_RUNTIME_CONFIG, {"metadata": {"name": _LOG_LEVEL}, "spec": spec})

    async def label(self, kata_config: Object) -> bool:
        """Give the label kata-oc to the workers of the pool selector and take it from the others; True on a change.

        Nodes that run Windows, masters that take workloads and those of other custom pools get it, too
        (``updateNodeLabels`` at 00ef4c71), although the machine config operator will not move them.
        """
        selector = kata_config["spec"].get("kataConfigPoolSelector") or {}
        if kata_config["spec"].get("checkNodeEligibility"):
            selector = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), _ELIGIBLE: "true"}}
        return await self._relabel(lambda node: pools.matches(selector, node["metadata"]["labels"]))

    async def unlabel(self) -> bool:
        """Take the label from every node; True on a change."""
        return await self._relabel(lambda _: False)

    async def _relabel(self, wanted: Callable[[Object], bool]) -> bool:
        changed = False
        for node in await self._workers():
            has, wants = KATA_OC in node["metadata"]["labels"], wanted(node)
            if has != wants:
                await self._api.patch(NODE, node, {"metadata": {"labels": {KATA_OC: "" if wants else None}}})
                changed = True
        return changed

    async def monitor_scc(self, *, wanted: bool) -> None:
        """Create, or delete, the SecurityContextConstraints of the monitor of kata; its DaemonSet is not modelled."""
        monitor = "system:serviceaccount:openshift-sandboxed-containers-operator:monitor"
        content = {"metadata": {"name": _SCC}, "users": [monitor]}
        await (self._api.create(SCC, content) if wanted else self._api.delete(SCC, content))

    async def install_pool(self) -> None:
        """Create pool kata-oc."""
        role = {"key": _ROLE_LABEL, "operator": "In", "values": ["kata-oc", "worker"]}
        labels = {_POOL_LABEL: ""}
        spec = {
            "machineConfigSelector": {"matchExpressions": [role]},
            "nodeSelector": {"matchLabels": {KATA_OC: ""}},
        }
        await self._api.create(MACHINE_CONFIG_POOL, {"metadata": {"name": "kata-oc", "labels": labels}, "spec": spec})

    async def remove_pool(self) -> None:
        """Delete pool kata-oc."""
        await self._api.delete(MACHINE_CONFIG_POOL, {"metadata": {"name": "kata-oc"}})

    async def report(self, status: Object) -> str | None:
        """Write ``kataNodes`` and return a degraded node, if there is one."""
        lists: dict[str, list[str]] = {name: [] for name in _LISTS}
        targets = {pool: await self._target(pool) for pool in ("kata-oc", "worker")}
        for node in await self._workers():
            target = targets["kata-oc" if KATA_OC in node["metadata"]["labels"] else "worker"]
            if (where := _where(node, target)) is not None:
                lists[where].append(node["metadata"]["name"])
        # Every node with the label counts, also one that can never be ready (updateStatus).
        count = len(await self._api.list(NODE, labels=KATA_OC))
        status["kataNodes"] = {**lists, "nodeCount": count, "readyNodeCount": len(lists["installed"])}
        return next(iter(lists["failedToInstall"] + lists["failedToUninstall"]), None)

    async def _target(self, pool: str) -> str | None:
        pool_object = await self._api.get(MACHINE_CONFIG_POOL, pool)
        return ((pool_object or {}).get("spec", {}).get("configuration") or {}).get("name")

    async def _workers(self) -> list[Object]:
        return await self._api.list(NODE, labels=f"{ROLE}worker")


def _where(node: Object, target: str | None) -> str | None:
    """Return the list that the node belongs on (openshift_controller.go, isNodeInstalled and its siblings)."""
    annotations = node["metadata"].get("annotations", {})
    if STATE not in annotations or CURRENT not in annotations:  # a Windows node, which is counted all the same
        return None
    kata, done = KATA_OC in node["metadata"]["labels"], annotations[STATE] == STATE_DONE
    if annotations[STATE] == "Degraded":
        return "failedToInstall" if kata else "failedToUninstall"
    if annotations[STATE] == "Working":
        return "installing" if kata else "uninstalling"
    if done and annotations[CURRENT] == target:
        return "installed" if kata else None
    return "waitingToInstall" if kata else "waitingToUninstall"
