"""Judges a Kata agent policy on the requests that a peer pod makes and on those that a curious host makes.

Source: kata-containers 3.12.0 ``src/runtime/virtcontainers/kata_agent.go`` (what a pod with a remote hypervisor needs)
and ``src/agent/src/rpc.rs`` (what is asked of the policy). A user's policy may look at what a container is made of, as
those of genpolicy do; the requests here name an image and little else.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rendering.policy import agent_images
from rendering.policy.policies import Variant
from rendering.policy.policy_check import Outcome, Report
from rendering.policy.policy_judge import compile_policy, judge_agent

NEEDED = (
    "CreateSandboxRequest",
    "CreateContainerRequest",
    "CopyFileRequest",
    "StartContainerRequest",
    "StatsContainerRequest",
    "WaitProcessRequest",
    "SignalProcessRequest",
    "RemoveContainerRequest",
    "RemoveStaleVirtiofsShareMountsRequest",
    "DestroySandboxRequest",
    "GetOOMEventRequest",
    "GuestDetailsRequest",
    "OnlineCPUMemRequest",
)
"""Requests without which a peer pod does not start, run or stop."""

HARM: Mapping[str, str] = {
    "ExecProcessRequest": "a shell in the pod, with all its secrets",
    "ReadStreamRequest": "what containers print, logs included",
    "WriteStreamRequest": "the standard input of containers",
    "SetPolicyRequest": "the agent policy itself, which the host could replace by one that allows everything",
}
"""What the host gets by a request that production denies."""

DOCUMENTS: Mapping[str, Any] = {"ExecProcessRequest": {"process": {"Args": ["/bin/sh"]}}}
_IMAGE = "registry.example.com/org/app@sha256:" + "ab" * 32
_OTHER = "registry.example.org/other/image@sha256:" + "cd" * 32
_SETTING = "Change the policy, or leave the setting out to get the program's own (coco-azure:initdata.agentPolicyFile)."


def create_container(image: str | None, source: str | None = None) -> dict[str, Any]:
    """Return a request to create a container as CRI-O leads to it, in the parts that policies of images read.

    Args:
        image: name in the annotations; None for the pause container.
        source: name that the guest pulls; default: the one in the annotations, "pause" for the pause container.
    """
    named = "pause" if image is None else image
    annotations = {"io.kubernetes.cri-o.ContainerType": "sandbox"}
    if image is not None:
        annotations = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.ImageName": image}
    storage = {"driver": "image_guest_pull", "source": named if source is None else source}
    return {"OCI": {"Annotations": annotations}, "storages": [storage], "shared_mounts": [], "string_user": None}


def check_agent_policy(text: str, variant: Variant, images: Sequence[str] = ()) -> Report:
    """Judge an agent policy.

    Args:
        text: the policy.
        variant: in development everything may be allowed.
        images: the images, repositories or registries that it is to keep to; none means any.

    Raises:
        PolicyError: the agent would not take it.
        ValueError: an entry of ``images`` cannot be held to.
    """
    compile_policy(text, None, "agent")
    report = Report(outcomes=[])
    outcomes = [*_needed(text, report, images), *_harmful(text, report, variant), *_foreign(text, report, images)]
    return Report(outcomes=outcomes, problems=report.problems, warnings=report.warnings)


def _needed(text: str, report: Report, images: Sequence[str]) -> Iterator[Outcome]:
    wanted = [_example(images), None]
    for request in NEEDED:
        documents = [create_container(image) for image in wanted] if request == "CreateContainerRequest" else [{}]
        allowed = all(judge_agent(text, request, document) for document in documents)
        yield Outcome(case=f"{request} of a pod", expected=True, found=allowed)
        if allowed:
            continue
        if _has_rule(text, request):
            report.warnings.append(
                f"the agent policy denies {request} for a container of nothing but an image; its rules "
                "may still allow yours: try it with your pods in a rehearsal"
            )
        else:
            report.problems.append(f"the agent policy denies {request}: no pod would start, run or stop. {_SETTING}")


def _harmful(text: str, report: Report, variant: Variant) -> Iterator[Outcome]:
    leaks = report.problems if variant == "production" else report.warnings
    for request, harm in HARM.items():
        allowed = judge_agent(text, request, DOCUMENTS.get(request, {}))
        yield Outcome(case=f"{request} of the host", expected=variant == "development", found=allowed)
        if allowed:
            leaks.append(f"the agent policy allows {request}: the host gets {harm}. {_SETTING}")
    if judge_agent(text, "NoSuchRequest", {}):
        leaks.append(f"the agent policy allows requests that it does not name (AllowRequestsFailingPolicy). {_SETTING}")


def _foreign(text: str, report: Report, images: Sequence[str]) -> Iterator[Outcome]:
    if not images:
        return
    listed = _example(images)
    for case, document in {
        "a container of an image that is not listed": create_container(_OTHER),
        "a container that is named after one image and pulls another": create_container(listed, _OTHER),
    }.items():
        allowed = judge_agent(text, "CreateContainerRequest", document)
        yield Outcome(case=case, expected=False, found=allowed)
        if allowed:
            report.problems.append(f"the agent policy allows {case}, although images are listed. {_SETTING}")


def _example(images: Sequence[str]) -> str:
    if not images:
        return _IMAGE
    allowed = agent_images.sort(images)
    if allowed.exact:
        return allowed.exact[0]
    return f"{allowed.repositories[0]}:1" if allowed.repositories else f"{allowed.registries[0]}/org/app:1"


def _has_rule(text: str, request: str) -> bool:
    return re.search(rf"^{request}\b(?!\s*:=\s*false\s*$)", text, re.MULTILINE) is not None
