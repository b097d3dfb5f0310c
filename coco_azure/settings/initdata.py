"""Settings of initdata: the global document, those of workloads, the policies in them, the secrets that they list.

Judges the names only. Which document has which PCR 8, and what follows for KBS, is
``coco_azure.trust.secret_bindings``'s.
"""

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from coco_azure import names
from coco_azure.formats.images import image_reference
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.formats.workload import containers as workload
from coco_azure.formats.workload import image_config
from coco_azure.formats.workload.containers import Container
from coco_azure.formats.workload.image_config import ImageConfig
from coco_azure.settings.base import CertificatesFile, DnsLabel, Model, TextFile, Url, matching, read_public
from coco_azure.settings.client_secrets import ClientSecrets
from coco_azure.settings.signatures import ImagePullSettings

if TYPE_CHECKING:
    from coco_azure.settings import Settings

SecretReference = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(/[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252})?",
        "SECRET or SECRET/KEY of clientSecrets, such as db or db/password",
    ),
]
"""``SECRET``, which is each of its keys, or ``SECRET/KEY``."""


def paths(references: Iterable[str], secrets: ClientSecrets) -> tuple[str, ...]:
    """Return the resources (``default/SECRET/KEY``) that the references name; what nothing serves is left out."""
    unique: dict[str, None] = {}
    for reference in references:
        secret, _, key = reference.partition("/")
        served = secrets.get(secret, {})
        unique |= {ResourceUri(secret, each).path: None for each in ([key] if key else served) if each in served}
    return tuple(unique)


def unknown(stack: "Settings") -> list[str]:
    """Return a problem for each reference that names no client secret, with the nearest one that there is."""
    messages = []
    for setting, references, known in _lists(stack):
        for at, reference in enumerate(references):
            if not paths([reference], known):
                messages.append(
                    f"{setting}[{at}] is {reference}, which no client secret serves (served: "
                    f"{', '.join(known) or 'none'}); {_way(f'{setting}[{at}]', reference, known)}"
                )
    return messages


def _way(setting: str, reference: str, known: ClientSecrets) -> str:
    names = [f"{secret}/{key}" for secret, keys in known.items() for key in keys] if "/" in reference else list(known)
    # What is not alike is no slip of the pen, and would give a document a secret that nobody meant.
    if not (near := difflib.get_close_matches(reference, names, n=1)):
        return f"add it: {add(reference)}, or remove it: pulumi config rm --path 'coco-azure:{setting}'"
    return f"did you mean {near[0]}? pulumi config set --path 'coco-azure:{setting}' {near[0]}"


def add(reference: str, other: str | None = None) -> str:
    """Return the command that makes a client secret; of a whole secret, with some KEY.

    Args:
        reference: as in the lists of documents.
        other: the stack that has it; None for the stack itself.
    """
    secret, _, key = reference.partition("/")
    stack = f"--stack {other} " if other is not None else ""
    # In quotes, for a key may have dots.
    path = f'coco-azure:clientSecrets.{secret}["{key or "KEY"}"]'
    return f"pulumi config set {stack}--secret --path '{path}' VALUE"


def unlisted(stack: "Settings") -> list[str]:
    """Return the client secrets that no document lists, each as SECRET or, of a secret listed in part, SECRET/KEY."""
    references = [reference for _, listed, _ in _lists(stack) for reference in listed]
    listed = set(paths(references, stack.client_secrets))
    names: list[str] = []
    for secret, keys in stack.client_secrets.items():
        missing = [key for key in keys if ResourceUri(secret, key).path not in listed]
        names += [secret] if len(missing) == len(keys) else [f"{secret}/{key}" for key in missing]
    return names


