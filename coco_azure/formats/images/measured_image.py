"""A pod VM image in a registry whose maker measured it: its manifest, its signature, and the measurements in it.

``osc-dm-verity-image`` of OpenShift sandboxed containers is one layer with ``image/measurements.json`` and the disk
(confidential-devhub/coco-podvm-scripts ``task/build-dm-verity-image``). Signatures are cosign's with a key: payloads at
the tag ``sha256-<digest>.sig``, each with its signature in an annotation (sigstore/cosign ``specs/SIGNATURE_SPEC.md``).
Which image a payload names is compared as containers-policy.json(5) has it, ``matchRepoDigestOrExact``, but that cosign
names no tag unless it is told to; Red Hat has it name each (konflux-ci/release-service-catalog
``tasks/managed/rh-sign-image-cosign``).
"""

import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from coco_azure.formats.images import image_reference
from coco_azure.formats.images.image_reference import ImageReference
from coco_azure.formats.kbs import reference_values

MEASUREMENTS = "image/measurements.json"
"""Path of the measurements in the image."""
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of what a tag may be."""
_SIGNATURE = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"
_PLATFORM = {"architecture": "amd64", "os": "linux"}
_LARGEST = 1 << 20
_SHOWN = 4
_SIGN = "cosign sign --key cosign.key --new-bundle-format=false --use-signing-config=false --tlog-upload=false"


@dataclass(frozen=True, kw_only=True)
class MeasuredImage:
    """An image whose measurements its maker vouches for.

    Attributes:
        reference: how it was asked for, with its tag or digest.
        digest: digest of what was signed, ``sha256:...``.
        key: the public key (PEM) that vouches for it.
        pcrs: number and value of every PCR that was measured, as ``measurements.parse`` returns them.
    """

    reference: str
    digest: str
    key: str
    pcrs: Mapping[int, str]

    def data(self) -> dict[str, Any]:
        """Return it as JSON-compatible data."""
        pcrs = {f"{number:02}": value for number, value in sorted(self.pcrs.items())}
        return {"reference": self.reference, "digest": self.digest, "key": self.key, "pcrs": pcrs}


def read(data: Any) -> MeasuredImage | None:
    """Return the image of such data; None where they are something else."""
    try:
        pcrs = {int(number): str(value) for number, value in data["pcrs"].items()}
        return MeasuredImage(reference=data["reference"], digest=data["digest"], key=data["key"], pcrs=pcrs)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A blob of an image: its digest, its size in bytes, its annotations."""

    digest: str
    size: int
    annotations: Mapping[str, str]


def signature_tag(digest: str) -> str:
    """Return the tag at which cosign keeps the signatures of an image."""
    return f"{digest.replace(':', '-')}.sig"


