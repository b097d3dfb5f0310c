"""CAA and the pods that live by it, and why the check's pod has not got its secret.

KBS writes why it refuses at level ERROR, from ``kbs::error`` and ``kbs::http::error`` (``coco_azure.formats.kbs.log``).
"""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.formats.kbs.log import entries
from coco_azure.formats.shown import some
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
    shown = some(pods, _SHOWN)
    return (
        f"this restarts CAA, and {len(pods)} peer pod{'s' if len(pods) > 1 else ''} may be lost with it: {shown}. "
        "CAA keeps its connections to pod VMs in memory. Where they matter, drain them first (`oc get pods -A -o wide` "
        f"shows them), {'or have the run wait for them: ' + _WAIT if wanted else _NO_POLICIES}"
    )


_EXITS = {
    1: "the Confidential Data Hub in its pod VM handed out no secret",
    2: "KBS handed out another value than the one that is expected",
}
"""Exit codes of ``coco_azure.formats.attestation_check.SCRIPT``."""
_REQUEST = "/kbs/v0/"
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """What is looked at.

    Attributes:
        namespace: of the check.
        pods: pods of its Job.
        events: events of the namespace.
        kbs_log: the end of KBS's log; None where it could not be asked.
        kbs_logs: the command that shows it.
    """

    namespace: str
    pods: Sequence[Object]
    events: Sequence[Object]
    kbs_log: str | None
    kbs_logs: str


def check_problems(facts: CheckFacts) -> list[str]:
    """Return why there was no attested secret, each with the command that shows more."""
    pods = sorted(facts.pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    messages = [_pod(pods[-1], facts)] if pods else [_no_pod(facts)]
    if (verdict := kbs_verdict(facts.kbs_log)) is not None:
        messages.append(f"KBS says: {verdict}. `{facts.kbs_logs}` shows more")
    elif facts.kbs_log is None:
        messages.append(f"what KBS says of it: `{facts.kbs_logs}`")
    elif _REQUEST not in facts.kbs_log:
        messages.append(
            "KBS has no request in its log: the pod VM has not started, or does not reach KBS (the Route's host and "
            f"certificate, outbound connectivity). `{facts.kbs_logs}` shows more"
        )
    return messages


def kbs_verdict(log: str | None) -> str | None:
    """Return the last error of KBS in its log, on one line; None where it has none."""
    errors = [each for each in entries((log or "").splitlines()) if each.level == "ERROR"]
    own = [" ".join(each.lines) for each in errors if each.module.startswith(("kbs", "attestation_service"))]
    return textwrap.shorten(own[-1], _LONGEST, placeholder=" ...") if own else None


def _pod(pod: Object, facts: CheckFacts) -> str:
    name, status = name_of(pod), pod.get("status") or {}
    parts = [f"the check's pod {facts.namespace}/{name} is {status.get('phase') or 'Unknown'}"]
    for each in status.get("containerStatuses") or ():
        state = each.get("state") or {}
        ended, waiting = state.get("terminated") or {}, state.get("waiting") or {}
        if code := ended.get("exitCode"):
            parts.append(f"exit code {code}: {_EXITS.get(code, ended.get('reason') or 'no reason given')}")
        elif waiting.get("reason"):
            parts.append(" ".join(filter(None, (waiting["reason"], waiting.get("message")))))
    if event := _last_event(name, facts.events):
        text = " ".join(str(event.get("message") or "").split())
        parts.append(f"its last event: {event.get('reason')}: {textwrap.shorten(text, _LONGEST, placeholder=' ...')}")
    return f"{'; '.join(parts)}. `oc -n {facts.namespace} describe pod {name}` shows more"


def _no_pod(facts: CheckFacts) -> str:
    events = [each for each in facts.events if (each.get("involvedObject") or {}).get("kind") == "Job"]
    last = max(events, key=_time, default=None)
    why = f": {last.get('reason')}: {last.get('message')}" if last else ""
    return f"the check has no pod{why}. `oc -n {facts.namespace} describe job` shows more"


def _last_event(pod: str, events: Sequence[Object]) -> Object | None:
    """Return what happened to the pod last; a warning goes before what only says that it was scheduled."""
    own = [each for each in events if (each.get("involvedObject") or {}).get("name") == pod]
    warnings = [each for each in own if each.get("type") == "Warning"]
    return max(warnings or own, key=_time, default=None)


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


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
