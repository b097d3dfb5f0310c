"""What the engine makes of the agent policies of a chain, and who denies which attack.

The same as a table for readers: ``docs/concepts.md``, "What a hostile host can try".
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

from coco_azure.formats.policy.agent_policy_check import HARM, WORKLOAD, check_agent_policy
from coco_azure.formats.policy.policies import Variant
from coco_azure.formats.policy.policy_check import PolicyReport
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload.containers import Container
from coco_azure.settings import Settings
from coco_azure.trust import secret_bindings as secrets
from coco_azure.trust import values as chain_values
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.documents import CHECK, GLOBAL, allowed_images
from coco_azure.trust.proof import Attack
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
        # What else a host can do with the check's pod opens nothing: its secret is worth nothing.
        replace(report, warnings=[]) if setting == _CHECK else report
        for text, (setting, held) in held_by_policy.items()
        if text is not None
        and (report := reported(setting, partial(_agent_report, text, stack.environment, held, chain.versions.osc)))
    ]


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


NOBODY = "nobody"
_INITDATA_PCR, _BOOT_PCRS = 8, {4, 7}
_REQUESTS = "exec, logs, standard input, another agent policy"
_OF_AGENT: Mapping[str, str] = {
    "files": "files anywhere in the pod VM, by .. or links",
    "programs": "hooks, kernel modules and core dumps as root in the pod VM",
    "roots": "a container that no image was pulled for",
    "paths": "files, devices and kernel interfaces of the pod VM in a container",
    "storages": "file systems over folders of the pod VM",
    "bounds": "more capabilities, foreign namespaces, unmasked paths",
    "network": "another interface, route or firewall in the pod VM",
    "machine": "time, memory, devices and processes of the pod VM",
    WORKLOAD: "another command, environment, or files over those of an image",
}
"""What is tried, by the kind of harm (``agent_requests.harms``)."""
_ALWAYS = (
    "what is in ConfigMaps, Secrets and volumes that the cluster hands in",
    "to stop, starve or never start a pod (availability)",
    "to see when, with whom and how much a pod talks (traffic analysis)",
    "a bug of the workload's own",
)


def table(stack: Settings, chain: Chain) -> tuple[Attack, ...]:
    """Return every attack with who denies it in this stack; nothing where it has no pods of its own."""
    if not chain.documents:
        return ()
    rows = [*_of_trustee(stack, chain), *_of_agents(stack, chain), *((each, NOBODY) for each in _ALWAYS)]
    return tuple(Attack(attack=attack, denied_by=denied_by) for attack, denied_by in rows)


def _of_trustee(stack: Settings, chain: Chain) -> Iterator[tuple[str, str]]:
    judgement = chain.judgement
    if judgement is None:
        yield "what evidence and initdata Trustee accepts", f"the Trustee of {stack.trustee.stack}; see its proof"
        return
    demanded = set(_demanded(stack, judgement))
    own = "your own attestation policy, as far as it looks at it"
    looks = own if stack.trustee.attestation_policy is not None else None
    yield "other initdata, with another KBS or agent policy", _by(looks, "Trustee: PCR 8", {_INITDATA_PCR} <= demanded)
    image = demanded - {_INITDATA_PCR} - _BOOT_PCRS
    yield "another pod VM image", _by(looks, f"Trustee: PCR {', '.join(map(str, sorted(image)))}", bool(image))
    yield "another boot loader, with secure boot off", _by(looks, "Trustee: PCR 4 and 7", demanded >= _BOOT_PCRS)
    signed = stack.trustee.sign_tokens
    yield "a token that no TEE has earned", "KBS: tokens are signed" if signed else NOBODY
    yield "another workload's secret, by whoever may create pods", _of_secrets(stack, chain, judgement)
    rejects = stack.image_default == "reject"
    yield "an image that nobody accepted", "image policy" if rejects else NOBODY


def _of_secrets(stack: Settings, chain: Chain, judgement: Judgement) -> str:
    """Return who keeps a document's secrets from pods that are not its workload's."""
    if judgement.bindings is None:
        return NOBODY
    # Initdata is no secret: anybody's pod may bring a workload's own.
    gaps = ", ".join(secrets.open_to_images(stack, chain.documents))
    return "KBS: secrets are bound to PCR 8" + (
        f" (not for {gaps}: any image starts with its initdata)" if gaps else ""
    )


def _demanded(stack: Settings, judgement: Judgement) -> Collection[int]:
    """Return the PCRs that have to be reference values; in development one without a value may be anything."""
    return chain_values.demanded_pcrs(judgement.values) if stack.trustee.attestation_policy is None else ()


def _by(own: str | None, name: str, denies: bool) -> str:  # noqa: FBT001 - a cell
    return own or (name if denies else NOBODY)


def _of_agents(stack: Settings, chain: Chain) -> Iterator[tuple[str, str]]:
    leaves: dict[str, set[str] | None] = {}
    for name in chain.documents:
        if name != CHECK:
            report = report_of(stack, chain, name)
            leaves[name] = None if report is None else set(report.leaves)
    yield _REQUESTS, _deniers(leaves, set(HARM))
    for kind, attack in _OF_AGENT.items():
        yield attack, _deniers(leaves, {kind})


def _deniers(leaves: Mapping[str, set[str] | None], kinds: set[str]) -> str:
    """Return who denies requests of these kinds, given what each document's agent policy leaves to a host."""
    unknown = [name for name, allowed in leaves.items() if allowed is None]
    free = [name for name, allowed in leaves.items() if allowed is not None and allowed & kinds]
    if len(unknown) == len(leaves):
        return "the image's own policy, not judged"
    if len(free) == len(leaves):
        return NOBODY
    gaps = [f"not for {', '.join(free)}"] if free else []
    gaps += [f"for {', '.join(unknown)} the image's own, not judged"] if unknown else []
    return f"agent policy ({'; '.join(gaps)})" if gaps else "agent policy"
