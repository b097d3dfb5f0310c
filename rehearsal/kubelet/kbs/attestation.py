"""The attestation service inside KBS: from evidence to the claims of a token.

Sources: openshift/trustee ``attestation-service/src/{lib.rs,policy_engine,token}`` (v0.3.0 to v1.0.0), ``ear_token``
(v1.1.0, v1.2.0), ``deps/policy-engine`` (v1.2.0); the tiers of an appraisal: the crate ``ear``, ``trust/claim.rs``.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rehearsal.kubelet import policy
from rehearsal.kubelet.kbs import claims, defaults
from rehearsal.kubelet.kbs.disk import Disk, DiskError
from rehearsal.kubelet.kbs.model import DeniedError, Evidence, StartError, unauthorized
from rehearsal.kubelet.kbs.references import References, UnreadableError, storage
from rehearsal.kubelet.kbs.versions import Version

BUILT_IN = "# built in"
"""What stands in a policy's file that KBS wrote itself; ``defaults`` knows what it says."""

_TAGS = (
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
)
_TIERS = ("none", "affirming", "warning", "contraindicated")
_CLASSES = ("cpu", "gpu", "switch", "ppcie")
_CLAIM = range(-128, 128)
_FAILED = "AttestationError: RCAR handshake Attest failed"


