"""The Kata agent's policy: which requests the agent in a pod VM takes.

Sources: kata-containers 3.13.0 to 3.25.0 ``src/agent/src/policy.rs`` (a request is judged by the rule of its name,
with the request as input), ``src/runtime/virtcontainers/kata_agent.go`` (the annotation's policy comes as a
SetPolicyRequest before the sandbox is created). The engine is regorus 0.2 in Rego v0 in all of them. What the image
brings by itself is OSC's own default, which denies exec and logs. What is asked of an agent is ``shim``'s.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.kubelet import policy

ANNOTATION = "io.katacontainers.config.agent.policy"
_REQUESTS = """
    AddARPNeighbors AddSwap CloseStdin CopyFile CreateContainer CreateSandbox DestroySandbox ExecProcess GetMetrics
    GetOOMEvent GuestDetails ListInterfaces ListRoutes MemHotplugByProbe OnlineCPUMem PauseContainer PullImage
    ReadStream RemoveContainer RemoveStaleVirtiofsShareMounts ReseedRandomDev ResumeContainer SetGuestDateTime
    SetPolicy SignalProcess StartContainer StartTracing StatsContainer StopTracing TtyWinResize UpdateContainer
    UpdateEphemeralMounts UpdateInterface UpdateRoutes WaitProcess WriteStream
"""


def image_policy(denied: Sequence[str], *, checks_copies: bool = False) -> str:
    """Return the policy of a pod VM image: every request but these, and where it checks them, only some CopyFile."""
    names = [f"{name}Request" for name in _REQUESTS.split()]
    if checks_copies:
        names.remove("CopyFileRequest")
    rules = [f"default {name} := {str(name not in denied).lower()}" for name in names]
    copies = [Path(__file__).with_name("copied_files.rego").read_text("utf-8")] if checks_copies else []
    return "\n".join(["package agent_policy", *rules, *copies])


class GuestError(Exception):
    """The pod VM does not do what it was asked for; the message is what the kubelet reports."""


class Agent:
    """The agent of one pod VM.

    Attributes:
        policy: the policy in force.
    """

    def __init__(self, from_initdata: str | None, image: str) -> None:
        """Start with the policy of initdata, or without one with that of the pod VM image."""
        self.policy = image if from_initdata is None else from_initdata
        self._state: dict[str, Any] = {}

    def set_policy(self, annotations: Mapping[str, str]) -> None:
        """Take the policy of the pod's annotation, if it has one, as the shim hands it over.

        The policy in force decides whether it may be replaced. Where it may, it is, wherever it came from (``rpc.rs``,
        ``policy.rs`` do_set_policy).

        Raises:
            GuestError: the annotation is no base64, or the policy in force denies SetPolicyRequest.
        """
        encoded = annotations.get(ANNOTATION)
        if not encoded:
            return
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise GuestError(f"annotation {ANNOTATION}: illegal base64 data: {error}") from error
        self.demand("SetPolicyRequest", {"policy": text})
        self.policy = text

    def demand(self, request: str, document: Mapping[str, Any] | None = None) -> None:
        """Raise GuestError unless the policy allows the request, whose JSON is ``document``."""
        if not (self._holds(request, document or {}) or self._holds("AllowRequestsFailingPolicy", {})):
            raise GuestError(f'"{request} is blocked by policy": permission denied')

    def _holds(self, rule: str, document: Mapping[str, Any]) -> bool:
        try:
            answer = policy.Policy(self.policy, document, {"pstate": self._state}).value(f"data.agent_policy.{rule}")
        except (policy.NoSuchRuleError, policy.UndefinedError):
            return False
        except policy.PolicyError as error:
            raise GuestError(f"the agent refuses its policy: {error}") from error
        if not isinstance(answer, Mapping):
            return answer is True
        # A policy that answers with an object has the agent keep something for it (policy.rs apply_patch_to_state).
        if allowed := answer.get("allowed") is True:
            self._state |= {each["path"].removeprefix("/pstate/"): each["value"] for each in answer.get("ops") or []}
        return allowed
