"""Which node a pod goes to."""

from rehearsal.api import Object
from rehearsal.operators.context import is_true


def choose(pod: Object, nodes: list[Object], load: dict[str, int]) -> str | None:
    """Return the node for a pod, or None where it fits on none.

    A DaemonSet's pod names its node in its affinity; any other goes to the least loaded worker that is ready, takes new
    pods and has the labels that the pod selects.
    """
    if (named := daemon_node(pod)) is not None:
        return named if any(node["metadata"]["name"] == named for node in nodes) else None
    selector = pod["spec"].get("nodeSelector", {})
    fitting = [
        str(node["metadata"]["name"])
        for node in nodes
        if is_true(node, "Ready")
        and not node["spec"].get("unschedulable")
        and not any(taint["effect"] == "NoSchedule" for taint in node["spec"].get("taints", []))
        and selector.items() <= node["metadata"]["labels"].items()
    ]
    return min(sorted(fitting), key=lambda name: load.get(name, 0), default=None)


def daemon_node(pod: Object) -> str | None:
    """Return the node that the DaemonSet controller made the pod for, or None for another pod."""
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.get("nodeSelectorTerms", []):
        for field in term.get("matchFields", []):
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return None
