"""Pairs of versions that speak with each other, written from the sources of both sides and not from the profiles.

KBS: openshift/trustee ``kbs/src/attestation/backend.rs``; pod VMs: guest-components ``kbs_protocol`` at the revisions
that openshift/cloud-api-adaptor names. Everything else is refused.
"""

PAIRS = (
    ("1.9", "0.3"),
    ("1.10", "0.4"),
    *((osc, trustee) for osc in ("1.11", "1.12", "1.13") for trustee in ("1.0", "1.1", "1.2")),
)


def osc_of(trustee: str) -> str:
    """Return the newest OSC that speaks with a Trustee, minor versions both."""
    return [osc for osc, other in PAIRS if other == trustee][-1]


def with_osc(version: str) -> str:
    """Return the newest Trustee that speaks with a full version of OSC, as a full version."""
    return [f"{trustee}.0" for osc, trustee in PAIRS if version.startswith(f"{osc}.")][-1]
