"""Unsealing inside a pod VM: what the Kata agent does with a value that begins with ``sealed.``.

Source: guest-components v0.12.0 and v0.18.0 ``confidential-data-hub/hub/src/secret/mod.rs``; the latter verifies.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from rehearsal.kubelet.images import Fetch

_VERIFIES = (0, 18)  # guest-components version from which a signature is demanded
_SECTIONS, _NUMBER = 4, 32


class SealError(ValueError):
    """The secret stays sealed; the message says why."""


def is_sealed(text: str) -> bool:
    """Return whether the agent asks for a value to be unsealed."""
    return text.startswith("sealed.")


async def unseal(text: str, fetch: Fetch, release: tuple[int, int] = (0, 12)) -> bytes:
    """Return the value that a sealed secret stands for.

    Args:
        text: the sealed secret.
        fetch: gets a resource of KBS by its URI; its own errors pass through.
        release: version of guest-components in the pod VM image.

    Raises:
        SealError: it is malformed, of a kind that this rehearsal does not have, or signed by nobody that counts.
    """
    sections = text.split(".")
    if len(sections) != _SECTIONS:
        raise SealError("malformed input sealed secret")
    if release >= _VERIFIES:
        await _verify(sections, fetch)
    content = _object(sections[2])
    if content.get("version") != "0.1.0":
        raise SealError("unsupported secret version")
    if content.get("type") != "vault" or content.get("provider") != "kbs":
        raise SealError(f"no {content.get('type')} of {content.get('provider')} in a rehearsal: vault of kbs only")
    if not isinstance(content.get("name"), str) or not {"provider_settings", "annotations"} <= content.keys():
        raise SealError("malformed input sealed secret format (json deserialization failed)")
    return await fetch(content["name"])


async def _verify(sections: list[str], fetch: Fetch) -> None:
    header = _object(sections[1])
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise SealError("Could not find kid")
    if not kid.startswith("kbs:///"):
        raise SealError("KID is invalid. Must be a KBS URI or a credential path.")
    if header.get("alg") != "ES256":
        raise SealError("JWS algorithm must be ES256")
    signature = _decode(sections[3])
    if len(signature) != 2 * _NUMBER:
        raise SealError("signature error")
    pair = encode_dss_signature(int.from_bytes(signature[:_NUMBER]), int.from_bytes(signature[_NUMBER:]))
    key = _public_key(await fetch(kid))
    try:
        key.verify(pair, f"{sections[1]}.{sections[2]}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise SealError("signature error") from None


def _public_key(jwk: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = json.loads(jwk)
        if (key["kty"], key["crv"]) != ("EC", "P-256"):
            raise SealError("Key must be P256")
        x, y = (int.from_bytes(_decode(key[name])) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (ValueError, KeyError, TypeError) as error:
        raise SealError(f"Could not parse verification key: {error}") from error


def _object(section: str) -> Mapping[str, Any]:
    try:
        content = json.loads(_decode(section))
    except ValueError:
        raise SealError("Failed to parse JWS") from None
    if not isinstance(content, dict):
        raise SealError("Failed to parse JWS")
    return content


def _decode(section: str) -> bytes:
    try:
        return base64.b64decode(section + "=" * (-len(section) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise SealError("base64 decode Secret body") from None
