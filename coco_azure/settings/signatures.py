"""Where images come from, with which credentials; which must be signed, by which keys (chapter 7.13.6)."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from coco_azure import names
from coco_azure.formats.images import image_policy, image_reference, mirrors, public_keys, registry_credentials
from coco_azure.formats.images.image_policy import SignatureKind, SignatureRule
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.formats.pki import public_material
from coco_azure.settings.base import CertificatesFile, Model, SecretFile, matching, read_public
from coco_azure.settings.client_secrets import SecretKey, SecretName


def check_scope(scope: str) -> str:
    """Return the name of images as it is; raises ValueError where it has no host."""
    if problem := image_reference.scope_problem(scope):
        raise ValueError(f"{scope} {problem}")
    return scope


Scope = Annotated[str, AfterValidator(check_scope)]
"""An image, a repository, its prefix, a host or ``*.example.com``; with the host (``docker.io/library/nginx``)."""
SIGSTORE_CONFIG = ResourceUri("sigstore-config", "osc")
"""Where the list of GPG signature stores is served; ``sigstore_config_uri`` of cdh.toml."""


def _read_key(path: object, info: ValidationInfo) -> str:
    """Return the public key of a file, written anew in the form of its rule's kind."""
    is_gpg = info.data.get("kind") == "signedBy"
    return read_public(path, info, public_keys.gpg_keys if is_gpg else public_material.public_key_pem)


class SignatureRuleSettings(Model):
    """Images of one or several repositories that must carry a signature of one key."""

    images: tuple[Scope, ...] = Field(min_length=1, strict=False)
    """Images or repositories (``quay.io/my-org/my-image``), prefixes, hosts or ``*.example.com``."""
    kind: SignatureKind = Field(default="sigstoreSigned", alias="type")
    """``sigstoreSigned``: cosign; ``signedBy``: GPG simple signing, for pod VM images that hold the signatures."""
    public_key: Annotated[str, BeforeValidator(_read_key)] = Field(alias="publicKeyFile")
    """PEM file (cosign) or ASCII-armoured file (GPG) of the public key."""
    secret: SecretName = names.IMAGE_KEYS_SECRET
    """Name of the Secret that holds the key."""
    key: SecretKey = "pub-key"
    """Key in that Secret."""
    signed_identity: dict[str, str] | None = None
    """Which image a signature has to name, as in containers-policy.json(5): ``{type: matchRepository}``."""
    signature_store: str | None = None
    """GPG only: where the pod VM image has the signatures, ``file:///...``."""
    transport: Literal["docker"] = "docker"
    """Image transport; a pod VM pulls by no other."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "SignatureRuleSettings":
        if self.signed_identity is not None:
            image_policy.check_identity(self.kind, self.signed_identity)
        if self.kind == "sigstoreSigned":
            if self.signature_store is not None:
                raise ValueError("signatureStore is for signedBy; cosign signatures lie in the registry. Leave it out")
            return self
        if self.signature_store is None:
            raise ValueError(
                "signedBy needs signatureStore, the folder of the GPG signatures in the pod VM image (file:///...): "
                "a pod VM reads them from nowhere else. To have them read from the registry, sign with cosign"
            )
        image_policy.sigstore_config({}, self.signature_store)
        return self

    @property
    def resource(self) -> ResourceUri:
        """Where KBS serves the key."""
        return ResourceUri(self.secret, self.key)

    @property
    def names_what_is_pulled(self) -> bool:
        """Whether a signature has to name the image by the name that it is pulled by."""
        own = {"type": "matchRepoDigestOrExact"} if self.kind == "signedBy" else {"type": ""}
        return (self.signed_identity or own)["type"].startswith("match")

    def rule(self) -> SignatureRule:
        """Return the rule as the image policy takes it."""
        return SignatureRule(
            scopes=self.images,
            key=self.resource,
            kind=self.kind,
            signed_identity=self.signed_identity,
            transport=self.transport,
        )


def _check_rules(rules: tuple[SignatureRuleSettings, ...]) -> tuple[SignatureRuleSettings, ...]:
    texts: dict[str, str] = {}
    stores: dict[str, str] = {}
    for rule in rules:
        if texts.setdefault(rule.resource.path, rule.public_key) != rule.public_key:
            raise ValueError(
                f"two different keys for {rule.resource.path}; give one of the rules another, such as key: pub-key-2"
            )
        for image in rule.images if rule.signature_store is not None else ():
            store = str(rule.signature_store)
            if stores.setdefault(image, store) != store:
                raise ValueError(f"{image} has two signature stores, {stores[image]} and {store}; it can have one")
    return rules


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


SignatureRules = Annotated[
    tuple[SignatureRuleSettings, ...], Field(strict=False), BeforeValidator(_as_list), AfterValidator(_check_rules)
]
"""One rule, or a list of them. An image that two of them name needs both signatures."""


def secrets(rules: Iterable[SignatureRuleSettings]) -> dict[str, dict[str, str]]:
    """Return what KBS has to serve for the rules: name of the Secret and key to text."""
    by_name: dict[str, dict[str, str]] = {}
    stores: dict[str, str] = {}
    for rule in rules:
        by_name.setdefault(rule.secret, {})[rule.key] = rule.public_key
        if rule.signature_store is not None:
            stores.update(dict.fromkeys(rule.images, rule.signature_store))
    if stores:
        by_name.setdefault(SIGSTORE_CONFIG.secret, {})[SIGSTORE_CONFIG.key] = image_policy.sigstore_config(stores)
    return by_name


def warnings(rules: Iterable[SignatureRuleSettings]) -> list[str]:
    """Return what works only on newer pod VMs."""
    return [
        f"{rule.resource.path} is no P-256 key: pod VMs with guest-components before v0.19.0 verify nothing with it, "
        "and pull no image of this rule"
        for rule in rules
        if rule.kind == "sigstoreSigned" and public_keys.kind(rule.public_key) != "P-256"
    ]


def lockout(text: str, images: Iterable[str], source: str) -> list[str]:
    """Return a complaint for each image that a policy refuses outright.

    Args:
        images: what has to be pulled, such as that of the attestation check.
        source: the setting that the policy comes from.
    """
    return [
        f"{source} rejects {image}, which the program itself runs; name it in coco-azure:trustee.imageSignature with "
        "its key, or in coco-azure:trustee.acceptedImages, or set coco-azure:attestationCheck.image to one that the "
        "policy accepts"
        for image in images
        if image_policy.admits(text, image) is False
    ]


def _check_file(text: SecretStr) -> SecretStr:
    registry_credentials.parse(text.get_secret_value())
    return text


class RegistryLogin(Model):
    """User and password of one registry."""

    username: str = Field(min_length=1)
    """Name of the user or robot account."""
    password: SecretStr
    """Password or token; set it with: pulumi config set --secret --path."""


class RegistryCredentialsSettings(Model):
    """What pod VMs pull private images with; from a file, or user and password per registry."""

    auth_file: Annotated[SecretFile, AfterValidator(_check_file)] | None = None
    """Path of an auth.json, as ``podman login --authfile`` writes it; keep it out of version control."""
    registries: dict[str, RegistryLogin] = Field(default={})
    """Registry (``quay.io``) or prefix (``quay.io/my-org``) to user and password."""
    secret: SecretName = registry_credentials.RESOURCE.secret
    """Name of the Secret that KBS serves them from."""
    key: SecretKey = registry_credentials.RESOURCE.key
    """Key in that Secret."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "RegistryCredentialsSettings":
        if (self.auth_file is None) == (not self.registries):
            raise ValueError("needed either authFile (a file of podman login --authfile) or registries, not both")
        self.text()
        return self

    @property
    def resource(self) -> ResourceUri:
        """Where KBS serves them; ``authenticated_registry_credentials_uri`` of cdh.toml."""
        return ResourceUri(self.secret, self.key)

    def text(self) -> str:
        """Return the auth.json; a secret."""
        if self.auth_file is not None:
            return self.auth_file.get_secret_value()
        return registry_credentials.render(
            {
                registry: (login.username, login.password.get_secret_value())
                for registry, login in self.registries.items()
            }
        )


