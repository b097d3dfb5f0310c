"""Keys, certificates and the configuration that the comparison of the simulated KBS with the real one starts from."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.unit import pki

TRUSTEE = "/opt/confidential-containers"
CONFIG = "/etc/kbs-config/kbs-config.toml"
ADMIN_KEY = "/etc/auth-secret/publicKey"
TLS_KEY, TLS_CERTIFICATE = "/etc/https-key/privateKey", "/etc/https-cert/certificate"
SIGNER_KEY, SIGNER_CERTIFICATE = "/etc/attestation-key/token.key", "/etc/attestation-cert/token.crt"
POLICY = f"{TRUSTEE}/opa/policy.rego"
ATTESTATION_POLICY = f"{TRUSTEE}/attestation-service/policies/opa/default.rego"
VALUES = f"{TRUSTEE}/rvps/reference-values/reference-values.json"
RESOURCE = "default/kbsres1/key1"
ALLOW_ALL = "package policy\ndefault allow = true\n"
BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Edits = Sequence[tuple[str, str]]
"""What to replace in the configuration, once each."""

BASE = f"""
[http_server]
sockets = ["0.0.0.0:8080"]
insecure_http = true

[admin]
insecure_api = false
auth_public_key = "{ADMIN_KEY}"

[attestation_token]
insecure_key = true

[attestation_service]
type = "coco_as_builtin"
work_dir = "{TRUSTEE}/attestation-service"
policy_engine = "opa"
timeout = 5

[attestation_service.attestation_token_broker]
type = "Simple"
policy_dir = "{TRUSTEE}/attestation-service/policies"
duration_min = 5

[attestation_service.rvps_config]
type = "BuiltIn"

[attestation_service.rvps_config.storage]
type = "LocalJson"
file_path = "{VALUES}"

[[plugins]]
name = "resource"
type = "LocalFs"
dir_path = "{TRUSTEE}/kbs/repository"

[policy_engine]
policy_path = "{POLICY}"
"""
_SIGNER = f"""duration_min = 5
[attestation_service.attestation_token_broker.signer]
key_path = "{SIGNER_KEY}"
cert_path = "{SIGNER_CERTIFICATE}"
"""
SIGNER: Edits = [("duration_min = 5\n", _SIGNER)]
HTTPS: Edits = [
    ("insecure_http = true", f'insecure_http = false\nprivate_key = "{TLS_KEY}"\ncertificate = "{TLS_CERTIFICATE}"')
]
TRUSTED: Edits = [("insecure_key = true", f'trusted_certs_paths = ["{SIGNER_CERTIFICATE}"]')]
EAR: Edits = [('type = "Simple"', 'type = "Ear"')]


def section(start: str, end: str) -> tuple[str, str]:
    """Return the edit that takes a part out of the configuration."""
    return BASE[BASE.index(start) : BASE.index(end)], ""


def pem(key: Key) -> str:
    """Return a private key as PKCS#8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    """Return a public key in PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(key: Key, days: int = 30) -> str:
    """Return a certificate that its key signed itself, valid for ``days`` from now."""
    start, end = (datetime.now(UTC) + timedelta(days=number) for number in (-60, days))
    return pki.make("token", names=(), authority=None, use=None, start=start, end=end, key=key).pem


RSA_KEY, OTHER_KEY = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
EC_KEY, LONG_EC_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ADMIN = public_pem(ed25519.Ed25519PrivateKey.generate().public_key())


def signed_by(key: Key, days: int = 30) -> dict[str, str]:
    """Return the files of a token signer."""
    return {SIGNER_KEY: pem(key), SIGNER_CERTIFICATE: certificate(key, days)}


def files(edits: Edits = (), changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return what is mounted: the base, with edits of the configuration; a change to None takes a file away."""
    config = BASE
    for old, new in edits:
        assert old in config, old
        config = config.replace(old, new, 1)
    secret = f"{TRUSTEE}/kbs/repository/{RESOURCE}"
    values = {CONFIG: config, ADMIN_KEY: ADMIN, POLICY: ALLOW_ALL, VALUES: "[]", secret: "res1val1"}
    return {path: text for path, text in {**values, **(changes or {})}.items() if text is not None}
