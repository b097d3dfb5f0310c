"""Certificates and public keys as users bring them: taken block by block, and written anew from what was parsed.

The one way from a file to anything public: what is no certificate, or no public key, is an error that names the block,
so nothing else can come along, and a byte order mark, an indent or two markers on one line are gone in what is written.
rustls, which reads it in pod VMs, takes a block only where a line begins with its marker (pki-types ``pem.rs``). Text
around the blocks, as ``openssl x509 -text`` and bundles of authorities have it, is left out.

The client is reqwest with rustls on ring: SHA-256 and stronger, RSA of 2048 to 8192 bits, P-256, P-384, Ed25519.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import SignatureAlgorithmOID

from coco_azure.formats.pki import private_keys

CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
PUBLIC_KEYS = ("PUBLIC KEY", "RSA PUBLIC KEY")
_TAKE_CERTIFICATES = (
    "Name a file with the certificates alone: openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs "
    "-out NEW"
)
_TAKE_KEY = (
    "Name a file with the public key alone: openssl pkey -in FILE -pubout -out NEW (of cosign: cosign public-key)"
)
_MARKER = re.compile(r"-----(BEGIN|END) ([^-\r\n]{1,64})-----")
_LABEL = re.compile(r"[A-Z0-9 ]+")


@dataclass(frozen=True, kw_only=True)
class Block:
    """An armoured block of a text.

    Attributes:
        number: which one it is, from 1.
        label: what its markers say, such as ``CERTIFICATE``.
        line: number of the line with its first marker, from 1.
        body: what stands between the markers.
    """

    number: int
    label: str
    line: int
    body: str

    def __str__(self) -> str:
        """Return how messages call it; a label of an unusual form, which may be anything, is not shown."""
        label = self.label if _LABEL.fullmatch(self.label) else "of an unknown kind"
        return f"block {self.number} ({label}, line {self.line})"

    def der(self) -> bytes:
        """Return what the body's base64 stands for; raises ValueError where it is no base64."""
        try:
            return base64.b64decode("".join(self.body.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{self} holds something else than base64") from None


def blocks(text: str) -> list[Block]:
    """Return the blocks of a text in its order.

    Raises:
        ValueError: a block does not end, or ends without having begun.
    """
    parsed: list[Block] = []
    begun: Block | None = None
    start = 0
    for marker in _MARKER.finditer(text):
        block = Block(
            number=len(parsed) + 1, label=marker[2].strip(), line=text.count("\n", 0, marker.start()) + 1, body=""
        )
        if marker[1] == "BEGIN":
            if begun is not None:
                raise ValueError(f"{begun} has no end")
            begun, start = block, marker.end()
        elif begun is None or begun.label != block.label:
            raise ValueError(f"{begun or block} {'has no end' if begun else 'has no beginning'}")
        else:
            parsed.append(
                Block(number=begun.number, label=begun.label, line=begun.line, body=text[start : marker.start()])
            )
            begun = None
    if begun is not None:
        raise ValueError(f"{begun} has no end")
    return parsed


def certificates(text: str) -> list[x509.Certificate]:
    """Return the certificates in a text, in its order.

    Raises:
        ValueError: there is none, one cannot be read, or there is anything else; the message names the block.
    """
    private_keys.refuse(text, _TAKE_CERTIFICATES)
    try:
        return [_certificate(block) for block in only(text, CERTIFICATES, "certificate")]
    except ValueError as error:
        raise ValueError(
            "not a PEM certificate chain (-----BEGIN CERTIFICATE----- ... -----END CERTIFICATE-----) that can be read "
            f"to its end: {error}. {_TAKE_CERTIFICATES}; look at it with: openssl storeutl -noout -text -certs FILE"
        ) from None


def certificates_pem(text: str) -> str:
    """Return the certificates in a text, and nothing else, as PEM; raises as ``certificates`` does."""
    return "".join(each_certificate(text))


def each_certificate(text: str) -> list[str]:
    """Return each certificate in a text as a PEM of its own; raises as ``certificates`` does."""
    return [each.public_bytes(Encoding.PEM).decode() for each in certificates(text)]


def public_key(text: str) -> PublicKeyTypes:
    """Return the one public key in a text.

    Raises:
        ValueError: there is none or more than one, it cannot be read, or there is anything else.
    """
    private_keys.refuse(text, _TAKE_KEY)
    try:
        return _public_key(*only(text, PUBLIC_KEYS, "public key"))
    except ValueError as error:
        raise ValueError(
            f"not a PEM public key (-----BEGIN PUBLIC KEY----- ... -----END PUBLIC KEY-----): {error}. {_TAKE_KEY}; of "
            "a certificate: openssl x509 -in FILE -noout -pubkey -out NEW"
        ) from None


def public_key_pem(text: str) -> str:
    """Return the public key in a text, and nothing else, as SubjectPublicKeyInfo PEM; raises as ``public_key`` does."""
    return public_key(text).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def only(text: str, labels: Sequence[str], needed: str) -> list[Block]:
    """Return the blocks of a text, all of which have one of these labels; raises ValueError otherwise."""
    material = blocks(text)
    for block in material:
        if block.label not in labels:
            raise ValueError(f"{block} is no {needed}")
    if not material:
        raise ValueError("found no block of this form")
    return material


def _certificate(block: Block) -> x509.Certificate:
    der = block.der()
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions
    except ValueError:
        raise ValueError(f"{block} cannot be read") from None
    return certificate


def _public_key(block: Block, *others: Block) -> PublicKeyTypes:
    if others:
        raise ValueError(f"{others[0]} is a second one, needed one in a file of its own")
    der = block.der()
    try:
        return load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{block} cannot be read") from None


RSA_BITS = range(2048, 8193)
"""Sizes of RSA keys that rustls takes."""

_HASHES = ("sha256", "sha384", "sha512")
_SCHEMES = (
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512,
    SignatureAlgorithmOID.RSASSA_PSS,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ED25519,
)


def _way_to_pem(text: str) -> str:
    """Return what to do about a text that cannot be read as a private key."""
    if "-----BEGIN" not in text:
        return (
            "It has no line -----BEGIN PRIVATE KEY-----: set the text of the key (pulumi config set --secret --path "
            "reads it: < key.pem), or name its file in privateKeyFile"
        )
    if "\\n" in text:
        return 'It has \\n as two letters where its lines end: write lines: printf %b "$KEY" > key.pem'
    return "Take the password off with: openssl pkey -in key.pem -out plain.pem"


def key_problems(leaf: x509.Certificate, key_pem: str) -> list[str]:
    """Return why a private key cannot be used with a certificate; tells nothing of the key."""
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return [f"the private key is not a PEM private key without a password. {_way_to_pem(key_pem)}"]
    if key.public_key() != leaf.public_key():
        return [
            (
                f"the private key does not belong to {name_of(leaf)}; needed the key that its request was made with. "
                "These two must print the same: openssl pkey -in key.pem -pubout; openssl x509 -in cert.pem -noout "
                "-pubkey"
            )
        ]
    return []


def weak(certificate: x509.Certificate) -> list[str]:
    """Return why a certificate's key or signature is refused."""
    problems = []
    key = unusable(certificate)
    if key is not None:
        problems.append(
            f"{name_of(certificate)} has {key}; needed RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519. "
            "Make a key with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
        )
    # Nobody verifies a root's signature of itself; that of a leaf which is its own root is verified.
    root = is_authority(certificate) and certificate.subject == certificate.issuer
    if weakly_signed(certificate) and not root:
        algorithm = certificate.signature_algorithm_oid._name  # noqa: SLF001 - an OID has no public name
        problems.append(
            f"{name_of(certificate)} is signed with {algorithm}; needed RSA with SHA-256 or stronger, ECDSA with "
            "SHA-256 or SHA-384, or Ed25519. Have it signed again"
        )
    return problems


def weakly_signed(certificate: x509.Certificate) -> bool:
    """Return whether rustls refuses the kind of a certificate's signature."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return True
    strong = algorithm is None or algorithm.name in _HASHES
    return not strong or certificate.signature_algorithm_oid not in _SCHEMES


def unusable(certificate: x509.Certificate) -> str | None:
    """Return what kind of key a certificate has if rustls cannot use it, else None."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "a key of an unknown kind"
    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size in RSA_BITS else f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1) else f"a key on curve {key.curve.name}"
    return None if isinstance(key, ed25519.Ed25519PublicKey) else f"a {type(key).__name__}"


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether a certificate says that it is one of an authority (CA:TRUE)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def name_of(certificate: x509.Certificate) -> str:
    """Return what a message calls a certificate."""
    return certificate.subject.rfc4514_string() or f"the certificate with serial number {certificate.serial_number:x}"
