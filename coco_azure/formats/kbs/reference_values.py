"""Reference values: what the claims of a good pod VM are, in each RVPS's format, and the measurements behind them.

Formats (openshift/trustee ``rvps/src/reference_value.rs``): ``hash-value``, v0.3.0 and v0.4.0, a JSON array of
``{"name", "expiration", "hash-value": [{"alg", "value"}]}``; ``value``, v1.0.0 and v1.1.0, the same with
``"value": [...]``; ``local-json``, v1.2.0, an object from name to base64 of such an entry, its own name included
(``deps/key-value-storage/src/local_json/mod.rs``, URL-safe alphabet). ``expiration`` is UTC in exactly
``%Y-%m-%dT%H:%M:%SZ``.

From 1.1 on RVPS hands out values that have expired as well (``rvps/src/lib.rs`` query_reference_value). Whoever wants
the expiry to mean something there leaves out what ``expired`` returns.

File: ``/image/measurements.json`` of the ``osc-dm-verity-image`` of OpenShift sandboxed containers,
``{"measurements": {"sha256": {"pcr03": "0x..."}}}``; signature: what ``cosign sign-blob`` prints, base64 of a signature
over the file's exact bytes. Does not fetch the image and does not know PCR 8, which depends on initdata.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.pki import public_material
from coco_azure.versions.profiles import TrusteeProfile

_ALGORITHMS = {64: "sha256", 96: "sha384", 128: "sha512"}


def render(values: Sequence[ReferenceValue], profile: TrusteeProfile) -> str:
    """Return the file for a version of Trustee.

    An empty one is the chapter's default. With Simple tokens it accepts the measurements of any genuine TEE; with EAR
    tokens none.
    """
    if profile.reference_format == "local-json":
        document: Any = {value.name: _encoded(value) for value in values}
    elif profile.reference_format == "value":
        document = [_entry(value) for value in values]
    else:
        document = [_hash_entry(value) for value in values]
    return json.dumps(document, indent=2) + "\n"


def expired(values: Iterable[ReferenceValue], now: datetime) -> list[ReferenceValue]:
    """Return those that no longer count at ``now`` (RVPS: strictly after the moment)."""
    return [value for value in values if now > value.expires]


def expiring(values: Iterable[ReferenceValue], now: datetime, within: timedelta) -> list[ReferenceValue]:
    """Return those that still count at ``now`` and no longer will after ``within``."""
    return [value for value in values if now <= value.expires < now + within]


def accepted_pcr8(values: Iterable[ReferenceValue]) -> list[str]:
    """Return the values of PCR 8 that are accepted, which are those of initdata documents."""
    return [text for value in values if value.name.endswith("pcr08") for text in value.values]


def merge(*parts: Iterable[ReferenceValue]) -> list[ReferenceValue]:
    """Return one entry for each name: all its values, and the earliest of its expiries.

    RVPS keeps one entry of a name (0.3 to 1.0 the last, 1.1 the first), so two of them would lose one's values.
    """
    merged: dict[str, ReferenceValue] = {}
    for value in (value for part in parts for value in part):
        known = merged.get(value.name)
        if known is None:
            merged[value.name] = value
            continue
        values = tuple(dict.fromkeys((*known.values, *value.values)))
        merged[value.name] = replace(known, values=values, expires=min(known.expires, value.expires))
    return list(merged.values())


def _entry(value: ReferenceValue) -> dict[str, Any]:
    return {"name": value.name, "expiration": _stamp(value.expires), "value": list(value.values)}


def _hash_entry(value: ReferenceValue) -> dict[str, Any]:
    # KBS reads the value and never the algorithm; it is there for people.
    hashes = [{"alg": _ALGORITHMS.get(len(each), "sha256"), "value": each} for each in value.values]
    return {"name": value.name, "expiration": _stamp(value.expires), "hash-value": hashes}


def _encoded(value: ReferenceValue) -> str:
    # The operator's own migration writes the standard alphabet (v1.2.1 migration.go), which KBS refuses where the two
    # alphabets differ.
    return base64.urlsafe_b64encode(json.dumps(_entry(value), separators=(",", ":")).encode()).decode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


WANTED = (3, 9, 11, 12)
"""PCRs that say what booted: drivers of devices (3), the initrd (9), the unified kernel image (11), what was given to
it from outside, such as a command line (12). What extends 9, 11 and 12 is the boot loader itself, so they say nothing
of a boot loader that lies: that one is in PCR 4, and secure boot in PCR 7."""

INITDATA_PCR = 8
"""The PCR that a pod VM extends with its initdata; no image's maker can know it."""

SigningKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
_PCRS = range(24)
_NAME = re.compile(r"pcr([0-9]{1,2})")
_VALUE = re.compile(r"(?:0x)?([0-9a-f]{64})")
_SIGN = "cosign sign-blob --key cosign.key --output-signature measurements.json.sig measurements.json"


def parse_measurements(text: str) -> dict[int, str]:
    """Return PCR number and value (SHA-256 bank, lower-case hex without ``0x``) of a measurements file.

    Raises:
        ValueError: not JSON, no SHA-256 measurements, or entries that are no PCR; every problem is named.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    bank = _bank(document)
    problems = []
    pcrs: dict[int, str] = {}
    for name, value in bank.items():
        number, digest = _NAME.fullmatch(name.lower()), _VALUE.fullmatch(str(value).strip().lower())
        if number is None or int(number[1]) not in _PCRS:
            problems.append(f"found {json.dumps(name)}, needed pcr00 to pcr23")
        elif digest is None:
            problems.append(f"{name} is {json.dumps(value)}, needed 64 hex digits")
        else:
            pcrs[int(number[1])] = digest[1]
    if problems:
        raise ValueError("; ".join(problems))
    return pcrs


def verify(content: bytes, signature: str, public_key_pem: str) -> None:
    """Check that ``content`` was signed with the private half of a key.

    Takes ECDSA P-256 and RSA (PKCS #1 v1.5), both with SHA-256, and ed25519 over the content itself.

    Args:
        content: the file's exact bytes.
        signature: base64 of the signature, as ``cosign sign-blob`` prints it.
        public_key_pem: public key as SubjectPublicKeyInfo PEM, such as ``cosign.pub``.

    Raises:
        ValueError: the key or the signature cannot be read, or the signature does not belong to this content.
    """
    try:
        raw = base64.b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the signature is not base64; make one with: {_SIGN}") from error
    key = signing_key(public_key_pem)
    try:
        _verify(key, raw, content)
    except InvalidSignature as error:
        raise ValueError(
            f"the signature does not belong to this file and this key: either is another's, or the file was changed "
            f"after it was signed; sign it with: {_SIGN}"
        ) from error


def signing_key(public_key_pem: str) -> SigningKey:
    """Return a key that measurements can be signed with: ECDSA P-256, RSA or ed25519.

    Raises:
        ValueError: it is another one, or cannot be read.
    """
    key = public_material.public_key(public_key_pem)
    if isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError(
        f"found a key of type {type(key).__name__}, needed ECDSA P-256, RSA or ed25519; make one with: "
        "cosign generate-key-pair"
    )


def of_measurements(
    pcrs: Mapping[int, str],
    tee: str,
    profile: TrusteeProfile,
    expires: datetime,
    wanted: Sequence[int] = WANTED,
) -> list[ReferenceValue]:
    """Return a reference value for each wanted PCR.

    Args:
        pcrs: PCR number and value, from ``parse``.
        tee: ``snp`` or ``tdx``.
        profile: version of Trustee, which decides the names.
        expires: when the values stop being accepted.
        wanted: numbers of the PCRs.

    Raises:
        ValueError: a wanted PCR was not measured, or is that of initdata.
    """
    if INITDATA_PCR in wanted:
        raise ValueError(
            f"PCR {INITDATA_PCR} is what a pod VM measures of its initdata; it does not come from the image"
        )
    missing = [number for number in wanted if number not in pcrs]
    if missing:
        raise ValueError(
            f"no measurement of PCR {', '.join(map(str, missing))}; the file has "
            f"{', '.join(map(str, sorted(pcrs))) or 'none'}"
        )
    return [
        ReferenceValue(name=profile.reference_name(tee, number), values=(pcrs[number],), expires=expires)
        for number in wanted
    ]


def _bank(bank: Any) -> dict[str, Any]:
    for key in ("measurements", "sha256"):
        if not isinstance(bank, dict) or not isinstance(bank.get(key), dict):
            raise ValueError(  # noqa: TRY004 - a user's data
                'found no {"measurements": {"sha256": {"pcr03": "0x..."}}}; the image has the file at '
                "/image/measurements.json"
            )
        bank = bank[key]
    if not bank:
        raise ValueError("measurements.sha256 is empty, needed at least one PCR")
    return dict(bank)


def _verify(key: SigningKey, signature: bytes, content: bytes) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(signature, content)
