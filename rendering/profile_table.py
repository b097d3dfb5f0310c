"""The tables of ``docs/versions.md``, made from the profiles so that they cannot fall behind them.

``python -m rendering.profile_table docs/versions.md`` writes them anew between their marks; what else stands in the
page is left as it is.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rendering.profile_types import OscProfile, TrusteeProfile
from rendering.profiles import OSC, TRUSTEE, speakers

_Profile = TypeVar("_Profile")
_MARK = "<!-- {} of {} profiles: made by rendering/profile_table.py -->"


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if value else "no"


def _told(found: OscProfile, field: str, cell: str) -> str:
    """Return a cell that says where no public source tells its value."""
    return f"{cell} (assumed)" if field in found.assumed else cell


def _verdict(found: TrusteeProfile) -> str:
    if found.token == "Simple":  # noqa: S105 - a type of token
        return "`allow`"
    return "`trust_claims`" if found.trust_claims else "`executables`, `hardware`, `configuration`"


_OSC_ROWS: Mapping[str, Callable[[OscProfile], str]] = {
    "initdata is base64 of": lambda found: _told(
        found, "initdata_gzip", "gzip of the TOML text" if found.initdata_gzip else "the TOML text"
    ),
    "pod annotation with initdata": lambda found: _told(found, "initdata_annotation", f"`{found.initdata_annotation}`"),
    "PCR 8 measures initdata": lambda found: _told(
        found, "initdata_measured", "yes" if found.initdata_measured else "not known"
    ),
    "a pod VM without initdata measures": lambda found: _told(
        found, "initdata_stand_in", "a stand-in" if found.initdata_stand_in else "nothing"
    ),
    "pod VMs speak RCAR": lambda found: _told(found, "protocol", found.protocol),
    "signs in to Azure with workload identity": lambda found: _told(
        found, "workload_identity", _yes(found.workload_identity)
    ),
    "the agent tells its policy of a copied file": lambda found: _told(
        found, "copied_type_named", "type and target of a link" if found.copied_type_named else "mode and data"
    ),
    "who restarts CAA for a new `peer-pods-cm`": lambda found: _told(
        found, "restarts_caa", "the operator" if found.restarts_caa else "the stack"
    ),
    "same pod VM image with and without CoCo": lambda found: _told(found, "one_image", _yes(found.one_image)),
    "the guest refuses unsigned sealed secrets": lambda found: _told(
        found, "verifies_sealed", _yes(found.verifies_sealed)
    ),
    "CAA's TLS follows the cluster's TLS profile": lambda found: _told(
        found, "follows_tls_profile", _yes(found.follows_tls_profile)
    ),
    "`PROXY_TIMEOUT`, unless `peerPods.proxyTimeout` is set": lambda found: _told(
        found, "proxy_timeout", found.proxy_timeout
    ),
    "least OpenShift that people tell of": lambda found: _told(
        found, "openshift", ", ".join(found.openshift) or "none told"
    ),
}

_TRUSTEE_ROWS: Mapping[str, Callable[[TrusteeProfile], str]] = {
    "KBS takes RCAR": lambda found: found.protocol,
    "schema of `kbs-config.toml`": lambda found: found.kbs_schema,
    "the chapter's `kbs-config.json` beside it": lambda found: _yes(found.kbs_json),
    "token": lambda found: "Simple" if found.token == "Simple" else "EAR",  # noqa: S105 - a type of token
    "Rego": lambda found: "v1" if found.rego_v1 else "v0",
    "attestation policy gives": _verdict,
    "submodule of the CPU": lambda found: f"`{found.submodule}`" if found.token == "Ear" else "none",  # noqa: S105 - a type
    "TEEs in claims": lambda found: ", ".join(f"`{name}`" for name in found.claims.values()),
    "reference value of PCR 8 (SNP)": lambda found: f"`{found.reference_name('snp', 8)}`",
    "policies get reference values": lambda found: (
        "`query_reference_value(name)`" if found.reference_function else "`data.reference[name]`"
    ),
    "form of reference values": lambda found: f"`{found.reference_format}`",
    "RVPS leaves out what has expired": lambda found: _yes(found.enforces_expiry),
    "resource policy sees": lambda found: (
        '`data.plugin`, `data["resource-path"]` (list)' if found.split_path else '`data["resource-path"]` (text)'
    ),
    "key in `resource-policy`": lambda found: f"`{found.resource_policy_key}`",
    "key in `attestation-policy`": lambda found: f"`{found.attestation_policy_key}`",
    "key in `rvps-reference-values`": lambda found: f"`{found.reference_values_key}`",
    "KbsConfig says that it is ready": lambda found: _yes(found.reports_ready),
    "TDX collateral": lambda found: "ConfigMap `tdx-config`" if found.tdx_config_map else "`kbs-config.toml`",
    "key that signs tokens": lambda found: found.signer_key,
    "several administrators at a time": lambda found: _yes(found.several_admins),
    "operator restarts KBS for a changed ConfigMap": lambda found: _yes(found.follows_config_maps),
}


def osc() -> str:
    """Return the table of OpenShift sandboxed containers, a column for each version."""
    return _table(OSC, _OSC_ROWS)


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
    lines += [_row([title, *(cell(found) for found in profiles.values())]) for title, cell in rows.items()]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(updated(_page.read_text(encoding="utf-8")), encoding="utf-8")
