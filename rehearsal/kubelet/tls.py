"""What the TLS client in a pod VM says of the certificate that KBS presents.

The client is that of CDH and attestation-agent: reqwest 0.12 with rustls 0.23 (guest-components v0.12.0
``attestation-agent/kbs_protocol/src/builder.rs``), whose ``kbs_cert`` is added to the public authorities. The rules and
their order are rustls-webpki's (0.102 ``verify_cert.rs``, ``subject_name``, ``error.rs``): the certificate itself is
judged before a path to an anchor is looked for, and its names at the end. An anchor is a name and a key: its own
validity and its basic constraints are not looked at. Does not know name constraints and revocation.
"""

import ssl
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

_HASHES = ("sha256", "sha384", "sha512")
_RSA_BITS = range(2048, 8193)
_DEEPEST = 6  # intermediate authorities
_WILDCARD_LABELS = 3
# The most telling of several failures is reported: ``rank`` in error.rs.
_RANKS = (
    "UnknownIssuer",
    "UnsupportedCertVersion",
    "EndEntityUsedAsCa",
    "PathLenConstraintViolated",
    "RequiredEkuNotFound",
    "BadSignature",
    "NotValidYet",
    "Expired",
    "MaximumPathDepthExceeded",
)
_RUSTLS = (
    "UnknownIssuer",
    "BadSignature",
    "NotValidYet",
    "Expired",
    "NotValidForName",
    "BadEncoding",
)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class TlsError(ValueError):
    """The pod VM ends the connection.

    Attributes:
        name: what rustls calls the reason (``CertificateError``), or webpki's name where rustls has none;
            ``BadTrust`` where the client cannot be built with this ``kbs_cert``.
    """

    def __init__(self, name: str) -> None:
        reason = name if name in _RUSTLS else f"Other(OtherError({name}))"
        trust = "builder error: invalid certificate encoding (kbs_cert)"
        super().__init__(trust if name == "BadTrust" else f"invalid peer certificate: {reason}")
        self.name = name


def check(host: str, certificate: str | None, trusted: str | None, now: datetime | None = None) -> None:
    """Return if the client goes on with the connection.

    Args:
        host: DNS name in the URL of KBS.
        certificate: the chain that the server sends (PEM, its own certificate first); None: a certificate that a public
            authority signed for this host.
        trusted: ``kbs_cert`` (PEM, one certificate or several); None: public authorities only.
        now: the present; default: the clock.

    Raises:
        TlsError: it does not; the message is what rustls says.
    """
    anchors = [*_public_authorities(), *(_load(trusted, "BadTrust") if trusted is not None else ())]
    if certificate is None:
        return
    leaf, *others = _load(certificate, "BadEncoding")
    _verify(leaf, (), others, anchors, now or datetime.now(UTC))
    if not any(_matches(name, host) for name in _names(leaf)):
        raise TlsError("NotValidForName")


@cache
def _public_authorities() -> tuple[x509.Certificate, ...]:
    """Return this machine's authorities, which stand for the list that is built into the client (webpki-roots)."""
    context = ssl.create_default_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an authority's odd serial number is not ours to mend
        return tuple(x509.load_der_x509_certificate(der) for der in context.get_ca_certs(binary_form=True))


def _load(pem: str, otherwise: str) -> list[x509.Certificate]:
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        for certificate in certificates:
            _ = certificate.extensions
    except ValueError as error:
        raise TlsError(otherwise) from error
    return certificates


def _verify(
    certificate: x509.Certificate,
    below: Sequence[x509.Certificate],
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> None:
    """Find a path from a certificate to an anchor; ``below`` are the ones that lead to it, the leaf first."""
    _judge(certificate, below, now)
    failures = ["UnknownIssuer"]
    if len(below) > _DEEPEST:
        raise TlsError("MaximumPathDepthExceeded")
    path = [*below, certificate]
    for anchor in anchors:
        if anchor.subject == certificate.issuer:
            if all(map(_signed, path, [*path[1:], anchor])):
                return
            failures.append("BadSignature")
    for other in others:
        if other.subject != certificate.issuer or any(_same(other, each) for each in path):
            continue
        try:
            _verify(other, path, others, anchors, now)
        except TlsError as error:
            failures.append(error.name)
        else:
            return
    raise TlsError(max(failures, key=_RANKS.index))


def _judge(certificate: x509.Certificate, below: Sequence[x509.Certificate], now: datetime) -> None:
    """Raise what a certificate is refused for, whoever signed it."""
    if certificate.version is not x509.Version.v3:
        raise TlsError("UnsupportedCertVersion")
    if now < certificate.not_valid_before_utc:
        raise TlsError("NotValidYet")
    if now > certificate.not_valid_after_utc:
        raise TlsError("Expired")
    extensions = certificate.extensions
    constraints = _optional(extensions, x509.BasicConstraints)
    authority = constraints is not None and constraints.ca
    if authority and not below:
        raise TlsError("CaUsedAsEndEntity")
    if below and not authority:
        raise TlsError("EndEntityUsedAsCa")
    if constraints is not None and constraints.path_length is not None and len(below) - 1 > constraints.path_length:
        raise TlsError("PathLenConstraintViolated")
    uses = _optional(extensions, x509.ExtendedKeyUsage)
    if uses is not None and ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        raise TlsError("RequiredEkuNotFound")


def _optional(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether a signature is good, and of a kind that the client knows (rustls on ring)."""
    try:
        key, algorithm = issuer.public_key(), certificate.signature_hash_algorithm
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in _RSA_BITS and algorithm is not None and algorithm.name in _HASHES
    if isinstance(key, ec.EllipticCurvePublicKey):
        known = isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
        return known and algorithm is not None and algorithm.name in _HASHES[:2]
    return isinstance(key, ed25519.Ed25519PublicKey)


def _same(one: x509.Certificate, other: x509.Certificate) -> bool:
    return one.subject == other.subject and one.public_key() == other.public_key()


def _names(leaf: x509.Certificate) -> list[str]:
    extension = _optional(leaf.extensions, x509.SubjectAlternativeName)
    return extension.get_values_for_type(x509.DNSName) if extension is not None else []


def _matches(name: str, host: str) -> bool:
    """Return whether a name of the certificate is the host's; ``*`` is exactly the first of at least three labels."""
    first, _, rest = name.lower().partition(".")
    if "*" in rest or ("*" in first and first != "*"):
        return False
    if first != "*":
        return name.lower() == host.lower()
    label, _, parent = host.lower().partition(".")
    return rest.count(".") + 2 >= _WILDCARD_LABELS and label != "" and parent == rest
