"""One attempt of the negative checks, and how it ended: being denied counts only for the expected reason."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.api import Object
from rehearsal.kubelet import workloads

DENIED, RELEASED, ACCEPTED, NOTHING = "denied", "released", "accepted", "failed otherwise"
BY_KBS = re.compile(r"PolicyDeny|attestation policy|Attest failed", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one check ended.

    Attributes:
        name: what was tried.
        expected: ``denied`` or, for what has to work, ``released``.
        result: ``denied`` for the expected reason, ``released``, ``accepted``, or ``failed otherwise``.
        reason: what the cluster said, on one line.
    """

    name: str
    expected: str
    result: str
    reason: str

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it must."""
        return self.expected == self.result


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        name: what is tried, for people.
        pod: name of its pod.
        change: makes the attack out of a good pod, in place.
        reason: what a denial for the expected reason says; None for the control.
        by_exec: whether the outcome is that of ``kubectl exec``, not that of the pod.
    """

    name: str
    pod: str
    change: Callable[[Object], None]
    reason: re.Pattern[str] | None
    by_exec: bool = False

    def judge(self, pod: Object, events: Sequence[Object]) -> Outcome | None:
        """Return how it ended, or None while that is open."""
        if self.by_exec:
            return self._exec(events) or self._stuck(pod)
        state = _state(pod)
        if "terminated" not in state:
            return self._waiting(state)
        message = str(state["terminated"].get("message", ""))
        if state["terminated"]["exitCode"] == 0:
            return self._outcome(RELEASED if self.reason is None else ACCEPTED, message)
        return self._refused(message)

    def nothing(self, pod: Object | None) -> Outcome:
        """Return that it never ended."""
        state = _state(pod or {})
        phase = (pod or {}).get("status", {}).get("phase", "no pod")
        reason = state.get("waiting", {}).get("message") or phase
        return self._outcome(NOTHING, f"no outcome in time: {reason}")

    def _exec(self, events: Sequence[Object]) -> Outcome | None:
        for event in events:
            if event["reason"] == workloads.EXEC_SUCCEEDED:
                return self._outcome(RELEASED if self.reason is None else ACCEPTED, event["message"])
            if event["reason"] == workloads.EXEC_DENIED:
                return self._refused(event["message"])
        return None

    def _waiting(self, state: Mapping[str, Any]) -> Outcome | None:
        """Return a denial that keeps the pod from starting; anything else may still change."""
        message = str(state.get("waiting", {}).get("message", ""))
        return self._outcome(DENIED, message) if self.reason is not None and self.reason.search(message) else None

    def _stuck(self, pod: Object) -> Outcome | None:
        state = _state(pod).get("terminated")
        return self._outcome(NOTHING, f"the pod ended first: {state.get('message', '')}") if state else None

    def _refused(self, message: str) -> Outcome:
        expected = self.reason is not None and self.reason.search(message)
        # The control is told as denied too: then it is KBS, and not the rest, that says no.
        denied = expected or (self.reason is None and BY_KBS.search(message))
        return self._outcome(DENIED if denied else NOTHING, message)

    def _outcome(self, actual: str, reason: str) -> Outcome:
        expected = RELEASED if self.reason is None else DENIED
        return Outcome(name=self.name, expected=expected, result=actual, reason=_line(reason))


def _state(pod: Object) -> Mapping[str, Any]:
    containers = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(containers[0].get("state", {}))


def _line(text: str) -> str:
    """Return the telling part of what was said: what the CDH was told, else the first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    telling = next((line for line in lines if "get resource failed: " in line), lines[0])
    return telling.rpartition("get resource failed: ")[2]
