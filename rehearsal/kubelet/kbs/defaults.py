"""What the built-in policies of each version say where none is mounted, as plain functions instead of Rego.

Sources: openshift/trustee, at each tag: ``attestation-service/src/token/*_default_policy*.rego`` (from v1.1.0 in
``ear_token``), ``kbs/src/policy_engine/opa/default_policy.rego`` (v1.2.0: ``kbs/sample_policies/default.rego``). Only
the TEEs of Azure and the sample attester are known here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.kubelet.kbs.versions import Version

Find = Callable[[str], Any]
"""Gives the reference value of a name, or None."""

NOT_RECOGNIZED = {"executables": 33, "hardware": 97, "configuration": 36}
"""The claims of an appraisal that no rule speaks for; 97 is contraindicated."""

_TCB = ("bootloader", "microcode", "snp", "tee")
_FLAGS = {
    "platform_smt_enabled": "smt_enabled",
    "platform_tsme_enabled": "tsme_enabled",
    "policy_abi_major": "abi_major",
    "policy_abi_minor": "abi_minor",
    "policy_single_socket": "single_socket",
    "policy_smt_allowed": "smt_allowed",
}
_SNP = {
    "executables": {"measurement": "measurement", "tpm.pcr11": "snp_pcr11"},
    "hardware": {f"reported_tcb_{part}": f"tcb_{part}" for part in _TCB},
    "configuration": _FLAGS,
}
_BODY = {name: f"quote.body.{name}" for name in ("mr_seam", "tcb_svn", "mr_td", "xfam")}
_TDX = {
    "executables": {"tpm.pcr11": "tdx_pcr11"},
    "hardware": {_BODY[name]: name for name in ("mr_seam", "tcb_svn", "mr_td")},
    "configuration": {_BODY["xfam"]: "xfam"},
}
_QUOTE = {"quote.header.tee_type": "81000000", "quote.header.vendor_id": "939a7233f79c4ca9940a0db3957f0607"}
_RECOGNIZED = {"executables": 3, "hardware": 2, "configuration": 2}


def appraisal(version: Version, document: Mapping[str, Any], find: Find) -> dict[str, int]:
    """Return the trust claims of the built-in EAR policy for the input of a policy."""
    claims = dict(NOT_RECOGNIZED)
    if (sample := document.get("sample")) is not None:
        return claims | _sample(version, sample, find)
    # Until 0.4 the policy has no rules for Azure; that of 1.1 looks for az_snp_vtpm, which no token has.
    if not version.has_classes or (version.asks_for_references and not version.has_storage):
        return claims
    tdx = _TDX | ({"hardware": {_BODY["mr_td"]: "mr_td"}} if version.has_storage else {})
    for attester, rules in (("az-snp-vtpm", _SNP), ("az-tdx-vtpm", tdx)):
        appraised = document.get(version.tee(attester))
        for claim, wanted in rules.items() if appraised is not None else ():
            genuine = claim != "hardware" or attester != "az-tdx-vtpm" or _genuine_quote(version, appraised)
            if genuine and all(_among(_at(appraised, path), find(name)) for path, name in wanted.items()):
                claims[claim] = _RECOGNIZED[claim]
    return claims


def every_claim_fits(document: Mapping[str, Any], references: Mapping[str, Any]) -> bool:
    """Return what the built-in policy of Simple tokens says: what has no reference value fits."""

    def fits(value: Any, wanted: Any) -> bool:
        return not wanted or value in wanted if isinstance(wanted, list) else bool(value == wanted)

    return all(fits(value, references[name]) for name, value in document.items() if name in references)


def allows(version: Version, token: Mapping[str, Any], plugin: str) -> bool:
    """Return what the built-in resource policy says: everybody but the sample attester."""
    if version.asks_for_references and plugin != "resource":
        return False
    evidence = token.get("submods", {}).get(version.submodule, {}).get("ear.veraison.annotated-evidence", {})
    return not evidence.get("sample")


def _sample(version: Version, sample: Mapping[str, Any], find: Find) -> dict[str, int]:
    values = {}
    if _among(sample.get("launch_digest"), find("launch_digest")):
        values["executables"] = 3
    hardware = _among(sample.get("svn"), find("svn"))
    if version.has_classes:
        platform = sample.get("platform_version", {})
        least = find("minimum_minor_version")
        hardware = hardware and platform.get("major") == find("major_version")
        hardware = hardware and isinstance(least, int) and platform.get("minor", -1) >= least
        if sample.get("debug") is False:
            values["configuration"] = 2
    return values | ({"hardware": 2} if hardware else {})


def _genuine_quote(version: Version, quote: Any) -> bool:
    if version.has_storage and _at(quote, "tcb_status") != "UpToDate":
        return False
    return all(_at(quote, path) == value for path, value in _QUOTE.items())


def _among(value: Any, wanted: Any) -> bool:
    return value is not None and isinstance(wanted, list) and value in wanted


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
