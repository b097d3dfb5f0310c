"""Signs every image of ``registry.yaml`` anew: ``python -m rehearsal.kubelet.sign_registry``.

Run it after adding an image. The key is made for the occasion and thrown away; its public half is written to
``registry-keys/cosign.pub``, so nobody can sign anything else for the rehearsal.
"""

import base64
import hashlib
import json
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rehearsal.kubelet.registry import DESCRIPTION, KEYS, armour_hash

_HEAD = """\
# The simulated registries, see registry.py. Signatures: python -m rehearsal.kubelet.sign_registry
# sign: who signs an image: cosign, gpg; "moved": cosign signed what the tag named before, so the digest differs.
# accounts: user and password that a registry wants; they open nothing but this rehearsal.
"""
GPG_STORE = "file:///usr/share/rehearsal/sigstore"


def sign(document: dict[str, Any], key: ec.EllipticCurvePrivateKey, gpg_key: str) -> None:
    """Fill digests and signatures into a document in the form of ``registry.yaml``.

    Args:
        document: changed in place.
        key: signs as cosign does.
        gpg_key: the armoured GPG public key that signatures are said to be of.
    """
    for reference, image in document["images"].items():
        image["digest"] = _digest(reference)
        kinds = image.get("sign", [])
        if "cosign" in kinds or "moved" in kinds:
            digest = image["digest"] if "cosign" in kinds else _digest(f"{reference} before")
            image["cosign"] = [_cosign(reference.rpartition(":")[0], digest, key)]
        if "gpg" in kinds:
            image["gpg"] = [{"store": GPG_STORE, "key": armour_hash(gpg_key), "reference": reference}]


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _cosign(name: str, digest: str, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    # Form: sigstore/cosign specs/SIGNATURE_SPEC.md, "simple signing".
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    payload = json.dumps({"critical": critical, "optional": None}, separators=(",", ":"))
    signature = key.sign(payload.encode(), ec.ECDSA(hashes.SHA256()))
    return {"payload": payload, "signature": base64.b64encode(signature).decode()}


def main() -> None:
    """Write ``registry.yaml`` and ``cosign.pub``."""
    key = ec.generate_private_key(ec.SECP256R1())
    document = yaml.safe_load(DESCRIPTION.read_text())
    sign(document, key, (KEYS / "release.asc").read_text())
    DESCRIPTION.write_text(_HEAD + yaml.safe_dump(document, sort_keys=False, width=1000))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (KEYS / "cosign.pub").write_bytes(public)


if __name__ == "__main__":
    main()
