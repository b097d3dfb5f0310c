"""Making certificates: a private authority for KBS, its server certificate, and the signer of attestation tokens.

All keys are P-256 but for the signer of Simple tokens (RSA, 2048 bits; about 100 ms). Every call gives something new;
whoever keeps it is ``components/trustee/keys.py``.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coco_azure.versions.profiles import Token

RSA_BITS = 2048
# x or y below this has a leading zero byte; see usable_for_ear.
_SMALLEST = 1 << 248
_SLACK = timedelta(hours=1)  # for clocks that are behind

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom a certificate is for: name, public key, and whether it may sign others."""

    name: x509.Name
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    authority: bool


def make_ca(common_name: str, now: datetime, days: int) -> tuple[str, str]:
    """Return certificate and private key (PEM) of a new authority that signs itself.

    Args:
        common_name: name of the authority; give each one its own.
        now: the present, with a time zone.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject_name(common_name)
    builder = certificate(Subject(name=name, key=key.public_key(), authority=True), name, key, now, _end(now, days))
    return _pem(builder, key), private_pem(key)


def issue(ca_cert: str, ca_key: str, host: str, now: datetime, days: int) -> tuple[str, str]:
    """Return certificate and private key (PEM) of a server at ``host``, signed by an authority.

    Args:
        ca_cert: certificate of the authority (PEM); the new one never outlives it.
        host: DNS name, its only subject alternative name.
        now: the present, with a time zone.
    """
    authority, authority_key = x509.load_pem_x509_certificate(ca_cert.encode()), _load_key(ca_key)
    key = ec.generate_private_key(ec.SECP256R1())
    # A common name may have 64 characters, which the host of a Route easily exceeds; nobody reads it any more.
    subject = Subject(name=subject_name("kbs"), key=key.public_key(), authority=False)
    end = min(_end(now, days), authority.not_valid_after_utc)
    builder = (
        certificate(subject, authority.subject, authority_key, now, end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return _pem(builder, authority_key), private_pem(key)


def cross_sign(ca_cert: str, old_cert: str, old_key: str, now: datetime) -> str:
    """Return a certificate (PEM) of the new authority, signed by the old one.

    A server that sends it after its own certificate is trusted by those who know only the old authority.

    Args:
        ca_cert: certificate of the new authority (PEM); the cross certificate ends with it, or with the old one.
        now: the present, with a time zone.
    """
    new = x509.load_pem_x509_certificate(ca_cert.encode())
    old, key = x509.load_pem_x509_certificate(old_cert.encode()), _load_key(old_key)
    public = new.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise TypeError(f"an authority of our own making has an EC key, this one a {type(public).__name__}")
    subject = Subject(name=new.subject, key=public, authority=True)
    end = min(new.not_valid_after_utc, old.not_valid_after_utc)
    return _pem(certificate(subject, old.subject, key, now, end), key)


def make_signer(token: Token, now: datetime, days: int) -> tuple[str, str]:
    """Return certificate and private key (PEM) of a signer of attestation tokens.

    The certificate signs itself, and KBS takes it as its own trust anchor (``trusted_certs_paths``): it verifies with
    OpenSSL, which needs a self-signed end of the chain, and asks for no key usage.

    Args:
        token: type of the token: Simple is signed with RSA (RS384), Ear with P-256 (ES256); the broker of one type
            does not start with a key of the other (openshift/trustee v0.3.0 ``simple.rs``, ``ear_broker.rs``).
        now: the present, with a time zone.
        days: how long it is valid; KBS accepts no token afterwards.
    """
    key = rsa.generate_private_key(65537, RSA_BITS) if token == "Simple" else _ear_key()  # noqa: S105 - a type
    name = subject_name("attestation token signer")
    subject = Subject(name=name, key=key.public_key(), authority=False)
    return _pem(certificate(subject, name, key, now, _end(now, days)), key), private_pem(key)


def usable_for_ear(key: ec.EllipticCurvePublicKey) -> bool:
    """Return whether KBS can verify tokens that it signed with this P-256 key.

    The broker writes the coordinates of the key into the token without their leading zero bytes (``pubkey_jwk`` in
    ``ear_broker.rs``, v0.3.0 to v1.2.0), and the verifier then reads another point: every token fails. That is one key
    of 128.
    """
    numbers = key.public_numbers()
    return min(numbers.x, numbers.y) >= _SMALLEST


def _ear_key() -> ec.EllipticCurvePrivateKey:
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        if usable_for_ear(key.public_key()):
            return key


def certificate(
    subject: Subject, issuer: x509.Name, signer: Key, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    """Return a certificate that has everything but a signature, and what only some have.

    Args:
        now: the present, with a time zone; the certificate is an hour older.
    """
    return (
        x509.CertificateBuilder()
        .subject_name(subject.name)
        .issuer_name(issuer)
        .public_key(subject.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=subject.authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_key_usage(authority=subject.authority), critical=True)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def subject_name(name: str) -> x509.Name:
    """Return the name of a subject that has a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _end(now: datetime, days: int) -> datetime:
    return now + timedelta(days=days)


def _load_key(pem: str) -> Key:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"an authority of our own making has an EC key, this one a {type(key).__name__}")
    return key


def _pem(builder: x509.CertificateBuilder, key: Key) -> str:
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def private_pem(key: Key) -> str:
    """Return a private key as PEM (PKCS 8), without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


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


def check_admin_key(pem: str) -> str:
    """Return ``pem`` if it is an ed25519 private key without a password; raises ValueError where it is not."""
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
