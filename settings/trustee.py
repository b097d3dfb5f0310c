"""Settings of Trustee: its operator, its place, policies, keys and what it serves."""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from rendering.images import image_policy
from rendering.images.image_policy import DefaultRule
from rendering.pki import keys
from rendering.policy.snp_tcb import SnpTcb
from rendering.trustee.resource_uri import ResourceUri
from settings import signatures
from settings.base import Duration, Host, Model, TextFile, matching
from settings.cluster import ClusterSettings
from settings.operators import OperatorSettings
from settings.reference_values import ReferenceValueSettings, ReferenceValuesFile
from settings.registry_credentials import RegistryCredentialsSettings
from settings.signatures import Scope, SignatureRules
from settings.tls import RotationSettings, TlsSettings, TokenSignerSettings

SECURITY_POLICY = ResourceUri("security-policy", "osc")
"""Where KBS serves the image policy; the name is the pod VM's (chapter 7.13.6)."""
CHECK_POLICY = ResourceUri(SECURITY_POLICY.secret, "attestation-check")
"""Where it serves that of the check in production; the check's initdata names it."""


StackName = Annotated[
    str,
    matching(r"[^/\s]+/[^/\s]+/[^/\s]+", "the full name of a stack, organization/project/stack: pulumi stack ls -a"),
]


class TdxSettings(Model):
    """Trustee's access to Intel's certificates."""

    pccs_url: str = Field(pattern=r"^https://\S+$")
    """URL of your caching service (PCCS), such as ``https://pccs.example.com:8081/sgx/certification/v4/``."""
    collateral_service: str = Field(
        default="https://api.trustedservices.intel.com/sgx/certification/v4/", pattern=r"^https://\S+$"
    )
    """Service that the PCCS stands before."""

    @field_validator("pccs_url")
    @classmethod
    def _not_the_public_service(cls, url: str) -> str:
        if "trustedservices.intel.com" in url:
            raise ValueError(
                "the public Intel service; run a caching service of your own and name its URL (chapter 7.13.3)"
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
    """JSON file of further reference values; without any, the measurements of every genuine TEE are accepted."""
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
            keys.check_private_key(key.get_secret_value())
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
        for (one, names), (other, others) in combinations(users, 2):
            if both := names & others:
                raise ValueError(
                    f"{one} and {other} both need the secret {', '.join(sorted(both))}, and one would take the other's "
                    "place; set secret of imageSignature or registryCredentials to another name"
                )
        return self

    @property
    def public_secrets(self) -> dict[str, dict[str, str]]:
        """What KBS serves for the image policy: keys of signatures, by Secret and key."""
        return signatures.secrets(self.image_signature)

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

    def check_image_policy(self, image: str) -> str:
        """Return an image policy (JSON) that lets in the image of the check, and what is signed.

        The image needs its signature where a rule of the stack's names it.
        """
        rules = [rule.rule() for rule in self.image_signature]
        signed = image_policy.admits(image_policy.render_rules("reject", rules), image)
        return image_policy.render_rules("reject", rules, () if signed else (image,))

    def image_policy(self, default: DefaultRule) -> str:
        """Return the image policy (JSON); ``default`` where the settings say nothing."""
        rules = [rule.rule() for rule in self.image_signature]
        return image_policy.render_rules(self.security_policy_default or default, rules, self.accepted_images)