def how_to_list(stack: "Settings") -> dict[str, str]:
    """Return the commands that give each unlisted secret to a document, by the secret.

    Each has a place of its own behind what the lists have, so that all of them can be run one after the other.
    """
    workload, settings = next(iter(stack.initdata.workloads.items()), ("WORKLOAD", None))
    first, global_first = len(settings.secrets) if settings is not None else 0, len(stack.initdata.secrets)
    return {
        secret: (
            f"pulumi config set --path 'coco-azure:initdata.workloads.{workload}.secrets[{first + at}]' {secret} (pods "
            "with the initdata of that workload), or pulumi config set --path "
            f"'coco-azure:initdata.secrets[{global_first + at}]' {secret} (pods without initdata of their own)"
        )
        for at, secret in enumerate(unlisted(stack))
    }


def _lists(stack: "Settings") -> Iterator[tuple[str, tuple[str, ...], ClientSecrets]]:
    """Yield the setting and content of each list of references, with the secrets that it may name."""
    if stack.peer_pods.enabled:
        yield "initdata.secrets", stack.initdata.secrets, stack.client_secrets
        for name, workload in stack.initdata.workloads.items():
            yield f"initdata.workloads.{name}.secrets", workload.secrets, stack.client_secrets
    for pcr8, references in stack.trustee.reference_values.also_serve.items():
        # The checks of other stacks prove themselves with the secret that is for checks.
        yield f"trustee.referenceValues.alsoServe.{pcr8}", references, stack.kbs_secrets


AgentPolicy = Literal["image", "development", "production"]
OWN_DOCUMENTS = ("global", names.CHECK)
"""Names of the documents that are no workload's: that of pods without one of their own, and the check's."""


def _check_image(image: str) -> str:
    image_reference.sort_images([image])
    return image


def _image_config(path: object, info: ValidationInfo) -> ImageConfig:
    return image_config.parse(read_public(path, info))


ImageConfigFile = Annotated[ImageConfig, BeforeValidator(_image_config), WithJsonSchema({"type": "string"})]
"""Set to a path; holds what the file says of an image."""
AllowedImage = Annotated[str, AfterValidator(_check_image)]
"""An image, a repository or a registry, as a pod VM pulls it: with the host."""
_OWN_POLICY = (
    "{images} and agentPolicyFile are both set, and a policy of your own is deployed as it is, without the list; keep "
    "one of them, or write the images into the policy"
)


class WorkloadInitdata(Model):
    """initdata of one kind of workload, for the annotation of its pods; it is exported, and its PCR 8 is registered."""

    agent_policy: TextFile | None = Field(default=None, alias="agentPolicyFile")
    """Rego file of the Kata agent policy; default: as the global one."""
    allowed_images: tuple[AllowedImage, ...] = Field(default=(), strict=False)
    """Images or repositories that the policy lets containers be made of; default: as the global ones."""
    secrets: tuple[SecretReference, ...] = Field(default=(), strict=False)
    """Client secrets that its pods may have in production, each as SECRET or SECRET/KEY; default: none."""

    manifest: TextFile | None = Field(default=None, alias="manifestFile")
    """Kubernetes manifest of the workload: the policy lets exactly its containers run."""
    image_configs: dict[str, ImageConfigFile] = Field(default_factory=dict, alias="imageConfigFiles")
    """What images say of their containers, as IMAGE: FILE; made by skopeo inspect --config docker://IMAGE."""
    namespaces: tuple[DnsLabel, ...] = Field(default=(), strict=False)
    """Namespaces of its team: ConfigMap workload-initdata there has what its manifest needs; they have to exist."""

    @property
    def containers(self) -> tuple[Container, ...]:
        """The containers of the manifest; none where there is no manifest."""
        return () if self.manifest is None else _containers(self.manifest, tuple(self.image_configs.items()))

    @model_validator(mode="after")
    def _one_policy(self) -> "WorkloadInitdata":
        problems = []
        if self.agent_policy is not None and self.allowed_images:
            problems.append(_OWN_POLICY.format(images="allowedImages"))
        if self.manifest is not None:
            problems += self._beside_manifest()
        elif self.image_configs:
            problems.append("imageConfigFiles is set without manifestFile, whose containers it is about; set both")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _beside_manifest(self) -> Iterator[str]:
        if self.agent_policy is not None:
            yield "manifestFile and agentPolicyFile are both set, and each brings a policy; remove one of them"
        if self.allowed_images:
            yield "manifestFile and allowedImages are both set, and the manifest names its images; remove allowedImages"
        try:
            _ = self.containers
        except ValueError as error:
            yield "manifestFile: " + "; ".join(str(error).splitlines())


