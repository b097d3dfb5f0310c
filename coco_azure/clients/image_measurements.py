"""Measurements of a pod VM image, fetched from its registry once, verified, and kept by the image's digest.

They come from the registry, and never from a cluster: whoever is judged would say by what. The file stands in the layer
with the image's disk (about a gigabyte), all of which is read to hold it to its digest, and none of which is stored.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

from coco_azure.clients.registry import MissingError, RegistryError, Repository, credentials
from coco_azure.formats.images import image_reference, measured_image, mirrors
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.images.mirrors import Mirrors
from coco_azure.formats.kbs import reference_values

Say = Callable[[str], None]


def fetch(reference: str, public_key: str, say: Say, moved: Mirrors = MappingProxyType({})) -> MeasuredImage:
    """Return the measurements of an image, from this machine's cache or from its registry.

    What was fetched stays: a tag that is moved later is not looked at again on this machine.

    Args:
        reference: the image, with a tag or a digest.
        public_key: PEM of the key that has to vouch for it.
        say: tells people what takes time.
        moved: what is mirrored where; the signature of an image in a mirror names the original.

    Raises:
        ValueError: the registry has no such image or cannot be read, nobody vouches for it, or it has no measurements.
    """
    originals = mirrors.originals(reference, moved)
    cache = _cache(reference, public_key, *originals)
    if (kept := _kept(cache)) is not None and (kept.reference, kept.key) == (reference, public_key):
        return kept
    try:
        image = _fetched(reference, public_key, originals, say)
    except (RegistryError, ValueError) as error:
        raise ValueError(f"trustee.referenceValues.image {reference}: {error}") from error
    with contextlib.suppress(OSError):  # where nothing can be kept it is fetched again
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(image.data(), indent=2), encoding="utf-8")
        part.replace(cache)
    return image


def _cache(*what: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = Path(os.environ.get("COCO_AZURE_CACHE") or base / "coco-azure")
    return folder / "measurements" / f"{hashlib.sha256(' '.join(what).encode()).hexdigest()}.json"


def _kept(cache: Path) -> MeasuredImage | None:
    try:
        return measured_image.read(json.loads(cache.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _fetched(reference: str, public_key: str, originals: Sequence[str], say: Say) -> MeasuredImage:
    name = image_reference.parse(reference)
    repository = Repository(name, credentials(name, os.environ))
    digest, manifest = repository.manifest(name.digest or name.tag or "")
    signatures = _signatures(repository, digest)
    measured_image.check_signature(name, digest, signatures, public_key, originals)
    if (platform := measured_image.platform_digest(manifest)) is not None:
        _, manifest = repository.manifest(platform)
    layers = measured_image.layers(manifest)
    size = sum(layer.size for layer in layers) // 10**6
    say(f"reading the measurements of {name.name}@{digest} ({size} MB), once: they are kept")
    for layer in reversed(layers):
        with repository.stream(layer.digest) as content:
            text = measured_image.find_measurements(content)
        if text is not None:
            return MeasuredImage(
                reference=reference,
                digest=digest,
                key=public_key,
                pcrs=reference_values.parse_measurements(text.decode()),
            )
    raise ValueError(f"the image has no /{measured_image.MEASUREMENTS}; osc-dm-verity-image has, from OSC 1.10 on")


def _signatures(repository: Repository, digest: str) -> list[tuple[bytes, str]]:
    try:
        _, manifest = repository.manifest(measured_image.signature_tag(digest))
    except MissingError:
        raise ValueError(measured_image.unsigned(digest)) from None
    layers = measured_image.signatures_of(measured_image.layers(manifest))
    return [(repository.blob(layer.digest), signature) for layer, signature in layers]
