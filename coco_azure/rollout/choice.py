"""Which nodes KataConfig is for, in which pools; which of them get kata, and which only seem to.

openshift/machine-config-operator ``pkg/helpers/helpers.go`` (7ff337a4, ``ListPools``, ``GetPoolsForNode``): pools match
by their node selector; a Windows node is in none; one in two custom pools is updated by nobody ("belongs to 2 custom
roles, cannot proceed with this Node"); a master stays in pool ``master`` whatever custom pool it matches.

openshift/sandboxed-containers-operator ``controllers/openshift_controller.go`` (00ef4c71, ``updateNodeLabels``): the
label ``kata-oc`` goes to every node with role ``worker`` that the selector matches, be it Windows, a master that takes
workloads (``mastersSchedulable``), or in another custom pool. KataConfig counts the label, and waits for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.rollout import drain
from coco_azure.rollout.desired_kata_config import LINUX, DesiredKataConfig
from coco_azure.rollout.facts import Node, Pool, RolloutFacts

_BUILT_IN = (names.MASTER_POOL, names.WORKER_POOL)


@dataclass(frozen=True, kw_only=True)
class KeptOut:
    """A node that would get the label ``kata-oc`` and never gets kata.

    Attributes:
        pools: the pools that it is in instead: ``master``, or custom ones.
    """

    node: str
    pools: tuple[str, ...]

    @property
    def is_master(self) -> bool:
        """Whether it belongs to the control plane."""
        return self.pools == (names.MASTER_POOL,)


def matching(node: Node, pools: Sequence[Pool]) -> tuple[str, ...]:
    """Return the names of all pools whose node selector matches; an empty selector matches nothing here."""
    if node.windows:
        return ()
    return tuple(sorted(each.name for each in pools if each.selector and drain.matches(each.selector, node.labels)))


def pool_of(node: Node, pools: Sequence[Pool]) -> str | None:
    """Return the pool by which a node is updated; None where nobody updates it."""
    matched = matching(node, pools)
    custom = [name for name in matched if name not in _BUILT_IN]
    if len(custom) > 1 or not matched:
        return None
    if names.MASTER_POOL in matched:
        return names.MASTER_POOL
    return custom[0] if custom else names.WORKER_POOL


def keeping_out(node: Node, pools: Sequence[Pool]) -> KeptOut | None:
    """Return what keeps a node with role ``worker`` out of pool ``kata-oc``, once it has that label; None: nothing."""
    matched = matching(node, pools)
    others = tuple(name for name in matched if name not in (*_BUILT_IN, names.KATA_POOL))
    if others:
        return KeptOut(node=node.name, pools=others)
    return KeptOut(node=node.name, pools=(names.MASTER_POOL,)) if names.MASTER_POOL in matched else None


@dataclass(frozen=True, kw_only=True)
class NodeChoice:
    """The nodes that the settings' selector matches.

    Attributes:
        selected: those that get kata.
        kept_out: those that never get it, being in another pool.
        windows: those that run Windows.
    """

    selected: tuple[str, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    windows: tuple[str, ...] = ()

    def linux_only(self, desired: DesiredKataConfig) -> bool:
        """Return whether a new KataConfig needs a selector that leaves Windows out, beside what the settings say."""
        return bool(self.windows) and not LINUX.keys() & (desired.settings.kata_config.pool_labels or {}).keys()


def choose(facts: RolloutFacts, desired: DesiredKataConfig) -> NodeChoice:
    """Return the nodes of the settings' selector, as the operator chooses them (``updateNodeLabels``).

    On a converged cluster it does not look at the selector: the masters get kata, by their own pool.
    """
    if facts.converged:
        return NodeChoice(selected=_names([node for node in facts.nodes if names.MASTER_ROLE in node.labels]))
    labels = (desired.settings.kata_config.pool_labels or {}).items()
    matched = [node for node in facts.nodes if names.WORKER_ROLE in node.labels and labels <= node.labels.items()]
    linux = [node for node in matched if not node.windows]
    out = [reason for node in linux if (reason := keeping_out(node, facts.pools))]
    named = {each.node for each in out}
    return NodeChoice(
        selected=_names([node for node in linux if node.name not in named]),
        kept_out=tuple(sorted(out, key=lambda each: each.node)),
        windows=_names([node for node in matched if node.windows]),
    )


def kata_nodes(facts: RolloutFacts) -> tuple[str, ...]:
    """Return the nodes that have kata, or are about to get it."""
    if facts.converged:
        return _names([node for node in facts.nodes if names.MASTER_ROLE in node.labels])
    masters = {node.name for node in facts.nodes if pool_of(node, facts.pools) == names.MASTER_POOL}
    labelled = [node for node in facts.nodes if names.KATA_ROLE in node.labels and not node.windows]
    return _names([node for node in labelled if node.name not in masters])


def updated_nodes(facts: RolloutFacts) -> tuple[str, ...]:
    """Return the nodes that KataConfig's pool updates: not those with its label that are in other pools as well."""
    nodes = {node.name: node for node in facts.nodes}
    pool = names.MASTER_POOL if facts.converged else names.KATA_POOL
    return tuple(name for name in kata_nodes(facts) if pool_of(nodes[name], facts.pools) == pool)


def configuration(facts: RolloutFacts) -> str:
    """Return the name of the configuration that KataConfig's pool gives to its nodes now; empty: not known."""
    name = names.MASTER_POOL if facts.converged else names.KATA_POOL
    return next((each.config for each in facts.pools if each.name == name), "")


def nodes_in_custom_pools(facts: RolloutFacts) -> bool:
    """Return whether workers are in pools that are neither ``worker`` nor the operator's."""
    workers = [node for node in facts.nodes if names.WORKER_ROLE in node.labels and not node.windows]
    return not facts.converged and any(keeping_out(node, facts.pools) for node in workers)


def unhealthy_pools(facts: RolloutFacts, kept_out: tuple[KeptOut, ...]) -> tuple[tuple[Pool, ...], tuple[Pool, ...]]:
    """Return the pools in the way of a roll-out (degraded or paused), and other degraded ones."""
    used = {names.MASTER_POOL} if facts.converged else {names.WORKER_POOL, names.KATA_POOL}
    used |= {name for each in kept_out for name in each.pools}
    return (
        tuple(each for each in facts.pools if each.name in used and (each.paused or each.degraded)),
        tuple(each for each in facts.pools if each.name not in used and each.degraded),
    )


def rounds(facts: RolloutFacts, nodes: int, pool: str) -> int:
    """Return how many reboots follow each other in a pool that updates so many nodes at once."""
    if facts.without_machine_config:
        return 0
    name = names.MASTER_POOL if facts.converged else pool
    text = str(next((each.at_once for each in facts.pools if each.name == name), 1))
    at_once = nodes * int(text[:-1]) // 100 if text.endswith("%") else int(text)
    return -(-nodes // max(1, at_once))


def _names(nodes: list[Node]) -> tuple[str, ...]:
    return tuple(sorted(node.name for node in nodes))
