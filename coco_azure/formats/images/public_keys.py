"""Public keys that verify signatures of images: which kind they are, and whether a pod VM can use them.

Not for the keys of KBS itself: ``coco_azure/formats/pki/issuing.py``. What a file may hold:
``coco_azure/formats/pki/public_material.py``.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec

from coco_azure.formats.pki import private_keys, public_material
from coco_azure.formats.pki.public_material import Block

KeyKind = Literal["P-256", "other"]

_LABEL = "PGP PUBLIC KEY BLOCK"
_EXPORT = "Name a file with the public key alone: gpg --armor --export KEYID"
_HEADERS = re.compile(r"\s*(?:[A-Za-z-]+: [^\n]*\n\s*)*")
_CHECKSUM = re.compile(r"=[A-Za-z0-9+/]{4}\s*$")
_PUBLIC_KEY, _SECRET = 6, (5, 7)
_PUBLIC = (2, _PUBLIC_KEY, 12, 13, 14, 17)
"""Packets of a public key, a transferable one of RFC 9580, section 10.1: signatures, keys, trust, identities."""
_OLD_LENGTHS = (1, 2, 4)
_CRC_POLYNOMIAL, _CRC_START = 0x1864CFB, 0xB704CE
_COLUMNS = 64


def kind(pem: str) -> KeyKind:
    """Return whether a PEM public key is P-256, all that guest-components before v0.19.0 verify cosign signatures with.

    Source: ``image-rs/src/signature/policy/cosign/mod.rs``, ``ECDSA_P256_SHA256_ASN1`` until v0.18.0.

    Raises:
        ValueError: it is no PEM public key.
    """
    key = public_material.public_key(pem)
    p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return "P-256" if p256 else "other"


def gpg_keys(text: str) -> str:
    """Return the GPG public keys of a text, and nothing else, as one ASCII-armoured block written anew.

    One block, because image-rs reads the first of a file (``signature/policy/simple/verify.rs``).

    Raises:
        ValueError: there is none, one is damaged, or there is anything else; the message names the block.
    """
    private_keys.refuse(text, _EXPORT)
    try:
        blocks = public_material.only(text, (_LABEL,), "GPG public key")
        raw = b"".join(_packets(block) for block in blocks)
    except ValueError as error:
        raise ValueError(
            f"not an ASCII-armoured GPG public key (-----BEGIN {_LABEL}-----): {error}. {_EXPORT}"
        ) from None
    body = base64.b64encode(raw).decode()
    lines = [body[start : start + _COLUMNS] for start in range(0, len(body), _COLUMNS)]
    checksum = base64.b64encode(_crc24(raw).to_bytes(3)).decode()
    return "\n".join([f"-----BEGIN {_LABEL}-----", "", *lines, f"={checksum}", f"-----END {_LABEL}-----", ""])


def _packets(block: Block) -> bytes:
    """Return the packets of a block, all of which belong to public keys; raises ValueError otherwise."""
    body = _HEADERS.sub("", block.body, count=1)
    try:
        raw = base64.b64decode("".join(_CHECKSUM.sub("", body).split()), validate=True)
        tags = list(_tags(raw))
    except (binascii.Error, IndexError):
        raise ValueError(f"{block} is damaged") from None
    if any(tag in _SECRET for tag in tags):
        raise ValueError(f"{block} holds a secret key")
    if not tags or tags[0] != _PUBLIC_KEY or not set(tags).issubset(_PUBLIC):
        raise ValueError(f"{block} holds something else than public keys")
    return raw


def _tags(raw: bytes) -> Iterator[int]:
    """Return the kind of each packet (RFC 9580, section 4.2); raises IndexError where the data is no row of them."""
    at = 0
    while at < len(raw):
        header = raw[at]
        if not header & 0x80:
            raise IndexError
        yield header & 0x3F if header & 0x40 else (header & 0x3C) >> 2
        at = _end(raw, at)
        if at > len(raw):
            raise IndexError


def _end(raw: bytes, at: int) -> int:
    """Return where the packet at ``at`` ends; one of a length that is told in parts, or not at all, is no key's."""
    header, first = raw[at], raw[at + 1]
    if not header & 0x40:
        width = _OLD_LENGTHS[header & 3]
        return at + 1 + width + int.from_bytes(raw[at + 1 : at + 1 + width])
    if first < 192:  # noqa: PLR2004 - RFC 9580, section 4.2.1
        return at + 2 + first
    if first < 224:  # noqa: PLR2004
        return at + 3 + ((first - 192) << 8) + raw[at + 2] + 192
    if first == 255:  # noqa: PLR2004
        return at + 6 + int.from_bytes(raw[at + 2 : at + 6])
    raise IndexError


def _crc24(raw: bytes) -> int:
    crc = _CRC_START
    for byte in raw:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc
