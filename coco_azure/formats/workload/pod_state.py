"""What became of a peer pod: its VM, its initdata, and what KBS said to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import POD_VM_SIZE

Object = Mapping[str, Any]
Initdata = Literal["current", "previous", "global", "unknown"]
Outcome = Literal["attested", "refused", "waiting"]


@dataclass(frozen=True, kw_only=True)
class PodState:
    """What is known of a peer pod.

    Attributes:
        node: its node; empty while it has none.
        vm: name of its VM in Azure; empty where cloud-api-adaptor has not said it.
        size: the VM size that it asked for, or that pods get that ask for none; empty where that is not known.
        workload: the workload whose initdata it has; empty for none.
        initdata: ``current`` or ``previous`` of that workload; ``global``: none of its own; ``unknown``: other ones,
            which are older or another stack's.
        outcome: ``attested``: its containers run, and their image policy came from KBS; ``refused``: KBS denied what
            was asked for last; ``waiting``: neither.
        reason: KBS's or the cluster's own words where it has not attested.
        secrets: what KBS's log says of each secret of the workload since the pod started.
    """

    namespace: str
    name: str
    node: str
    phase: str
    vm: str
    size: str
    workload: str
    initdata: Initdata
    outcome: Outcome
    reason: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it has attested with initdata that is accepted, and no secret of its own was denied."""
        accepted = self.initdata in ("current", "global")
        return accepted and self.outcome == "attested"


def judge(
    pod: Object, terms: Iterable[Terms], log: Sequence[KbsRequest], *, vm: str = "", events: Sequence[Object] = ()
) -> PodState:
    """Return the state of a pod.

    Args:
        terms: those of every workload.
        log: requests in KBS's log, the oldest first; it names no pod, so those of pods that start side by side are told
            of each of them.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    known = list(terms)
    workload, initdata = _initdata(annotations, known)
    own = next((each for each in known if each.workload == workload), None)
    since = datetime.fromisoformat(str(metadata["creationTimestamp"]))
    after = [request for request in log if request.time >= since]
    secrets = {path: text for path in (own.secrets or () if own else ()) if (text := _secret(path, after))}
    outcome, reason = _outcome(status, after, own, events)
    return PodState(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        node=str(pod["spec"].get("nodeName") or ""),
        phase=str(status.get("phase") or "Pending"),
        vm=vm,
        size=str(annotations.get(POD_VM_SIZE) or (known[0].size if known else "")),
        workload=workload,
        initdata=initdata,
        outcome=outcome,
        reason=reason,
        secrets=secrets,
    )


def _initdata(annotations: Mapping[str, Any], terms: Sequence[Terms]) -> tuple[str, Initdata]:
    for each in terms:
        value = annotations.get(each.annotation)
        if value == each.initdata:
            return each.workload, "current"
        if value is not None and value == each.previous:
            return each.workload, "previous"
    has_own = any(str(name).endswith(".cc_init_data") for name in annotations)
    return "", "unknown" if has_own else "global"


def _secret(path: str, log: Sequence[KbsRequest]) -> str:
    request = next((each for each in reversed(log) if each.step == path), None)
    if request is None:
        return ""
    when = f"{request.time:%Y-%m-%dT%H:%M:%SZ}"
    return f"given at {when}" if request.granted else f"denied at {when}: {request.reason}"


def _outcome(
    status: Object, log: Sequence[KbsRequest], own: Terms | None, events: Sequence[Object]
) -> tuple[Outcome, str]:
    """Return how far the pod got.

    A pod VM fetches its image policy from KBS before it pulls an image, so a container that has started tells that KBS
    took the evidence. What KBS says of a secret counts where it is the workload's.
    """
    secrets = own.secrets or () if own is not None else ()
    last = next((each for each in reversed(log) if each.step in secrets), None)
    if last is not None and not last.granted:
        return "refused", f"{last.step}: {last.reason}"
    statuses = status.get("containerStatuses") or ()
    if any("running" in each["state"] or "terminated" in each["state"] for each in statuses if each.get("state")):
        return "attested", ""
    handshake = next((each for each in reversed(log) if each.step in ("auth", "attest")), None)
    if handshake is not None and not handshake.granted:
        return "refused", f"{handshake.step}: {handshake.reason}"
    waiting: Object = next(
        (each["state"]["waiting"] for each in statuses if "waiting" in (each.get("state") or {})), {}
    )
    warnings = [str(each.get("message", "")) for each in events if each.get("type") == "Warning"]
    return "waiting", str(waiting.get("message") or (warnings[-1] if warnings else "") or waiting.get("reason") or "")
