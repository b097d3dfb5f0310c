"""The configuration of KBS: the data of its ConfigMap, in the schema of each version.

The operator starts KBS with ``kbs-config.toml`` (openshift/trustee-operator v0.3.0 to v1.2.1
``kbsconfig_controller.go``). Schemas: openshift/trustee ``kbs/src/config.rs``, ``kbs/src/admin``,
``attestation-service/src`` at v0.3.0, v0.4.0 and v1.0.0 (one schema), v1.1.0, v1.2.0. Only keys that the version knows
are written: KBS ignores most others, and 1.2 does not start on one in ``[admin]``. For 0.3 and 0.4 the chapter's
``kbs-config.json`` (7.12, schema of KBS 0.10.1 and older) stands beside it; it is what the chapter's reader expects to
find, and nobody reads it.
"""

import json
from dataclasses import dataclass
from typing import Any

import tomli_w

from coco_azure.versions.profiles import TRUSTEE, TrusteeProfile

TOML_KEY = "kbs-config.toml"
JSON_KEY = "kbs-config.json"

ADMIN_ROLE = "admin"
"""Claim ``role`` that a token for the admin API needs at 1.2, beside ``exp``; older versions need ``exp`` alone."""

# The operator mounts these Secrets at the same places in all versions; file names are the keys that we give them.
HTTPS_KEY = "/etc/https-key/privateKey"
HTTPS_CERTIFICATE = "/etc/https-cert/certificate"
ADMIN_KEY = "/etc/auth-secret/publicKey"
PREVIOUS_ADMIN_KEY = "/etc/auth-secret/previousPublicKey"

_SOCKETS = ["0.0.0.0:8080"]


@dataclass(frozen=True, kw_only=True)
class KbsConfig:
    """What may differ between two configurations of KBS of one version.

    Attributes:
        token_duration: life of an attestation token, in minutes.
        https: whether KBS serves https itself, with ``HTTPS_KEY`` and ``HTTPS_CERTIFICATE``; otherwise it serves plain
            http behind an edge Route.
        signer: whether tokens are signed with the key and certificate at the profile's paths, and that certificate is
            what vouches for them. Otherwise KBS makes a key at each start and believes any key in a token's header.
            The key is of the profile's kind; the certificate is self-signed, because KBS looks for a root in that file.
        previous_signer: whether tokens signed under the previous certificate, which lies beside the new one, are still
            believed (during a rotation). The two certificates need subject and authority key ids, or different names:
            KBS looks a certificate up by these, and takes one for the other where they are equal.
        previous_admin: whether the previous administrator's key, ``PREVIOUS_ADMIN_KEY``, is still accepted (during a
            rotation). Up to 1.0 KBS takes one key only: there the new key counts alone from the moment of the change.
        collateral_service: URL of the service for Intel's certificates, where it is KBS configuration (1.2, which
            takes scheme, host and port of it alone); older versions have it in the ConfigMap ``tdx-config``, and
            nothing is written here.
    """

    token_duration: int = 5
    https: bool = False
    signer: bool = False
    previous_signer: bool = False
    previous_admin: bool = False
    collateral_service: str | None = None

    def __post_init__(self) -> None:
        """Refuse a previous signer without a new one, which would leave tokens unverified during a rotation."""
        if self.previous_signer and not self.signer:
            raise ValueError("previous_signer without signer: a rotation needs the new token signer's key as well")


def render(config: KbsConfig, profile: TrusteeProfile) -> dict[str, str]:
    """Return the data of the ConfigMap, by key, for a version of Trustee."""
    data = {TOML_KEY: tomli_w.dumps(_document(config, profile))}
    if profile.kbs_json:
        data[JSON_KEY] = render_json(config)
    return data


def render_json(config: KbsConfig) -> str:
    """Return the chapter's ``kbs-config.json`` (schema of KBS 0.10.1 and older)."""
    paths = TRUSTEE["0.3"].paths
    document = {
        "insecure_http": True,
        "sockets": _SOCKETS,
        "auth_public_key": ADMIN_KEY,
        "attestation_token_config": {"attestation_token_type": "CoCo"},
        "repository_config": {"type": "LocalFs", "dir_path": paths["repository"]},
        "as_config": {
            "work_dir": paths["work_dir"],
            "policy_engine": "opa",
            "attestation_token_broker": "Simple",
            "attestation_token_config": {"duration_min": config.token_duration},
            "rvps_config": {"store_type": "LocalJson", "store_config": {"file_path": paths["reference_values"]}},
        },
        "policy_engine_config": {"policy_path": paths["resource_policy"]},
    }
    return json.dumps(document, indent=2) + "\n"


