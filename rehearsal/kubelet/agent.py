"""The Kata agent's policy: which requests the agent in a pod VM takes.

Sources: kata-containers 3.13.0 to 3.25.0 ``src/agent/src/policy.rs`` (a request is judged by the rule of its name,
with the request as input), ``src/runtime/virtcontainers/kata_agent.go`` (the annotation's policy comes as a
SetPolicyRequest before the sandbox is created). The engine is regorus 0.2 in Rego v0 in all of them. What the image
brings by itself is OSC's own default, which denies exec and logs.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


def image_policy(denied: Sequence[str]) -> str:
    """Return the policy of a pod VM image: every request but these (OSC 1.12 also looks at the paths of CopyFile)."""
    names = [f"{name}Request" for name in _REQUESTS.split()]
    rules = [f"default {name} := {str(name not in denied).lower()}" for name in names]
    return "\n".join(["package agent_policy", *rules])


class GuestError(Exception):
    """The pod VM does not do what it was asked for; the message is what the kubelet reports."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container as the agent is asked to create it.

    Attributes:
        name: its name in the pod.
        image: reference of its image.
        command: arguments of its process; empty where the image decides.
        environment: variables of its process.
        pod, namespace: where it belongs.
    """

    name: str
    image: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    pod: str = ""
    namespace: str = ""

    def request(self, kind: str = "container") -> dict[str, Any]:
        """Return CreateContainerRequest as JSON; ``kind`` is ``container`` or, for the pause container, ``sandbox``.

        The annotations are those of CRI-O, which OpenShift's nodes have. A policy that asks for the names of containerd
        denies every container, here as there.
        """
        annotations = {
            "io.kubernetes.cri-o.ContainerType": kind,
            "io.kubernetes.cri-o.ImageName": self.image,
            "io.kubernetes.cri-o.ContainerName": self.name,
            "io.kubernetes.cri-o.Namespace": self.namespace,
            "io.kubernetes.cri-o.KubeName": self.pod,
            "io.katacontainers.pkg.oci.container_type": f"pod_{kind}",
        }
        process = {
            "Args": list(self.command),
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Terminal": False,
        }
        # The guest pulls what stands here, whatever the annotations say (kata_agent.go).
        storage = {"driver": "image_guest_pull", "source": self.image, "fstype": "overlay"}
        return {
            "container_id": self.name,
            "OCI": {"Version": "1.1.0", "Annotations": annotations, "Process": process},
            "storages": [storage],
            "shared_mounts": [],
            "sandbox_pidns": False,
        }


class Agent:
    """The agent of one pod VM.

    Attributes:
        policy: the policy in force.
    """

    def __init__(self, from_initdata: str | None, image_denies: Sequence[str]) -> None:
        self._from_initdata = from_initdata
        self.policy = image_policy(image_denies) if from_initdata is None else from_initdata

    def set_policy(self, annotations: Mapping[str, str]) -> None:
        """Take the policy of the pod's annotation, if it has one, as the shim hands it over.

        The policy in force decides whether it may be replaced. Where it may, a policy of initdata stays all the same:
        chapter 7.16 says that it takes precedence (the upstream agent would replace it).

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
        if self._from_initdata is None:
            self.policy = text

    def demand(self, request: str, document: Mapping[str, Any] | None = None) -> None:
        """Raise GuestError unless the policy allows the request, whose JSON is ``document``."""
        if not (self._holds(request, document or {}) or self._holds("AllowRequestsFailingPolicy", {})):
            raise GuestError(f'"{request} is blocked by policy": permission denied')

    def _holds(self, rule: str, document: Mapping[str, Any]) -> bool:
        try:
            return policy.holds(self.policy, f"data.agent_policy.{rule}", document, {"pstate": {}})
        except policy.PolicyError as error:
            raise GuestError(f"the agent refuses its policy: {error}") from error
