"""The keys and certificates that KBS reads: TLS, the administrator's key, the signer of tokens and who is trusted.

Sources: openshift/trustee ``kbs/src/http.rs``, ``kbs/src/token/jwk.rs`` (v1.2.0: ``kbs/src/crypto/jwt.rs``),
``attestation-service/src/token/{simple,ear_broker}.rs``. No token is really signed; what would fail in signing or
verifying one is looked at instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rehearsal.kubelet.kbs.disk import Disk, DiskError
from rehearsal.kubelet.kbs.model import StartError

_LONGEST_CHAIN = 10
_SERVICE = "Attestation error: Failed to initialize attestation service"


@dataclass(frozen=True)
class Signer:
    """Who signs the tokens.

    Attributes:
        key: the private key, or None for one that KBS makes at each start.
        chain: its certificates, leaf first, or None where it has none.
    """

    key: Any = None
    chain: tuple[x509.Certificate, ...] | None = None

    @classmethod
    def load(cls, section: Mapping[str, Any] | None, kind: str, disk: Disk) -> "Signer":
        """Return the signer of a broker for ``Simple`` (RSA) or ``Ear`` (elliptic curve) tokens; raises StartError."""
        if section is None:
            return cls()
        try:
            key = _private_key(disk.read(section["key_path"]))
        except DiskError as error:
            raise StartError(f"{_SERVICE}: Read Token Signer private key failed: {error}") from error
        wanted = rsa.RSAPrivateKey if kind == "Simple" else ec.EllipticCurvePrivateKey
        if not isinstance(key, wanted):
            raise StartError(f"{_SERVICE}: {section['key_path']} is no private key of the kind that {kind} tokens need")
        if section["cert_path"] is None:
            return cls(key)
        try:
            return cls(key, tuple(certificates(disk.read(section["cert_path"]))))
        except DiskError as error:
            raise StartError(f"{_SERVICE}: Read Token Signer cert file failed: {error}") from error
        except ValueError as error:
            raise StartError(f"{_SERVICE}: Invalid PEM certificate chain") from error

    def cannot_sign(self) -> str | None:
        """Return why no token can be signed, or None: an EAR is signed with ES256."""
        if isinstance(self.key, ec.EllipticCurvePrivateKey) and not isinstance(self.key.curve, ec.SECP256R1):
            return f"an ES256 signature cannot be made with a key on {self.key.curve.name}"
        return None

    def not_endorsed(self, trusted: Sequence[x509.Certificate], now: datetime) -> str | None:
        """Return why the signer is not trusted, or None."""
        if not trusted:
            return "Cannot verify token since trusted cert is empty"
        if self.chain is None:
            return "No x5c extension inside JWK. Invalid public key."
        if not self.chain:
            return "Empty x5c extension inside JWK. Invalid public key."
        leaf = self.chain[0]
        if _public(self.key.public_key()) != _public(leaf.public_key()):
            return "jwk does not match x5c"
        if not _chains(leaf, self.chain[1:], trusted, now):
            return "JWK cannot be validated by trust anchor"
        return None


def trusted_certificates(paths: Sequence[str], disk: Disk, *, whole: bool) -> list[x509.Certificate]:
    """Return the certificates that may vouch for a signer.

    Args:
        paths: of PEM files.
        disk: where they lie.
        whole: whether all certificates of a file count, or its first one only (until 1.1).

    Raises:
        StartError: a file is missing or holds none.
    """
    trusted: list[x509.Certificate] = []
    for path in paths:
        try:
            loaded = certificates(disk.read(path))
        except DiskError as error:
            raise StartError(f"Failed to initialize Token Verifier: failed to read certificate {path}") from error
        except ValueError as error:
            raise StartError(f"Failed to initialize Token Verifier: {path} is no PEM certificate") from error
        if not loaded:
            raise StartError(f"Failed to initialize Token Verifier: no certificates found in {path}")
        trusted += loaded if whole else loaded[:1]
    return trusted


def certificates(text: str) -> list[x509.Certificate]:
    """Return all certificates of a PEM text; raises ValueError for one that is malformed."""
    if "-----BEGIN CERTIFICATE-----" not in text:
        return []
    return x509.load_pem_x509_certificates(_bytes(text))


def tls(section: Mapping[str, Any], disk: Disk) -> str | None:
    """Return why KBS serves no TLS handshake although it starts, or None; raises StartError."""
    for name, words in (("certificate", "certificate"), ("private_key", "private key")):
        if section[name] is None:
            raise StartError(f"HTTPS initialization failed: Missing {words}")
    try:
        key = _private_key(disk.read(section["private_key"]))
        chain = certificates(disk.read(section["certificate"]))
    except (DiskError, ValueError) as error:
        raise StartError(f"HTTPS initialization failed: {error}") from error
    if key is None or not chain:
        bad = section["private_key"] if key is None else section["certificate"]
        raise StartError(f"HTTPS initialization failed: {bad}: no start line")
    if _public(key.public_key()) != _public(chain[0].public_key()):
        # OpenSSL drops a key that does not fit without a word.
        return "the TLS handshake fails: the private key does not belong to the certificate"
    return None


def administrators_key(text: str, *, only_ed25519: bool) -> bool:
    """Return whether a PEM text holds a public key that administrators' tokens can be verified with."""
    try:
        key = serialization.load_pem_public_key(_bytes(text))
    except ValueError:
        return False
    kinds: tuple[type, ...] = (ed25519.Ed25519PublicKey,)
    if not only_ed25519:
        kinds = (*kinds, rsa.RSAPublicKey, ec.EllipticCurvePublicKey)
    return isinstance(key, kinds)


def _chains(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], now: datetime
) -> bool:
    """Return whether a chain leads from the leaf to a trusted certificate that signed itself."""
    current = leaf
    for _ in range(_LONGEST_CHAIN):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            return False
        if current in trusted and current.subject == current.issuer:
            return True
        issuers = [each for each in (*trusted, *others) if each != current and _issued(each, current)]
        if not issuers:
            return False
        current = issuers[0]
    return False


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return bool(issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _private_key(text: str) -> Any:
    try:
        return serialization.load_pem_private_key(_bytes(text), None)
    except (ValueError, TypeError):
        return None


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
