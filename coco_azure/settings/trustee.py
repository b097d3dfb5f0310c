"""Settings of Trustee: its operator, its place, policies, keys and what it serves."""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from coco_azure import names
from coco_azure.formats.images import image_policy, mirrors
from coco_azure.formats.images.image_policy import DefaultRule
from coco_azure.formats.kbs import tdx
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.formats.pki import issuing
from coco_azure.formats.policy.claims import SnpTcb
from coco_azure.settings import signatures
from coco_azure.settings.base import Duration, Host, Model, TextFile, matching
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.settings.operators import OperatorSettings
from coco_azure.settings.reference_values import ReferenceValueSettings, ReferenceValuesFile
from coco_azure.settings.signatures import (
    RegistryCredentialsSettings,
    RegistryMirrors,
    Scope,
    SignatureRules,
    SignatureRuleSettings,
)
from coco_azure.settings.tls import RotationSettings, TlsSettings, TokenSignerSettings

SECURITY_POLICY = ResourceUri(names.IMAGE_POLICY_SECRET, "osc")
"""Where KBS serves the image policy; the name is the pod VM's (chapter 7.13.6)."""
CHECK_POLICY = ResourceUri(SECURITY_POLICY.secret, names.CHECK)
"""Where it serves that of the check in production; the check's initdata names it."""


StackName = Annotated[
    str,
    matching(r"[^/\s]+/[^/\s]+/[^/\s]+", "the full name of a stack, organization/project/stack: pulumi stack ls -a"),
]


class TdxSettings(Model):
    """Trustee's access to Intel's certificates."""

    pccs_url: str = Field(pattern=r"^https://\S+$")
    """URL of your caching service (PCCS), such as ``https://pccs.example.com/sgx/certification/v4/``, or of Azure's."""
    collateral_service: str | None = Field(default=None, pattern=r"^https://\S+$")
    """Service that KBS asks in its place; default: the PCCS. The chapter names Intel's, and its KBS asks no PCCS."""

    @property
    def asked(self) -> str:
        """URL of the service that KBS asks for what it verifies quotes by."""
        return self.collateral_service or self.pccs_url

    @field_validator("pccs_url")
    @classmethod
    def _not_the_public_service(cls, url: str) -> str:
        if "trustedservices.intel.com" in url:
            raise ValueError(
                "the public Intel service; name the URL of a caching service of your own (chapter 7.13.3), or Azure's: "
                f"{tdx.AZURE_CACHE}"
            )
        return url


_Number = Annotated[int, Field(ge=0, le=255)]
_Positive = Annotated[int, Field(ge=1, le=255)]


class SnpTcbSettings(Model):
    """The oldest firmware of an SNP machine that a production policy lets pass: its least security version numbers."""

    bootloader: _Positive = 1
    """Of the boot loader of AMD's secure processor."""
    tee: _Number = 0
    """Of the operating system of AMD's secure processor; machines of Azure report 0."""
    snp: _Positive = 1
    """Of the SNP firmware."""
    microcode: _Positive = 1
    """Of the CPU's microcode."""

    @property
    def minimum(self) -> SnpTcb:
        """The numbers as the attestation policy is made of them."""
        return SnpTcb(**self.model_dump())


