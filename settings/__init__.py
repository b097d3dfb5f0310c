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
from pydantic import Field, ValidationError, field_validator, model_validator

from settings.attestation_check import AttestationCheckSettings
from settings.azure import AzureSettings
from settings.base import Model
from settings.peer_pods import PeerPodSettings
from settings.problems import describe
from settings.trustee import GENERATED, ClientSecrets, InitdataSettings, TrusteeSettings

__all__ = ["ClusterSettings", "Settings", "SettingsError", "load", "parse"]


class SettingsError(pulumi.RunError):
    """The configuration of the stack has problems; the message lists all of them, each with its way out."""


class ClusterSettings(Model):
    """The OpenShift cluster; by default the one that ``oc`` talks to."""

    kubeconfig: str | None = None
    """Path of a kubeconfig; default: KUBECONFIG, then ~/.kube/config."""
    context: str | None = None
    """Context in the kubeconfig; default: its current one."""
    identifier: str | None = None
    """A name for the cluster that outlives changes of the kubeconfig; default: the stack's name."""


class Settings(Model):
    """Everything that a stack can say. Each field is one key ``coco-azure:<name>`` of the stack's file."""

    cluster: ClusterSettings = ClusterSettings()
    azure: AzureSettings = AzureSettings()
    trustee: TrusteeSettings = TrusteeSettings()
    client_secrets: ClientSecrets = Field(default={}, validate_default=True)
    """Secrets that KBS hands out, as SECRET: {KEY: value}; default: kbsres1 with key1 and key2, made once."""
    initdata: InitdataSettings = InitdataSettings()
    peer_pods: PeerPodSettings = PeerPodSettings()
    attestation_check: AttestationCheckSettings = AttestationCheckSettings()

    @field_validator("client_secrets")
    @classmethod
    def _chapter_secrets(cls, said: ClientSecrets) -> ClientSecrets:
        return said or {"kbsres1": {"key1": GENERATED, "key2": GENERATED}}

    @model_validator(mode="after")
    def _check_fetches_what_exists(self) -> "Settings":
        _, secret, key = self.attestation_check.resource.split("/", 2)
        if self.attestation_check.enabled and key not in self.client_secrets.get(secret, {}):
            served = ", ".join(f"default/{name}/{key}" for name, keys in self.client_secrets.items() for key in keys)
            raise ValueError(
                f"attestationCheck.resource is default/{secret}/{key}, which no client secret serves "
                f"(served: {served}). Add it to clientSecrets, or set attestationCheck.resource to one of these"
            )
        return self

    @model_validator(mode="after")
    def _tdx_has_a_pccs(self) -> "Settings":
        if self.peer_pods.tee == "tdx" and self.trustee.tdx is None:
            raise ValueError(
                "peerPods.tee is tdx, but trustee.tdx.pccsUrl is not set: "
                "Trustee cannot verify a TDX quote without a PCCS. "
                "Set it with: pulumi config set --path coco-azure:trustee.tdx.pccsUrl https://..."
            )
        return self

    @model_validator(mode="after")
    def _signature_key_has_its_own_secret(self) -> "Settings":
        signature = self.trustee.image_signature
        if signature is not None and signature.secret in self.client_secrets:
            raise ValueError(
                f"trustee.imageSignature.secret {signature.secret} is also a client secret; "
                "rename one of the two, for example imageSignature.secret to img-sig"
            )
        if "security-policy" in self.client_secrets:
            raise ValueError(
                "clientSecrets.security-policy: this name is the image policy's; choose another secret name"
            )
        return self


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
        raise SettingsError(describe(error)) from None


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
