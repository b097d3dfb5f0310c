"""Which machine config pool a node is in, and what keeps one that KataConfig selects out of pool ``kata-oc``.

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
from coco_azure.rollout import selectors
from coco_azure.rollout.facts import Node, Pool

_BUILT_IN = (names.MASTER_POOL, names.WORKER_POOL)


@dataclass(frozen=True, kw_only=True)
class KeptOut:
    """A node that would get the label ``kata-oc`` and never gets kata.

    Attributes:
        node: its name.
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
    return tuple(sorted(each.name for each in pools if each.selector and selectors.matches(each.selector, node.labels)))


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
