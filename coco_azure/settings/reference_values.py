"""Settings of the reference values: what evidence is held to, from where it comes, and until when it holds."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from coco_azure.formats.images import image_reference
from coco_azure.formats.kbs import reference_input, reference_values
from coco_azure.settings.base import Model, PublicKeyFile, TextFile, decode, read_bytes, read_public
from coco_azure.settings.initdata import SecretReference

EXPIRATION = "%Y-%m-%dT%H:%M:%SZ"
_PCR8 = re.compile(r"[0-9a-f]{64}")


def _read_date(value: object) -> object:
    """Return a date of the settings in UTC: ``2027-06-30`` (its end) or ``2027-06-30T12:00:00Z``."""
    if not isinstance(value, str):
        raise ValueError("needed a date such as 2027-06-30, quoted")  # noqa: TRY004 - a user's data
    text = f"{value}T23:59:59Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else value
    try:
        return datetime.strptime(text, EXPIRATION).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("needed a date such as 2027-06-30, or a time in UTC such as 2027-06-30T12:00:00Z") from None


def _check_pcr8(value: str) -> str:
    if not _PCR8.fullmatch(value.lower()):
        raise ValueError(
            "needed a value of PCR 8: 64 hexadecimal digits (of another stack: pulumi stack output initdataPcr8)"
        )
    return value.lower()


def _check_pcrs(value: tuple[int, ...]) -> tuple[int, ...]:
    if reference_values.INITDATA_PCR in value:
        raise ValueError(
            f"PCR {reference_values.INITDATA_PCR} is measured of initdata, not of the image; leave it out here: it is "
            "registered with trustee.referenceValues.initdata"
        )
    return tuple(dict.fromkeys(value))


def _read_file(path: object, info: ValidationInfo) -> bytes:
    """Return the exact bytes of a text, as they were signed."""
    read_public(path, info)
    return read_bytes(path, info)


def _each_once(values: object) -> object:
    """Refuse one PCR 8 that stands there in capitals and in small letters: one list would take the other's place."""
    names = [name.lower() for name in values if isinstance(name, str)] if isinstance(values, dict) else []
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} stands there twice, in capitals and in small letters; keep one of them")
    return values


def _check_image(value: str) -> str:
    image = image_reference.parse(value)
    if image.tag == "latest" and value.endswith(":latest"):
        raise ValueError(
            "latest is another image tomorrow: name a version's tag or a digest, or no tag at all for that of the "
            "OpenShift sandboxed containers that the stack installs"
        )
    return value


Date = Annotated[datetime, BeforeValidator(_read_date)]
Pcr8 = Annotated[str, AfterValidator(_check_pcr8)]
RawFile = Annotated[bytes, BeforeValidator(_read_file)]