_Place = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*",
        "a registry, organisation or repository such as quay.io/my-org, without scheme, tag and trailing slash",
    ),
    AfterValidator(check_scope),
]


def _apart(places: dict[str, str]) -> dict[str, str]:
    for one, other in mirrors.shared(places):
        raise ValueError(
            f"{one} and {other} are both mirrored to {places[other]}. The image policy is asked about the name in the "
            "mirror, so that what it lets in of one it would let in of the other; give each a place of its own, or "
            "name organisations or repositories in place of a whole registry, such as quay.io/my-org: "
            "mirror.example.com/my-org"
        )
    return places


RegistryMirrors = Annotated[dict[_Place, _Place], AfterValidator(_apart)]
"""What is pulled from elsewhere, and where: ``quay.io: mirror.example.com:8443/quay``."""


class ImagePullSettings(Model):
    """How pod VMs reach registries; it goes into initdata, so a change is one of PCR 8."""

    proxy: (
        Annotated[
            str,
            matching(
                r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?",
                "a URL such as http://proxy.example.com:3128, without user and password, because initdata is public",
            ),
        ]
        | None
    ) = None
    """Proxy that images are pulled through; requests to KBS do not take it."""
    no_proxy: tuple[Annotated[str, matching(r"[^\s,]+", "one host, domain or address")], ...] = Field(
        default=(), strict=False
    )
    """Hosts, domains and addresses that are reached without the proxy."""
    ca_certificate: CertificatesFile | None = Field(default=None, alias="caCertificateFile")
    """PEM file of the authorities that signed the certificates of registries or of the proxy."""

    @model_validator(mode="after")
    def _exceptions_need_a_proxy(self) -> "ImagePullSettings":
        if self.no_proxy and self.proxy is None:
            raise ValueError("noProxy is set without proxy, which it is an exception to; set both, or neither")
        return self
