"""Claims of the documented attesters, as the verifiers of each version of Trustee make them of evidence.

Sources: openshift/trustee ``deps/verifier/src/{az_snp_vtpm,az_tdx_vtpm,sample}``, ``snp``, ``tdx/claims.rs`` and
``intel_dcap`` at tags v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.0; the TDX quote is that of Azure in the verifier's own test
data. The values stand for one pod VM image; they are not the measurements of a real one.

The report's ``reported_tcb`` has four numbers, 0 to 255 each; a newer firmware with a security fix has a higher one.
Verifiers give each as text, ``reported_tcb_bootloader`` and so on (openshift/trustee v0.3.0 ``deps/verifier/src/snp``,
v1.0.0 to v1.2.0 ``deps/verifier/src/az_snp_vtpm``). Which numbers are current depends on the generation of the CPU.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from coco_azure.versions.profiles import TrusteeProfile


@dataclass(frozen=True, kw_only=True)
class SnpTcb:
    """Four security version numbers; the defaults are the least that a policy for production lets pass.

    Attributes:
        bootloader: of the AMD secure processor's boot loader.
        tee: of its operating system; 0 on machines of Azure.
        snp: of the SNP firmware.
        microcode: of the CPU's microcode.
    """

    bootloader: int = 1
    tee: int = 0
    snp: int = 1
    microcode: int = 1

    def numbers(self) -> dict[str, int]:
        """Return the numbers by name."""
        return asdict(self)

    def claims(self) -> dict[str, str]:
        """Return the numbers as a verifier names and writes them."""
        return {f"reported_tcb_{name}": str(number) for name, number in self.numbers().items()}


ZERO = SnpTcb(bootloader=0, tee=0, snp=0, microcode=0)
"""What a machine reports that says nothing of its firmware."""
DOCUMENTED = SnpTcb(bootloader=4, tee=0, snp=24, microcode=219)
"""What the documented pod VM reports: a third generation EPYC of 2026."""


def at_least(one: SnpTcb, other: SnpTcb) -> SnpTcb:
    """Return the higher one of each number."""
    return SnpTcb(**{name: max(number, other.numbers()[name]) for name, number in one.numbers().items()})


def below(least: SnpTcb, genuine: SnpTcb) -> SnpTcb:
    """Return a genuine TCB but for one number that is just too low; there is one, for no minimum is all zeros."""
    name, number = next((name, number) for name, number in reversed(least.numbers().items()) if number > 0)
    return SnpTcb(**{**genuine.numbers(), name: number - 1})


Tee = Literal["snp", "tdx"]
Attester = Literal["snp", "tdx", "sample"]

Claims = Mapping[str, Any]
"""What a verifier reads from evidence, nested: JSON."""

_NONCE = "6368616c6c656e6765"
_ZERO, _ONES = "00" * 32, "ff" * 32
_UNUSED = (11, 13, 15, 16, 23)
_LOCALITY = range(17, 23)
_MEASUREMENT = "msSPysii2Iru/41CetTyvg45F8dIoYvfUswxfn/iAwi0WdXvGhLgwilE6zhtF8MV"
_PLAIN, _DEBUGGED = "0000000000000000", "0100000000000000"
_INTEL = "939a7233f79c4ca9940a0db3957f0607"


def expected_claims(
    attester: Attester,
    profile: TrusteeProfile,
    pcrs: Mapping[int, str],
    *,
    debug: bool = False,
    tcb: SnpTcb = DOCUMENTED,
) -> Claims:
    """Return the claims of an attester that is genuine.

    Args:
        profile: the version of Trustee whose verifier reads the evidence.
        pcrs: PCRs of the vTPM that are not as documented, hexadecimal.
        debug: whether the TEE can be debugged; the sample attester says that it cannot, whatever is true.
        tcb: what an SNP machine reports of its firmware.
    """
    if attester == "sample":
        return _sample(profile)
    tee = _snp(profile, tcb, debug=debug) if attester == "snp" else _tdx(profile, debug=debug)
    values = {**_documented(), **pcrs}
    return {
        **tee,
        "tpm": {f"pcr{pcr:02}": value for pcr, value in sorted(values.items())},
        "init_data": values[8],
        "report_data": _NONCE,
    }


def _documented() -> dict[int, str]:
    made = {pcr: hashlib.sha256(f"documented pcr {pcr}".encode()).hexdigest() for pcr in range(24)}
    return {**made, **dict.fromkeys(_UNUSED, _ZERO), **dict.fromkeys(_LOCALITY, _ONES)}


def _snp(profile: TrusteeProfile, tcb: SnpTcb, *, debug: bool) -> dict[str, Any]:
    # Every value is text: of a number in Trustee 0.3 and 0.4 (sev 4), of a truth value in later ones (sev 6).
    off, on = ("0", "1") if profile.token == "Simple" else ("false", "true")  # noqa: S105 - a type of token
    return {
        **tcb.claims(),
        "measurement": _MEASUREMENT,
        "platform_smt_enabled": on,
        "platform_tsme_enabled": off,
        "policy_abi_major": "0",
        "policy_abi_minor": "31",
        "policy_debug_allowed": on if debug else off,
        "policy_migrate_ma": off,
        "policy_single_socket": off,
        "policy_smt_allowed": on,
    }


def _tdx(profile: TrusteeProfile, *, debug: bool) -> dict[str, Any]:
    attributes = _DEBUGGED if debug else _PLAIN
    claims = {"quote": {"header": _header(), "body": _body(attributes)}}
    status = _TCB_STATUS.get(profile.version, "UpToDate")
    if status is None:
        return {**claims, "ccel": {}}
    names = ("debug", "septve_disable", "protection_keys", "key_locker", "perfmon")
    flags = {name: debug and name == "debug" for name in names}
    verified = {"tcb_status": status, "collateral_expiration_status": "0", "advisory_ids": []}
    return {**claims, "td_attributes": flags, **verified}


_TCB_STATUS: Mapping[str, str | None] = {"0.3": None, "0.4": "OK"}
"""How a verifier says that the TCB of a TD is current; 0.3 keeps it to its log."""


def _header() -> dict[str, str]:
    return {
        "version": "0400",
        "att_key_type": "0200",
        "tee_type": "81000000",
        "reserved": "00000000",
        "vendor_id": _INTEL,
        "user_data": "f17eac112e4cd9a0fafce1b46b5af18f00000000",
    }


def _body(attributes: str) -> dict[str, str]:
    unused = ("mrsigner_seam", "mr_config_id", "mr_owner", "mr_owner_config", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3")
    return {
        **dict.fromkeys(unused, "00" * 48),
        "tcb_svn": "02010600000000000000000000000000",
        "mr_seam": "360304d34a16aace0a18e09ad2d07d2b9fd3c174378e5bf108388079827f89ff62acc5f8c473dd40706324834e202946",
        "mr_td": "024a32b070383331181619fa387cb4d55d1e38879f989933055ccad5bc2db795d1737b66205949d15469dc8c1ba7ab7b",
        "seam_attributes": "0000000000000000",
        "td_attributes": attributes,
        "xfam": "e718060000000000",
        "report_data": "9734504f161d104c74e3165c15f779b06a9bb40dfa71937817d7eee68e593839" + "00" * 32,
    }


def _sample(profile: TrusteeProfile) -> dict[str, Any]:
    claims: dict[str, Any] = {"svn": "1", "report_data": _NONCE}
    if profile.token == "Simple":  # noqa: S105 - a type of token
        return {**claims, "init_data": ""}
    return {**claims, "launch_digest": "abcde", "platform_version": {"major": 1, "minor": 4}, "debug": False}
