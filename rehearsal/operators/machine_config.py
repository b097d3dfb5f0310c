"""The machine config operator: pools of nodes, and one node after another through drain, update and reboot.

A node's target is the rendered configuration of its pool; it gets there alone (maxUnavailable 1), and is cordoned,
drained and not ready meanwhile. Annotations and pool status as in openshift/machine-config-operator, as far as the OSC
operator reads them (sandboxed-containers-operator ``controllers/openshift_controller.go``).
"""

import hashlib
from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONTAINER_RUNTIME_CONFIG, MACHINE_CONFIG, MACHINE_CONFIG_POOL, NODE, POD
from rehearsal.operators import world
from rehearsal.operators.context import Context, KeyOf, condition
from rehearsal.operators.faults import NODE_DEGRADED
from rehearsal.operators.world import CURRENT, DESIRED, ROLE, STATE
from rehearsal.timings import NODE_REBOOT, RETRY

_ROLE_LABEL = "machineconfiguration.openshift.io/role"
_REASON = "machineconfiguration.openshift.io/reason"
_ALL = "all"


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
        nodes = [node for node in await self._api.list(NODE) if "deletionTimestamp" not in node["metadata"]]
        waits = [
            await self._pool(pool, configs, [node for node in nodes if pool_of(node) == pool["metadata"]["name"]])
            for pool in await self._api.list(MACHINE_CONFIG_POOL)
            if "deletionTimestamp" not in pool["metadata"]
        ]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _pool(self, pool: Object, configs: list[Object], nodes: list[Object]) -> float | None:
        target = _rendered(pool, configs)
        for node in nodes:
            if not node["metadata"]["annotations"][CURRENT]:  # the installer's own configuration
                await self._annotate(node, STATE_DONE, target, target)
        behind = [node for node in nodes if node["metadata"]["annotations"][CURRENT] not in ("", target)]
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
        what = f"reboot {name} {target}"
        if wait := clock.left(what, NODE_REBOOT):
            if node["metadata"]["annotations"][STATE] != "Working":
                await self._api.event(node, "Drain", f"Draining node to update to {target}")
                await self._annotate(node, "Working", node["metadata"]["annotations"][CURRENT], target)
                await self._drain(name)
            await self._ready(node, ready=False)
            return wait
        clock.forget(what)
        await self._ready(node, ready=True)
        await self._annotate(node, STATE_DONE, target, target)
        await self._api.event(node, "NodeDone", f"Now at {target}")
        return None

    async def _annotate(self, node: Object, state: str, current: str, desired: str, why: str = "") -> None:
        change = {"metadata": {"annotations": {STATE: state, CURRENT: current, DESIRED: desired, _REASON: why}}}
        node.update(await self._api.patch(NODE, node, change))

    async def _ready(self, node: Object, *, ready: bool) -> None:
        await self._api.patch(NODE, node, {"spec": {"unschedulable": None if ready else True}})
        await self._api.set_status(NODE, node, {"conditions": [world.ready("True" if ready else "Unknown")]})

    async def _drain(self, name: str) -> None:
        for pod in await self._api.list(POD):
            owners = [owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])]
            if pod["spec"].get("nodeName") == name and "DaemonSet" not in owners:
                await self._api.delete(POD, pod)


STATE_DONE = "Done"


def pool_of(node: Object) -> str:
    """Return the pool that the node belongs to: its own one, such as kata-oc, before worker."""
    roles = {label.removeprefix(ROLE) for label in node["metadata"]["labels"] if label.startswith(ROLE)}
    if "master" in roles:
        return "master"
    return "kata-oc" if "kata-oc" in roles else "worker"


def updating(pool: Object | None) -> bool:
    """Return whether the pool says that it is updating."""
    conditions = (pool or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Updating" and each["status"] == "True" for each in conditions)


def _why(degraded: list[Object]) -> str:
    """Return the message of a pool's condition (machine-config-operator ``pkg/controller/node/status.go``)."""
    said = [f'Node {node["metadata"]["name"]} is reporting: "{_reason(node)}"' for node in degraded]
    return ", ".join(said)


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
