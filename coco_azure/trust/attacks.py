"""What whoever administers the pods' cluster or its nodes can try, and who denies it: judged from the chain itself.

The same as a table for readers: ``docs/concepts.md``, "What a hostile host can try".
"""

from collections.abc import Collection, Iterator, Mapping

from coco_azure.formats.policy.agent_policy_check import HARM, WORKLOAD
from coco_azure.settings import Settings
from coco_azure.trust import agents
from coco_azure.trust import secret_bindings as secrets
from coco_azure.trust import values as chain_values
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.documents import CHECK
from coco_azure.trust.proof import Attack

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
    yield "another pod VM image", _by(looks, f"Trustee: PCR {_listed(image)}", bool(image))
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


def _listed(pcrs: Collection[int]) -> str:
    return ", ".join(map(str, sorted(pcrs)))


def _of_agents(stack: Settings, chain: Chain) -> Iterator[tuple[str, str]]:
    leaves: dict[str, set[str] | None] = {}
    for name in chain.documents:
        if name != CHECK:
            report = agents.report_of(stack, chain, name)
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
