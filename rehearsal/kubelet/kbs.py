"""A model of KBS 0.3 with its built-in attestation service, as the Trustee operator 0.3 starts it.

It refuses at start what the real one refuses, reads per request what the real one reads per request (policies,
reference values, resources), and evaluates policies with the engine that Trustee embeds (regorus, Rego v0). Sources:
openshift/trustee v0.3.0 ``kbs/src/config.rs``, ``kbs/src/token``, ``attestation-service/src/token/simple.rs``,
``rvps/src``. The evidence itself is taken for genuine: signatures of a TEE cannot be made here.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rehearsal.kubelet import policy
from rendering import rego

Files = Callable[[], Mapping[str, str]]
"""What is mounted now: content by absolute path."""

_UNPREFIXED = ("init_data", "report_data")  # flatten_claims in simple.rs


class StartError(Exception):
    """KBS ends at start with this message."""


class DeniedError(Exception):
    """KBS answers a request with a denial.

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Evidence:
    """What a pod VM proves.

    Attributes:
        tee: attester, such as ``az-snp-vtpm``.
        claims: what the verifier reads from the evidence, nested.
    """

    tee: str
    claims: Mapping[str, Any]


class Kbs:
    """One running KBS."""

    def __init__(self, config: Mapping[str, Any], files: Files) -> None:
        self._config = config
        self._files = files

    @classmethod
    def start(cls, path: str, files: Files) -> "Kbs":
        """Return a KBS that serves.

        Raises:
            StartError: as the real one's last words.
        """
        mounted = files()
        if path not in mounted:
            raise StartError(f'configuration file "{path}" not found')
        try:
            config = tomllib.loads(mounted[path])
        except tomllib.TOMLDecodeError as error:
            raise StartError(f"invalid config: {error}") from error
        _check(config, mounted)
        return cls(config, files)

    def release(self, resource: str, evidence: Evidence) -> bytes:
        """Return the resource ``<repository>/<type>/<tag>`` to who proves ``evidence``.

        Raises:
            DeniedError: attestation failed, a policy says no, or there is no such resource.
        """
        mounted = self._files()
        token = self._attest(evidence, mounted)
        policy = self._config.get("policy_engine", {}).get(
            "policy_path", "/opa/confidential-containers/kbs/policy.rego"
        )
        text = mounted.get(policy)
        if text is None:
            raise DeniedError(401, f"PolicyEngineError: no policy at {policy}")
        if not _allows(text, token, {"resource-path": resource}):
            raise DeniedError(401, "PolicyDeny: the resource policy denies the request")
        folder = next(each["dir_path"] for each in self._config["plugins"] if each["name"] == "resource")
        found = mounted.get(f"{folder}/{resource}")
        if found is None:
            raise DeniedError(404, f"resource {resource} not found")
        return found.encode("utf-8", "surrogateescape")

    def _attest(self, evidence: Evidence, mounted: Mapping[str, str]) -> dict[str, Any]:
        service = self._config["attestation_service"]
        broker = service.get("attestation_token_broker", {})
        claims = flatten(evidence)
        text = mounted.get(f"{broker.get('policy_dir', '')}/opa/default.rego")
        if broker.get("type", "Ear") == "Ear":
            # The built-in EAR policy says nothing about Azure's vTPM: hardware stays at 97, which is contraindicated.
            appraisal = {"ear.status": "contraindicated", "ear.veraison.annotated-evidence": dict(evidence.claims)}
            return {"submods": {"cpu": appraisal}}
        references = _reference_values(service["rvps_config"], mounted)
        if not _allows(text or rego.load("attestation_policy"), claims, {"reference": references}):
            raise DeniedError(401, "AttestationError: the attestation policy denies the evidence")
        return {"tee": evidence.tee, "evaluation-reports": [], "tcb-status": claims, "customized_claims": {}}


def flatten(evidence: Evidence) -> dict[str, Any]:
    """Return the claims as the Simple broker names them: ``<tee>.<path>``, but for two."""

    def walk(prefix: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            return {prefix: value}
        return {name: leaf for key, part in value.items() for name, leaf in walk(f"{prefix}.{key}", part).items()}

    flat: dict[str, Any] = {}
    for key, value in evidence.claims.items():
        flat.update({key: value} if key in _UNPREFIXED else walk(f"{evidence.tee}.{key}", value))
    return flat


def _check(config: Mapping[str, Any], mounted: Mapping[str, str]) -> None:
    service = config.get("attestation_service")
    if not isinstance(service, Mapping):
        raise StartError("invalid config: missing field `attestation_service`")
    if "type" not in service:
        raise StartError("invalid config: missing field `type`")
    if service["type"] == "coco_as_builtin" and "rvps_config" not in service:
        raise StartError("invalid config: missing field `rvps_config`")
    server, admin, token = (config.get(name, {}) for name in ("http_server", "admin", "attestation_token"))
    if not server.get("insecure_http") and not (server.get("private_key") and server.get("certificate")):
        raise StartError("HTTPS needs `private_key` and `certificate`, or insecure_http = true")
    if not server.get("insecure_http") and not {server["private_key"], server["certificate"]} <= mounted.keys():
        raise StartError("failed to read the private key or the certificate of HTTPS")
    if not admin.get("insecure_api") and admin.get("auth_public_key") not in mounted:
        raise StartError(f"failed to read the admin public key {admin.get('auth_public_key')!r}")
    if not token.get("insecure_key") and not token.get("trusted_certs_paths"):
        raise StartError("Cannot verify token since trusted cert is empty")
    if not any(plugin.get("name") == "resource" for plugin in config.get("plugins", [])):
        raise StartError("invalid config: no plugin named resource")
    folder = service.get("attestation_token_broker", {}).get("policy_dir")
    inside = [path for path in mounted if path.startswith(f"{folder}/opa/")]
    if folder and inside and f"{folder}/opa/default.rego" not in inside:
        raise StartError("WriteDefaultPolicyFailed: the mounted policy folder is read-only and lacks default.rego")


def _reference_values(rvps: Mapping[str, Any], mounted: Mapping[str, str]) -> dict[str, list[str]]:
    path = rvps.get("storage", {}).get("file_path", "")
    now = datetime.now(UTC)
    try:
        entries = json.loads(mounted.get(path, "[]"))
        # What has expired is left out, and then nothing is demanded of the claim: it fails open, as the real one does.
        return {
            entry["name"]: [each["value"] for each in entry["hash-value"]]
            for entry in entries
            if datetime.strptime(entry["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) > now
        }
    except (ValueError, KeyError, TypeError) as error:
        raise DeniedError(401, f"AttestationError: reference values at {path} cannot be read: {error}") from error


def _allows(text: str, document: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    try:
        return policy.holds(text, "data.policy.allow", document, data)
    except policy.PolicyError as error:
        raise DeniedError(401, f"PolicyEngineError: {error}") from error
