"""How pod VMs get at images where the Internet is out of reach: mirrors, a proxy, and the authorities of both."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from coco_azure.formats.images import mirrors
from coco_azure.settings.base import CertificatesFile, Model, matching
from coco_azure.settings.signatures import check_scope

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
