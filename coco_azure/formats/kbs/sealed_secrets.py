"""Resources of KBS by URI, and sealed secrets: a Kubernetes Secret that holds where its value is, and no value.

The pod VM unseals: what stands in an environment variable or a mounted file as
``sealed.<header>.<payload>.<signature>`` is replaced with what KBS serves, once the pod has attested itself. Format:
guest-components v0.12.0 ``confidential-data-hub/docs/SEALED_SECRET.md``, type vault. The signature (a JWS, ES256) is
ignored before guest-components v0.18.0 (cloud-api-adaptor v0.19.0) and demanded since: ``hub/src/secret/mod.rs``
fetches the public JWK that ``kid`` names, and refuses what it did not sign. A signed form is good for all versions.

The repository is always ``default``: the Trustee operator serves each Secret of ``kbsSecretResources`` there and
nowhere else (openshift/trustee-operator v0.3.0 to v1.1.0 ``kbsconfig_controller.go`` mounts it at
``<repository>/default/<secret>``; v1.2.1 ``cmd/secret-converter/main.go`` copies its keys to names that begin with
``default``). Which characters a part may have is KBS's rule: openshift/trustee v0.3.0 to v1.2.0
``kbs/src/plugins/implementations/resource/backend.rs``.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coco_azure import names

SCHEME = "kbs:///"
REPOSITORY = "default"

_PART = re.compile(r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]*")
_FORM = "needed kbs:///default/SECRET/KEY or default/SECRET/KEY"


@dataclass(frozen=True, order=True)
class ResourceUri:
    """One resource of KBS."""

    secret: str
    key: str

    @property
    def path(self) -> str:
        """The path that KBS looks up: ``default/SECRET/KEY``."""
        return f"{REPOSITORY}/{self.secret}/{self.key}"

    @property
    def uri(self) -> str:
        """The URI that a pod VM resolves: ``kbs:///default/SECRET/KEY``."""
        return SCHEME + self.path

    def __str__(self) -> str:
        """Return the URI."""
        return self.uri


def parse(text: str) -> ResourceUri:
    """Return the resource that ``kbs:///default/SECRET/KEY`` or ``default/SECRET/KEY`` names.

    Raises:
        ValueError: it is neither; another repository; or a part that KBS answers to with an error.
    """
    scheme, _, rest = text.rpartition("://")
    if scheme not in ("", "kbs"):
        raise ValueError(f"{text}: the scheme is {scheme}, {_FORM}")
    if scheme and not rest.startswith("/"):
        raise ValueError(f"{text}: names a host; the pod VM knows the address of KBS from its initdata, {_FORM}")
    parts = rest.removeprefix("/").split("/") if scheme else rest.split("/")
    if len(parts) != 3:  # noqa: PLR2004 - repository, type and tag
        raise ValueError(f"{text}: {len(parts)} part{'s' if len(parts) != 1 else ''} between the slashes, {_FORM}")
    repository, secret, key = parts
    if repository != REPOSITORY:
        raise ValueError(f"{text}: the Trustee operator serves Secrets in repository {REPOSITORY} only, {_FORM}")
    for part in (secret, key):
        if not servable(part):
            raise ValueError(f"{text}: {part!r} is no name that KBS serves: letters, digits, - _ . and no dot first")
    return ResourceUri(secret, key)


def servable(part: str) -> bool:
    """Return whether KBS serves a resource with such a secret name or key: a leading dot is refused, for example."""
    return _PART.fullmatch(part) is not None


def unserved(wanted: ResourceUri, served: Collection[str], where: str) -> str | None:
    """Return the complaint about a resource that no secret serves, or None.

    Args:
        served: paths (``default/SECRET/KEY``) that there are.
        where: the setting that names the resource.
    """
    if wanted.path in served:
        return None
    available = ", ".join(sorted(served)) or "none"
    return (
        f"{where} names {wanted.uri}, which no secret serves (served: {available}). Add it: pulumi config set --secret "
        f"--path 'coco-azure:clientSecrets.{wanted.secret}[\"{wanted.key}\"]' VALUE; or name one of these"
    )


SIGNING_KEY = ResourceUri(names.SEALING_SECRET, "jwk")
"""Where the public half of the signing key is served."""

_PREFIX, _SECTIONS = "sealed", 4
_VERSION = "0.1.0"
_NUMBER = 32
_UNSIGNED = ("fakejwsheader", "fakesignature")  # what the tool of guest-components wrote before v0.18.0


