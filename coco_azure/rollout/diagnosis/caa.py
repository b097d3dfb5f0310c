"""CAA and the pods that live by it."""

from collections.abc import Collection, Sequence

from coco_azure import names
from coco_azure.rollout.diagnosis import Object, holds, name_of

POD_LABEL = f"name={names.CAA}"
_CAA_IMAGE = "RELATED_IMAGE_CAA"
"""Variable of the operator's with CAA's image, as in its CSV (``openshift/sandboxed-containers-operator``)."""
_SHOWN = 5
_WAIT = "pulumi config set --path coco-azure:peerPods.caaRestart wait"
_NO_POLICIES = (
    "for peerPods.caaRestart needs ValidatingAdmissionPolicy (Kubernetes 1.30, OpenShift 4.17), which this cluster has "
    "not"
)


def problems(daemon_set: Object | None, pods: Sequence[Object]) -> list[str]:
    """Return what keeps CAA from being ready on every node, each with the command that shows more."""
    if daemon_set is None:
        first = f"there is no DaemonSet {names.CAA}: the operator makes it once the pod VM image is there"
        return [f"{first}. `oc describe kataconfig` shows what it waits for"]
    messages = [_unready(pod) for pod in pods if not holds(pod, "Ready")]
    if not messages and not (daemon_set.get("status") or {}).get("desiredNumberScheduled"):
        messages.append(f"{names.CAA} has no node: none has label {names.KATA_ROLE}. `oc get nodes` shows")
    return messages or [f"`oc -n {names.OSC_NAMESPACE} describe ds {names.CAA}` shows more"]


def _unready(pod: Object) -> str:
    name, node = name_of(pod), (pod.get("spec") or {}).get("nodeName", "no node yet")
    status = pod.get("status") or {}
    reason, previous = str(status.get("phase", "unknown")), ""
    for each in status.get("containerStatuses") or []:
        waiting = (each.get("state") or {}).get("waiting") or {}
        if each.get("restartCount"):
            previous = " --previous"
        if waiting:
            reason = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    logs = f"oc -n {names.OSC_NAMESPACE} logs {name}{previous}"
    return f"CAA's pod {name} on {node} is not ready ({reason}). `{logs}` shows more"


def peer_pods(pods: Sequence[Object], *, but: Collection[str] = ()) -> list[str]:
    """Return ``namespace/name`` of the peer pods that run, but for those in some namespaces."""
    return sorted(
        f"{pod['metadata']['namespace']}/{name_of(pod)}"
        for pod in pods
        if (pod.get("spec") or {}).get("runtimeClassName") == names.RUNTIME_CLASS
        and (pod.get("status") or {}).get("phase") in ("Pending", "Running")
        and pod["metadata"]["namespace"] not in but
    )


def restart_warning(pods: Sequence[str], *, wanted: bool) -> str:
    """Return the warning of a restart of CAA under peer pods that run (``namespace/name``).

    ``wanted`` says whether the settings want it so; otherwise the cluster has no admission policies to hold it.
    """
    shown = ", ".join(pods[:_SHOWN]) + (f" and {len(pods) - _SHOWN} more" if len(pods) > _SHOWN else "")
    return (
        f"this restarts CAA, and {len(pods)} peer pod{'s' if len(pods) > 1 else ''} may be lost with it: {shown}. "
        "CAA keeps its connections to pod VMs in memory. Where they matter, drain them first (`oc get pods -A -o wide` "
        f"shows them), {'or have the run wait for them: ' + _WAIT if wanted else _NO_POLICIES}"
    )


def containers(obj: Object) -> Sequence[Object]:
    """Return the containers of a DaemonSet's or a Deployment's pods."""
    return ((obj["spec"].get("template") or {}).get("spec") or {}).get("containers") or ()


def makers(deployments: Sequence[Object]) -> dict[str, str]:
    """Return the image that the operator makes CAA of (``processDaemonsetForCAA``), by its CSV; none: not said."""
    return {
        str(owner["name"]): str(each["value"])
        for deployment in deployments
        for owner in deployment["metadata"].get("ownerReferences") or ()
        for container in containers(deployment)
        for each in container.get("env") or ()
        if each.get("name") == _CAA_IMAGE and each.get("value")
    }
