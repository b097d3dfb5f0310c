"""The settings of a stack: one frozen model a part, read once, all problems told at once.

The only place that reads the stack's configuration. ``load`` is called before any resource is registered, so a mistake
in the settings changes nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import Field, ValidationInfo, field_validator

from coco_azure import names
from coco_azure.formats.images.image_policy import DefaultRule
from coco_azure.formats.kbs.sealed_secrets import SIGNING_KEY, ResourceUri
from coco_azure.formats.policy.policies import Variant
from coco_azure.settings import client_secrets, environment, initdata, operators, signatures, stack_config, waves
from coco_azure.settings.attestation_check import AttestationCheckSettings
from coco_azure.settings.azure import AzureSettings
from coco_azure.settings.base import Model
from coco_azure.settings.client_secrets import GENERATED, ClientSecrets, SealedSecrets
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.settings.initdata import InitdataSettings
from coco_azure.settings.peer_pods import PeerPodSettings
from coco_azure.settings.preflight import AcceptedRisks, PreflightSettings
from coco_azure.settings.problems import headed
from coco_azure.settings.trustee import CHECK_POLICY, TrusteeSettings

__all__ = ["ClusterSettings", "Settings", "SettingsError", "load", "parse"]


class SettingsError(pulumi.RunError):
    """The configuration of the stack has problems; the message lists all of them, each with its remediation.

    Attributes:
        findings: what was found, and the settings without it.
    """

    def __init__(self, findings: "waves.Findings[Settings]") -> None:
        super().__init__(headed(findings.problems))
        self.findings = findings


class Settings(Model):
    """Everything that a stack can say. Each field is one key ``coco-azure:<name>`` of the stack's file."""

    environment: Variant = "development"
    """``development``: the chapter's trust chain, which accepts much; ``production``: one that says no."""
    cluster: ClusterSettings = ClusterSettings()
    azure: AzureSettings = AzureSettings()
    trustee: TrusteeSettings = TrusteeSettings()
    client_secrets: ClientSecrets = Field(default={}, validate_default=True)
    """Secrets that KBS hands out, as SECRET: {KEY: value}; in development kbsres1 with key1 and key2 is always there,
    with values that are made once where the settings have none. SECRET: {existing: {keys: [KEY]}} is a Secret that
    somebody else makes in Trustee's namespace."""
    sealed_secrets: SealedSecrets = Field(default_factory=dict)
    """Sealed secrets of workloads, as NAMESPACE: {SECRET: {KEY: default/SECRET/KEY}}."""
    initdata: InitdataSettings = InitdataSettings()
    peer_pods: PeerPodSettings = PeerPodSettings()
    attestation_check: AttestationCheckSettings = AttestationCheckSettings()
    preflight: PreflightSettings = PreflightSettings()
    accepted_risks: AcceptedRisks = AcceptedRisks()

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
        sealing = bool(self.sealed_secrets) or any(each.secrets for each in self.initdata.workloads.values())
        return self.deploys_trustee and (sealing or not self.peer_pods.enabled)

    @property
    def workload_namespaces(self) -> dict[str, str]:
        """The setting that names each namespace of workloads, by the namespace."""
        if not self.peer_pods.enabled:
            return {}
        published = {
            title: f"initdata.workloads.{workloads[0]}.namespaces"
            for title, workloads in self.initdata.namespaces.items()
        }
        return published | {title: f"sealedSecrets.{title}" for title in self.sealed_secrets}

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
    def _chapter_secrets(cls, secrets: ClientSecrets, info: ValidationInfo) -> ClientSecrets:
        # Made-up values are for the check of a development stack, whatever else it has; production has one of its own.
        production = info.data.get("environment") == "production"
        return secrets if production else {"kbsres1": {"key1": GENERATED, "key2": GENERATED}, **secrets}


def _references(stack: Settings) -> list[str]:
    """Return a problem for each resource that nothing serves."""
    if not stack.deploys_trustee:
        return []
    messages = client_secrets.unserved(stack.sealed_secrets, stack.served)
    messages += initdata.unknown(stack)
    _, secret, key = stack.check_resource.split("/", 2)
    if stack.checks and key not in stack.kbs_secrets.get(secret, {}):
        served = ", ".join(f"default/{name}/{key}" for name, keys in stack.kbs_secrets.items() for key in keys)
        messages.append(
            f"attestationCheck.resource is default/{secret}/{key}, which no client secret serves "
            f"(served: {served}). Add it: pulumi config set --secret --path 'coco-azure:clientSecrets.{secret}.{key}' "
            "VALUE; or name one of these: "
            "pulumi config set --path coco-azure:attestationCheck.resource default/SECRET/KEY"
        )
    if stack.checks and secret in client_secrets.of_others(stack.kbs_secrets):
        messages.append(
            f"attestationCheck.resource is default/{secret}/{key}, whose Secret somebody else makes, so the check "
            "cannot tell whether the right value came; name another one: "
            "pulumi config set --path coco-azure:attestationCheck.resource default/SECRET/KEY"
        )
    if stack.checks and stack.check_image_policy is None:
        policy = stack.trustee.image_policy(stack.image_default)
        messages += signatures.lockout(
            policy, [stack.trustee.pulled(stack.attestation_check.image)], "trustee: the image policy"
        )
    return messages


