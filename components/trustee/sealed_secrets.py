"""Sealed secrets in the namespaces of workloads: Kubernetes Secrets that hold references to KBS, and no value.

The namespaces belong to the workloads and have to exist; they are asked for first of all, so a missing one fails before
anything changes. The Secrets come last: a pod that waits for its Secret starts when KBS can answer.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.inventory.cluster_reader import Reads

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


def check_namespaces(settings: Mapping[str, str], reader: Reads) -> None:
    """Ask for the namespaces of workloads.

    Args:
        settings: the setting that names each namespace, by the namespace.

    Raises:
        pulumi.RunError: some of them are not there.
    """
    missing = {each: path for each, path in settings.items() if reader.get(names.path(names.NAMESPACES, each)) is None}
    if missing:
        create = "; ".join(f"oc create namespace {each}" for each in missing)
        plural, setting = len(missing) > 1, next(iter(missing.values()))
        raise pulumi.RunError(
            f"{setting.partition('.')[0]} names {'namespaces' if plural else 'namespace'} {', '.join(missing)}, which "
            f"{'are' if plural else 'is'} not there; the stack makes none for workloads. {create}; or remove "
            f"{'them' if plural else 'it'}: pulumi config rm --path 'coco-azure:{setting}'"
        )


def _sealed(resource: ResourceUri, signing_key: Input[str] | None) -> Output[str]:
    def seal(key: str | None) -> str:
        kid = sealed_secrets.SIGNING_KEY.uri if key is not None else None
        return base64.b64encode(sealed_secrets.seal_vault(resource.uri, key, kid).encode()).decode()

    return Output.from_input(signing_key).apply(seal)
