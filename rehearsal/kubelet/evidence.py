"""The evidence of a simulated confidential VM on Azure: claims by name and shape as Trustee 0.3's verifiers give them.

Names: openshift/trustee v0.3.0 ``deps/verifier/src/{az_snp_vtpm,az_tdx_vtpm}``. The values stand for one pod VM image
and are the same in every run; PCR 8 is what the pod VM measures of its initdata.
"""

import hashlib
from typing import Any

from rehearsal.kubelet.kbs import Evidence
from rendering import initdata

_ZERO, _ONES = "00" * 32, "ff" * 32
_STATIC = {17: _ONES, 18: _ONES, 19: _ONES, 20: _ONES, 21: _ONES, 22: _ONES}
_EMPTY = (11, 13, 15, 16, 23)
_SNP = {
    "measurement": "c2ltdWxhdGVkIG1lYXN1cmVtZW50IG9mIGEgcGFyYXZpc29yIGZvciByZWhlYXJzYWxz",
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
_TDX = {"quote": {"body": {"mr_td": "ab" * 48, "xfam": "e702060000000000"}}, "tcb_status": "UpToDate"}


def tee_of(vm_size: str) -> str | None:
    """Return the attester of a VM size, or None where it is not confidential."""
    family = vm_size.removeprefix("Standard_").lower()
    if not family.startswith(("dc", "ec")):
        return None
    return "az-tdx-vtpm" if "e" in family[2:].partition("_")[0] else "az-snp-vtpm"


def of(vm_size: str, digest: str | None) -> Evidence | None:
    """Return what a VM of this size proves, with the digest of its initdata; None where it is not confidential."""
    tee = tee_of(vm_size)
    if tee is None:
        return None
    pcr8 = initdata.pcr8(digest) if digest else _ZERO
    claims: dict[str, Any] = {**(_TDX if tee == "az-tdx-vtpm" else _SNP)}
    claims |= {"tpm": {**_pcrs(), "pcr08": pcr8}, "init_data": pcr8, "report_data": "00" * 32}
    return Evidence(tee, claims)


def _pcrs() -> dict[str, str]:
    values = {}
    for number in range(24):
        made = hashlib.sha256(f"rehearsal pcr {number}".encode()).hexdigest()
        values[f"pcr{number:02}"] = _STATIC.get(number) or (_ZERO if number in _EMPTY else made)
    return values
