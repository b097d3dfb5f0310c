"""Judges a Kata agent policy on the requests that a peer pod makes and on those that a hostile host makes.

Source: kata-containers 3.13.0 to 3.25.0 ``src/runtime/virtcontainers/kata_agent.go`` (what a pod with a remote
hypervisor needs) and ``src/agent/src/rpc.rs`` (what is asked of the policy, and what the agent then does). The requests
themselves are ``agent_requests``'.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coco_azure.formats.images import image_reference
from coco_azure.formats.policy import agent_requests, agent_workload_check
from coco_azure.formats.policy.agent_requests import AgentCase, create_container
from coco_azure.formats.policy.policies import Variant
from coco_azure.formats.policy.policy_check import CaseOutcome, PolicyReport
from coco_azure.formats.policy.policy_judge import compile_policy, judge_agent
from coco_azure.formats.workload.containers import Container
from coco_azure.risks import Risk
from coco_azure.versions.profiles import OscProfile

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

WORKLOAD = "process"
"""The kind of hostile request that only a policy made for a workload's own containers can deny."""

_IMAGE = "registry.example.com/org/app@sha256:" + "ab" * 32
_OTHER = "registry.example.org/other/image@sha256:" + "cd" * 32
_CREATE = "CreateContainerRequest"
_EXAMPLES = 3
_SETTING = "Change the policy, or leave the setting out to get the program's own (coco-azure:initdata.agentPolicyFile)."


def check_agent_policy(
    text: str,
    variant: Variant,
    images: Sequence[str] = (),
    profile: OscProfile | None = None,
    *,
    workload: Sequence[Container] = (),
) -> PolicyReport:
    """Judge an agent policy.

    Args:
        variant: in development everything may be allowed.
        images: the images, repositories or registries that it is to keep to; none means any.
        profile: the version of OSC whose agent holds requests to it; None: it has to do for every version.
        workload: the containers that it is to keep to; none means any.

    Raises:
        PolicyError: the agent would not take it.
        ValueError: an entry of ``images`` cannot be held to.
    """
    compile_policy(text, None, "agent")
    report = PolicyReport(outcomes=[])
    named = None if profile is None else profile.copied_type_named
    image = workload[0].image if workload else _example(images)
    ordinary = agent_requests.cases("ordinary", image, named=named)
    outcomes = [
        *_needed(text, report, [case for case in ordinary if not workload or not agent_workload_check.foreign(case)]),
        *_harmful(text, report, variant),
        *_hostile(text, report, variant, agent_requests.cases("hostile", image, named=named)),
        *_foreign(text, report, images),
        *agent_workload_check.judge(text, workload, report),
    ]
    return PolicyReport(
        outcomes=outcomes, problems=report.problems, warnings=report.warnings, leaves=list(report.leaves)
    )


def _needed(text: str, report: PolicyReport, ordinary: Sequence[AgentCase]) -> Iterator[CaseOutcome]:
    for request in NEEDED:
        # Only the documented requests of a pod matter where there are any; the others carry nothing to look at.
        cases = [case for case in ordinary if case.request == request]
        cases = cases or [AgentCase(title=request, request=request, documents=({},))]
        denied = [case.title for case in cases if not _allows_all(text, case)]
        yield from (CaseOutcome(case=case.title, expected=True, passed=case.title not in denied) for case in cases)
        if not denied:
            continue
        message = f"the agent policy denies {request}"
        if _has_rule(text, request):
            report.warnings.append(
                f"{message} for {len(denied)} of {len(cases)} documented ones ({_examples(denied)}); its rules may "
                "still allow yours: try it with your pods in a rehearsal"
            )
        elif len(denied) == len(cases):
            report.problems.append(f"{message}: no pod would start, run or stop. {_SETTING}")


def _harmful(text: str, report: PolicyReport, variant: Variant) -> Iterator[CaseOutcome]:
    leaks = report.problems if variant == "production" else report.warnings
    for request, harm in HARM.items():
        allowed = judge_agent(text, request, DOCUMENTS.get(request, {}))
        yield CaseOutcome(case=f"{request} of the host", expected=variant == "development", passed=allowed)
        if allowed:
            report.leaves.append(request)
            leaks.append(f"the agent policy allows {request}: the host gets {harm}. {_SETTING}")
    if judge_agent(text, "NoSuchRequest", {}):
        leaks.append(f"the agent policy allows requests that it does not name (AllowRequestsFailingPolicy). {_SETTING}")


