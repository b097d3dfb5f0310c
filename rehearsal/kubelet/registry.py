"""The registries of a rehearsal: which image has which digest, who signed it, and who may have it.

Described in ``registry.yaml``. The cosign signatures in it are real (ECDSA P-256 over the payload that cosign signs),
made by ``sign_registry.py`` with a key whose public half is ``registry-keys/cosign.pub``. GPG signatures are only said
to be there, with the hash of the key in ``registry-keys/release.asc``. An image that is not listed is public and
unsigned.
"""

import functools
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

DESCRIPTION = Path(__file__).with_name("registry.yaml")
KEYS = Path(__file__).with_name("registry-keys")

MIRROR = "mirror.rehearsal.example.com"
"""Has every image of every other registry, as ``<mirror>/<registry>/<repository>``."""
DISCONNECTED = "COCO_REHEARSAL_DISCONNECTED"
"""Variable: with ``1`` pod VMs reach the mirror and no other registry."""
_HUB = "docker.io"
_ARMOUR = "-----{} PGP PUBLIC KEY BLOCK-----"
_REFERENCE = re.compile(
    r"(([^\s@:/]+(:[0-9]+)?/)?[^\s@:]+)(:(?P<tag>[\w][\w.-]{0,127}))?(@(?P<digest>[a-z0-9]+:[0-9a-f]+))?"
)


class RegistryError(ValueError):
    """The registry answers with an error; the message begins with its status."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image reference as the crate oci-client reads it.

    Attributes:
        host: host of the registry, with its port.
        name: host and repository.
        tag, digest: at least one of them is there.
    """

    host: str
    name: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Return what ``text`` refers to; raises RegistryError."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise RegistryError(f"illegal image reference {text}")
        host, slash, rest = match[1].partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost"):
            host, rest = _HUB, match[1]
        if host == _HUB and "/" not in rest:
            rest = f"library/{rest}"
        tag = match["tag"] or (None if match["digest"] else "latest")
        return cls(host=host, name=f"{host}/{rest}", tag=tag, digest=match["digest"])

    @property
    def prefixes(self) -> list[str]:
        """The name, and what is left of it without one part after the other, the longest first."""
        parts = self.name.split("/")
        return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]

    @property
    def whole(self) -> str:
        """The reference written out."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


class CosignSignature(BaseModel, frozen=True):
    """What lies beside an image: the signed payload (JSON) and its signature (base64)."""

    payload: str
    signature: str


class GpgSignature(BaseModel, frozen=True):
    """A GPG signature in a folder of the pod VM image.

    Attributes:
        store: URL of the folder.
        key: SHA-256 of the public key's armoured body, see ``armour_hash``.
        reference: image that the signature names.
    """

    store: str
    key: str
    reference: str


class Manifest(BaseModel, frozen=True):
    """What a registry has of one image."""

    digest: str
    cosign: tuple[CosignSignature, ...] = ()
    gpg: tuple[GpgSignature, ...] = ()


@dataclass(frozen=True)
class Registry:
    """All registries together.

    Attributes:
        images: manifest by reference with a tag.
        accounts: user and password by host, where a registry wants them.
        disconnected: whether nothing but the mirror can be reached.
    """

    images: dict[str, Manifest] = field(default_factory=dict)
    accounts: dict[str, tuple[str, str]] = field(default_factory=dict)
    disconnected: bool = False

    @classmethod
    @functools.cache
    def described(cls) -> "Registry":
        """Return what ``registry.yaml`` describes."""
        return cls.of(yaml.safe_load(DESCRIPTION.read_text()), disconnected=os.environ.get(DISCONNECTED) == "1")

    @classmethod
    def of(cls, document: dict[str, Any], *, disconnected: bool = False) -> "Registry":
        """Return what a document in the form of ``registry.yaml`` describes."""
        images = {reference: Manifest(**each) for reference, each in document["images"].items()}
        accounts = {host: (each["user"], each["password"]) for host, each in document["accounts"].items()}
        return cls(images, accounts, disconnected)

    def manifest(self, reference: Reference, account: tuple[str, str] | None) -> Manifest:
        """Return the manifest that a pull begins with.

        Args:
            reference: the image.
            account: user and password, or None.

        Raises:
            RegistryError: the registry wants other credentials, or has no such image.
        """
        if reference.host == MIRROR:
            reference = Reference.parse(reference.whole.removeprefix(f"{MIRROR}/"))
        elif self.disconnected:
            raise RegistryError(f"error sending request: {reference.host}: Network is unreachable")
        needed = self.accounts.get(reference.host)
        if needed is not None and account != needed:
            what = "with these credentials" if account else "without credentials"
            raise RegistryError(f"401 Unauthorized: {reference.host} gives nothing away {what}")
        if reference.digest is None:
            image = self.images.get(f"{reference.name}:{reference.tag}")
            return image or Manifest(digest=f"sha256:{hashlib.sha256(reference.whole.encode()).hexdigest()}")
        known = [each for name, each in self.images.items() if name.rpartition(":")[0] == reference.name]
        if not known:
            return Manifest(digest=reference.digest)
        for each in known:
            if each.digest == reference.digest:
                return each
        raise RegistryError(f"404 Not Found: manifest unknown: {reference.whole}")


def armour_hash(armoured: str) -> str | None:
    """Return the SHA-256 of the body of an ASCII-armoured GPG public key, hex, or None where it is no such key."""
    lines = [line.strip() for line in armoured.strip().splitlines()]
    if "" not in lines or (lines[0], lines[-1]) != (_ARMOUR.format("BEGIN"), _ARMOUR.format("END")):
        return None
    body = [line for line in lines[lines.index("") + 1 : -1] if not line.startswith("=")]  # without the checksum
    return hashlib.sha256("".join(body).encode()).hexdigest()
