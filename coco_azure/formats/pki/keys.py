"""Keys of KBS: making the administrator's pair, and reading the private key that a user supplies."""

import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def generate_private_key() -> str:
    """Return a new ed25519 private key as PKCS#8 PEM, as ``openssl genpkey -algorithm ed25519`` writes it."""
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key(private_key: str) -> str:
    """Return the public half as SubjectPublicKeyInfo PEM, as ``openssl pkey -pubout`` writes it."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def generate_secret() -> str:
    """Return 32 random bytes as text, for a client secret that the user left to us."""
    return secrets.token_urlsafe(32)


def check_private_key(pem: str) -> str:
    """Return ``pem`` if it is an ed25519 private key without a password.

    Raises:
        ValueError: it is not.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "not a PEM private key without a password; make one with: openssl genpkey -algorithm ed25519"
        ) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError(  # noqa: TRY004 - the type of a user's data, not of an argument
            f"a {type(key).__name__}, KBS takes ed25519; make one with: openssl genpkey -algorithm ed25519"
        )
    return pem
