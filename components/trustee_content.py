"""What Trustee reads: its ConfigMaps and Secrets, with the chapter's names and keys.

Separate from the stack around it because this is content: no operator, no order, no waiting.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from components.kept_secret import kept_secret
from rendering import fingerprint, image_policy, kbs_config, keys, reference_values, rego, tdx
from settings.trustee import ClientSecret, ClientSecrets, TrusteeSettings

KBS_CONFIG = "kbs-config-cm"
REFERENCE_VALUES = "rvps-reference-values"
RESOURCE_POLICY = "resource-policy"
ATTESTATION_POLICY = "attestation-policy"
TDX_CONFIG = "tdx-config"
AUTH_SECRET = "kbs-auth-public-key"  # noqa: S105 - the name of a Secret
SECURITY_POLICY = "security-policy"


@dataclass(frozen=True, kw_only=True)
class TrusteeContentArgs:
    """What the content is made of.

    Attributes:
        settings: policies, reference values and keys.
        client_secrets: what KBS hands out, by secret and key.
        namespace: where the objects go.
    """

    settings: TrusteeSettings
    client_secrets: ClientSecrets
    namespace: Input[str]


class TrusteeContent(pulumi.ComponentResource):
    """The ConfigMaps and Secrets of one Trustee."""

    values: Mapping[str, Mapping[str, Output[bytes]]]
    """The client secrets' values by secret and key; secret."""
    kbs_secrets: list[str]
    """Names of the Secrets that KBS serves as ``kbs:///default/<secret>/<key>``."""
    fingerprint: Output[str]
    """Changes whenever anything that KBS reads changes; tells nothing about the secrets."""

    def __init__(self, name: str, args: TrusteeContentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrusteeContent", name, None, opts)
        self._name, self._namespace = name, args.namespace
        private_key = self._admin_key(args.settings)
        maps = config_maps(args.settings)
        for title, data in maps.items():
            self._config_map(title, data)
        self.values = {
            secret: {key: self._value(secret, key, source) for key, source in entries.items()}
            for secret, entries in args.client_secrets.items()
        }
        public_key = private_key.apply(lambda pem: keys.public_key(pem).encode())
        self._secret(AUTH_SECRET, {"publicKey": public_key})
        served = {**self.values, **_policy_secrets(args.settings)}
        for title, entries in served.items():
            self._secret(title, entries)
        self.kbs_secrets = list(served)
        everything = Output.all(maps=maps, secrets={title: _texts(entries) for title, entries in served.items()})
        # Keyed with the private key, so the fingerprint can stand in plain text without giving a secret away.
        self.fingerprint = cast(
            "Output[str]",
            Output.unsecret(
                Output.all(everything, private_key).apply(lambda both: fingerprint.keyed(both[0], both[1]))
            ),
        )
        self.register_outputs({"fingerprint": self.fingerprint})

    def _admin_key(self, settings: TrusteeSettings) -> Output[str]:
        if settings.admin_private_key is not None:
            return Output.secret(settings.admin_private_key.get_secret_value())
        return kept_secret(f"{self._name}-admin-key", keys.generate_private_key(), ResourceOptions(parent=self))

    def _value(self, secret: str, key: str, source: ClientSecret) -> Output[bytes]:
        if source.value is not None:
            return Output.secret(source.value.get_secret_value())
        made = kept_secret(f"{self._name}-{secret}-{key}", keys.generate_secret(), ResourceOptions(parent=self))
        return made.apply(str.encode)

    def _config_map(self, title: str, data: Mapping[str, str]) -> None:
        kubernetes.core.v1.ConfigMap(
            f"{self._name}-{title}",
            metadata={"name": title, "namespace": self._namespace},
            data=data,
            opts=ResourceOptions(parent=self),
        )

    def _secret(self, title: str, entries: Mapping[str, Output[bytes]]) -> None:
        kubernetes.core.v1.Secret(
            f"{self._name}-{title}",
            metadata={"name": title, "namespace": self._namespace},
            data=_texts(entries),
            opts=ResourceOptions(parent=self),
        )


def config_maps(settings: TrusteeSettings) -> dict[str, dict[str, str]]:
    """Return the data of every ConfigMap that Trustee 0.3 reads, by name; optional ones only where they are set."""
    kbs = kbs_config.KbsConfig(token_duration=settings.token_duration)
    maps = {
        KBS_CONFIG: {
            kbs_config.TOML_KEY: kbs_config.render_toml(kbs),
            kbs_config.JSON_KEY: kbs_config.render_json(kbs),
        },
        REFERENCE_VALUES: {reference_values.FILE: settings.reference_values or reference_values.render([])},
        RESOURCE_POLICY: {"policy.rego": settings.resource_policy or rego.load("resource_policy")},
    }
    if settings.attestation_policy is not None:
        maps[ATTESTATION_POLICY] = {"default.rego": settings.attestation_policy}
    if settings.tdx is not None:
        maps[TDX_CONFIG] = {tdx.FILE: tdx.render(settings.tdx.pccs_url, settings.tdx.collateral_service)}
    return maps


def _policy_secrets(settings: TrusteeSettings) -> dict[str, dict[str, Output[bytes]]]:
    signature = settings.image_signature
    signed: dict[str, str] = {}
    made: dict[str, dict[str, Output[bytes]]] = {}
    if signature is not None:
        signed = dict.fromkeys(signature.images, f"default/{signature.secret}/{signature.key}")
        made[signature.secret] = {signature.key: Output.from_input(signature.public_key.encode())}
    transport = signature.transport if signature is not None else "docker"
    policy = image_policy.render(settings.security_policy_default, signed, transport)
    return {SECURITY_POLICY: {"osc": Output.from_input(policy.encode())}, **made}


def _texts(entries: Mapping[str, Output[bytes]]) -> dict[str, Output[str]]:
    return {key: value.apply(lambda raw: base64.b64encode(raw).decode()) for key, value in entries.items()}
