"""Why the attestation check has failed: the pod's state and its last event, and what KBS says in its log.

KBS writes why it refuses at level ERROR, from ``kbs::error`` and ``kbs::http::error`` (``coco_azure.formats.kbs.log``).
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from coco_azure.formats.kbs.log import entries
from coco_azure.rollout.diagnosis import Object, name_of

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


def problems(facts: CheckFacts) -> list[str]:
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
