"""The settings of a stack: one frozen model a part, read once, all problems told at once.

The only place that reads the stack's configuration. ``load`` is called before any resource is registered, so a mistake
in the settings changes nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from rendering.images.image_policy import DefaultRule
from rendering.policy.policies import Variant
from rendering.profiles import OSC_PACKAGE, TRUSTEE_PACKAGE
from rendering.trustee.resource_uri import ResourceUri
from rendering.trustee.sealed_secrets import SIGNING_KEY
from settings import client_secrets, environment, operators, secret_access, signatures
from settings.attestation_check import AttestationCheckSettings
from settings.azure import AzureSettings
from settings.base import Model
from settings.client_secrets import GENERATED, ClientSecrets, SealedSecrets
from settings.cluster import ClusterSettings
from settings.initdata import InitdataSettings
from settings.peer_pods import PeerPodSettings
from settings.preflight import PreflightSettings
from settings.problems import SEPARATOR, describe
from settings.trustee import CHECK_POLICY, TrusteeSettings

__all__ = ["ClusterSettings", "Settings", "SettingsError", "load", "parse"]


class SettingsError(pulumi.RunError):
    """The configuration of the stack has problems; the message lists all of them, each with its way out."""


class Settings(Model):
    """Everything that a stack can say. Each field is one key ``coco-azure:<name>`` of the stack's file."""

    environment: Variant = "development"
    """``development``: the chapter's trust chain, which accepts much; ``production``: one that says no."""
    cluster: ClusterSettings = ClusterSettings()
    azure: AzureSettings = AzureSettings()
    trustee: TrusteeSettings = TrusteeSettings()
    client_secrets: ClientSecrets = Field(default={}, validate_default=True)
    """Secrets that KBS hands out, as SECRET: {KEY: value}; default: kbsres1 with key1 and key2, made once, and in
    production none."""
    sealed_secrets: SealedSecrets = Field(default_factory=dict)
    """Sealed secrets of workloads, as NAMESPACE: {SECRET: {KEY: default/SECRET/KEY}}."""
    initdata: InitdataSettings = InitdataSettings()
    peer_pods: PeerPodSettings = PeerPodSettings()
    attestation_check: AttestationCheckSettings = AttestationCheckSettings()
    preflight: PreflightSettings = PreflightSettings()

    @property
    def deploys_trustee(self) -> bool:
        """Whether the stack has a Trustee of its own."""
        return self.trustee.stack is None

    @property
    def checks(self) -> bool:
        """Whether a pod proves the whole chain; none can while pod VMs and KBS are not to speak with each other."""
        return self.attestation_check.enabled and self.peer_pods.enabled and not self.trustee.allow_protocol_gap

    @property
    def check_resource(self) -> str:
        """What the check fetches, ``default/SECRET/KEY``."""
        own = client_secrets.CHECK_SECRET.path if self.environment == "production" else "default/kbsres1/key1"
        return self.attestation_check.resource or own

    @property
    def kbs_secrets(self) -> ClientSecrets:
        """Secrets that KBS hands out to pods: the client secrets, in production with that of the checks."""
        own = client_secrets.CHECK_SECRET
        if self.environment != "production" or not self.deploys_trustee:
            return self.client_secrets
        return {**self.client_secrets, own.secret: {own.key: GENERATED}}

    @property
    def image_default(self) -> DefaultRule:
        """What the image policy says of images that no rule names."""
        default: DefaultRule = "reject" if self.environment == "production" else "insecureAcceptAnything"
        return self.trustee.security_policy_default or default

    @property
    def check_image_policy(self) -> str | None:
        """The image policy (JSON) for the check's pod, so that no other one starts its image; None in development."""
        if self.environment != "production" or not self.deploys_trustee:
            return None
        return self.trustee.check_image_policy(self.attestation_check.image)

    @property
    def signs_sealed_secrets(self) -> bool:
        """Whether the stack keeps a key that signs sealed secrets: its own or, as a Trustee alone, other stacks'."""
        return self.deploys_trustee and (bool(self.sealed_secrets) or not self.peer_pods.enabled)

    @property
    def reserved(self) -> list[ResourceUri]:
        """What KBS serves beside the client secrets."""
        own = [CHECK_POLICY] if self.check_image_policy is not None else []
        return [*self.trustee.reserved, *own, *([SIGNING_KEY] if self.signs_sealed_secrets else [])]

    @property
    def served(self) -> frozenset[str]:
        """Paths (``default/SECRET/KEY``) of everything that KBS serves."""
        return client_secrets.served(self.kbs_secrets, *self.reserved)

    @field_validator("client_secrets")
    @classmethod
    def _chapter_secrets(cls, said: ClientSecrets, info: ValidationInfo) -> ClientSecrets:
        # Made-up values are for the check of a development stack; in production it has one of its own.
        production = info.data.get("environment") == "production"
        return said or ({} if production else {"kbsres1": {"key1": GENERATED, "key2": GENERATED}})

    @model_validator(mode="after")
    def _is_whole(self) -> "Settings":
        if found := [*_references(self), *_trustee(self), *environment.problems(self)]:
            raise ValueError(SEPARATOR.join(found))
        return self


