"""Keys and signatures of certificates: which ones the client in a pod VM and KBS can use.

The client is reqwest with rustls on ring: SHA-256 and stronger, RSA of 2048 to 8192 bits, P-256, P-384, Ed25519.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

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