def generate_signing_key() -> str:
    """Return a new private key (PKCS#8 PEM, P-256) to sign sealed secrets with."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_jwk(signing_key: str) -> str:
    """Return the public half of a private key (PEM, P-256) as the JWK that KBS has to serve.

    Raises:
        ValueError: it is no such key.
    """
    numbers = _private_key(signing_key).public_key().public_numbers()
    jwk = {"crv": "P-256", "kty": "EC", "x": _number(numbers.x), "y": _number(numbers.y)}
    return json.dumps(jwk, sort_keys=True)


def seal_vault(resource: str, signing_key: str | None = None, kid: str | None = None) -> str:
    """Return the sealed secret that stands for a resource of KBS; the same input gives the same text.

    Args:
        resource: ``kbs:///default/SECRET/KEY``.
        signing_key: private key (PEM, P-256); without one the result is refused by newer pod VMs.
        kid: resource URI of the key's public JWK; needed with ``signing_key``.

    Raises:
        ValueError: no such resource can be, a key without its ``kid``, or a key of another kind.
    """
    content = {
        "version": _VERSION,
        "type": "vault",
        "name": parse(resource).uri,
        "provider": "kbs",
        "provider_settings": {},
        "annotations": {},
    }
    payload = _encode(json.dumps(content, separators=(",", ":")).encode())
    if signing_key is None:
        return f"{_PREFIX}.{_UNSIGNED[0]}.{payload}.{_UNSIGNED[1]}"
    if kid is None:
        raise ValueError("a signing key needs the resource URI of its public JWK (kid)")
    header = _encode(json.dumps({"alg": "ES256", "kid": parse(kid).uri}, separators=(",", ":")).encode())
    # Deterministic (RFC 6979), so that a run that changes nothing also shows no change.
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(_private_key(signing_key).sign(f"{header}.{payload}".encode(), algorithm))
    return f"{_PREFIX}.{header}.{payload}.{_encode(r.to_bytes(_NUMBER) + s.to_bytes(_NUMBER))}"


def unseal(text: str, jwk: str | None = None) -> str:
    """Return the URI of the resource that a sealed secret stands for.

    Args:
        jwk: public JWK to verify it with; None: the signature is not looked at, as before guest-components v0.18.0.

    Raises:
        ValueError: it is no sealed secret of type vault from KBS, or the signature is not that key's.
    """
    sections = text.split(".")
    if len(sections) != _SECTIONS or sections[0] != _PREFIX:
        raise ValueError("malformed sealed secret: needed sealed.<header>.<payload>.<signature>")
    if jwk is not None:
        _verify(sections, jwk)
    content = _object(sections[2], "payload")
    if content.get("version") != _VERSION or content.get("type") != "vault" or content.get("provider") != "kbs":
        raise ValueError(f"not a sealed secret of version {_VERSION}, type vault and provider kbs")
    return parse(str(content.get("name"))).uri


def kid(text: str) -> str | None:
    """Return the resource URI of the key that signed a sealed secret, or None where nobody did."""
    try:
        return parse(str(_object(text.split(".")[1], "header").get("kid"))).uri
    except (ValueError, IndexError):
        return None


def _verify(sections: list[str], jwk: str) -> None:
    if _object(sections[1], "header").get("alg") != "ES256":
        raise ValueError("JWS algorithm must be ES256")
    signature = _decode(sections[3], "signature")
    if len(signature) != 2 * _NUMBER:
        raise ValueError("malformed sealed secret: the signature is not one of ES256")
    key = json.loads(jwk)
    x, y = (int.from_bytes(_decode(key[name], "key")) for name in ("x", "y"))
    pair = encode_dss_signature(int.from_bytes(signature[:_NUMBER]), int.from_bytes(signature[_NUMBER:]))
    signed = f"{sections[1]}.{sections[2]}".encode()
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        public.verify(pair, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ValueError("the signature of the sealed secret is not that of the key") from None


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("the signing key is no PEM private key without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(  # noqa: TRY004 - the type of a user's data, not of an argument
            "sealed secrets are signed with a P-256 key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
        )
    return key


def _object(section: str, what: str) -> dict[str, Any]:
    try:
        content = json.loads(_decode(section, what))
    except ValueError as error:
        raise ValueError(f"malformed sealed secret: the {what} is no JSON") from error
    if not isinstance(content, dict):
        raise ValueError(f"malformed sealed secret: the {what} is no object")  # noqa: TRY004 - data, not an argument
    return content


def _decode(section: str, what: str) -> bytes:
    try:
        return base64.b64decode(section + "=" * (-len(section) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"malformed sealed secret: the {what} is no base64url") from error


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encode(value.to_bytes(_NUMBER))