def _references(stack: Settings) -> list[str]:
    """Return a problem for each resource that nothing serves."""
    if not stack.deploys_trustee:
        return []
    found = client_secrets.unserved(stack.sealed_secrets, stack.served)
    found += secret_access.unknown(stack)
    _, secret, key = stack.check_resource.split("/", 2)
    if stack.checks and key not in stack.kbs_secrets.get(secret, {}):
        served = ", ".join(f"default/{name}/{key}" for name, keys in stack.kbs_secrets.items() for key in keys)
        found.append(
            f"attestationCheck.resource is default/{secret}/{key}, which no client secret serves "
            f"(served: {served}). Add it to clientSecrets, or set attestationCheck.resource to one of these"
        )
    if stack.checks and stack.check_image_policy is None:
        policy = stack.trustee.image_policy(stack.image_default)
        found += signatures.lockout(policy, [stack.attestation_check.image], "trustee: the image policy")
    return found


def _trustee(stack: Settings) -> list[str]:
    """Return what does not fit together about the operators and Trustee."""
    found = list(operators.problems({TRUSTEE_PACKAGE: stack.trustee.operator, OSC_PACKAGE: stack.peer_pods.operator}))
    if stack.peer_pods.tee == "tdx" and stack.trustee.tdx is None and stack.deploys_trustee:
        found.append(
            "peerPods.tee is tdx, but trustee.tdx.pccsUrl is not set: "
            "Trustee cannot verify a TDX quote without a PCCS. "
            "Set it with: pulumi config set --path coco-azure:trustee.tdx.pccsUrl https://..."
        )
    taken = {resource.secret: resource.path for resource in stack.reserved}
    found += [
        f"clientSecrets.{secret}: {path} has a purpose of its own (image policy, keys of signatures, credentials, key "
        "of sealed secrets); choose another secret name, or another secret in trustee.imageSignature or "
        "trustee.registryCredentials"
        for secret, path in taken.items()
        if secret in stack.client_secrets
    ]
    there = stack.trustee.cluster
    if there is not None and (there.kubeconfig, there.context) == (stack.cluster.kubeconfig, stack.cluster.context):
        found.append(
            "trustee.cluster is the cluster of the peer pods, and would pass for a trusted one; name another: "
            "pulumi config set --path coco-azure:trustee.cluster.context CONTEXT (or .kubeconfig), or remove it: "
            "pulumi config rm --path coco-azure:trustee.cluster"
        )
    if stack.sealed_secrets and not stack.peer_pods.enabled:
        found.append(
            "sealedSecrets is set and peerPods.enabled is false, so no pod of this stack could unseal them; set them "
            "in the stack that has the peer pods, whose trustee.stack names this one"
        )
    if not stack.deploys_trustee and not stack.peer_pods.enabled:
        found.append(
            "trustee.stack is set and peerPods.enabled is false, so nothing is left to deploy; remove one of the two"
        )
    return found


def parse(values: Mapping[str, Any], root: Path) -> Settings:
    """Return the settings in ``values``, a mapping of setting name to decoded value.

    Args:
        values: the stack's configuration without the project's prefix.
        root: folder that the paths of files are relative to.

    Raises:
        SettingsError: something in it is wrong; the message lists every problem.
    """
    try:
        return Settings.model_validate(dict(values), context={"root": root})
    except ValidationError as error:
        raise SettingsError(describe(error, values)) from None


def load(root: Path) -> Settings:
    """Return the settings of the running stack; raises as ``parse`` does."""
    prefix = f"{pulumi.get_project()}:"
    raw = {**get_config_env(), **CONFIG.get()}
    values = {key.removeprefix(prefix): _decode(text) for key, text in raw.items() if key.startswith(prefix)}
    return parse(values, root)


def _decode(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text  # a plain text where an object belongs: the model says so, with the key's name
