"""The machine config operator: pools of nodes, and one node after another through drain, update and reboot.

A node's target is the rendered configuration of its pool (``pools``); it gets there alone (maxUnavailable 1), and is
cordoned, drained and not ready meanwhile. A node of two custom pools stays as it is, and so does one without the
annotations of a machine config daemon. Annotations and pool status as in openshift/machine-config-operator, as far as
the OSC operator reads them (sandboxed-containers-operator ``controllers/openshift_controller.go``).
"""

import hashlib
import logging
from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONTAINER_RUNTIME_CONFIG, MACHINE_CONFIG, MACHINE_CONFIG_POOL, NODE, POD
from rehearsal.operators import pools, world
from rehearsal.operators.context import Context, KeyOf, condition
from rehearsal.operators.faults import NODE_DEGRADED
from rehearsal.operators.world import CURRENT, DESIRED, STATE
from rehearsal.timings import NODE_REBOOT, RETRY

_ROLE_LABEL = "machineconfiguration.openshift.io/role"
_REASON = "machineconfiguration.openshift.io/reason"
REBOOTS = "rehearsal/reboots"
"""Annotation of a node: how often it has rebooted into another configuration."""
_ALL = "all"
_LOG = logging.getLogger("rehearsal")


class MachineConfigs:
    """Keeps every pool's nodes at the pool's configuration."""

    name = "machine-config-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            MACHINE_CONFIG: lambda _: _ALL,
            MACHINE_CONFIG_POOL: lambda _: _ALL,
            CONTAINER_RUNTIME_CONFIG: lambda _: _ALL,
            NODE: lambda _: _ALL,
        }

    async def reconcile(self, key: str) -> float | None:  # noqa: ARG002 - there is one
        """Bring the pools one step further: at most one node of each is under way."""
        configs = [*await self._api.list(MACHINE_CONFIG), *await self._api.list(CONTAINER_RUNTIME_CONFIG)]
        pools = await self._api.list(MACHINE_CONFIG_POOL)
        remaining = [pool for pool in pools if "deletionTimestamp" not in pool["metadata"]]
        members: dict[str, list[Object]] = {pool["metadata"]["name"]: [] for pool in remaining}
        for node in await self._api.list(NODE):
            if "deletionTimestamp" not in node["metadata"] and (name := _pool_of(node, remaining)) is not None:
                members[name].append(node)
        waits = [await self._pool(pool, configs, members[pool["metadata"]["name"]]) for pool in remaining]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _pool(self, pool: Object, configs: list[Object], nodes: list[Object]) -> float | None:
        target = _rendered(pool, configs)
        managed = [node for node in nodes if CURRENT in node["metadata"].get("annotations", {})]
        for node in managed:
            if _needs_nothing(node, pool, target):
                await self._annotate(node, STATE_DONE, target, target)
        behind = [node for node in managed if node["metadata"]["annotations"][CURRENT] not in ("", target)]
        await self._status(pool, target, nodes, behind)
        if not behind or pool["spec"].get("paused"):
            return None
        under_way = [node for node in behind if node["metadata"]["annotations"][STATE] != STATE_DONE]
        return await self._update(under_way[0] if under_way else behind[0], target)

    async def _status(self, pool: Object, target: str, nodes: list[Object], behind: list[Object]) -> None:
        await self._api.patch(MACHINE_CONFIG_POOL, pool, {"spec": {"configuration": {"name": target}}})
        degraded = [node for node in behind if node["metadata"]["annotations"][STATE] == "Degraded"]
        status = {
            "machineCount": len(nodes),
            "updatedMachineCount": len(nodes) - len(behind),
            "degradedMachineCount": len(degraded),
            "conditions": [
                condition("Updated", str(not behind)),
                condition("Updating", str(bool(behind))),
                condition("Degraded", str(bool(degraded)), message=_why(degraded)),
            ],
        }
        await self._api.set_status(MACHINE_CONFIG_POOL, pool, status)

    async def _update(self, node: Object, target: str) -> float | None:
        name, clock = node["metadata"]["name"], self._context.clock
        if await self._context.faults.value(NODE_DEGRADED) == name:
            why = f"failed to run rpm-ostree: simulated fault on {name}"
            await self._annotate(node, "Degraded", node["metadata"]["annotations"][CURRENT], target, why)
            return clock.scaled(RETRY)
        if node["metadata"]["annotations"][STATE] != "Working":
            await self._api.event(node, "Drain", f"Draining node to update to {target}")
            await self._annotate(node, "Working", node["metadata"]["annotations"][CURRENT], target)
        if not _down(node):
            await self._api.patch(NODE, node, {"spec": {"unschedulable": True}})
            if not await self._drain(name):
                return clock.scaled(RETRY)
        what = f"reboot {name} {target}"
        if wait := clock.left(what, NODE_REBOOT):
            await self._ready(node, ready=False)
            return wait
        clock.forget(what)
        await self._ready(node, ready=True)
        reboots = str(int(node["metadata"]["annotations"].get(REBOOTS, "0")) + 1)
        await self._annotate(node, STATE_DONE, target, target, **{REBOOTS: reboots})
        await self._api.event(node, "NodeDone", f"Now at {target}")
        return None

    async def _annotate(
        self, node: Object, state: str, current: str, desired: str, why: str = "", **others: str
    ) -> None:
        annotations = {STATE: state, CURRENT: current, DESIRED: desired, _REASON: why}
        change = {"metadata": {"annotations": annotations | others}}
        node.update(await self._api.patch(NODE, node, change))

    async def _ready(self, node: Object, *, ready: bool) -> None:
        await self._api.patch(NODE, node, {"spec": {"unschedulable": None if ready else True}})
        await self._api.set_status(NODE, node, {"conditions": [world.ready("True" if ready else "Unknown")]})

    async def _drain(self, name: str) -> bool:
        """Evict the node's pods but those of DaemonSets; False where a budget keeps one, and a drain is tried again."""
        gone = []
        for pod in await self._api.list(POD):
            owners = [owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])]
            if pod["spec"].get("nodeName") == name and "DaemonSet" not in owners:
                gone.append(await self._api.evict(pod))
        return all(gone)


