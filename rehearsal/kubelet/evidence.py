"""The evidence of a simulated confidential VM on Azure: claims by name and shape as Trustee's verifiers give them.

Names: openshift/trustee ``deps/verifier/src/{az_snp_vtpm,az_tdx_vtpm,tdx,intel_dcap,sample}``, v1.2.0; what an older
version does not give, or writes differently, is the business of ``kbs.claims``. The values stand for one pod VM image
and are the same in every run; PCR 8 is what the pod VM measures of its initdata.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.kubelet import initdata
from rehearsal.kubelet.kbs.model import Evidence

ANNOTATION = "rehearsal/attester"
"""Pod annotation of a rehearsal: ``sample`` or ``debug``, what a pod VM says of itself when it lies or is debugged."""
_MODES = ("sample", "debug")
_SECURE_BOOT_OFF = "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068"
_ZERO, _ONES = "00" * 32, "ff" * 32
_ALL_ONES = range(17, 23)  # nobody has extended the PCRs of a dynamic launch
_EMPTY = (13, 15, 16, 23)
_IMAGE = (3, 4, 7, 9, 11, 12)
_PCRS = 24
_REPORT_DATA = "00" * 48


def _made(what: str, algorithm: str = "sha384") -> bytes:
    return hashlib.new(algorithm, f"rehearsal {what}".encode()).digest()


@cache
def _claims() -> Mapping[str, Mapping[str, Any]]:
    """Return the claims of a VM of each TEE, without those of its vTPM."""
    by_tee: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("evidence.yaml").read_text(encoding="utf-8"))
    by_tee["snp"]["measurement"] = base64.b64encode(_made("paravisor")).decode()
    by_tee["tdx"]["quote"]["body"] |= {"mr_seam": _made("TDX module").hex(), "mr_td": _made("paravisor").hex()}
    return {"az-snp-vtpm": by_tee["snp"], "az-tdx-vtpm": by_tee["tdx"]}


def tee_of(vm_size: str) -> str | None:
    """Return the attester of a VM size, or None where it is not confidential."""
    family = vm_size.removeprefix("Standard_").lower()
    if not family.startswith(("dc", "ec")):
        return None
    return "az-tdx-vtpm" if "e" in family[2:].partition("_")[0] else "az-snp-vtpm"


def of(vm_size: str, digest: str | None) -> Evidence | None:
    """Return what a VM of this size proves; None where it is not confidential.

    Args:
        vm_size: of Azure.
        digest: of its initdata, hexadecimal; None without initdata.
    """
    tee = tee_of(vm_size)
    if tee is None:
        return None
    pcr8 = initdata.pcr8(digest) if digest else _ZERO
    claims = {**_claims()[tee], "tpm": {**_pcrs(), "pcr08": pcr8}, "init_data": pcr8, "report_data": _REPORT_DATA}
    return Evidence(tee, claims)


def sample() -> Evidence:
    """Return what the sample attester says, which anybody can say: it proves nothing."""
    report_data = base64.b64encode(bytes.fromhex(_REPORT_DATA)).decode()
    version = {"major": 1, "minor": 4}
    claims = {"svn": "1", "report_data": report_data, "platform_version": version, "debug": False}
    return Evidence("sample", {**claims, "launch_digest": "abcde"})


def changed(evidence: Evidence | None, mode: str) -> Evidence:
    """Return the evidence of a pod VM that lies, has no TEE or is debugged, by the value of ``ANNOTATION``.

    Without a TEE the attestation agent uses the sample attester (guest-components v0.12.0
    ``attestation-agent/attester/src/lib.rs``). With debugging on its host can read its memory.

    Raises:
        ValueError: there is no such mode.
    """
    if mode not in _MODES:
        raise ValueError(f"annotation {ANNOTATION} is {mode!r}; allowed: {', '.join(_MODES)}")
    if evidence is None or mode == "sample":
        return sample()
    if evidence.tee == "az-snp-vtpm":
        return replace(evidence, claims={**evidence.claims, "policy_debug_allowed": "1"})
    quote = evidence.claims["quote"]
    quote = {**quote, "body": {**quote["body"], "td_attributes": "0100001000000000"}}
    attributes = {**evidence.claims["td_attributes"], "debug": True}
    return replace(evidence, claims={**evidence.claims, "quote": quote, "td_attributes": attributes})


def without_secure_boot(evidence: Evidence) -> Evidence:
    """Return the evidence of a pod VM whose firmware verified nothing: PCR 7 holds that state."""
    tpm = {**evidence.claims["tpm"], "pcr07": _SECURE_BOOT_OFF}
    return replace(evidence, claims={**evidence.claims, "tpm": tpm})


def measurements() -> dict[int, str]:
    """Return what the pod VM image measures, by PCR (SHA-256 bank, hexadecimal): firmware, boot loader, kernel."""
    return {number: _pcrs()[f"pcr{number:02}"] for number in _IMAGE}


def _pcrs() -> dict[str, str]:
    values = {}
    for number in range(_PCRS):
        made = _made(f"pcr {number}", "sha256").hex()
        values[f"pcr{number:02}"] = _ONES if number in _ALL_ONES else _ZERO if number in _EMPTY else made
    return values
