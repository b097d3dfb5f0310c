"""Sealed secrets in the namespaces of workloads: Kubernetes Secrets that hold references to KBS, and no value.

The namespaces belong to the workloads and have to exist; they are read at preview, so a missing one fails before
anything changes. The Secrets come last: a pod that waits for its Secret starts when KBS can answer.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from rendering.trustee import sealed_secrets
from rendering.trustee.resource_uri import ResourceUri

References = Mapping[str, Mapping[str, Mapping[str, ResourceUri]]]
"""Namespace, name of the Secret and key to the resource that stands behind it."""


@dataclass(frozen=True, kw_only=True)
class SealedSecretsArgs:
    """Which Secrets, and who vouches for them.

    Attributes:
        references: what each Secret stands for.
        signing_key: private key (PEM, P-256) that signs the references; KBS serves its public half as
            ``sealed_secrets.SIGNING_KEY``. None: unsigned, which newer pod VMs refuse.
        after: what must have happened before KBS can answer.
    """

    references: References
    signing_key: Input[str] | None = None
    after: Sequence[pulumi.Resource] = ()


class SealedSecrets(pulumi.ComponentResource):
    """Kubernetes Secrets that a pod VM unseals; without attestation they are worth nothing."""

    names: list[str]
    """The Secrets, as ``namespace/name``."""

    def __init__(self, name: str, args: SealedSecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:SealedSecrets", name, None, opts)
        child = ResourceOptions(parent=self)
        self.names = []
        for title, secrets in args.references.items():
            namespace = kubernetes.core.v1.Namespace.get(f"{name}-{title}", title, child)
            where = namespace.metadata.apply(lambda metadata: str(metadata.name))
            for secret, entries in secrets.items():
                kubernetes.core.v1.Secret(
                    f"{name}-{title}-{secret}",
                    metadata={"name": secret, "namespace": where},
                    data={key: _sealed(resource, args.signing_key) for key, resource in entries.items()},
                    opts=ResourceOptions.merge(child, ResourceOptions(depends_on=list(args.after))),
                )
                self.names.append(f"{title}/{secret}")
        self.register_outputs({"names": self.names})


def _sealed(resource: ResourceUri, signing_key: Input[str] | None) -> Output[str]:
    def seal(key: str | None) -> str:
        kid = sealed_secrets.SIGNING_KEY.uri if key is not None else None
        return base64.b64encode(sealed_secrets.seal_vault(resource.uri, key, kid).encode()).decode()

    return Output.from_input(signing_key).apply(seal)