def platform_digest(manifest: bytes) -> str | None:
    """Return the digest of the manifest for a pod VM, where this is an index of several; None where it is none.

    Raises:
        ValueError: the index has none for it, or is no manifest at all.
    """
    document = _document(manifest)
    if "manifests" not in document:
        return None
    try:
        for each in document["manifests"]:
            if _PLATFORM.items() <= (each.get("platform") or {}).items():
                return str(each["digest"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the manifest is none of an index ({error!r})") from None
    raise ValueError("the image has nothing for linux/amd64; name one of a pod VM of Azure")


def layers(manifest: bytes) -> list[Layer]:
    """Return the layers of a manifest, the lowest first; raises ValueError where it is none."""
    try:
        return [
            Layer(
                digest=str(each["digest"]),
                size=int(each["size"]),
                annotations={name: str(text) for name, text in (each.get("annotations") or {}).items()},
            )
            for each in _document(manifest)["layers"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the manifest is none of an image ({error!r})") from None


def check_signature(
    image: ImageReference,
    digest: str,
    signatures: Sequence[tuple[bytes, str]],
    public_key: str,
    originals: Sequence[str] = (),
) -> None:
    """Check that one of the signatures is by this key, over this image, by this name.

    Args:
        image: how the image was asked for.
        digest: digest of the image, ``sha256:...``.
        signatures: payloads, each with its signature (base64).
        public_key: the key as PEM.
        originals: repositories that the image's repository is a mirror of; a signature may name them, too.

    Raises:
        ValueError: none is.
    """
    by_key = [payload for payload, signature in signatures if _is_by(public_key, payload, signature)]
    if not by_key:
        raise ValueError(
            f"none of its {len(signatures)} signatures is by the key in measurementsPublicKeyFile: name the key of the "
            "image's maker there (Red Hat's: https://security.access.redhat.com/data/63405576.txt), or sign the image "
            f"yourself: {_SIGN} IMAGE@{digest}"
        )
    identities = [text for payload in by_key if (text := _identity(payload, digest)) is not None]
    if not identities:
        raise ValueError(
            f"its signature is of another image than {digest}: somebody moved it; take no measurements of it"
        )
    named = [each for text in identities if (each := _reference(text)) is not None]
    if not any(_is_named(each, image, originals) for each in named):
        raise ValueError(_misnamed(image, digest, named, originals))


def unsigned(digest: str) -> str:
    """Return what is wrong with an image that has no signatures."""
    return (
        f"it has no signature by a key (tag {signature_tag(digest)}; keyless signatures and bundles are not read): "
        f"sign it with {_SIGN} IMAGE@{digest}"
    )


def find_measurements(layer: BinaryIO) -> bytes | None:
    """Return the measurements in a layer (tar, or tar.gz), read no further than they are; None where it has none.

    Raises:
        ValueError: it is no such archive, or they are too large.
    """
    try:
        with tarfile.open(fileobj=layer, mode="r|*") as archive:
            for member in archive:
                if member.name.removeprefix("./").lstrip("/") != MEASUREMENTS or not member.isfile():
                    continue
                if member.size > _LARGEST:
                    raise ValueError(f"{MEASUREMENTS} has {member.size} bytes, needed at most {_LARGEST}")
                content = archive.extractfile(member)
                return content.read() if content is not None else None
    except tarfile.TarError as error:
        raise ValueError(f"a layer is no tar or tar.gz ({error})") from error
    return None


def _is_by(public_key: str, payload: bytes, signature: str) -> bool:
    try:
        reference_values.verify(payload, signature, public_key)
    except ValueError:
        return False
    return True


def _identity(payload: bytes, digest: str) -> str | None:
    """Return which image a payload says that this digest is, possibly nothing; None where it is of another one."""
    try:
        critical = json.loads(payload)["critical"]
        if critical["type"] != _TYPE or critical["image"]["docker-manifest-digest"] != digest:
            return None
        return str((critical.get("identity") or {}).get("docker-reference") or "")
    except (AttributeError, ValueError, KeyError, TypeError):
        return None


def _reference(text: str) -> ImageReference | None:
    """Return the image that a signature names, without the tag that it does not name; None where it names none."""
    try:
        image = image_reference.parse(text)
    except ValueError:
        return None
    return image if text.endswith(f":{image.tag}") else replace(image, tag=None)


def _is_named(signed: ImageReference, image: ImageReference, originals: Sequence[str]) -> bool:
    """Return whether a signature is of the image by this name: its repository, and the tag where both are by tag."""
    if signed.name not in (image.name, *originals):
        return False
    return image.digest is not None or signed.tag in (None, image.tag)


def _misnamed(image: ImageReference, digest: str, named: Sequence[ImageReference], originals: Sequence[str]) -> str:
    if not named:
        return f"its signature names no repository, needed {image.name}; sign it anew: {_SIGN} {image.name}@{digest}"
    names = ", ".join(sorted({each.whole for each in named})[:_SHOWN])
    if any(each.name in (image.name, *originals) for each in named):
        return (
            f"its signature names {names}, not the tag {image.tag}: the registry may give an older image for it. If it "
            f"is the one that you mean, name its digest: {image.name}@{digest}"
        )
    original = f'"{named[0].name}"'
    return (
        f"its signature names {names}, not {image.name}: take no measurements of it, unless that is a mirror. Then "
        f"say what of: pulumi config set --path 'coco-azure:trustee.registryMirrors[{original}]' {image.name}"
    )


def signatures_of(layers: Iterable[Layer]) -> list[tuple[Layer, str]]:
    """Return the payloads of a manifest of signatures, each with its signature (base64)."""
    return [(each, each.annotations[_SIGNATURE]) for each in layers if _SIGNATURE in each.annotations]


def _document(manifest: bytes) -> dict[str, Any]:
    try:
        document = json.loads(manifest)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("the registry's answer is no manifest")  # noqa: TRY004 - a registry's data
    return document
