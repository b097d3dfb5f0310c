"""What the engine makes of the agent policies of a chain."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial

from coco_azure.formats.policy.agent_policy_check import check_agent_policy
from coco_azure.formats.policy.policies import Variant
from coco_azure.formats.policy.policy_check import PolicyReport
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload.containers import Container
from coco_azure.settings import Settings
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import CHECK, GLOBAL, allowed_images
from coco_azure.versions.profiles import OscProfile

_CHECK = "attestationCheck.image"


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What an agent policy is to keep to: images or, narrower, the containers of a workload; none means any."""

    images: tuple[str, ...] = ()
    workload: tuple[Container, ...] = field(default=(), hash=False)


def reports(stack: Settings, chain: Chain) -> list[PolicyReport]:
    """Return what the engine makes of the agent policies, each of them once."""
    held_by_policy: dict[str | None, tuple[str, _Held]] = {}
    held_by_policy[stack.attestation_check.agent_policy] = ("attestationCheck.agentPolicyFile", _Held())
    for name, document in reversed(list(chain.documents.items())):
        held_by_policy[document.agent_policy] = _held(stack, name)
    return [
        _of_check(report) if setting == _CHECK else report
        for text, (setting, held) in held_by_policy.items()
        if text is not None
        and (report := reported(setting, partial(_agent_report, text, stack.environment, held, chain.versions.osc)))
    ]


def _of_check(report: PolicyReport) -> PolicyReport:
    # What else a host can do with the check's pod opens nothing: its secret is worth nothing.
    return replace(report, warnings=[])


def _held(stack: Settings, name: str) -> tuple[str, _Held]:
    """Return the setting that a document's agent policy comes from, and what the policy is to keep to."""
    if name == CHECK:
        return _CHECK, _Held(images=(stack.attestation_check.image,))
    workload = stack.initdata.workloads.get(name)
    if workload is not None and workload.containers:
        return f"initdata.workloads.{name}.manifestFile", _Held(workload=workload.containers)
    own = workload is not None and workload.agent_policy is not None
    setting = f"initdata.workloads.{name}.agentPolicyFile" if own else "initdata.agentPolicyFile"
    listed = () if own or stack.initdata.agent_policy_file is not None else allowed_images(stack, workload)
    return setting, _Held(images=listed)


def report_of(stack: Settings, chain: Chain, name: str) -> PolicyReport | None:
    """Return what the engine makes of one document's agent policy; None where it has none, or none that compiles."""
    text = chain.documents[name].agent_policy
    if text is None:
        return None
    return reported(None, partial(_agent_report, text, stack.environment, _held(stack, name)[1], chain.versions.osc))


@cache
def _agent_report(text: str, variant: Variant, held: _Held, profile: OscProfile | None) -> PolicyReport:
    """Return what the engine makes of an agent policy; problems and warnings both ask, of many workloads' policies."""
    return check_agent_policy(text, variant, held.images, profile, workload=held.workload)


def replaced(stack: Settings, chain: Chain) -> list[str]:
    """Return a problem where the check's pod brings an agent policy and initdata's forbids to set one."""
    document = chain.documents.get(CHECK, chain.documents.get(GLOBAL))
    own = document.agent_policy if document is not None else None
    if stack.attestation_check.agent_policy is None or own is None or judge_agent(own, "SetPolicyRequest", {}):
        return []
    way = (
        "put the policy into initdata.agentPolicyFile, and remove this setting: "
        "pulumi config rm --path coco-azure:attestationCheck.agentPolicyFile"
    )
    cause = "the agent policy in initdata denies SetPolicyRequest, so the check's pod could not start"
    return [f"attestationCheck.agentPolicyFile: {cause}; {way}"]


def reported(setting: str | None, check: Callable[[], PolicyReport]) -> PolicyReport | None:
    """Return the report; a policy that does not compile is a problem of its setting, and is told once."""
    try:
        return check()
    except PolicyError as error:
        return None if setting is None else PolicyReport(outcomes=[], problems=[f"coco-azure:{setting}: {error}"])