def _document(config: KbsConfig, profile: TrusteeProfile) -> dict[str, Any]:
    newest = profile.kbs_schema == "1.2"
    parts: dict[str, Any] = {
        "http_server": _http_server(config),
        "admin": _admin(config, profile),
        "attestation_token": _attestation_token(config, profile),
        "attestation_service": _attestation_service(config, profile),
    }
    if newest:
        # One storage for policies and resources, its folders named by KBS; reference values stay a file (rvps_config).
        values = profile.paths["reference_values"].rpartition("/")[0]
        backends = {"local_fs": {"dir_path": profile.paths["work_dir"]}, "local_json": {"file_dir_path": values}}
        parts["storage_backend"] = {"storage_type": "LocalFs", "backends": backends}
        parts["plugins"] = [{"name": "resource", "storage_backend_type": "kvstorage"}]
        return parts
    parts["plugins"] = [{"name": "resource", "type": "LocalFs", "dir_path": profile.paths["repository"]}]
    parts["policy_engine"] = {"policy_path": profile.paths["resource_policy"]}
    return parts


def _http_server(config: KbsConfig) -> dict[str, Any]:
    if not config.https:
        return {"sockets": _SOCKETS, "insecure_http": True}
    return {
        "sockets": _SOCKETS,
        "insecure_http": False,
        "private_key": HTTPS_KEY,
        "certificate": HTTPS_CERTIFICATE,
    }


def _admin(config: KbsConfig, profile: TrusteeProfile) -> dict[str, Any]:
    keys = {"admin": ADMIN_KEY}
    if config.previous_admin and profile.several_admins:
        keys["previous-admin"] = PREVIOUS_ADMIN_KEY
    if profile.kbs_schema == "0.3":
        return {"insecure_api": False, "auth_public_key": ADMIN_KEY}
    if profile.kbs_schema == "1.1":
        # No roles: each persona may use the whole admin API.
        personas = [{"id": name, "public_key_path": path} for name, path in keys.items()]
        return {"type": "Simple", "personas": personas}
    # Named, because the default of 1.2 lets everybody in.
    return {
        "authorization_mode": "AuthenticatedAuthorization",
        "authentication": {
            "bearer_jwt": {"identity_providers": [{"public_key_uri": path} for path in keys.values()]},
        },
        "authorization": {"regex_acl": {"acls": [{"role": ADMIN_ROLE, "allowed_endpoints": "^/kbs/v0/.+$"}]}},
    }


def _attestation_token(config: KbsConfig, profile: TrusteeProfile) -> dict[str, Any]:
    if config.signer:
        trusted = [profile.paths["signer_certificate"]]
        if config.previous_signer:
            trusted.append(profile.paths["previous_signer_certificate"])
        return {"trusted_certs_paths": trusted}
    # Without a signer KBS makes a key at each start; no certificate can vouch for it, so KBS must be told.
    return {"insecure_header_jwk" if profile.kbs_schema == "1.2" else "insecure_key": True}


def _attestation_service(config: KbsConfig, profile: TrusteeProfile) -> dict[str, Any]:
    service: dict[str, Any] = {"type": "coco_as_builtin"}
    if profile.kbs_schema == "1.2":
        service["attestation_token_broker"] = _broker(config, profile)
        service["rvps_config"] = {"type": "BuiltIn", "storage_type": "LocalJson"}
    else:
        service["work_dir"] = profile.paths["work_dir"]
        service["attestation_token_broker"] = _broker(config, profile)
        storage = {"type": "LocalJson", "file_path": profile.paths["reference_values"]}
        service["rvps_config"] = {"type": "BuiltIn", "storage": storage}
    if config.collateral_service is not None and not profile.tdx_config_map:
        service["verifier_config"] = {"dcap_verifier": {"collateral_service": config.collateral_service}}
    return service


def _broker(config: KbsConfig, profile: TrusteeProfile) -> dict[str, Any]:
    broker: dict[str, Any] = {}
    if profile.kbs_schema == "0.3":
        # Simple tokens carry the top-level claim `tee` that the chapter's resource policy reads; an EAR token has none.
        broker["type"] = profile.token
    if profile.kbs_schema != "1.2":
        # Named, because the default directory is not where the operator mounts the policy.
        broker["policy_dir"] = profile.paths["attestation_policies"]
    broker["duration_min"] = config.token_duration
    if config.signer:
        paths = profile.paths
        broker["signer"] = {"key_path": paths["signer_key"], "cert_path": paths["signer_certificate"]}
    return broker