STATE_DONE = "Done"


def _pool_of(node: Object, existing: list[Object]) -> str | None:
    try:
        return pools.of(node, existing)
    except pools.PoolError as error:
        _LOG.warning("can't get pool for node: %s", error)
        return None


def _down(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] != "True" for each in conditions)


def _needs_nothing(node: Object, pool: Object, target: str) -> bool:
    """Return whether a node has what the pool wants: the installer's configuration, or the same of another pool."""
    annotations = node["metadata"]["annotations"]
    current, *digests = annotations[CURRENT], *(each.rpartition("-")[2] for each in (annotations[CURRENT], target))
    still = annotations[STATE] == STATE_DONE and not pool["spec"].get("paused")
    return not current or (current != target and still and len(set(digests)) == 1)


def updating(pool: Object | None) -> bool:
    """Return whether the pool says that it is updating."""
    conditions = (pool or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Updating" and each["status"] == "True" for each in conditions)


def _why(degraded: list[Object]) -> str:
    """Return the message of a pool's condition (machine-config-operator ``pkg/controller/node/status.go``)."""
    reasons = [f'Node {node["metadata"]["name"]} is reporting: "{_reason(node)}"' for node in degraded]
    return ", ".join(reasons)


def _reason(node: Object) -> str:
    return str(node["metadata"]["annotations"].get(_REASON, ""))


def _rendered(pool: Object, configs: list[Object]) -> str:
    """Return the name of the pool's configuration, which changes with every MachineConfig of its roles.

    A ContainerRuntimeConfig becomes a MachineConfig of the pools that it selects (``99-POOL-generated-...``)
    and stands for it here, with its content.
    """
    selector = pool["spec"]["machineConfigSelector"]
    roles = set(selector.get("matchLabels", {}).values())
    roles.update(*(each["values"] for each in selector.get("matchExpressions", [])))
    named = sorted(
        f"{config['metadata']['name']} {config['metadata']['uid']} {_content(config)}"
        for config in configs
        if (config["metadata"].get("labels", {}).get(_ROLE_LABEL) in roles or _selects(config, pool))
        and "deletionTimestamp" not in config["metadata"]
    )
    digest = hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]
    return f"rendered-{pool['metadata']['name']}-{digest}"


def _selects(config: Object, pool: Object) -> bool:
    wanted = config["spec"].get("machineConfigPoolSelector", {}).get("matchLabels")
    labels = pool["metadata"].get("labels", {})
    return wanted is not None and all(labels.get(key) == value for key, value in wanted.items())


def _content(config: Object) -> str:
    return str(config["spec"].get("containerRuntimeConfig", {}).get("logLevel", ""))
