"""Private keys in every form that people have them in, and every way in which they get among something else."""

import base64
import json
import subprocess
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

_PASSWORD = BestAvailableEncryption(b"a password")
_EC = ec.generate_private_key(ec.SECP256R1())
_KEYS: dict[str, Any] = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "P-256": _EC,
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "X25519": x25519.X25519PrivateKey.generate(),
}
_FORMS: dict[str, tuple[PrivateFormat, KeySerializationEncryption]] = {
    "PKCS #8": (PrivateFormat.PKCS8, NoEncryption()),
    "PKCS #8 with a password": (PrivateFormat.PKCS8, _PASSWORD),
    "the traditional form": (PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "the traditional form with a password": (PrivateFormat.TraditionalOpenSSL, _PASSWORD),
    "the form of OpenSSH": (PrivateFormat.OpenSSH, NoEncryption()),
}
TRADITIONAL = ("RSA", "P-256", "P-521")
SSH = ("RSA", "P-256", "P-521", "Ed25519")


def _is_there(key: str, form: str) -> bool:
    return not ("traditional" in form and key not in TRADITIONAL) and not ("OpenSSH" in form and key not in SSH)


@cache
def pems() -> dict[str, str]:
    """Return keys as PEM, by kind and form."""
    return {
        f"{name} in {form}": key.private_bytes(Encoding.PEM, kind, encryption).decode()
        for name, key in _KEYS.items()
        for form, (kind, encryption) in _FORMS.items()
        if _is_there(name, form)
    }


@cache
def ders() -> dict[str, bytes]:
    """Return keys as DER, by kind and form, and a PKCS#12 file."""
    values = {
        f"{name} in {form}": key.private_bytes(Encoding.DER, kind, encryption)
        for name, key in _KEYS.items()
        for form, (kind, encryption) in _FORMS.items()
        if _is_there(name, form) and "OpenSSH" not in form and form != "the traditional form with a password"
    }
    return {**values, "PKCS#12": pkcs12.serialize_key_and_certificates(b"x", _EC, None, None, _PASSWORD)}


def printed() -> str:
    """Return what ``openssl pkey -text`` says of a key beside its PEM."""
    command = ["openssl", "pkey", "-noout", "-text"]
    return subprocess.run(command, input=pems()["P-256 in PKCS #8"], capture_output=True, text=True, check=True).stdout


def jwk() -> str:
    """Return a private key as JSON."""
    number = _EC.private_numbers().private_value
    secret = base64.urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")
    return json.dumps({"kty": "EC", "crv": "P-256", "d": secret})


def body(pem: str) -> str:
    """Return the base64 between the markers of a PEM, without line ends and headers."""
    lines = [line for line in pem.strip().splitlines()[1:-1] if line and ":" not in line]
    return "".join(lines)


def armoured(text: str, label: str, columns: int = 64) -> str:
    """Return base64 between markers of any label."""
    lines = [text[start : start + columns] for start in range(0, len(text), columns)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def secret(name: str, key: str, value: str) -> str:
    """Return the manifest of a Kubernetes Secret with one value."""
    encoded = base64.b64encode(value.encode()).decode()
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ndata:\n  {key}: {encoded}\n"
