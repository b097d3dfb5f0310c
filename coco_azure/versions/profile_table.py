"""The tables of ``docs/versions.md``, made from the profiles so that they cannot fall behind them.

``python -m coco_azure.versions.profile_table docs/versions.md`` writes them anew between their marks; what else stands
in the page is left as it is.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from coco_azure.versions.profile_types import OscProfile, TrusteeProfile
from coco_azure.versions.profiles import OSC, TRUSTEE, speakers

_Profile = TypeVar("_Profile")
_MARK = "<!-- {} of {} profiles: made by coco_azure/versions/profile_table.py -->"


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if value else "no"


def _verdict(profile: TrusteeProfile) -> str:
    if profile.token == "Simple":  # noqa: S105 - a type of token
        return "`allow`"
    return "`trust_claims`" if profile.trust_claims else "`executables`, `hardware`, `configuration`"


_OSC_ROWS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "initdata is base64 of": ("initdata_gzip", lambda packed: "gzip of the TOML text" if packed else "the TOML text"),
    "pod annotation with initdata": ("initdata_annotation", lambda key: f"`{key}`"),
    "PCR 8 measures initdata": ("initdata_measured", lambda measured: "yes" if measured else "not known"),
    "a pod VM without initdata measures": ("initdata_stand_in", lambda one: "a stand-in" if one else "nothing"),
    "pod VMs speak RCAR": ("protocol", str),
    "signs in to Azure with workload identity": ("workload_identity", _yes),
    "pod VMs pull from `trustee.registryMirrors`": ("registry_mirrors", _yes),
    "form of `image_pull_proxy` in `cdh.toml`": ("pull_proxy_is_table", lambda table: "a table" if table else "a text"),
    "takes `peerPods.rootVolumeSize`": ("root_volume_size", _yes),
    "the agent tells its policy of a copied file": (
        "copied_type_named",
        lambda named: "type and target of a link" if named else "mode and data",
    ),
    "who restarts CAA for a new `peer-pods-cm`": (
        "restarts_caa",
        lambda itself: "the operator" if itself else "the stack",
    ),
    "installs by DaemonSet without a reboot": ("daemon_set_without_reboot", _yes),
    "takes `caaUpdateStrategy`": ("caa_update_strategy", _yes),
    "same pod VM image with and without CoCo": ("one_image", _yes),
    "the guest refuses unsigned sealed secrets": ("verifies_sealed", _yes),
    "CAA's TLS follows the cluster's TLS profile": ("follows_tls_profile", _yes),
    "`PROXY_TIMEOUT`, unless `peerPods.proxyTimeout` is set": ("proxy_timeout", str),
    "least OpenShift that people tell of": ("openshift", lambda releases: ", ".join(releases) or "none told"),
}
"""Rows by title: the field of a profile, and the cell for its value."""
_TRUSTEE_ROWS: Mapping[str, Callable[[TrusteeProfile], str]] = {
    "KBS takes RCAR": lambda profile: profile.protocol,
    "schema of `kbs-config.toml`": lambda profile: profile.kbs_schema,
    "the chapter's `kbs-config.json` beside it": lambda profile: _yes(profile.kbs_json),
    "token": lambda profile: "Simple" if profile.token == "Simple" else "EAR",  # noqa: S105 - a type of token
    "Rego": lambda profile: "v1" if profile.rego_v1 else "v0",
    "longest line of a policy": lambda profile: "1024 columns" if profile.rego_limits else "any",
    "attestation policy gives": _verdict,
    "submodule of the CPU": lambda profile: f"`{profile.submodule}`" if profile.token == "Ear" else "none",  # noqa: S105 - a type
    "TEEs in claims": lambda profile: ", ".join(f"`{name}`" for name in profile.claims.values()),
    "reference value of PCR 8 (SNP)": lambda profile: f"`{profile.reference_name('snp', 8)}`",
    "policies get reference values": lambda profile: (
        "`query_reference_value(name)`" if profile.reference_function else "`data.reference[name]`"
    ),
    "form of reference values": lambda profile: f"`{profile.reference_format}`",
    "RVPS leaves out what has expired": lambda profile: _yes(profile.enforces_expiry),
    "resource policy sees": lambda profile: (
        '`data.plugin`, `data["resource-path"]` (list)' if profile.split_path else '`data["resource-path"]` (text)'
    ),
    "key in `resource-policy`": lambda profile: f"`{profile.resource_policy_key}`",
    "key in `attestation-policy`": lambda profile: f"`{profile.attestation_policy_key}`",
    "key in `rvps-reference-values`": lambda profile: f"`{profile.reference_values_key}`",
    "KbsConfig says that it is ready": lambda profile: _yes(profile.reports_ready),
    "TDX collateral": lambda profile: "ConfigMap `tdx-config`" if profile.tdx_config_map else "`kbs-config.toml`",
    "ports that KBS may call": lambda profile: (
        "any" if profile.closed_from is None else f"any; from {profile.version}.{profile.closed_from} on maybe 443 only"
    ),
    "key that signs tokens": lambda profile: profile.signer_key,
    "several administrators at a time": lambda profile: _yes(profile.several_admins),
    "operator restarts KBS for a changed ConfigMap": lambda profile: _yes(profile.follows_config_maps),
}


def osc() -> str:
    """Return the table of OpenShift sandboxed containers, a column for each version."""
    return _table(OSC, {title: partial(_cell, field, words) for title, (field, words) in _OSC_ROWS.items()})


def _cell(field: str, words: Callable[[Any], str], profile: OscProfile) -> str:
    """Return a cell, which says where no public source tells its value."""
    return f"{words(getattr(profile, field))}{' (assumed)' if field in profile.assumed else ''}"


def trustee() -> str:
    """Return the table of Trustee, a column for each version."""
    return _table(TRUSTEE, _TRUSTEE_ROWS)


def speaking() -> str:
    """Return the table of the versions that speak with each other, a line for each version of the RCAR protocol."""
    lines = [_row(["pod VMs of OSC", "KBS of Trustee", "RCAR"]), _row(["---"] * 3)]
    lines += [_row([", ".join(both[0]), ", ".join(both[1]), protocol]) for protocol, both in speakers().items()]
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """Return the page with its tables made anew.

    Raises:
        ValueError: the marks of a table are not in it, each exactly once.
    """
    for name, table in {"OSC": osc(), "Trustee": trustee(), "RCAR": speaking()}.items():
        begin, end = _MARK.format("table", name), _MARK.format("end", name)
        if (page.count(begin), page.count(end)) != (1, 1):
            raise ValueError(f"the page needs the lines {begin} and {end}, each once")
        before, _, rest = page.partition(begin)
        page = "\n".join([f"{before}{begin}", "", table, f"{end}{rest.partition(end)[2]}"])
    return page


def _table(profiles: Mapping[str, _Profile], rows: Mapping[str, Callable[[_Profile], str]]) -> str:
    lines = [_row(["", *profiles]), _row(["---"] * (len(profiles) + 1))]
    lines += [_row([title, *(cell(profile) for profile in profiles.values())]) for title, cell in rows.items()]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(updated(_page.read_text(encoding="utf-8")), encoding="utf-8")
