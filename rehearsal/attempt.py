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
        found: ``denied`` for the expected reason, ``released``, ``accepted``, or ``failed otherwise``.
        reason: what the cluster said, on one line.
    """

    name: str
    expected: str
    found: str
    reason: str

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it must."""
        return self.expected == self.found


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
        said = str(state["terminated"].get("message", ""))
        if state["terminated"]["exitCode"] == 0:
            return self._outcome(RELEASED if self.reason is None else ACCEPTED, said)
        return self._refused(said)

    def nothing(self, pod: Object | None) -> Outcome:
        """Return that it never ended."""
        state = _state(pod or {})
        phase = (pod or {}).get("status", {}).get("phase", "no pod")
        said = state.get("waiting", {}).get("message") or phase
        return self._outcome(NOTHING, f"no outcome in time: {said}")

    def _exec(self, events: Sequence[Object]) -> Outcome | None:
        for event in events:
            if event["reason"] == workloads.EXEC_SUCCEEDED:
                return self._outcome(RELEASED if self.reason is None else ACCEPTED, event["message"])
            if event["reason"] == workloads.EXEC_DENIED:
                return self._refused(event["message"])
        return None

    def _waiting(self, state: Mapping[str, Any]) -> Outcome | None:
        """Return a denial that keeps the pod from starting; anything else may still change."""
        said = str(state.get("waiting", {}).get("message", ""))
        return self._outcome(DENIED, said) if self.reason is not None and self.reason.search(said) else None

    def _stuck(self, pod: Object) -> Outcome | None:
        state = _state(pod).get("terminated")
        return self._outcome(NOTHING, f"the pod ended first: {state.get('message', '')}") if state else None

    def _refused(self, said: str) -> Outcome:
        expected = self.reason is not None and self.reason.search(said)
        # The control is told as denied too: then it is KBS, and not the rest, that says no.
        denied = expected or (self.reason is None and BY_KBS.search(said))
        return self._outcome(DENIED if denied else NOTHING, said)

    def _outcome(self, found: str, said: str) -> Outcome:
        expected = RELEASED if self.reason is None else DENIED
        return Outcome(name=self.name, expected=expected, found=found, reason=_line(said))


def _state(pod: Object) -> Mapping[str, Any]:
    containers = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(containers[0].get("state", {}))


def _line(said: str) -> str:
    """Return the telling part of what was said: what the CDH was told, else the first line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [""]
    telling = next((line for line in lines if "get resource failed: " in line), lines[0])
    return telling.rpartition("get resource failed: ")[2]
