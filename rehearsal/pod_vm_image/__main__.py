"""``python -m rehearsal.pod_vm_image``: write and sign the measurements of the simulated image."""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rehearsal.kubelet import evidence


def main() -> None:
    """Write the three files beside this one."""
    folder = Path(__file__).parent
    pcrs = {f"pcr{number:02}": f"0x{value}" for number, value in sorted(evidence.measurements().items())}
    content = json.dumps({"measurements": {"sha256": pcrs}}, indent=2).encode() + b"\n"
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "measurements.json").write_bytes(content)
    (folder / "measurements.sig").write_bytes(base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))) + b"\n")
    (folder / "signing-key.pub").write_bytes(public)


if __name__ == "__main__":
    main()
