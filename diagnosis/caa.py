"""CAA and the pods that live by it."""

from collections.abc import Collection, Sequence

from diagnosis import NAMESPACE, RUNTIME_CLASS, Object, holds, name_of

DAEMON_SET = "osc-caa-ds"
POD_LABEL = f"name={DAEMON_SET}"
_SHOWN = 5


def problems(daemon_set: Object | None, pods: Sequence[Object]) -> list[str]:
    """Return what keeps CAA from being ready on every node, each with the command that shows more."""
    if daemon_set is None:
        first = f"there is no DaemonSet {DAEMON_SET}: the operator makes it once the pod VM image is there"
        return [f"{first}. `oc describe kataconfig` shows what it waits for"]
    found = [_unready(pod) for pod in pods if not holds(pod, "Ready")]
    if not found and not (daemon_set.get("status") or {}).get("desiredNumberScheduled"):
        found.append(f"{DAEMON_SET} has no node: none has label node-role.kubernetes.io/kata-oc. `oc get nodes` shows")
    return found or [f"`oc -n {NAMESPACE} describe ds {DAEMON_SET}` shows more"]


def _unready(pod: Object) -> str:
    name, node = name_of(pod), (pod.get("spec") or {}).get("nodeName", "no node yet")
    status = pod.get("status") or {}
    said, previous = str(status.get("phase", "unknown")), ""
    for each in status.get("containerStatuses") or []:
        waiting = (each.get("state") or {}).get("waiting") or {}
        if each.get("restartCount"):
            previous = " --previous"
        if waiting:
            said = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    return f"CAA's pod {name} on {node} is not ready ({said}). `oc -n {NAMESPACE} logs {name}{previous}` shows more"


def peer_pods(pods: Sequence[Object], *, but: Collection[str] = ()) -> list[str]:
    """Return ``namespace/name`` of the peer pods that run, but for those in some namespaces."""
    return sorted(
        f"{pod['metadata']['namespace']}/{name_of(pod)}"
        for pod in pods
        if (pod.get("spec") or {}).get("runtimeClassName") == RUNTIME_CLASS
        and (pod.get("status") or {}).get("phase") in ("Pending", "Running")
        and pod["metadata"]["namespace"] not in but
    )


def restart_warning(pods: Sequence[str]) -> str:
    """Return the warning of a restart of CAA under peer pods that run (``namespace/name``)."""
    shown = ", ".join(pods[:_SHOWN]) + (f" and {len(pods) - _SHOWN} more" if len(pods) > _SHOWN else "")
    return (
        f"this restarts CAA, and {len(pods)} peer pod{'s' if len(pods) > 1 else ''} may be lost with it: {shown}. "
        "CAA keeps its connections to pod VMs in memory. Where they matter, drain them first (`oc get pods -A -o wide` "
        "shows them), or wait for a maintenance window"
    )
