"""Attempts at what must be denied, each a pod, and how they ended: being denied counts only for the expected reason."""

import copy
import re
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.clients.pod_exec import Executed
from coco_azure.trust import proof_report
from rehearsal.api import Object

DENIED, RELEASED, ACCEPTED, NOTHING = "denied", "released", "accepted", "failed otherwise"
BY_KBS = re.compile(r"PolicyDeny|attestation policy|Attest failed", re.IGNORECASE)
_LOOK = 0.2
_TIMEOUT = 120.0
"""Seconds that attempts side by side may take."""


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
        command: where the outcome is that of ``kubectl exec``, not that of the pod: what it runs.
    """

    name: str
    pod: str
    change: Callable[[Object], None]
    reason: re.Pattern[str] | None
    command: Sequence[str] = ()

    def judge(self, pod: Mapping[str, Any]) -> Outcome | None:
        """Return how it ended, or None while that is open."""
        state = _state(pod)
        if "terminated" not in state:
            return None if self.command else self._waiting(state)
        message = str(state["terminated"].get("message", ""))
        if self.command:
            return self._outcome(NOTHING, f"the pod ended first: {message}")
        if state["terminated"]["exitCode"] == 0:
            return self._outcome(RELEASED if self.reason is None else ACCEPTED, message)
        return self._refused(message)

    def judge_exec(self, executed: Executed) -> Outcome | None:
        """Return how the command ended, or None where another attempt may get the agent's answer."""
        if executed.result == "ran":
            words = f"`{' '.join(self.command)}` ran in the pod"
            return self._outcome(RELEASED if self.reason is None else ACCEPTED, words)
        return self._refused(executed.message) if executed.result == "failed" else None

    def nothing(self, pod: Mapping[str, Any] | None) -> Outcome:
        """Return that it never ended."""
        state = _state(pod or {})
        phase = (pod or {}).get("status", {}).get("phase", "no pod")
        reason = state.get("waiting", {}).get("message") or phase
        return self._outcome(NOTHING, f"no outcome in time: {reason}")

    def _waiting(self, state: Mapping[str, Any]) -> Outcome | None:
        """Return a denial that keeps the pod from starting; anything else may still change."""
        message = str(state.get("waiting", {}).get("message", ""))
        return self._outcome(DENIED, message) if self.reason is not None and self.reason.search(message) else None

    def _refused(self, message: str) -> Outcome:
        expected = self.reason is not None and self.reason.search(message)
        # The control is told as denied too: then it is KBS, and not the rest, that says no.
        denied = expected or (self.reason is None and BY_KBS.search(message))
        return self._outcome(DENIED if denied else NOTHING, message)

    def _outcome(self, actual: str, reason: str) -> Outcome:
        expected = RELEASED if self.reason is None else DENIED
        return Outcome(name=self.name, expected=expected, result=actual, reason=_line(reason))


def side_by_side(client: ClusterClient, pods: str, model: Object, checks: Sequence[Check]) -> list[Outcome]:
    """Make a pod for each check, remove the pods, and return how the checks ended.

    Args:
        client: the rehearsal's cluster.
        pods: path of the list that they are made in.
        model: a good pod, without its name.
        checks: what is tried.
    """
    until = time.monotonic() + _TIMEOUT
    try:
        for check in checks:
            _gone(client, f"{pods}/{check.pod}", until)
            pod = copy.deepcopy(model)
            pod["metadata"]["name"] = check.pod
            check.change(pod)
            client.create(pods, {"apiVersion": "v1", "kind": "Pod", **pod})
        return [_wait(client, f"{pods}/{check.pod}", check, until) for check in checks]
    finally:
        for check in checks:
            _gone(client, f"{pods}/{check.pod}", time.monotonic() + _TIMEOUT)


def _wait(client: ClusterClient, path: str, check: Check, until: float) -> Outcome:
    while True:
        pod = client.get(path)
        if pod is not None:
            outcome = check.judge(pod)
            if check.command and "running" in _state(pod):
                outcome = check.judge_exec(client.exec(path, pod["spec"]["containers"][0]["name"], check.command))
            if outcome is not None:
                return outcome
        if time.monotonic() > until:
            return check.nothing(pod)
        time.sleep(_LOOK)


def _gone(client: ClusterClient, path: str, until: float) -> None:
    """Delete what is at ``path`` and wait until it is gone: a pod of kata would block the deletion of KataConfig."""
    while client.get(path) is not None and time.monotonic() < until:
        client.delete(path)
        time.sleep(_LOOK)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes for people, a line each; a long reason goes on under itself."""
    width = max((len(each.name) for each in outcomes), default=0)
    lines = []
    for each in outcomes:
        verdict = "ok   " if each.as_expected else "WRONG"
        actual = each.result if each.as_expected else f"{each.result}, expected {each.expected}"
        begin = f"  {verdict}  {each.name:<{width}}  "
        indent = " " * len(begin)
        lines += textwrap.wrap(
            f"{actual}: {each.reason}", proof_report.WIDTH, initial_indent=begin, subsequent_indent=indent
        )
    return "\n".join(lines)


def _state(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(containers[0].get("state", {}))


def _line(text: str) -> str:
    """Return the telling part of what was said: what the CDH was told, else the first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    telling = next((line for line in lines if "get resource failed: " in line), lines[0])
    return telling.rpartition("get resource failed: ")[2]
