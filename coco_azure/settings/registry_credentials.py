"""Credentials of private registries, which pod VMs get from KBS."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from coco_azure.formats.images import mirrors, registry_credentials
from coco_azure.formats.kbs.resource_uri import ResourceUri
from coco_azure.settings.base import CertificatesFile, Model, SecretFile, matching
from coco_azure.settings.client_secrets import SecretKey, SecretName
from coco_azure.settings.signatures import check_scope


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
