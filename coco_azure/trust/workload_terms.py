"""The terms of each workload of a stack, from its settings and its chain."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.resource_uri import parse
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import RUNTIME_CLASS
from coco_azure.settings import Settings
from coco_azure.settings.secret_access import paths
from coco_azure.trust import remote_trustee
from coco_azure.trust.chain import Chain

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
    given = remote_trustee.gives(pcr8, hub.proof, hub.served)
    return tuple(sorted(given)) if given is not None else None


def _sealed(path: str, signing_key: str) -> str:
    return sealed_secrets.seal_vault(parse(path).uri, signing_key, sealed_secrets.SIGNING_KEY.uri)
