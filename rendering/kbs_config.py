"""The configuration of KBS, in the two forms that belong to Trustee operator 0.3.

The operator starts KBS with ``kbs-config.toml`` (openshift/trustee-operator v0.3.0 ``kbsconfig_controller.go``); the
chapter (7.12) writes ``kbs-config.json`` in the older schema. Both stand in the ConfigMap: the first is read, the
second is what the chapter's reader expects to find. TOML schema: openshift/trustee v0.3.0 ``kbs/docs/config.md``.
"""

import json
from dataclasses import dataclass
from typing import Any

import tomli_w

TOML_KEY = "kbs-config.toml"
JSON_KEY = "kbs-config.json"

_SOCKETS = ["0.0.0.0:8080"]
_AUTH_PUBLIC_KEY = "/etc/auth-secret/publicKey"
_REPOSITORY = "/opt/confidential-containers/kbs/repository"
_RESOURCE_POLICY = "/opt/confidential-containers/opa/policy.rego"
_AS_WORK_DIR = "/opt/confidential-containers/attestation-service"
_REFERENCE_VALUES = "/opt/confidential-containers/rvps/reference-values/reference-values.json"


@dataclass(frozen=True, kw_only=True)
class KbsConfig:
    """What may differ between two configurations of KBS.

    Attributes:
        token_duration: life of an attestation token, in minutes.
    """

    token_duration: int = 5


def render_toml(config: KbsConfig) -> str:
    """Return ``kbs-config.toml``: plain http behind the edge Route, Simple tokens, reference values from a file."""
    # Simple tokens carry the top-level claim `tee` that the chapter's resource policy reads; an EAR token has none.
    # policy_dir is given because the default directory of Simple tokens is not where the operator mounts the policy.
    broker = {"type": "Simple", "policy_dir": f"{_AS_WORK_DIR}/policies", "duration_min": config.token_duration}
    document: dict[str, Any] = {
        "http_server": {"sockets": _SOCKETS, "insecure_http": True},
        "admin": {"insecure_api": False, "auth_public_key": _AUTH_PUBLIC_KEY},
        # Without a signer KBS makes a key at each start; no certificate can vouch for it, so KBS must be told.
        "attestation_token": {"insecure_key": True},
        "attestation_service": {
            "type": "coco_as_builtin",
            "work_dir": _AS_WORK_DIR,
            "policy_engine": "opa",
            "attestation_token_broker": broker,
            "rvps_config": {"type": "BuiltIn", "storage": {"type": "LocalJson", "file_path": _REFERENCE_VALUES}},
        },
        "plugins": [{"name": "resource", "type": "LocalFs", "dir_path": _REPOSITORY}],
        "policy_engine": {"policy_path": _RESOURCE_POLICY},
    }
    return tomli_w.dumps(document)


def render_json(config: KbsConfig) -> str:
    """Return the chapter's ``kbs-config.json`` (schema of KBS 0.10.1 and older)."""
    document = {
        "insecure_http": True,
        "sockets": _SOCKETS,
        "auth_public_key": _AUTH_PUBLIC_KEY,
        "attestation_token_config": {"attestation_token_type": "CoCo"},
        "repository_config": {"type": "LocalFs", "dir_path": _REPOSITORY},
        "as_config": {
            "work_dir": _AS_WORK_DIR,
            "policy_engine": "opa",
            "attestation_token_broker": "Simple",
            "attestation_token_config": {"duration_min": config.token_duration},
            "rvps_config": {"store_type": "LocalJson", "store_config": {"file_path": _REFERENCE_VALUES}},
        },
        "policy_engine_config": {"policy_path": _RESOURCE_POLICY},
    }
    return json.dumps(document, indent=2) + "\n"