class AttestationService:
    """The built-in attestation service."""

    def __init__(
        self, config: Mapping[str, Any], version: Version, disk: Callable[[], Disk], now: Callable[[], datetime]
    ) -> None:
        """Start: put the built-in policies where none are mounted; raises StartError."""
        self._config, self._version, self._disk, self._now = config, version, disk, now
        self._service = config["attestation_service"]
        self._broker = self._service["attestation_token_broker"]
        try:
            self._start(disk())
        except DiskError as error:
            raise StartError(f"Attestation error: Failed to initialize attestation service: {error}") from error

    @property
    def token(self) -> str:
        """Which token the broker issues, ``Simple`` or ``Ear``."""
        return str(self._broker.get("type", "Ear"))

    @property
    def signer(self) -> Mapping[str, Any] | None:
        """What the configuration says of the signer of tokens."""
        section: Mapping[str, Any] | None = self._broker.get("signer")
        return section

    def attest(self, evidence: Evidence) -> dict[str, Any]:
        """Return the claims of a token; raises DeniedError."""
        claims.check_initdata(evidence, self._version)
        try:
            simple = self.token == "Simple"  # noqa: S105 - a type
            return {**(self._simple(evidence) if simple else self._ear(evidence)), **self._issued(simple=simple)}
        except (UnreadableError, DiskError, policy.PolicyError) as error:
            raise unauthorized(f"{_FAILED}: {error}") from error

    def _start(self, disk: Disk) -> None:
        rvps = self._service["rvps_config"]
        if not self._version.has_storage and self._version.has_payload_size and rvps["type"] == "BuiltIn":
            if rvps["storage"]["type"] == "LocalJson":
                disk.provide(rvps["storage"]["file_path"], "[]")
        elif self._version.has_storage and rvps["type"] == "BuiltIn":
            kind, path = storage(self._config, rvps["storage_type"] or self._service["storage_type"], "reference_value")
            _configured(kind, path)
            if kind == "LocalJson":
                disk.provide(path, "{}")
        for name in self._policies():
            if (own := self._path(name)) is not None:
                disk.provide(own, BUILT_IN)

    def _policies(self) -> tuple[str, ...]:
        if not self._version.has_classes or self.token == "Simple":  # noqa: S105 - a type
            return ("default",)
        classes = _CLASSES if self._version.has_storage else _CLASSES[:2]
        return tuple(f"default_{each}" for each in classes)

    def _path(self, name: str) -> str | None:
        """Return the path of a policy, or None where the storage keeps it in memory."""
        if not self._version.has_storage:
            return f"{self._broker['policy_dir']}/opa/{name}.rego"
        kind, path = storage(self._config, self._service["storage_type"], "attestation_service_policy")
        _configured(kind, path)
        return f"{path}/{name}.rego" if kind == "LocalFs" else None

    def _text(self) -> str:
        path = self._path(self._policies()[0])
        return BUILT_IN if path is None else self._disk().read(path)

    def _references(self) -> References:
        return References(self._config, self._version, self._disk(), self._now)

    def _issued(self, *, simple: bool) -> dict[str, Any]:
        """Return the claims that say by whom a token is issued, when, and how long it counts (seconds since 1970)."""
        now = int(self._now().timestamp())
        times = {"iat": now, "exp": now + 60 * self._broker["duration_min"]}
        if simple:
            return {**times, "nbf": now, "jti": secrets.token_hex(5), "iss": self._broker["issuer_name"]}
        verifier = {"developer": self._broker["developer_name"], "build": self._broker["build_name"]}
        return {**times, "ear.verifier-id": verifier}

    def _simple(self, evidence: Evidence) -> dict[str, Any]:
        evidence_claims = claims.flatten(evidence, self._version)
        references = self._references().table()
        text = self._text()
        if text == BUILT_IN:
            allowed: Any = defaults.every_claim_fits(evidence_claims, references)
        else:
            rules = policy.Policy(
                text, evidence_claims, {"reference": references}, v1=self._version.rego_v1, now=self._now()
            )
            allowed = rules.value("data.policy.allow")
        if not isinstance(allowed, bool):
            raise unauthorized(f"{_FAILED}: value `allow` must be a bool in policy")
        if not allowed:
            raise unauthorized(f"{_FAILED}: Reject by policy default: the attestation policy denies the evidence")
        return {
            "tee": self._version.tee(evidence.tee),
            "evaluation-reports": [{"policy-id": "default", "policy-hash": ""}],
            "tcb-status": json.dumps(evidence_claims),
            "customized_claims": {"init_data": None, "runtime_data": {}},
        }

    def _ear(self, evidence: Evidence) -> dict[str, Any]:
        evidence_claims = claims.nested(evidence, self._version)
        wraps = self._version.asks_for_references  # 97 and 353 are one value there (``as i8``)
        trust, extensions = self._asked(evidence_claims) if wraps else (self._looked_up(evidence_claims), {})
        vector = {}
        for tag, value in trust.items():
            if isinstance(value, bool) or not isinstance(value, int) or not (wraps or value in _CLAIM):
                raise unauthorized(f"{_FAILED}: Policy claim value not i8: {tag}")
            vector[tag] = (value - _CLAIM.start) % len(_CLAIM) + _CLAIM.start
        if not vector:
            raise unauthorized(f"{_FAILED}: At least one policy claim must be set.")
        appraisal = {
            "ear.status": _TIERS[max(map(_tier, vector.values()))],
            "ear.trustworthiness-vector": vector,
            "ear.appraisal-policy-id": "default",
            "ear.veraison.annotated-evidence": evidence_claims,
            **extensions,
        }
        return {"eat_profile": self._broker["profile_name"], "submods": {self._version.submodule: appraisal}}

    def _looked_up(self, evidence_claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the trust claims of a policy that has a rule for each (until 1.0)."""
        references, text = self._references().table(), self._text()
        if text == BUILT_IN:
            return defaults.appraisal(self._version, evidence_claims, references.get)
        rules = policy.Policy(
            text, evidence_claims, {"reference": references}, v1=self._version.rego_v1, now=self._now()
        )
        trust = {}
        for tag in _TAGS:
            # Only 0.4 turns the hyphen into what a rule's name can have.
            underscored = self._version.has_payload_size and not self._version.has_classes
            name = tag.replace("-", "_") if underscored else tag
            try:
                trust[tag] = rules.value(f"data.policy.{name}")
            except policy.UndefinedError:
                raise
            except policy.PolicyError:
                continue  # what cannot be evaluated is not set
        return trust

    def _asked(self, evidence_claims: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the trust claims of a policy that gives them all in one rule, and its extensions (from 1.1)."""
        references, text = self._references(), self._text()
        if text == BUILT_IN:
            trust = defaults.appraisal(self._version, evidence_claims, references.ask)
            return dict.fromkeys(_TAGS, 0) | trust, {"ear.trustee.identifiers": {"validated": {}}}
        rules = policy.Policy(
            text, evidence_claims, v1=True, functions={"query_reference_value": references.ask}, now=self._now()
        )
        try:
            asked = rules.value("data.policy.trust_claims")
        except policy.NoSuchRuleError:
            if not self._version.has_storage:
                raise
            asked = dict.fromkeys(_TAGS, 0)
        if not isinstance(asked, Mapping):
            raise unauthorized(f"{_FAILED}: Trust claims is not an object")
        if unknown := ", ".join(sorted(asked.keys() - set(_TAGS))):
            raise DeniedError(502, f"KBS panicked: there is no trust claim {unknown}")
        try:
            extensions = rules.value("data.policy.extensions")
        except policy.NoSuchRuleError:
            extensions = []
        return asked, _by_name(extensions)


def _by_name(extensions: Any) -> dict[str, Any]:
    try:
        return {str(each["name"]): each["value"] for each in extensions if isinstance(each["key"], int)}
    except (TypeError, KeyError) as error:
        raise unauthorized(f"{_FAILED}: extensions are no list of name, key and value") from error


def _configured(kind: str, path: str) -> None:
    if kind in ("LocalFs", "LocalJson") and not path:
        name = {"LocalFs": "Local FS", "LocalJson": "Local JSON"}[kind]
        raise StartError(f"invalid configuration: {name} configuration is required")


def _tier(value: int) -> int:
    """Return the tier of a trust claim; what is beyond a warning is contraindicated."""
    bounds = ((-1, 1), (-32, 31), (-96, 95))  # none, affirming, warning
    return next((tier for tier, (low, high) in enumerate(bounds) if low <= value <= high), len(bounds))
