"""What the token brokers of Trustee make of claims: the input of the attestation policy, and the token.

Sources: openshift/trustee ``attestation-service/src/token/{simple,ear_broker}.rs`` (v0.3.0, v0.4.0, v1.0.0),
``attestation-service/src/ear_token/broker.rs`` (v1.1.0, v1.2.0); veraison/rust-ear ``src/trust`` for the tiers. Tokens
have the claims that resource policies read, and neither dates nor signatures.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coco_azure.formats.policy.claims import Attester, Claims
from coco_azure.versions.profiles import TrusteeProfile

Status = Literal["none", "affirming", "warning", "contraindicated"]
"""Tier of an appraisal (``ear.status``)."""

Token = Mapping[str, Any]
"""Claims of an attestation token: the input of the resource policy."""

TRUST_CLAIMS = (
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
)
"""Names of the claims that an appraisal can make (AR4SI)."""

_UNPREFIXED = ("init_data", "report_data")
_RUNTIME = {"nonce": "bm9uY2U=", "tee-pubkey": {"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW"}}
_TIERS: tuple[Status, ...] = ("none", "affirming", "warning", "contraindicated")


@dataclass(frozen=True, kw_only=True)
class Appraisal:
    """The verdict of an attestation policy for EAR tokens.

    Attributes:
        vector: trust claims by name, each -128 to 127.
        status: the worst tier of the claims in it; a claim that is not in it does not count.
    """

    vector: Mapping[str, int]
    status: Status


Verdict = bool | Appraisal
"""Simple tokens: whether one is issued. EAR: what it says; one is issued in any case."""


def appraise(vector: Mapping[str, int]) -> Appraisal:
    """Return the appraisal of trust claims, with the status that the broker computes."""
    worst = max((_tier(value) for value in vector.values()), default=0)
    return Appraisal(vector=dict(vector), status=_TIERS[worst])


def _tier(value: int) -> int:
    for tier, limit in enumerate((1, 32, 96)):
        if -limit <= value < limit + (tier == 0):
            return tier
    return 3


def affirms(verdict: Verdict) -> bool:
    """Return whether the verdict is good: a Simple token is issued, or the status of the EAR token is affirming."""
    return verdict.status == "affirming" if isinstance(verdict, Appraisal) else verdict


def policy_input(profile: TrusteeProfile, attester: Attester, claims: Claims) -> dict[str, Any]:
    """Return what the attestation policy is given as input."""
    name = _name(profile, attester)
    if profile.token == "Simple":  # noqa: S105 - a type of token
        return _flat(name, claims)
    evidence: dict[str, Any] = {}
    if "init_data" in claims:
        evidence |= {"init_data": claims["init_data"], "init_data_claims": None}
    if "report_data" in claims:
        evidence |= {"report_data": claims["report_data"], "runtime_data_claims": _RUNTIME}
    return {**evidence, name: {key: value for key, value in claims.items() if key not in _UNPREFIXED}}


def token(
    profile: TrusteeProfile, attester: Attester, claims: Claims, verdict: Verdict, submodule: str | None = None
) -> Token | None:
    """Return the token's claims, or None where none is issued.

    Args:
        submodule: name of the appraisal in an EAR token; default: the one of this version.
    """
    evidence = policy_input(profile, attester, claims)
    if isinstance(verdict, Appraisal):
        appraisal = {
            "ear.status": verdict.status,
            "ear.trustworthiness-vector": dict(verdict.vector),
            "ear.appraisal-policy-id": "default",
            "ear.veraison.annotated-evidence": evidence,
        }
        return {
            "eat_profile": "tag:github.com,2024:confidential-containers/Trustee",
            "submods": {submodule or profile.submodule: appraisal},
        }
    if not verdict:
        return None
    return {
        "tee": _name(profile, attester),
        "evaluation-reports": [{"policy-id": "default", "policy-hash": "00" * 48}],
        "tcb-status": json.dumps(evidence),
        "customized_claims": {"init_data": None, "runtime_data": _RUNTIME},
    }


def _name(profile: TrusteeProfile, attester: Attester) -> str:
    return profile.claims.get(attester, attester)


def _flat(name: str, claims: Claims) -> dict[str, Any]:
    def walk(prefix: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            return {prefix: value}
        return {path: leaf for key, part in value.items() for path, leaf in walk(f"{prefix}.{key}", part).items()}

    flat: dict[str, Any] = {key: claims.get(key, "") for key in _UNPREFIXED}
    for key, value in claims.items():
        if key not in _UNPREFIXED:
            flat |= walk(f"{name}.{key}", value)
    return flat