class ReferenceValueSettings(Model):
    """Reference values that the stack registers; their sum with ``referenceValuesFile`` is what RVPS has."""

    expires: Date | None = None
    """Date on which they expire and deny everybody; needed before initdata or measurements are registered."""
    warn_days: int = Field(default=30, ge=0, le=3650)
    """Days before that date from which every preview warns."""
    initdata: bool | None = None
    """Whether PCR 8 of the stack's initdata is registered; default: where the pod VM image is known to measure it."""
    also_accept: tuple[Pcr8, ...] = Field(default=(), strict=False)
    """Values of PCR 8 of other stacks that use this Trustee (their output ``initdataPcr8``)."""
    also_serve: Annotated[
        dict[Pcr8, Annotated[tuple[SecretReference, ...], Field(strict=False)]], BeforeValidator(_each_once)
    ] = Field(default_factory=dict)
    """PCR 8 of other stacks' documents that may have client secrets in production, each with a list of SECRET or
    SECRET/KEY; what stands here is accepted, too."""
    image: Annotated[str, AfterValidator(_check_image)] | None = Field(
        default=None, examples=["registry.redhat.io/openshift-sandboxed-containers/osc-dm-verity-image"]
    )
    """Image of the pod VM in a registry, whose signed measurements are fetched once; without tag and digest: that of
    the OpenShift sandboxed containers that the stack installs."""
    measurements: RawFile | None = Field(default=None, alias="measurementsFile")
    """File ``measurements.json`` of the pod VM image, with its PCRs."""
    signature: TextFile | None = Field(default=None, alias="measurementsSignatureFile")
    """Signature of that file, as ``cosign sign-blob`` writes it."""
    public_key: PublicKeyFile | None = Field(default=None, alias="measurementsPublicKeyFile")
    """PEM file of the public key that the signature of the file, or of the image, is verified with."""
    pcrs: Annotated[tuple[Annotated[int, Field(ge=0, le=23)], ...], AfterValidator(_check_pcrs)] = Field(
        default=(3, 9, 11, 12), strict=False, min_length=1
    )
    """PCRs of the measurements that evidence is held to; 8 is initdata's. 4 and 7 say which boot loader started, and
    whether under secure boot; without them production warns."""

    @model_validator(mode="after")
    def _measurements_are_signed(self) -> "ReferenceValueSettings":
        if self.image is not None:
            return self._of_an_image()
        if self.measurements is None:
            return self._unmeasured()
        if self.signature is None or self.public_key is None:
            raise ValueError(
                "measurementsFile needs measurementsSignatureFile and measurementsPublicKeyFile: values that nobody "
                "vouches for would be trusted. Sign it with: cosign sign-blob --key cosign.key "
                "--output-signature measurements.sig measurements.json"
            )
        if self.expires is None:
            raise ValueError("measurementsFile needs expires, the date until which its values hold, such as 2027-06-30")
        reference_values.verify(self.measurements, self.signature, self.public_key)
        missing = [str(pcr) for pcr in self.pcrs if pcr not in self.values]
        if missing:
            raise ValueError(
                f"measurementsFile has no PCR {', '.join(missing)} (it has "
                f"{', '.join(map(str, sorted(self.values)))}); add them to the file and sign it anew, or set pcrs to "
                "those that it has"
            )
        return self

    def _of_an_image(self) -> "ReferenceValueSettings":
        if self.measurements is not None or self.signature is not None:
            raise ValueError(
                "image and measurementsFile or measurementsSignatureFile are both set, and one of them would count for "
                "nothing; keep image, or the two files"
            )
        if self.public_key is None:
            raise ValueError(
                "image needs measurementsPublicKeyFile, the key that its maker signs with (Red Hat's, to be compared "
                "with what you have of it elsewhere: "
                "curl -fsSo redhat.pem https://security.access.redhat.com/data/63405576.txt)"
            )
        try:
            reference_values.signing_key(self.public_key)
        except ValueError as error:
            raise ValueError(f"measurementsPublicKeyFile: {error}") from None
        if self.expires is None:
            raise ValueError("image needs expires, the date until which its values hold, such as 2027-06-30")
        return self

    def _unmeasured(self) -> "ReferenceValueSettings":
        if self.signature is not None or self.public_key is not None:
            raise ValueError(
                "measurementsSignatureFile or measurementsPublicKeyFile is set without measurementsFile, so nothing is "
                "registered; add the file, or remove them"
            )
        return self

    @model_validator(mode="after")
    def _initdata_has_a_date(self) -> "ReferenceValueSettings":
        if self.expires is None and (self.initdata or self.others):
            setting = "initdata" if self.initdata else "alsoAccept" if self.also_accept else "alsoServe"
            raise ValueError(
                f"{setting} needs expires, the date until which the value holds, "
                "or nothing is registered. Set it: pulumi config set --path "
                "coco-azure:trustee.referenceValues.expires YYYY-MM-DD"
            )
        return self

    @property
    def others(self) -> tuple[str, ...]:
        """PCR 8 of the documents of other stacks, each once."""
        return tuple(dict.fromkeys([*self.also_accept, *self.also_serve]))

    @property
    def follows_operator(self) -> bool:
        """Whether the image is that of the operator's version: it has neither tag nor digest."""
        if self.image is None:
            return False
        name = image_reference.parse(self.image)
        return name.digest is None and not self.image.endswith(f":{name.tag}")

    @property
    def values(self) -> dict[int, str]:
        """PCRs of the measurements, by number; empty without a file."""
        return reference_values.parse_measurements(decode(self.measurements)) if self.measurements else {}


def _parse(value: object, info: ValidationInfo) -> object:
    return tuple(reference_input.parse(read_public(value, info)))


ReferenceValuesFile = Annotated[tuple[reference_input.ReferenceValue, ...], BeforeValidator(_parse)]
"""Set to the path of a JSON file; holds its reference values."""
