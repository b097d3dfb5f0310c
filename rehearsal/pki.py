"""Certificates, keys and tokens of one rehearsal control plane, made once and kept in its ``pki`` folder.

Every file is readable by its owner only. Serves loopback; it is no model for a real cluster.
"""

import base64
import csv
import datetime as dt
import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from coco_azure.formats.pki import issuing
from coco_azure.formats.pki.issuing import Subject

USERS = {
    "rehearsal-admin": "kubeconfig",
    "rehearsal-operators": "pki/operators.kubeconfig",
    "system:kube-controller-manager": "pki/kube-controller-manager.kubeconfig",
}
"""Every user of the control plane, with its kubeconfig's path in the cluster's folder; the audit log names them."""

_LIFETIME = dt.timedelta(days=3650)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    part.replace(path)


def ensure(cluster: Path) -> None:
    """Make what is missing in ``cluster/pki``: CA, certificate for loopback, signing key, a token for each user."""
    pki = cluster / "pki"
    if (pki / "tokens.csv").exists():  # written last
        return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("rehearsal-ca", authority_key, None, authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("rehearsal", key, authority, authority_key)
    signing_key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    write_private(pki / "ca.crt", authority.public_bytes(pem))
    write_private(pki / "server.crt", certificate.public_bytes(pem))
    write_private(pki / "server.key", issuing.private_pem(key))
    write_private(pki / "service-account.key", issuing.private_pem(signing_key))
    write_private(
        pki / "service-account.pub",
        signing_key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    # Columns: token, user, uid, groups (kube-apiserver's --token-auth-file).
    rows = [f'{secrets.token_hex(32)},{user},{user},"system:masters"\n' for user in USERS]
    write_private(pki / "tokens.csv", "".join(rows))


def tokens(cluster: Path) -> Mapping[str, str]:
    """The token of each user."""
    with (cluster / "pki" / "tokens.csv").open(encoding="ascii", newline="") as file:
        return {user: token for token, user, *_ in csv.reader(file)}


def write_kubeconfigs(cluster: Path, port: int) -> None:
    """Write one kubeconfig for each user, for an API server on ``port`` of loopback."""
    authority = (cluster / "pki" / "ca.crt").read_bytes()
    for user, token in tokens(cluster).items():
        write_private(cluster / USERS[user], _kubeconfig(user, token, authority, port))


def _kubeconfig(user: str, token: str, authority: bytes, port: int) -> str:
    encoded = base64.b64encode(authority).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": encoded}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rehearsal", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "rehearsal", "context": {"cluster": "rehearsal", "user": user}}],
            "current-context": "rehearsal",
        },
        sort_keys=False,
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    subject = Subject(name=issuing.subject_name(name), key=key.public_key(), authority=issuer is None)
    builder = issuing.certificate(subject, issuer.subject if issuer else subject.name, issuer_key, now, now + _LIFETIME)
    if issuer is not None:
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
