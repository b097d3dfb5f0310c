"""Settings of Trustee: its operator, policies, keys and the secrets that it keeps for clients."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr, ValidationInfo, field_validator

from rendering import keys, reference_values
from rendering.image_policy import DefaultRule
from settings.base import Duration, Host, Model, TextFile, Url, matching, read_bytes
from settings.operators import OperatorSettings

# Trustee operator 0.3 names a volume after each secret, beside these volumes of its own (kbsconfig_controller.go).
RESERVED_VOLUMES = frozenset(
    {
        "confidential-containers",
        "default",
        "kbs-config",
        "attestation-policy",
        "opa",
        "tdx-config",
        "auth-secret",
        "https-key",
        "https-cert",
        "reference-values",
    }
)


def _check_secret_name(name: str) -> str:
    if name in RESERVED_VOLUMES:
        raise ValueError(f"the Trustee operator uses {name} for a volume of its own; choose another secret name")
    return name


SecretName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "a secret name that is a DNS label: a-z, 0-9 and -, no dots, at most 63 characters",
    ),
    BeforeValidator(_check_secret_name),
]
SecretKey = Annotated[str, matching(r"[-._a-zA-Z0-9]{1,253}", "a secret key: letters, digits, - _ .")]


def _read_secret(source: object, info: ValidationInfo) -> object:
    if isinstance(source, str):
        return {"value": source.encode()}
    if isinstance(source, dict) and source.keys() == {"file"}:
        return {"value": read_bytes(source["file"], info)}
    if source == {"generate": True}:
        return {"value": None}
    raise ValueError("needed a text (set it with: pulumi config set --secret --path), {file: PATH} or {generate: true}")


class ClientSecret(Model):
    """One value that KBS hands out to attested pods."""

    value: SecretBytes | None
    """The value, or None: 32 random bytes are made once and kept."""


PublicKeyFile = Annotated[TextFile, AfterValidator(keys.check_public_key)]
CertificateFile = Annotated[TextFile, AfterValidator(keys.check_certificate)]
ReferenceValuesFile = Annotated[TextFile, AfterValidator(reference_values.render_checked)]
ClientSecretSource = Annotated[ClientSecret, BeforeValidator(_read_secret)]
ClientSecrets = dict[SecretName, Annotated[dict[SecretKey, ClientSecretSource], Field(min_length=1)]]
GENERATED = ClientSecret(value=None)


class ImageSignatureSettings(Model):
    """Images that must carry a signature, and the key that it is verified with."""

    public_key: PublicKeyFile = Field(alias="publicKeyFile")
    """PEM file of the public key."""
    images: tuple[str, ...] = Field(min_length=1, strict=False)
    """Images or repositories (``quay.io/my-org/my-image``) that need a signature of this key."""
    secret: SecretName = "img-sig"  # noqa: S105 - the name of a Secret
    """Name of the Secret that holds the key."""
    key: SecretKey = "pub-key"
    """Key in that Secret."""
    transport: str = "docker"
    """Image transport of the entries."""


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


class TrusteeSettings(Model):
    """Trustee: KBS, the attestation service and RVPS in one deployment."""

    operator: OperatorSettings = OperatorSettings()
    """Installation of the Trustee operator."""
    host: Host | None = None
    """Host of the Route; default: ``kbs-service-trustee-operator-system.<apps domain of the cluster>``."""
    admin_private_key: SecretStr | None = None
    """ed25519 private key (PEM) of KBS's administrator, as secret config; default: one is made and kept."""
    token_duration: int = Field(default=5, ge=1, le=1440)
    """Life of an attestation token in minutes."""
    reference_values: ReferenceValuesFile | None = Field(default=None, alias="referenceValuesFile")
    """JSON file of reference values; default: an empty list, which accepts the measurements of any genuine TEE."""
    resource_policy: TextFile | None = Field(default=None, alias="resourcePolicyFile")
    """Rego file: who may have a resource; default: ``rendering/rego/resource_policy.rego``."""
    attestation_policy: TextFile | None = Field(default=None, alias="attestationPolicyFile")
    """Rego file: which evidence is good; default: the policy built into KBS."""
    security_policy_default: DefaultRule = "insecureAcceptAnything"
    """Images that no signature rule names: accepted, or ``reject``."""
    image_signature: ImageSignatureSettings | None = None
    """Images that must be signed; default: none."""
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


class InitdataSettings(Model):
    """initdata of the pod VMs."""

    algorithm: Literal["sha256", "sha384", "sha512"] = "sha384"
    """Digest that binds initdata to the evidence."""
    kbs_url: Url | None = None
    """URL of KBS as pod VMs reach it; default: https and the Route's host."""
    certificate: CertificateFile | None = Field(default=None, alias="kbsCertificateFile")
    """PEM file of KBS's certificate, for an https URL whose certificate no public authority signed."""
    agent_policy: TextFile | None = Field(default=None, alias="agentPolicyFile")
    """Rego file of the Kata agent policy; default: the policy of the pod VM image (no exec, no logs)."""
    into_peer_pods_cm: bool = Field(default=True, alias="global")
    """Whether every pod gets it (INITDATA in peer-pods-cm); pods can still bring their own."""

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
