"""What Trustee reads: its ConfigMaps and Secrets, with the chapter's names and the keys of the version.

Separate from the stack around it because this is content: no operator, no order, no waiting.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from coco_azure import names
from coco_azure.formats import fingerprint
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import SIGNING_KEY as SEALING_KEY
from coco_azure.formats.pki import issuing
from coco_azure.settings import Settings
from coco_azure.settings.client_secrets import ClientSecret, of_others
from coco_azure.settings.trustee import CHECK_POLICY, SECURITY_POLICY
from coco_azure.trust.chain import Judgement, config_maps
from components.trustee.chain import ServerCertificate
from components.trustee.keys import administrator, kept_secret, signer

Entries = Mapping[str, Output[bytes]]


@dataclass(frozen=True, kw_only=True)
class TrusteeContentArgs:
    """What the content is made of.

    Attributes:
        judgement: policies, reference values and the version.
        presented: what the Route or KBS presents; None for the router's own certificate.
        existing: digests of the Secrets of others whose change rolls KBS out, by name; secrets.
        installed: gate on the operator: an upgrade that fails there leaves everything that KBS reads as it is.
    """

    stack: Settings
    judgement: Output[Judgement]
    server_certificate: ServerCertificate | None
    namespace: Input[str]
    existing: Mapping[str, str]
    installed: pulumi.Resource


def objects(stack: Settings) -> dict[tuple[str, str], str]:
    """Return kind and name of each object that ``TrusteeContent`` makes, and the setting that names it, if one does."""
    trustee = stack.trustee
    maps = [
        names.KBS_CONFIG_CM,
        names.REFERENCE_VALUES,
        names.RESOURCE_POLICY,
        names.ATTESTATION_POLICY,
        *([names.TDX_CONFIG] if trustee.tdx else []),
    ]
    https = [names.TLS_KEY_SECRET, names.TLS_CERTIFICATE_SECRET] if trustee.tls.termination == "passthrough" else []
    secrets = dict.fromkeys([names.ADMIN_SECRET, *https, *(each.secret for each in stack.reserved)], "")
    secrets |= {each.secret: "trustee.imageSignature" for each in trustee.image_signature}
    if trustee.registry_credentials is not None:
        secrets[trustee.registry_credentials.resource.secret] = "trustee.registryCredentials.secret"
    own = [name for name in stack.kbs_secrets if name not in of_others(stack.kbs_secrets)]
    secrets |= {name: f"clientSecrets.{name}" if name in stack.client_secrets else "" for name in own}
    return {("ConfigMap", each): "" for each in maps} | {("Secret", each): key for each, key in secrets.items()}


class TrusteeContent(pulumi.ComponentResource):
    """The ConfigMaps and Secrets of one Trustee."""

    values: Mapping[str, Entries]
    """The client secrets' values by secret and key, but for those that others make; secret."""
    kbs_secrets: list[str]
    """Names of the Secrets that KBS serves as ``kbs:///default/<secret>/<key>``."""
    sealing_key: Output[str] | None
    """Private key (PEM) that signs sealed secrets, secret; None where none are signed. KBS serves its public half."""
    fingerprint: Output[str]
    """Changes whenever anything that KBS reads changes; tells nothing about the secrets."""

    def __init__(self, name: str, args: TrusteeContentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrusteeContent", name, None, opts)
        self._name, self._args = name, args
        child, trustee = ResourceOptions(parent=self), args.stack.trustee
        private_key, auth = administrator(f"{name}-admin-key", trustee, child)
        if args.stack.trustee.sign_tokens:
            auth = {**auth, **signer(f"{name}-token-signer", trustee, args.judgement, child)}
        maps = args.judgement.apply(lambda made: config_maps(args.stack, made))
        for title in (names.KBS_CONFIG_CM, names.REFERENCE_VALUES, names.RESOURCE_POLICY, names.ATTESTATION_POLICY):
            self._config_map(title, maps)
        if trustee.tdx is not None:
            self._config_map(names.TDX_CONFIG, maps)
        others = of_others(args.stack.kbs_secrets)
        self.values = {
            secret: {key: self._value(secret, key, source) for key, source in entries.items()}
            for secret, entries in args.stack.kbs_secrets.items()
            if secret not in others
        }
        self.sealing_key = None
        if args.stack.signs_sealed_secrets:
            self.sealing_key = kept_secret(f"{name}-sealing-key", sealed_secrets.generate_signing_key(), child)
        served: dict[str, Entries] = {**self.values, **self._policies()}
        read = {names.ADMIN_SECRET: auth, **self._https(), **served}
        for title, entries in read.items():
            self._secret(title, entries)
        self.kbs_secrets = [*served, *others]
        everything = Output.all(
            maps=maps,
            secrets={title: _texts(entries) for title, entries in read.items()},
            # Left out where there are none: a fingerprint of before shall stay what it was.
            **({"existing": Output.secret(dict(args.existing))} if args.existing else {}),
        )
        # Keyed with the private key, so the fingerprint can stand in plain text without giving a secret away.
        self.fingerprint = cast(
            "Output[str]",
            Output.unsecret(
                Output.all(everything, private_key).apply(lambda both: fingerprint.keyed(both[0], both[1]))
            ),
        )
        self.register_outputs({"fingerprint": self.fingerprint})

    def _value(self, secret: str, key: str, source: ClientSecret) -> Output[bytes]:
        if source.value is not None:
            return Output.secret(source.value.get_secret_value())
        made = kept_secret(f"{self._name}-{secret}-{key}", issuing.generate_secret(), ResourceOptions(parent=self))
        return made.apply(str.encode)

    def _policies(self) -> dict[str, Entries]:
        """Return the Secrets that pod VMs fetch before they pull images: policy, keys, credentials."""
        trustee = self._args.stack.trustee
        made: dict[str, dict[str, Output[bytes]]] = {
            SECURITY_POLICY.secret: {
                SECURITY_POLICY.key: self._args.judgement.apply(lambda made: made.image_policy.encode())
            }
        }
        if (policy := self._args.stack.check_image_policy) is not None:
            made[CHECK_POLICY.secret][CHECK_POLICY.key] = Output.from_input(policy.encode())
        for secret, entries in trustee.public_secrets.items():
            made[secret] = {key: Output.from_input(text.encode()) for key, text in entries.items()}
        if trustee.registry_credentials is not None:
            where = trustee.registry_credentials.resource
            made[where.secret] = {where.key: Output.secret(trustee.registry_credentials.text().encode())}
        if self.sealing_key is not None:
            jwk = self.sealing_key.apply(lambda pem: sealed_secrets.public_jwk(pem).encode())
            made[SEALING_KEY.secret] = {SEALING_KEY.key: Output.unsecret(jwk)}
        return dict(made)

    def _https(self) -> dict[str, Entries]:
        """Return the Secrets with what KBS presents where it serves https itself."""
        certificate = self._args.server_certificate
        if certificate is None or self._args.stack.trustee.tls.termination != "passthrough":
            return {}
        return {
            names.TLS_KEY_SECRET: {"privateKey": certificate.private_key.apply(str.encode)},
            names.TLS_CERTIFICATE_SECRET: {"certificate": certificate.certificate.apply(str.encode)},
        }

    def _config_map(self, title: str, maps: Output[dict[str, dict[str, str]]]) -> None:
        annotations: Output[Any] = self._args.judgement.apply(lambda made: dict(made.profile.migration_annotations))
        data: Output[Any] = maps.apply(lambda content: content[title])
        kubernetes.core.v1.ConfigMap(
            f"{self._name}-{title}",
            metadata=ObjectMetaArgs(name=title, namespace=self._args.namespace, annotations=annotations),
            data=data,
            opts=self._options(),
        )

    def _secret(self, title: str, entries: Entries) -> None:
        kubernetes.core.v1.Secret(
            f"{self._name}-{title}",
            metadata={"name": title, "namespace": self._args.namespace},
            data=_texts(entries),
            opts=self._options(),
        )

    def _options(self) -> ResourceOptions:
        # No value of the gate is used; it keeps a new version's content from an operator that is still the old one.
        return ResourceOptions(parent=self, depends_on=[self._args.installed])


def _texts(entries: Entries) -> dict[str, Output[str]]:
    return {key: value.apply(lambda raw: base64.b64encode(raw).decode()) for key, value in entries.items()}
