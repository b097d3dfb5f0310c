"""The evidence of a simulated confidential VM on Azure: claims by name and shape as Trustee's verifiers give them.

Names: openshift/trustee ``deps/verifier/src/{az_snp_vtpm,az_tdx_vtpm,tdx,intel_dcap,sample}``, v1.2.0; what an older
version does not give, or writes differently, is the business of ``kbs.claims``. The values stand for one pod VM image
and are the same in every run; PCR 8 is what the pod VM measures of its initdata.
"""

import base64
import hashlib
from typing import Any

from rehearsal.kubelet.kbs.model import Evidence

_ZERO, _ONES = "00" * 32, "ff" * 32
_ALL_ONES = range(17, 23)  # nobody has extended the PCRs of a dynamic launch
_EMPTY = (13, 15, 16, 23)
_IMAGE = (3, 4, 7, 9, 11, 12)
_PCRS = 24
_DIGEST = 32
_REPORT_DATA = "00" * 48


def _made(what: str, algorithm: str = "sha384") -> bytes:
    return hashlib.new(algorithm, f"rehearsal {what}".encode()).digest()


_SNP = {
    "measurement": base64.b64encode(_made("paravisor")).decode(),
    "platform_smt_enabled": "1",
    "platform_tsme_enabled": "0",
    "policy_abi_major": "0",
    "policy_abi_minor": "31",
    "policy_debug_allowed": "0",
    "policy_migrate_ma": "0",
    "policy_single_socket": "0",
    "policy_smt_allowed": "1",
    "reported_tcb_bootloader": "4",
    "reported_tcb_microcode": "219",
    "reported_tcb_snp": "24",
    "reported_tcb_tee": "0",
}
_TD_ATTRIBUTES = "0000001000000000"
_DEBUG_TD_ATTRIBUTES = "0100001000000000"
_TDX = {
    "quote": {
        "header": {
            "version": "0400",
            "att_key_type": "0200",
            "tee_type": "81000000",
            "reserved": "00000000",
            "vendor_id": "939a7233f79c4ca9940a0db3957f0607",
            "user_data": "00" * 20,
        },
        "body": {
            "tcb_svn": "07010300000000000000000000000000",
            "mr_seam": _made("TDX module").hex(),
            "mrsigner_seam": "00" * 48,
            "seam_attributes": "00" * 8,
            "td_attributes": _TD_ATTRIBUTES,
            "xfam": "e702060000000000",
            "mr_td": _made("paravisor").hex(),
            "mr_config_id": "00" * 48,
            "mr_owner": "00" * 48,
            "mr_owner_config": "00" * 48,
            **{f"rtmr_{number}": "00" * 48 for number in range(4)},
            "report_data": "00" * 64,
        },
    },
    "td_attributes": {
        "debug": False,
        "septve_disable": True,
        "protection_keys": False,
        "key_locker": False,
        "perfmon": False,
    },
    "tcb_status": "UpToDate",
    "collateral_expiration_status": "0",
    "advisory_ids": [],
    "tcb_date": "2024-03-13T00:00:00Z",
    "tcb_eval_num": 17,
}


def tee_of(vm_size: str) -> str | None:
    """Return the attester of a VM size, or None where it is not confidential."""
    family = vm_size.removeprefix("Standard_").lower()
    if not family.startswith(("dc", "ec")):
        return None
    return "az-tdx-vtpm" if "e" in family[2:].partition("_")[0] else "az-snp-vtpm"


def of(vm_size: str, digest: str | None, *, measured: bool = True) -> Evidence | None:
    """Return what a VM of this size proves; None where it is not confidential.

    Args:
        vm_size: of Azure.
        digest: of its initdata, hexadecimal; None without initdata.
        measured: whether the image extends PCR 8 with the digest.
    """
    tee = tee_of(vm_size)
    if tee is None:
        return None
    pcr8 = _pcr8(digest) if digest and measured else _ZERO
    claims: dict[str, Any] = {**(_TDX if tee == "az-tdx-vtpm" else _SNP)}
    claims |= {"tpm": {**_pcrs(), "pcr08": pcr8}, "init_data": pcr8, "report_data": _REPORT_DATA}
    return Evidence(tee, claims)


def sample() -> Evidence:
    """Return what the sample attester says, which anybody can say: it proves nothing."""
    report_data = base64.b64encode(bytes.fromhex(_REPORT_DATA)).decode()
    version = {"major": 1, "minor": 4}
    claims = {"svn": "1", "report_data": report_data, "platform_version": version, "debug": False}
    return Evidence("sample", {**claims, "launch_digest": "abcde"})


def debug(evidence: Evidence) -> Evidence:
    """Return the evidence of the same TEE with debugging on, so that its host can read its memory.

    Raises:
        ValueError: it is no TEE of Azure.
    """
    if evidence.tee == "az-snp-vtpm":
        return Evidence(evidence.tee, {**evidence.claims, "policy_debug_allowed": "1"}, evidence.initdata)
    if evidence.tee != "az-tdx-vtpm":
        raise ValueError(f"{evidence.tee} has no debug mode that a verifier reads")
    quote = evidence.claims["quote"]
    quote = {**quote, "body": {**quote["body"], "td_attributes": _DEBUG_TD_ATTRIBUTES}}
    attributes = {**evidence.claims["td_attributes"], "debug": True}
    return Evidence(evidence.tee, {**evidence.claims, "quote": quote, "td_attributes": attributes}, evidence.initdata)


def measurements() -> dict[int, str]:
    """Return what the pod VM image measures, by PCR (SHA-256 bank, hexadecimal): firmware, boot loader, kernel."""
    return {number: _pcrs()[f"pcr{number:02}"] for number in _IMAGE}


def _pcr8(digest: str) -> str:
    # tpm2_pcrextend takes the first 32 bytes of whatever digest there is.
    return hashlib.sha256(bytes(_DIGEST) + bytes.fromhex(digest)[:_DIGEST]).hexdigest()


def _pcrs() -> dict[str, str]:
    values = {}
    for number in range(_PCRS):
        made = _made(f"pcr {number}", "sha256").hex()
        values[f"pcr{number:02}"] = _ONES if number in _ALL_ONES else _ZERO if number in _EMPTY else made
    return values
