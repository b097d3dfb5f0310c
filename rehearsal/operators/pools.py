"""Which machine config pool a node is in (machine-config-operator ``pkg/helpers/helpers.go``, ``GetPoolsForNode``).

And label selectors, as the API server's clients evaluate them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.api import Object

_MASTER, _WORKER = "master", "worker"


class PoolError(Exception):
    """A node that the machine config operator does not take on; the message is its own."""


def of(node: Object, pools: Sequence[Object]) -> str | None:
    """Return the name of the pool that a node is updated by; None for one of no pool, such as a Windows node.

    Raises:
        PoolError: it is in several custom pools.
    """
    labels = node["metadata"].get("labels") or {}
    if labels.get("kubernetes.io/os") == "windows":
        return None
    names = [
        str(pool["metadata"]["name"])
        for pool in pools
        if (selector := pool["spec"].get("nodeSelector")) and matches(selector, labels)
    ]
    custom = [name for name in names if name not in (_MASTER, _WORKER)]
    if len(custom) > 1:
        count = len(custom)
        name = node["metadata"]["name"]
        raise PoolError(f"node {name} belongs to {count} custom roles, cannot proceed with this Node")
    if _MASTER in names:
        return _MASTER
    return next(iter([*custom, *names]), None)


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether a selector matches these labels; none matches nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(expression, labels) for expression in selector.get("matchExpressions") or [])


def _meets(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "In":
            return labels.get(key) in values
        case _:
            return labels.get(key) not in values
