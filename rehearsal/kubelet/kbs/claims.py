"""The claims of an evidence, as each version's verifier and broker name and shape them.

Sources: openshift/trustee ``deps/verifier/src/{az_snp_vtpm,az_tdx_vtpm,tdx,sample}`` and
``attestation-service/src/token/{simple,ear_broker}.rs`` at each tag.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from typing import Any

from rehearsal.kubelet.kbs.model import DeniedError, Evidence, unauthorized
from rehearsal.kubelet.kbs.versions import Version, of

_UNPREFIXED = ("init_data", "report_data")
_SNP_FLAGS = (
    "platform_smt_enabled",
    "platform_tsme_enabled",
    "policy_debug_allowed",
    "policy_migrate_ma",
    "policy_single_socket",
    "policy_smt_allowed",
)
_DIGEST = 32
_TABLES = ("cdh.toml", "aa.toml")


def verified(evidence: Evidence, version: Version) -> dict[str, Any]:
    """Return what this version's verifier says of the evidence.

    The evidence stands as the newest verifier would read it, but that the flags of an SNP report are ``1`` and ``0``.
    """
    claims = dict(evidence.claims)
    if evidence.tee == "az-snp-vtpm" and version.words_for_booleans:
        claims |= {name: {"0": "false", "1": "true"}[claims[name]] for name in _SNP_FLAGS if name in claims}
    if evidence.tee == "az-tdx-vtpm" and not version.has_payload_size:  # the quote's own claims came with 0.4
        claims = {name: value for name, value in claims.items() if name in ("quote", "tpm", *_UNPREFIXED)}
    if evidence.tee == "sample":
        if not version.has_classes:
            claims = {"init_data": "", **{name: claims[name] for name in ("svn", "report_data")}}
        if version.has_payload_size:
            claims["launch_digest"] = "abcde"
    return claims


def flatten(evidence: Evidence, version: str | Version = "0.3.0") -> dict[str, Any]:
    """Return the claims as the Simple broker names them: ``<tee>.<path>``, but for two."""
    number = of(version) if isinstance(version, str) else version
    tee, claims = number.tee(evidence.tee), verified(evidence, number)

    def walk(prefix: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            return {prefix: value}
        return {name: leaf for key, part in value.items() for name, leaf in walk(f"{prefix}.{key}", part).items()}

    flat = {name: claims.get(name, "") for name in _UNPREFIXED}
    for key, value in claims.items():
        if key not in _UNPREFIXED:
            flat.update(walk(f"{tee}.{key}", value))
    return flat


def nested(evidence: Evidence, version: Version) -> dict[str, Any]:
    """Return the claims as the EAR broker gives them to the policy and into the token."""
    claims = verified(evidence, version)
    document: dict[str, Any] = {}
    if "init_data" in claims:
        document["init_data"] = claims.pop("init_data")
        document["init_data_claims"] = _initdata(evidence, version)
    if "report_data" in claims:
        document["report_data"] = claims.pop("report_data")
        document["runtime_data_claims"] = {"nonce": "", "tee-pubkey": {}}
    return document | {version.tee(evidence.tee): claims}


def check_initdata(evidence: Evidence, version: Version) -> None:
    """Compare the initdata that the guest sent with what the vTPM measured.

    A digest that is no SHA-256 makes the verifier panic, which ends the connection: ``verify_init_data`` copies it into
    32 bytes (``deps/verifier/src/az_snp_vtpm/mod.rs``). The router in front of KBS then answers with 502.

    Raises:
        DeniedError: it is malformed, its digest is too long, or PCR 8 holds another digest.
    """
    if evidence.initdata is None or not version.takes_initdata:
        return
    try:
        algorithm = tomllib.loads(evidence.initdata)["algorithm"]
        digest = hashlib.new(str(algorithm), evidence.initdata.encode()).digest()
    except (ValueError, KeyError, TypeError) as error:
        raise unauthorized(f"AttestationError: parse init data: {error!r}") from error
    if len(digest) != _DIGEST and evidence.tee in ("az-snp-vtpm", "az-tdx-vtpm"):
        raise DeniedError(502, f"KBS panicked: a slice of {len(digest)} bytes is copied into one of {_DIGEST}")
    expected = hashlib.sha256(bytes(_DIGEST) + digest[:_DIGEST]).hexdigest()
    measured = evidence.claims.get("tpm", {}).get("pcr08")
    if measured is not None and measured != expected:
        raise unauthorized("AttestationError: Expected init_data digest is different from the content of PCR8")


def _initdata(evidence: Evidence, version: Version) -> Any:
    if evidence.initdata is None or not version.takes_initdata:
        return None
    data = dict(tomllib.loads(evidence.initdata).get("data", {}))
    for name in _TABLES if version.asks_for_references else ():
        try:
            data[name] = tomllib.loads(data[name])
        except (ValueError, KeyError, TypeError):
            continue
    return data
