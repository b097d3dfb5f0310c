"""What pods get from another stack's Trustee, by that one's proof report: their terms, and what keeps them from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import parse
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import RUNTIME_CLASS
from coco_azure.settings import Settings, initdata
from coco_azure.settings.initdata import paths
from coco_azure.settings.problems import PRODUCTION
from coco_azure.trust import protocol
from coco_azure.trust import secret_bindings as secrets
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import CHECK


def problems(
    stack: Settings, chain: Chain, proof: Mapping[str, Any] | None, served: Collection[str] | None = None
) -> list[str]:
    """Return what has to be changed in the other stack first, each with the command.

    Args:
        proof: the other stack's proof report; None where that is older than the report.
        served: the resources (``default/SECRET/KEY``) that its Trustee serves, or None where they are not known.
    """
    other = stack.trustee.stack
    if proof is None or other is None:
        return []
    messages = protocol.problems(stack, chain, proof)
    messages += _unserved(stack, other, served) if served is not None else []
    environment, accepted = proof.get("environment"), proof.get("acceptedPcr8") or ()
    if stack.environment == "production" and environment != "production":
        messages.append(
            f"{PRODUCTION}the Trustee of {other} is one for {environment}, which hands secrets out "
            f"to much that production denies: pulumi config set --stack {other} coco-azure:environment production"
        )
    if not accepted:
        return messages  # it holds no pod to its initdata
    lists = secrets.wanted(stack)
    for name, pcr8 in chain.measured.items():
        given = gives(pcr8, proof, served)
        known = [each for each in lists.get(name, ()) if served is None or _given(each, served)]
        missing = [each for each in known if given is not None and not _given(each, given)]
        if missing:
            messages.append(
                f"the Trustee of {other} does not give pods of this stack ({name}) {', '.join(missing)}. Say there "
                f"first that its PCR 8 may have what this stack lists: {_commands(other, pcr8, known)}; "
                f"pulumi up --stack {other}"
            )
        elif pcr8 not in accepted:
            messages.append(
                f"the Trustee of {other} does not accept this stack's initdata ({name}), so it would deny such pods. "
                f"Have its PCR 8 accepted there first, beside those that are: pulumi config set --stack {other} --path "
                f"'coco-azure:trustee.referenceValues.alsoAccept[N]' {pcr8} (N: 0 for the first one, then 1, ...); "
                f"pulumi up --stack {other}"
            )
    return messages


def gives(pcr8: str | None, proof: Mapping[str, Any] | None, served: Collection[str] | None) -> Collection[str] | None:
    """Return the resources that another stack's Trustee gives pods of a document; None where that is not known.

    Args:
        pcr8: PCR 8 of the document; None of one that pod VMs do not measure.
        proof: that stack's proof report, as in ``problems``.
        served: what its Trustee serves, as in ``problems``.
    """
    bound = (proof or {}).get("secrets")  # of a Trustee for production; another gives all that it serves
    return served if bound is None else tuple(bound.get(pcr8, ()))


def _unserved(stack: Settings, other: str, served: Collection[str]) -> list[str]:
    """Return a problem for each secret of the lists that the other stack does not have; the check tells its own."""
    return [
        f"{secrets.title(name)} may have {each}, which the Trustee of {other} does not serve (served: "
        f"{', '.join(sorted(served)) or 'nothing'}). Correct {secrets.setting(name)}, or add it there: "
        + initdata.add(each, other)
        for name, references in secrets.wanted(stack).items()
        for each in references
        if name != CHECK and not _given(each, served)
    ]


def _given(reference: str, served: Collection[str]) -> bool:
    """Return whether a Trustee gives a secret, or a key of it; of a whole secret at least one key."""
    secret, _, key = reference.partition("/")
    return any(path == f"default/{reference}" if key else path.startswith(f"default/{secret}/") for path in served)


def _commands(other: str, pcr8: str, references: Sequence[str]) -> str:
    setting = f"coco-azure:trustee.referenceValues.alsoServe.{pcr8}"
    return "; ".join(
        f"pulumi config set --stack {other} --path '{setting}[{at}]' {each}" for at, each in enumerate(references)
    )


Annotations = Mapping[str, Mapping[str, str]]
"""The pod annotation of each workload (name and value), by the workload's name."""


@dataclass(frozen=True, kw_only=True)
class Hub:
    """What another stack says of what its Trustee gives.

    Attributes:
        proof, served: as in ``remote_trustee.problems``.
        image_policy: the image policy that it serves (JSON); None of a stack that is older than that output.
    """

    proof: Mapping[str, Any] | None = None
    served: Collection[str] | None = None
    image_policy: str | None = None


def terms(
    stack: Settings, chain: Chain, last: Annotations, sealing_key: str | None, hub: Hub | None = None
) -> list[Terms]:
    """Return the terms of each workload.

    Args:
        last: the pod annotations of the last finished run.
        sealing_key: private key (PEM) that signs sealed secrets; None where there is none.
        hub: the stack with the Trustee, where it is another one.
    """
    given = tuple(f"{namespace}/{name}" for namespace, secrets in stack.sealed_secrets.items() for name in secrets)
    own = chain.judgement.image_policy if chain.judgement is not None else None
    policy, made = hub.image_policy if hub is not None else own, []
    for name, annotation in chain.annotations.items():
        ((key, value),) = annotation.items()
        (before,) = last.get(name, {}).values() or (None,)
        secrets = _secrets(stack, name) if hub is None else _of_hub(hub, chain.measured.get(name))
        made.append(
            Terms(
                workload=name,
                annotation=key,
                initdata=value,
                previous=before if before != value else None,
                runtime_class=RUNTIME_CLASS,
                size=stack.peer_pods.size,
                sizes=stack.peer_pods.sizes,
                secrets=secrets,
                sealed={path: _sealed(path, sealing_key) for path in secrets or ()} if sealing_key is not None else {},
                given=given,
                image_policy=policy,
            )
        )
    return made


def _secrets(stack: Settings, name: str) -> tuple[str, ...]:
    production = stack.environment == "production"
    return paths(stack.initdata.workloads[name].secrets if production else stack.client_secrets, stack.client_secrets)


def _of_hub(hub: Hub, pcr8: str | None) -> tuple[str, ...] | None:
    given = gives(pcr8, hub.proof, hub.served)
    return tuple(sorted(given)) if given is not None else None


def _sealed(path: str, signing_key: str) -> str:
    return sealed_secrets.seal_vault(parse(path).uri, signing_key, sealed_secrets.SIGNING_KEY.uri)