def _denials(stack: Settings) -> list[str]:
    """Return a problem where nothing would be denied that is to be tried."""
    if not stack.attestation_check.negative or (stack.environment == "production" and stack.checks):
        return []
    reason = "there is no check" if stack.environment == "production" else "development denies next to nothing"
    way = "remove the setting: pulumi config rm --path 'coco-azure:attestationCheck.negative'"
    return [f"attestationCheck.negative is true, and {reason}; {way}"]


def _trustee(stack: Settings) -> list[str]:
    """Return what does not fit together about the operators and Trustee."""
    messages = list(
        operators.problems({names.TRUSTEE_PACKAGE: stack.trustee.operator, names.OSC_PACKAGE: stack.peer_pods.operator})
    )
    if stack.peer_pods.tee == "tdx" and stack.trustee.tdx is None and stack.deploys_trustee:
        messages.append(
            "peerPods.tee is tdx, but trustee.tdx.pccsUrl is not set: "
            "Trustee cannot verify a TDX quote without a PCCS. "
            "Set it with: pulumi config set --path coco-azure:trustee.tdx.pccsUrl https://... (docs/howto/tdx.md)"
        )
    taken = {resource.secret: resource.path for resource in stack.reserved}
    messages += [
        f"clientSecrets.{secret}: {path} has a purpose of its own (image policy, keys of signatures, credentials, key "
        "of sealed secrets); choose another secret name, or another secret in trustee.imageSignature or "
        "trustee.registryCredentials"
        for secret, path in taken.items()
        if secret in stack.client_secrets
    ]
    cluster = stack.trustee.cluster
    if cluster is not None and (cluster.kubeconfig, cluster.context) == (
        stack.cluster.kubeconfig,
        stack.cluster.context,
    ):
        messages.append(
            "trustee.cluster is the cluster of the peer pods, and would pass for a trusted one; name another: "
            "pulumi config set --path coco-azure:trustee.cluster.context CONTEXT (or .kubeconfig), or remove it: "
            "pulumi config rm --path coco-azure:trustee.cluster"
        )
    if stack.trustee.reference_values.follows_operator and (not stack.peer_pods.enabled or stack.peer_pods.own_image):
        why = "peerPods.imageId names an image of your own" if stack.peer_pods.enabled else "the stack has no peer pods"
        messages.append(
            f"trustee.referenceValues.image has neither tag nor digest, and {why}, so no operator's version says which "
            "one it is; write it as IMAGE:TAG or IMAGE@sha256:DIGEST"
        )
    if stack.sealed_secrets and not stack.peer_pods.enabled:
        messages.append(
            "sealedSecrets is set and peerPods.enabled is false, so no pod of this stack could unseal them; set them "
            "in the stack that has the peer pods, whose trustee.stack names this one"
        )
    if not stack.deploys_trustee and not stack.peer_pods.enabled:
        messages.append(
            "trustee.stack is set and peerPods.enabled is false, so nothing is left to deploy; remove one of the two"
        )
    return messages


def parse(values: Mapping[str, Any], root: Path) -> Settings:
    """Return the settings in ``values``, a mapping of setting name to decoded value.

    Args:
        values: the stack's configuration without the project's prefix.
        root: folder that the paths of files are relative to.

    Raises:
        SettingsError: something in it is wrong; the message lists every problem.
    """
    findings = waves.judge(Settings, values, root)
    if findings.valid_settings is not None:
        whole = [
            *_references(findings.valid_settings),
            *_trustee(findings.valid_settings),
            *_denials(findings.valid_settings),
            *environment.problems(findings.valid_settings),
        ]
        findings = findings.with_problems(whole)
    if findings.valid_settings is None or findings.problems:
        raise SettingsError(findings)
    return findings.valid_settings


def load(root: Path) -> Settings:
    """Return the settings of the running stack, and warn of secrets in plain text; raises as ``parse`` does."""
    from coco_azure.settings import schema  # noqa: PLC0415 - it needs the models here

    raw = {**get_config_env(), **CONFIG.get()}
    values = stack_config.decode(raw, pulumi.get_project())
    prefix = f"{pulumi.get_project()}:"
    encrypted = {key.removeprefix(prefix) for key in raw if is_config_secret(key)}
    if message := schema.plain_warning(values, encrypted, root / f"Pulumi.{pulumi.get_stack()}.yaml"):
        pulumi.log.warn(message)
    return parse(values, root)