class TrusteeSettings(Model):
    """Trustee: KBS, the attestation service and RVPS in one deployment."""

    operator: OperatorSettings = OperatorSettings()
    """Installation of the Trustee operator."""
    allow_protocol_gap: bool = False
    """Whether an upgrade may stop at versions whose pod VMs and KBS do not speak with each other: no pod gets a secret
    meanwhile, and none checks the chain."""
    stack: StackName | None = None
    """A stack of this project that has the Trustee, as organization/project/stack; this one then deploys none."""
    cluster: ClusterSettings | None = None
    """Another, trusted cluster for Trustee; default: that of the peer pods, which is for demonstration."""
    host: Host | None = None
    """Host of the Route; default: ``kbs-service-trustee-operator-system.<apps domain of the cluster>``."""
    tls: TlsSettings = TlsSettings()
    """Certificates of KBS."""
    admin_private_key: SecretStr | None = None
    """ed25519 private key (PEM) of KBS's administrator, as secret config; default: one is made and kept."""
    sign_tokens: bool = True
    """Whether tokens are signed with a kept key. false: KBS believes a token that anybody signed, without any TEE."""
    token_signer: TokenSignerSettings = TokenSignerSettings()
    """Who signs attestation tokens."""
    rotation: RotationSettings = RotationSettings()
    """Generations of keys and certificates."""
    token_duration: int = Field(default=5, ge=1, le=1440)
    """Life of an attestation token in minutes."""
    reference_values: ReferenceValueSettings = ReferenceValueSettings()
    """Reference values that the stack registers."""
    reference_values_file: ReferenceValuesFile = ()
    """JSON file, or ConfigMap (of veritas), with further reference values; without any, the measurements of every
    genuine TEE are accepted."""
    resource_policy: TextFile | None = Field(default=None, alias="resourcePolicyFile")
    """Rego file: who may have a resource; default: this project's for the environment and the version."""
    attestation_policy: TextFile | None = Field(default=None, alias="attestationPolicyFile")
    """Rego file: which evidence is good; default: this project's for the environment and the version."""
    security_policy_default: DefaultRule | None = None
    """Images that no rule names: accepted, or ``reject``; default: accepted in development, rejected in production."""
    accepted_images: tuple[Scope, ...] = Field(default=(), strict=False)
    """Images or repositories that are accepted without a signature."""
    image_signature: SignatureRules = ()
    """Images that must be signed: one rule or a list of them, each with its key; default: none."""
    registry_credentials: RegistryCredentialsSettings | None = None
    """Credentials of private registries for pod VMs."""
    registry_mirrors: RegistryMirrors = Field(default_factory=dict)
    """Where pod VMs pull images from instead, as PREFIX: LOCATION (``quay.io: mirror.example.com:8443/quay``), and from
    nowhere else; the image policy lets in what it lets in by its own name. From OSC 1.10 on."""
    snp_tcb: SnpTcbSettings = SnpTcbSettings()
    """The least security version numbers of SNP machines; the defaults refuse only reports that say nothing."""
    tdx: TdxSettings | None = None
    """Needed when pod VMs use Intel TDX."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] | None = None
    """Type of Service ``kbs-service``; default: ClusterIP behind the Route."""
    timeout: Duration = "10m"
    """How long KBS may take to roll out."""

    @field_validator("admin_private_key")
    @classmethod
    def _is_a_private_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            issuing.check_admin_key(key.get_secret_value())
        return key

    @model_validator(mode="after")
    def _one_place(self) -> "TrusteeSettings":
        if self.stack is not None and self.cluster is not None:
            raise ValueError(
                "stack and cluster are both set; needed one of them: stack for a Trustee that another stack deploys, "
                "cluster for one that this stack deploys elsewhere. Remove the other"
            )
        return self

    @model_validator(mode="after")
    def _secrets_are_apart(self) -> "TrusteeSettings":
        users = [
            ("the image policy", {SECURITY_POLICY.secret}),
            ("imageSignature", {r.secret for r in self.image_signature}),
        ]
        if self.sigstore_config_uri is not None:
            users.append(("the places of GPG signatures", {signatures.SIGSTORE_CONFIG.secret}))
        if self.registry_credentials is not None:
            users.append(("registryCredentials", {self.registry_credentials.secret}))
        if self.registry_mirrors:
            users.append(("registryMirrors", {mirrors.RESOURCE.secret}))
        for (one, secrets), (other, others) in combinations(users, 2):
            if both := secrets & others:
                raise ValueError(
                    f"{one} and {other} both need the secret {', '.join(sorted(both))}, and one would take the other's "
                    "place; set secret of imageSignature or registryCredentials to another name"
                )
        return self

    @model_validator(mode="after")
    def _signatures_name_what_is_pulled(self) -> "TrusteeSettings":
        for rule, pulled in zip(self.image_signature, self._signed, strict=True):
            if rule.images != pulled.images and rule.names_what_is_pulled:
                raise ValueError(
                    f"imageSignature of {', '.join(rule.images)} needs signatures that name the image as it is pulled, "
                    "and registryMirrors has it pulled by another name; set its signedIdentity to one that does not, "
                    "such as {type: exactRepository, dockerRepository: quay.io/my-org/my-image}"
                )
        return self

    @property
    def _signed(self) -> tuple[SignatureRuleSettings, ...]:
        """The rules of signatures, with the names that images have in mirrors."""
        return tuple(
            rule.model_copy(update={"images": mirrors.widened(rule.images, self.registry_mirrors)})
            for rule in self.image_signature
        )

    @property
    def public_secrets(self) -> dict[str, dict[str, str]]:
        """What KBS serves for pulling images: keys of signatures and the mirrors, by Secret and key."""
        made = signatures.secrets(self._signed)
        if self.registry_mirrors:
            made[mirrors.RESOURCE.secret] = {mirrors.RESOURCE.key: mirrors.render(self.registry_mirrors)}
        return made

    @property
    def reserved(self) -> list[ResourceUri]:
        """What KBS serves beside the client secrets."""
        own = [ResourceUri(secret, key) for secret, entries in self.public_secrets.items() for key in entries]
        credentials = [self.registry_credentials.resource] if self.registry_credentials is not None else []
        return [SECURITY_POLICY, *own, *credentials]

    @property
    def registry_credentials_uri(self) -> str | None:
        """Where a pod VM fetches the credentials of image registries."""
        return self.registry_credentials.resource.uri if self.registry_credentials is not None else None

    @property
    def sigstore_config_uri(self) -> str | None:
        """Where a pod VM fetches the places of GPG signatures."""
        config = signatures.SIGSTORE_CONFIG
        return config.uri if config.secret in self.public_secrets else None

    @property
    def registry_mirrors_uri(self) -> str | None:
        """Where a pod VM fetches which registry stands in for which."""
        return mirrors.RESOURCE.uri if self.registry_mirrors else None

    def pulled(self, image: str) -> str:
        """Return the name by which pod VMs pull an image, which is what the image policy is asked about."""
        return mirrors.pulled(image, self.registry_mirrors)

    def check_image_policy(self, image: str) -> str:
        """Return an image policy (JSON) that lets in the image of the check, and what is signed.

        The image needs its signature where a rule of the stack's names it.
        """
        rules, image = [rule.rule() for rule in self._signed], self.pulled(image)
        signed = image_policy.admits(image_policy.render_rules("reject", rules), image)
        return image_policy.render_rules("reject", rules, () if signed else (image,))

    def image_policy(self, default: DefaultRule) -> str:
        """Return the image policy (JSON); ``default`` where the settings say nothing."""
        rules, accepted = (
            [rule.rule() for rule in self._signed],
            mirrors.widened(self.accepted_images, self.registry_mirrors),
        )
        return image_policy.render_rules(self.security_policy_default or default, rules, accepted)
