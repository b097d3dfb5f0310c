"""KataConfig's status in words: counts while nodes reboot, and what holds a node.

Fields of KataConfig: sandboxed-containers-operator ``api/v1/kataconfig_types.go`` (``kataNodes``, ``InProgress``,
``waitingForMcoToStart``). A node's reason: machine-config-operator ``pkg/daemon/constants/constants.go``
(``MachineConfigDaemonReasonAnnotationKey``).
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.rollout import pools
from coco_azure.rollout.diagnosis import Object, condition, holds, name_of
from coco_azure.rollout.facts import read_node, read_pool

POOLS = (names.KATA_POOL, names.WORKER_POOL, names.MASTER_POOL)
"""The pools that a roll-out can go through; ``master`` on a cluster whose masters are its workers."""
BLOCKED = "BlockedByExistingKataPods"
"""Reason of InProgress while pods keep the object from being deleted (``kataconfig_controller``, same operator)."""
_WIDTH = 100
"""Columns of a terminal that a line of progress is to be read on."""
_SHOWN = 3
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


def progress(kata_config: Object | None, pods: Sequence[str] = ()) -> str:
    """Return how far the roll-out is, as one line, such as ``1 of 3 nodes have the kata runtime; installing: b``.

    Args:
        kata_config: the object, if there is one.
        pods: ``namespace/name`` of the pods that keep it from being deleted.
    """
    if kata_config is None:
        return "there is no KataConfig"
    if "deletionTimestamp" in kata_config["metadata"] and blocked(kata_config):
        return _fitting(f"the deletion waits for kata pods, delete them: {_names(pods) or 'oc get pods -A'}")
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    in_progress = condition(kata_config, "InProgress")
    if not in_progress and not nodes:
        return "the operator has not looked at KataConfig yet"
    parts = [f"{nodes.get('readyNodeCount', 0)} of {nodes.get('nodeCount', 0)} nodes have the kata runtime"]
    if "deletionTimestamp" in kata_config["metadata"]:
        parts = ["KataConfig is being deleted"]
    # What has failed is named before what only waits, where the line becomes too long for all.
    urgent = sorted(_WORDS, key=lambda key: key not in _FAILED)
    parts += [f"{_WORDS[key]}: {_names(sorted(nodes[key]))}" for key in urgent if nodes.get(key)]
    if in_progress.get("status") != "False" or in_progress.get("reason"):
        reason = in_progress.get("reason") or f"InProgress={in_progress.get('status', 'unknown')}"
        parts.append(": ".join(filter(None, (reason, in_progress.get("message", "")))))
    if kata_config["status"].get("waitingForMcoToStart"):
        parts.append("waiting for the machine config operator to start")
    return _fitting("; ".join(parts))


def blocked(kata_config: Object) -> bool:
    """Return whether pods keep KataConfig from being deleted."""
    return condition(kata_config, "InProgress").get("reason") == BLOCKED


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _fitting(line: str) -> str:
    return textwrap.shorten(line, _WIDTH, placeholder=" ...")


def updating(kata_config: Object | None) -> list[str]:
    """Return the names of the nodes that are drained, updated and rebooted at this moment."""
    nodes = ((kata_config or {}).get("status") or {}).get("kataNodes") or {}
    return sorted({name for key in ("installing", "uninstalling") for name in nodes.get(key) or []})


def failed_nodes(kata_config: Object | None) -> list[str]:
    """Return the names of the nodes that KataConfig says have failed."""
    nodes = ((kata_config or {}).get("status") or {}).get("kataNodes") or {}
    return sorted({name for key in _FAILED for name in nodes.get(key) or []})


def problems(kata_config: Object | None, around: Surroundings) -> list[str]:
    """Return what holds the roll-out, each with the command that shows more or heals it."""
    if kata_config is None:
        return ["there is no KataConfig: somebody has deleted it. `pulumi up --refresh` creates it anew"]
    name = name_of(kata_config)
    messages = [_failed(each, around) for each in failed_nodes(kata_config)]
    messages += _kept_out(around)
    messages += [
        f"MachineConfigPool {name_of(pool)} is paused, so its nodes are not updated. "
        f'`oc patch mcp {name_of(pool)} --type merge -p \'{{"spec":{{"paused":false}}}}\'` lets it go on'
        for pool in _pools(around)
        if (pool.get("spec") or {}).get("paused")
    ]
    messages += [
        f"MachineConfigPool {name_of(pool)} is degraded: {condition(pool, 'Degraded').get('message') or 'no reason'}. "
        f"`oc describe mcp {name_of(pool)}` shows more"
        for pool in _pools(around)
        if holds(pool, "Degraded")
    ]
    if "deletionTimestamp" in kata_config["metadata"]:
        in_progress = condition(kata_config, "InProgress")
        text = ": ".join(filter(None, (in_progress.get("reason"), in_progress.get("message"))))
        more = f"`oc describe kataconfig {name}` shows more"
        messages.append(f"KataConfig {name} is being deleted ({text or 'no reason given'}). {more}")
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    if not messages and nodes and not nodes.get("nodeCount"):
        messages.append(
            "no node is selected: none has all labels of coco-azure:peerPods.kataConfig.poolSelector. "
            "`oc label node NODE KEY=VALUE` selects one, `oc get nodes --show-labels` shows what they have"
        )
    return messages or [f"{progress(kata_config)}. `oc describe kataconfig {name}` and `oc get mcp,nodes` show more"]


def _pools(around: Surroundings) -> Iterable[Object]:
    return [pool for pool in around.pools if name_of(pool) in POOLS]


def _kept_out(around: Surroundings) -> Iterable[str]:
    """Yield what is wrong with nodes that have the operator's label and are updated by no pool of its own."""
    known_pools = [read_pool(pool) for pool in around.pools]
    for node in map(read_node, around.nodes):
        if names.KATA_ROLE not in node.labels:
            continue
        out = pools.keeping_out(node, known_pools)
        why = (
            "it runs Windows" if node.windows else f"it is in machine config pool {', '.join(out.pools)}" if out else ""
        )
        if why:
            yield (
                f"node {node.name} never gets kata, and KataConfig waits for it: {why}. `oc get node {node.name} "
                "--show-labels` shows its roles; coco-azure:peerPods.kataConfig.poolSelector can leave it out"
            )


def _failed(name: str, around: Surroundings) -> str:
    node = next((each for each in around.nodes if name_of(each) == name), None)
    annotations = (node or {}).get("metadata", {}).get("annotations") or {}
    reason = " ".join(str(annotations.get(names.MACHINE_CONFIG_REASON) or "it gives no reason").split())
    daemon = next((each for each in around.daemons if (each.get("spec") or {}).get("nodeName") == name), None)
    more = f"`oc describe node {name}`"
    if daemon is not None:
        more += (
            f" and `oc -n {names.MACHINE_CONFIG_NAMESPACE} logs {name_of(daemon)} -c machine-config-daemon` show more"
        )
    else:
        more += " shows more"
    return f"node {name} is {annotations.get(names.MACHINE_CONFIG_STATE) or 'Degraded'}: {reason}. {more}"
