"""KataConfig's status in words: counts while nodes reboot, and what holds a node.

Fields of KataConfig: sandboxed-containers-operator ``api/v1/kataconfig_types.go`` (``kataNodes``, ``InProgress``,
``waitingForMcoToStart``). A node's reason: machine-config-operator ``pkg/daemon/constants/constants.go``
(``MachineConfigDaemonReasonAnnotationKey``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnosis import Object, condition, holds, name_of

STATE = "machineconfiguration.openshift.io/state"
REASON = "machineconfiguration.openshift.io/reason"
DAEMONS = "openshift-machine-config-operator"
"""Namespace of the machine config daemons, which carry a node's update out."""
POOLS = ("kata-oc", "worker", "master")
"""The pools that a roll-out can go through; ``master`` on a cluster whose masters are its workers."""
_FAILED = ("failedToInstall", "failedToUninstall")
_WORDS = {
    "installing": "installing",
    "waitingToInstall": "waiting",
    "failedToInstall": "FAILED",
    "uninstalling": "leaving the pool",
    "waitingToUninstall": "waiting to leave the pool",
    "failedToUninstall": "FAILED to leave the pool",
}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is looked at beside KataConfig.

    Attributes:
        nodes: all nodes.
        pools: all MachineConfigPools.
        daemons: pods of the machine config daemons.
    """

    nodes: Sequence[Object] = ()
    pools: Sequence[Object] = ()
    daemons: Sequence[Object] = ()


def progress(kata_config: Object | None) -> str:
    """Return how far the roll-out is, as one line, such as ``1 of 3 nodes have the kata runtime; installing: b``."""
    if kata_config is None:
        return "there is no KataConfig"
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    said = condition(kata_config, "InProgress")
    if not said and not nodes:
        return "the operator has not looked at KataConfig yet"
    parts = [f"{nodes.get('readyNodeCount', 0)} of {nodes.get('nodeCount', 0)} nodes have the kata runtime"]
    parts += [f"{word}: {', '.join(sorted(nodes[key]))}" for key, word in _WORDS.items() if nodes.get(key)]
    if said.get("status") != "False" or said.get("reason"):
        reason = said.get("reason") or f"InProgress={said.get('status', 'unknown')}"
        parts.append(": ".join(filter(None, (reason, said.get("message", "")))))
    if kata_config["status"].get("waitingForMcoToStart"):
        parts.append("waiting for the machine config operator to start")
    return "; ".join(parts)


def failed_nodes(kata_config: Object | None) -> list[str]:
    """Return the names of the nodes that KataConfig says have failed."""
    nodes = ((kata_config or {}).get("status") or {}).get("kataNodes") or {}
    return sorted({name for key in _FAILED for name in nodes.get(key) or []})


def problems(kata_config: Object | None, around: Surroundings) -> list[str]:
    """Return what holds the roll-out, each with the command that shows more or heals it."""
    if kata_config is None:
        return ["there is no KataConfig: somebody has deleted it. `pulumi up --refresh` creates it anew"]
    name = name_of(kata_config)
    found = [_failed(each, around) for each in failed_nodes(kata_config)]
    found += [
        f"MachineConfigPool {name_of(pool)} is paused, so its nodes are not updated. "
        f'`oc patch mcp {name_of(pool)} --type merge -p \'{{"spec":{{"paused":false}}}}\'` lets it go on'
        for pool in _pools(around)
        if (pool.get("spec") or {}).get("paused")
    ]
    found += [
        f"MachineConfigPool {name_of(pool)} is degraded: {condition(pool, 'Degraded').get('message') or 'no reason'}. "
        f"`oc describe mcp {name_of(pool)}` shows more"
        for pool in _pools(around)
        if holds(pool, "Degraded")
    ]
    if "deletionTimestamp" in kata_config["metadata"]:
        said = condition(kata_config, "InProgress")
        text = ": ".join(filter(None, (said.get("reason"), said.get("message"))))
        more = f"`oc describe kataconfig {name}` shows more"
        found.append(f"KataConfig {name} is being deleted ({text or 'no reason given'}). {more}")
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    if not found and nodes and not nodes.get("nodeCount"):
        found.append(
            "no node is selected: none has all labels of coco-azure:peerPods.kataConfig.poolSelector. "
            "`oc label node NODE KEY=VALUE` selects one, `oc get nodes --show-labels` shows what they have"
        )
    return found or [f"{progress(kata_config)}. `oc describe kataconfig {name}` and `oc get mcp,nodes` show more"]


def _pools(around: Surroundings) -> Iterable[Object]:
    return [pool for pool in around.pools if name_of(pool) in POOLS]


def _failed(name: str, around: Surroundings) -> str:
    node = next((each for each in around.nodes if name_of(each) == name), None)
    annotations = (node or {}).get("metadata", {}).get("annotations") or {}
    said = " ".join(str(annotations.get(REASON) or "it gives no reason").split())
    daemon = next((each for each in around.daemons if (each.get("spec") or {}).get("nodeName") == name), None)
    more = f"`oc describe node {name}`"
    if daemon is not None:
        more += f" and `oc -n {DAEMONS} logs {name_of(daemon)} -c machine-config-daemon` show more"
    else:
        more += " shows more"
    return f"node {name} is {annotations.get(STATE) or 'Degraded'}: {said}. {more}"