@cache
def _containers(manifest: str, images: tuple[tuple[str, ImageConfig], ...]) -> tuple[Container, ...]:
    return tuple(workload.containers(manifest, dict(images)))


class InitdataSettings(Model):
    """initdata of the pod VMs."""

    algorithm: Literal["sha256", "sha384", "sha512"] = "sha256"
    """Digest that binds initdata to the evidence; PCR 8 takes 32 bytes, which is what only sha256 has."""
    kbs_url: Url | None = None
    """URL of KBS as pod VMs reach it; default: https and the Route's host."""
    certificate: CertificatesFile | None = Field(default=None, alias="kbsCertificateFile")
    """PEM file of KBS's certificate, for an https URL whose certificate no public authority signed."""
    agent_policy: AgentPolicy | None = None
    """Kata agent policy: that of the pod VM image, or one of this project's; default: by environment."""
    agent_policy_file: TextFile | None = None
    """Rego file of a Kata agent policy of your own."""
    allowed_images: tuple[AllowedImage, ...] = Field(default=(), strict=False)
    """Images or repositories that the production policy lets containers be made of; default: every image."""
    secrets: tuple[SecretReference, ...] = Field(default=(), strict=False)
    """Client secrets that pods without initdata of their own may have in production; default: none."""
    workloads: dict[DnsLabel, WorkloadInitdata] = Field(default_factory=dict)
    """initdata of their own for kinds of workloads, by a name of your choice."""
    image_pull: ImagePullSettings = ImagePullSettings()
    """How pod VMs reach registries that are not on the Internet."""
    admission: Literal["refuse", "warn", "off"] = "warn"
    """What becomes of a peer pod without the current or previous initdata in the namespaces of workloads: ``refuse``;
    ``warn``: whoever makes it is warned; ``off``: nothing. It needs Kubernetes 1.30 (OpenShift 4.17)."""
    into_peer_pods_cm: bool = Field(default=True, alias="global")
    """Whether every pod gets it (INITDATA in peer-pods-cm); pods can still bring their own."""

    @property
    def namespaces(self) -> dict[str, tuple[str, ...]]:
        """Names of the workloads of each namespace that one of them names."""
        titles = sorted({title for workload in self.workloads.values() for title in workload.namespaces})
        return {
            title: tuple(name for name, each in self.workloads.items() if title in each.namespaces) for title in titles
        }

    @field_validator("workloads")
    @classmethod
    def _names_are_free(cls, workloads: dict[str, WorkloadInitdata]) -> dict[str, WorkloadInitdata]:
        if taken := [name for name in OWN_DOCUMENTS if name in workloads]:
            raise ValueError(f"{' and '.join(taken)}: a document of the stack's has this name; choose another one")
        return workloads

    @field_validator("certificate")
    @classmethod
    def _certificate_needs_https(cls, certificate: str | None, info: ValidationInfo) -> str | None:
        url = info.data.get("kbs_url")
        if certificate is not None and url is not None and not url.startswith("https://"):
            raise ValueError(
                f"a certificate makes no sense for {url}: set initdata.kbsUrl to an https URL, "
                "or leave kbsCertificateFile out"
            )
        return certificate

    @model_validator(mode="after")
    def _one_policy(self) -> "InitdataSettings":
        if self.agent_policy_file is not None and self.allowed_images:
            raise ValueError(_OWN_POLICY.format(images="allowedImages"))
        if self.agent_policy_file is not None and self.agent_policy is not None:
            raise ValueError(
                f"agentPolicy is {self.agent_policy} and agentPolicyFile is set, too; needed one of them. Remove the "
                "other"
            )
        if self.agent_policy == "image" and self.allowed_images:
            raise ValueError(
                "agentPolicy is image, and the policy of the pod VM image knows nothing of allowedImages; set "
                "agentPolicy to production, or remove the list"
            )
        return self
