"""Judging a user's own signer of attestation tokens before it is deployed.

KBS verifies its own tokens with OpenSSL (openshift/trustee v0.3.0 ``kbs/src/token/jwk.rs``, v1.2.0
``kbs/src/crypto/jwt.rs``): the key in the token must be that of the chain's first certificate, and the chain must end
in a self-signed certificate among ``trusted_certs_paths``. It reads only the first certificate of each of these files,
and the program gives it the signer's file for both, so that certificate has to be self-signed. Making a signer is
``coco_azure/formats/pki/issuing.py``.
"""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from coco_azure.formats.pki import certificates, issuing, public_material
from coco_azure.versions.profiles import Token

_MAKE = {
    "Simple": "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=signer -days 3650 -keyout key.pem -out cert.pem",
    "Ear": "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=signer -days 3650 "
    "-keyout key.pem -out cert.pem",
}


def problems(token: Token, chain_pem: str, key_pem: str, now: datetime) -> list[str]:
    """Return everything that would keep KBS from signing or accepting tokens; each with its remediation.

    Args:
        token: type of the token that the deployed version of Trustee makes.
        now: the present, with a time zone.
    """
    try:
        chain = public_material.certificates(chain_pem)
    except ValueError as error:
        return [str(error)]
    messages = _wrong_key(token, chain[0])
    messages += public_material.key_problems(chain[0], key_pem)
    messages += certificates.outside_validity(chain[0], now)
    if not certificates.self_signed(chain[0]):
        messages.append(
            f"the signer, {chain[0].subject.rfc4514_string()}, did not sign itself: {chain[0].issuer.rfc4514_string()} "
            "did. KBS reads only the first certificate of the file, and needed a self-signed one; nobody but KBS "
            f"itself looks at it. Make: {_MAKE[token]}"
        )
    elif len(chain) > 1:
        messages.append(
            f"the file has {len(chain)} certificates, and KBS reads only the first; needed that one alone. Remove the "
            "others: openssl x509 -in FILE -out FILE.first"
        )
    return messages


def _wrong_key(token: Token, leaf: x509.Certificate) -> list[str]:
    key = leaf.public_key()
    if token == "Simple":  # noqa: S105 - a type of token
        if isinstance(key, rsa.RSAPublicKey) and key.key_size in public_material.RSA_BITS:
            return []
        return [f"the signer has {_kind(key)}; Simple tokens needed RSA of 2048 bits or more. Make: {_MAKE[token]}"]
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return [f"the signer has {_kind(key)}; EAR tokens needed a key on curve P-256. Make: {_MAKE[token]}"]
    if not issuing.usable_for_ear(key):
        return [
            (
                "a coordinate of the signer's key begins with a zero byte (one key in 128 is so), which KBS drops from "
                f"the token and then cannot verify it; needed another key. Make: {_MAKE[token]}"
            )
        ]
    return []


def _kind(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"a key on curve {key.curve.name}"
    return f"a {type(key).__name__.lstrip('_')}"