def harms(text: str) -> dict[str, list[str]]:
    """Return the hostile requests that a policy allows of any image, as titles by kind of harm, but for ``WORKLOAD``'s.

    Raises:
        PolicyError: the agent would not take it.
    """
    harmful: dict[str, list[str]] = {}
    for case in agent_requests.cases("hostile", _IMAGE):
        if case.kind != WORKLOAD and _allows_any(text, case):
            harmful.setdefault(agent_requests.harms()[case.kind], []).append(case.title)
    return harmful


def _hostile(text: str, report: PolicyReport, variant: Variant, hostile: Sequence[AgentCase]) -> Iterator[CaseOutcome]:
    allowed: dict[str, list[str]] = {}
    for case in hostile:
        passes = _allows_any(text, case)
        # Development may allow anything, and only a workload's own policy knows what its containers run.
        expected = passes and (variant == "development" or case.kind == WORKLOAD)
        yield CaseOutcome(case=case.title, expected=expected, passed=passes)
        if passes:
            allowed.setdefault(case.kind, []).append(case.title)
    report.leaves.extend(allowed)
    if allowed.pop(WORKLOAD, None) and (variant == "production" or not allowed):
        report.warnings.append(_unknown_workload(text))
    if variant == "development" and allowed:
        gets = "; ".join(agent_requests.harms()[kind] for kind in allowed)
        report.warnings.append(f"the agent policy lets a hostile host have its way: the host gets {gets}. {_SETTING}")
        return
    for kind, titles in allowed.items():
        tried = sum(case.kind == kind for case in hostile)
        report.problems.append(
            f"the agent policy allows {len(titles)} of {tried} hostile requests of one kind ({_examples(titles)}): the "
            f"host gets {agent_requests.harms()[kind]}. {_SETTING}"
        )


def _unknown_workload(text: str) -> Risk:
    """Return what a host can still do under a policy that does not know what containers run, and the remediation."""
    other = create_container(_OTHER)
    image = "any image that the image policy accepts" if judge_agent(text, _CREATE, other) else "an allowed image"
    return Risk(
        "any_command",
        f"the agent policy does not know what containers run: the host can start {image} with another command, another "
        "environment or files of its own over those of the image. A policy made from a workload's manifest holds it to "
        "that: coco-azure:initdata.workloads.NAME.manifestFile",
    )


def _foreign(text: str, report: PolicyReport, images: Sequence[str]) -> Iterator[CaseOutcome]:
    if not images:
        return
    listed = _example(images)
    for case, document in {
        "a container of an image that is not listed": create_container(_OTHER),
        "a container that is named after one image and pulls another": create_container(listed, _OTHER),
    }.items():
        allowed = judge_agent(text, _CREATE, document)
        yield CaseOutcome(case=case, expected=False, passed=allowed)
        if allowed:
            report.problems.append(f"the agent policy allows {case}, although images are listed. {_SETTING}")


def _allows_all(text: str, case: AgentCase) -> bool:
    return all(judge_agent(text, case.request, document, after=case.after) for document in case.documents)


def _allows_any(text: str, case: AgentCase) -> bool:
    return any(judge_agent(text, case.request, document, after=case.after) for document in case.documents)


def _examples(titles: Sequence[str]) -> str:
    more = len(titles) - _EXAMPLES
    return "; ".join([*titles[:_EXAMPLES], *([f"{more} more"] if more > 0 else [])])


def _example(images: Sequence[str]) -> str:
    if not images:
        return _IMAGE
    allowed = image_reference.sort_images(images)
    if allowed.exact:
        return allowed.exact[0]
    return f"{allowed.repositories[0]}:1" if allowed.repositories else f"{allowed.registries[0]}/org/app:1"


def _has_rule(text: str, request: str) -> bool:
    return re.search(rf"^{request}\b(?!\s*:=\s*false\s*$)", text, re.MULTILINE) is not None
