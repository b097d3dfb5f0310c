"""Public keys that verify signatures of images: which kind they are, and whether a pod VM can use them.

Not for the keys of KBS itself: ``rendering/pki/keys.py``.
"""

import base64
import binascii
import re
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

KeyKind = Literal["P-256", "other"]

_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[A-Za-z-]+: .*\r?\n)*\s*\r?\n(?P<body>[A-Za-z0-9+/=\s]+?)"
    r"(?:\r?\n=[A-Za-z0-9+/]{4})?\r?\n-----END PGP PUBLIC KEY BLOCK-----\s*"
)
_PUBLIC_KEY_PACKET = 6  # RFC 9580, section 5


def kind(pem: str) -> KeyKind:
    """Return whether a PEM public key is P-256, all that guest-components before v0.19.0 verify cosign signatures with.

    Source: ``image-rs/src/signature/policy/cosign/mod.rs``, ``ECDSA_P256_SHA256_ASN1`` until v0.18.0.

    Raises:
        ValueError: it is no PEM public key.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise ValueError("not a PEM public key; cosign writes one with: cosign public-key --key cosign.key") from error
    p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    return "P-256" if p256 else "other"


def check_gpg(text: str) -> str:
    """Return ``text`` if it is one ASCII-armoured GPG public key, or several of them in one block.

    Raises:
        ValueError: it is not.
    """
    found = _ARMOUR.fullmatch(text.strip() + "\n")
    if found is None:
        raise ValueError(
            "not an ASCII-armoured GPG public key (-----BEGIN PGP PUBLIC KEY BLOCK-----); "
            "write one with: gpg --armor --export KEYID"
        )
    try:
        raw = base64.b64decode("".join(found["body"].split()), validate=True)
    except binascii.Error as error:
        raise ValueError("the GPG public key is damaged: its body is no base64") from error
    if not raw or _packet(raw[0]) != _PUBLIC_KEY_PACKET:
        raise ValueError("the GPG block begins with no public key; write one with: gpg --armor --export KEYID")
    return text


def _packet(header: int) -> int | None:
    if not header & 0x80:
        return None
    return header & 0x3F if header & 0x40 else (header & 0x3C) >> 2
