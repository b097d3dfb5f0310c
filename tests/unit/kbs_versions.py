"""What KBS of each version is given in tests of the rehearsal: configuration and mounts, as its operator makes them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.kubelet.kbs import Kbs
from tests.contract.kbs_inputs import ADMIN, BASE

CONFIG = "/etc/kbs-config/kbs-config.toml"
ROOT = "/opt/confidential-containers"
RESOURCE = "default/kbsres1/key1"
LATER = "2999-01-01T00:00:00Z"

_EAR = BASE.replace('type = "Simple"', 'type = "Ear"')
_ADMIN = BASE[BASE.index("[admin]") : BASE.index("[attestation_token]")]
_STORAGE = f"""
[http_server]
sockets = ["0.0.0.0:8080"]
insecure_http = true

[admin]
authorization_mode = "DenyAll"

[attestation_token]
insecure_header_jwk = true

[attestation_service]
type = "coco_as_builtin"

[attestation_service.attestation_token_broker]
duration_min = 5

[attestation_service.rvps_config]
type = "BuiltIn"
storage_type = "LocalJson"

[storage_backend]
storage_type = "LocalFs"

[storage_backend.backends.local_fs]
dir_path = "{ROOT}/storage"

[storage_backend.backends.local_json]
file_dir_path = "{ROOT}/storage/local_json"

[[plugins]]
name = "resource"
storage_backend_type = "kvstorage"
"""


@dataclass(frozen=True)
class Setup:
    """One version with its mounts.

    Attributes:
        version: of Trustee.
        config: ``kbs-config.toml``.
        policy, attestation, values, secret: paths of resource policy, attestation policy, reference values, secret.
    """

    version: str
    config: str
    policy: str
    attestation: str
    values: str
    secret: str

    @property
    def snp(self) -> str:
        """Name of the attester of SNP machines in this version's tokens."""
        return "az-snp-vtpm" if self.version >= "1.1" else "azsnpvtpm"

    @property
    def has_simple_token(self) -> bool:
        """Whether the token here is a Simple one."""
        return self.version < "1.0"

    def files(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return what is mounted; a change to None takes a file away."""
        by_name: dict[str, str | None] = {
            CONFIG: self.config,
            "/etc/auth-secret/publicKey": ADMIN,
            self.policy: "package policy\ndefault allow = true\n",
            self.attestation: None,
            self.values: self.reference_values({}),
            self.secret: "res1val1",
        }
        return {path: text for path, text in {**by_name, **(changes or {})}.items() if text is not None}

    def start(self, changes: Mapping[str, str | None] | None = None, **others: Any) -> Kbs:
        """Return a KBS of this version; raises StartError."""
        mounted = self.files(changes)
        return Kbs.start(CONFIG, lambda: mounted, self.version, **others)

    def reference_values(self, values: Mapping[str, str], expiration: str = LATER) -> str:
        """Return the file of reference values, in the form of this version."""
        entries: list[dict[str, Any]] = [{"name": name, "expiration": expiration} for name in values]
        for entry in entries:
            value = values[entry["name"]]
            entry.update(
                {"hash-value": [{"alg": "sha256", "value": value}]} if self.has_simple_token else {"value": [value]}
            )
        if self.version < "1.2":
            return json.dumps(entries)
        return json.dumps({each["name"]: base64.b64encode(json.dumps(each).encode()).decode() for each in entries})

    def demands(self, claim: str, name: str) -> str:
        """Return an attestation policy for EARs that holds an SNP machine's claim to a reference value."""
        text = f'input["{self.snp}"].{claim}'
        if self.version < "1.1":
            lines = ["package policy", "import rego.v1", "default executables := 33", "default hardware := 2"]
            return "\n".join([*lines, f"executables := 3 if {{ {text} in data.reference.{name} }}"])
        lines = ["package policy", "import rego.v1", "default executables := 33"]
        lines += [f'executables := 3 if {{ {text} in query_reference_value("{name}") }}']
        return "\n".join([*lines, 'trust_claims := {"executables": executables, "hardware": 2, "configuration": 2}'])


def _older(version: str, config: str, attestation: str) -> Setup:
    return Setup(
        version,
        config,
        f"{ROOT}/opa/policy.rego",
        f"{ROOT}/attestation-service/policies/opa/{attestation}.rego",
        f"{ROOT}/rvps/reference-values/reference-values.json",
        f"{ROOT}/kbs/repository/{RESOURCE}",
    )


SETUPS = {
    setup.version: setup
    for setup in (
        _older("0.3.0", BASE, "default"),
        _older("0.4.0", BASE, "default"),
        _older("1.0.0", _EAR, "default_cpu"),
        _older("1.1.0", _EAR.replace(_ADMIN, '[admin]\ntype = "DenyAll"\n\n'), "default_cpu"),
        Setup(
            "1.2.1",
            _STORAGE,
            f"{ROOT}/storage/kbs/resource-policy.rego",
            f"{ROOT}/storage/attestation_service_policy/default_cpu.rego",
            f"{ROOT}/storage/local_json/reference_value",
            f"{ROOT}/storage/repository/default\\x2Fkbsres1\\x2Fkey1",
        ),
    )
}
