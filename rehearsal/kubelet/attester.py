"""What a pod VM says of itself when it lies, is debugged, or has no TEE: for checks that KBS notices.

Without a TEE the attestation agent uses the sample attester (guest-components v0.12.0
``attestation-agent/attester/src/lib.rs``). The evidence itself stands in ``evidence``.
"""

from dataclasses import replace

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import Evidence

ANNOTATION = "rehearsal/attester"
"""Pod annotation of a rehearsal: ``sample`` or ``debug``."""
MODES = ("sample", "debug")

_SECURE_BOOT_OFF = "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068"


def changed(proof: Evidence | None, mode: str) -> Evidence:
    """Return the evidence of a pod VM in one of ``MODES``; raises ValueError for another mode."""
    if mode not in MODES:
        raise ValueError(f"annotation {ANNOTATION} is {mode!r}; allowed: {', '.join(MODES)}")
    return evidence.sample() if proof is None or mode == "sample" else evidence.debug(proof)


def without_secure_boot(proof: Evidence) -> Evidence:
    """Return the evidence of a pod VM whose firmware verified nothing: PCR 7 holds that state."""
    tpm = {**proof.claims["tpm"], "pcr07": _SECURE_BOOT_OFF}
    return replace(proof, claims={**proof.claims, "tpm": tpm})
