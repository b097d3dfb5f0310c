"""Certificates as users bring them, good and bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

HOST = "kbs-service-trustee-operator-system.apps.demo.example.com"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    private: Any

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key(self) -> str:
        """The private key as PEM."""
        return str(self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def make(
    subject: str,
    issuer: Made | None = None,
    *,
    names: Sequence[str] = (HOST,),
    authority: bool | None = False,
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=100),
    key: Any = None,
    algorithm: Any = None,
    use: ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    path_length: int | None = None,
) -> Made:
    """Return a certificate; without ``issuer`` it signs itself, ``authority`` None leaves the basic constraints out."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.certificate.subject if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    if not authority and names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    if not authority and use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    signer = issuer.private if issuer else key
    return Made(builder.sign(signer, algorithm or hashes.SHA256()), key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


ROOT_CA = make("root", authority=True)
INTERMEDIATE = make("intermediate", ROOT_CA, authority=True)
LEAF = make("leaf", INTERMEDIATE)
CHAIN = LEAF.pem + INTERMEDIATE.pem
OTHER_CA = make("other", authority=True)
