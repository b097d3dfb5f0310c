"""Version profiles: what differs between versions of OpenShift sandboxed containers (OSC) and of Trustee, as data.

Everything that depends on a version is a field of a profile, and nothing else in the program asks for a version number.
A version without a profile is an error that names the versions that have one. Sources stand beside the values: TO is
openshift/trustee-operator (v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.1), TR openshift/trustee (v0.3.0, v0.4.0, v1.0.0,
v1.1.0, v1.2.0), CAA openshift/cloud-api-adaptor (branches release-1.9, osc-release-v1.10, -v1.11, -v1.12), each at the
version that the value belongs to.
"""

import re
from collections.abc import Mapping
from typing import Any

from rendering.profile_types import (
    KbsSchema,
    OscProfile,
    ReferenceFormat,
    SignerKey,
    Token,
    TrusteeProfile,
)

__all__ = [
    "OSC",
    "OSC_PACKAGE",
    "TRUSTEE",
    "TRUSTEE_PACKAGE",
    "KbsSchema",
    "OscProfile",
    "ReferenceFormat",
    "SignerKey",
    "Token",
    "TrusteeProfile",
    "VersionError",
    "minor_version",
    "osc",
    "speakers",
    "trustee",
]

TRUSTEE_PACKAGE = "trustee-operator"
OSC_PACKAGE = "sandboxed-containers-operator"


class VersionError(ValueError):
    """There is no profile for a version; the message names those that there are."""


# CAA pkg/util/cloud.go GetInitdataFromAnnotation.
_RUNTIME = "io.katacontainers.config.runtime.cc_init_data"
_HYPERVISOR = "io.katacontainers.config.hypervisor.cc_init_data"


def _osc(version: str, protocol: str, annotation: str = _HYPERVISOR, **changes: bool) -> OscProfile:
    fields = {
        "initdata_gzip": True,  # CAA pkg/initdata/initdata.go Decode
        # CAA podvm-mkosi process-user-data.service.d/10-override.conf extends PCR 8; whether the image that OSC 1.9
        # builds itself does, no public source says.
        "initdata_measured": True,
        "initdata_stand_in": True,  # CAA pkg/userdata/provision.go generateDummyInitdata
        "restarts_caa": False,
        # openshift/sandboxed-containers-operator pull request 879, docs/credentials-handling.md (1.12.1)
        "workload_identity": False,
        # kata-containers 3.29.0 src/agent/policy/src/policy.rs PolicyCopyFileRequest, not in 3.13 to 3.25; Red Hat's
        # own policy reads it from OSC 1.12 on (CAA podvm-payload/osc-agent-policy.rego).
        "copied_type_named": False,
    }
    return OscProfile(version=version, initdata_annotation=annotation, protocol=protocol, **{**fields, **changes})


# KBS_PROTOCOL_VERSION of confidential-containers/guest-components (attestation-agent/kbs_protocol/src/client/mod.rs) at
# the revisions that CAA src/cloud-api-adaptor/versions.yaml names: 3df6c412, 0a06ef24, 608b4820, 5574c494. What KBS
# takes: TR kbs/src/attestation/backend.rs, VERSION_REQ.
_RCAR_FIRST, _RCAR_0_4, _RCAR_1_0 = "0.1.1", "0.2.0", "0.4.0"


OSC: Mapping[str, OscProfile] = {
    profile.version: profile
    for profile in (
        _osc("1.9", _RCAR_FIRST, _RUNTIME, initdata_gzip=False, initdata_measured=False, initdata_stand_in=False),
        _osc("1.10", _RCAR_0_4, _RUNTIME, initdata_stand_in=False),
        _osc("1.11", _RCAR_1_0),
        _osc("1.12", _RCAR_1_0, restarts_caa=True, workload_identity=True, copied_type_named=True),
    )
}

_ROOT = "/opt/confidential-containers"
# TO internal/controller/common.go and newKbsDeployment. KBS itself appends "opa" to attestation_policies up to 1.1
# (TR attestation-service/src/policy_engine/opa/mod.rs).
_PATHS_0_3 = {
    "repository": f"{_ROOT}/kbs/repository",
    "resource_policy": f"{_ROOT}/opa/policy.rego",
    "attestation_policies": f"{_ROOT}/attestation-service/policies",
    "attestation_policy": f"{_ROOT}/attestation-service/policies/opa/default.rego",
    "reference_values": f"{_ROOT}/rvps/reference-values/reference-values.json",
    "work_dir": f"{_ROOT}/attestation-service",
    # Beside the administrator's key: up to 0.4 the operator mounts no other Secret outside of the repository that KBS
    # serves, and later versions mount this one as well as those that they have for the signer.
    "signer_key": "/etc/auth-secret/token.key",
    "signer_certificate": "/etc/auth-secret/token.crt",
    "previous_signer_certificate": "/etc/auth-secret/previous-token.crt",
}
_PATHS_1_0 = {
    **_PATHS_0_3,
    "attestation_policy": f"{_ROOT}/attestation-service/policies/opa/default_cpu.rego",
}
# Folders below work_dir are the namespaces of TR deps/key-value-storage: kbs, attestation_service_policy, repository.
_PATHS_1_2 = {
    **_PATHS_1_0,
    "repository": f"{_ROOT}/storage/repository",
    "resource_policy": f"{_ROOT}/storage/kbs/resource-policy.rego",
    "attestation_policies": f"{_ROOT}/storage/attestation_service_policy",
    "attestation_policy": f"{_ROOT}/storage/attestation_service_policy/default_cpu.rego",
    "reference_values": f"{_ROOT}/storage/local_json/reference_value",
    "work_dir": f"{_ROOT}/storage",
}
# TR takes a TEE's name from kbs-types: 0.7, 0.10 and 0.12 write it in lower case, 0.14 and 0.15 rename these two.
_PLAIN = {"snp": "azsnpvtpm", "tdx": "aztdxvtpm"}
_DASHED = {"snp": "az-snp-vtpm", "tdx": "az-tdx-vtpm"}

_VOLUMES_0_3 = frozenset(
    {
        "confidential-containers",
        "default",
        "kbs-config",
        "attestation-policy",
        "opa",
        "tdx-config",
        "auth-secret",
        "https-key",
        "https-cert",
        "reference-values",
    }
)
_VOLUMES_1_0 = _VOLUMES_0_3 | {"attestation-policy-dir", "attestation-key", "attestation-cert"}
_VOLUMES_1_1 = _VOLUMES_1_0 | {"attestation-policy-gpu"}
_VOLUMES_1_2 = (_VOLUMES_1_1 - {"confidential-containers", "default", "opa", "tdx-config"}) | {
    "base-storage-dir",
    "resource-policy-dir",
    "resource-policy",
    "repository-dir",
    "rvps-dir",
}

_V0_3: dict[str, Any] = {
    "kbs_schema": "0.3",  # TR kbs/src/config.rs
    "kbs_json": True,
    # Policies of the chapter are written for Simple tokens (TR attestation-service/src/token/simple.rs).
    "token": "Simple",
    "rego_v1": False,  # TR Cargo.lock: regorus 0.2.8, whose default is Rego v0; KBS never calls set_rego_v1
    "trust_claims": False,
    "submodule": "cpu",  # TR attestation-service/src/token/ear_broker.rs
    "claims": _PLAIN,
    "reference_function": False,
    "reference_format": "hash-value",  # TR rvps/src/reference_value.rs
    "enforces_expiry": True,  # TR rvps/src/native.rs (0.3), rvps/src/lib.rs (0.4, 1.0) get_digests
    "split_path": False,  # TR kbs/src/policy_engine/opa/mod.rs
    "resource_policy_key": "policy.rego",
    "attestation_policy_key": "default.rego",
    "reference_values_key": "reference-values.json",
    "paths": _PATHS_0_3,
    # TO v1.2.1 internal/controller/migration.go; set at every version, so that an upgrade finds it in place.
    "migration_annotations": {"kbs.confidentialcontainers.org/migrated-from-v1.1.0": "v1.2.0"},
    "reports_ready": False,
    "tdx_config_map": True,
    "signer_key": "RSA",  # TR attestation-service/src/token/simple.rs signs RS384
    "several_admins": False,  # TR kbs/src/admin/config.rs auth_public_key
    "volumes": _VOLUMES_0_3,
    "refreshed": frozenset({"resource_policy", "attestation_policy", "reference_values"}),
    "follows_config_maps": False,
    "protocol": _RCAR_FIRST,
}
# TR Cargo.lock at v0.4.2: regorus 0.5.0, whose default is Rego v1. v0.4.0 and v0.4.1 have 0.2.8; what the program
# renders for 0.4 is taken by both.
_V0_4 = {**_V0_3, "rego_v1": True, "protocol": _RCAR_0_4}
_V1_0 = {
    **_V0_3,
    "kbs_json": False,
    # Simple is still there at 1.0, but reads default.rego, and TO mounts nothing but default_cpu.rego.
    "token": "Ear",
    "submodule": "cpu0",  # TR attestation-service/src/token/ear_broker.rs: the TEE's class and a number
    "reference_format": "value",
    "attestation_policy_key": "default_cpu.rego",
    "paths": _PATHS_1_0,
    "signer_key": "P-256",  # TR attestation-service/src/token/ear_broker.rs signs ES256
    "volumes": _VOLUMES_1_0,
    # The attestation policy became a subPath mount, which the kubelet never refreshes.
    "refreshed": frozenset({"resource_policy", "reference_values"}),
    "protocol": _RCAR_1_0,
}
_V1_1 = {
    **_V1_0,
    # Operator 1.0 writes isReady, too, but does not watch its Deployment: it stays unset until something else happens.
    "reports_ready": True,
    "kbs_schema": "1.1",  # TR kbs/src/admin/mod.rs: personas; the broker's type is gone
    "rego_v1": True,  # TR Cargo.lock: regorus 0.5.0 (0.10.1 at 1.2), whose default is Rego v1; no set_rego_v0
    "trust_claims": True,  # TR attestation-service/src/policy_engine/opa/mod.rs TRUST_CLAIMS_RULE
    "claims": _DASHED,
    "reference_function": True,  # the same file; data.reference is no more
    "enforces_expiry": False,  # TR rvps/src/lib.rs query_reference_value does not ask whether a value has expired
    "split_path": True,  # TR kbs/src/api_server.rs
    "several_admins": True,
    "volumes": _VOLUMES_1_1,
}
_V1_2 = {
    **_V1_1,
    "kbs_schema": "1.2",  # TR kbs/src/config.rs, kbs/src/admin/mod.rs
    "reference_format": "local-json",  # TR deps/key-value-storage/src/local_json/mod.rs
    "resource_policy_key": "resource-policy.rego",
    "reference_values_key": "reference_value",
    "paths": _PATHS_1_2,
    "tdx_config_map": False,
    "volumes": _VOLUMES_1_2,
    "refreshed": frozenset(),
    "follows_config_maps": True,  # TO getConfigMapVersionAnnotations
}

TRUSTEE: Mapping[str, TrusteeProfile] = {
    version: TrusteeProfile(version=version, **fields)
    for version, fields in {"0.3": _V0_3, "0.4": _V0_4, "1.0": _V1_0, "1.1": _V1_1, "1.2": _V1_2}.items()
}


def speakers() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return which versions of OSC and of Trustee speak each version of the RCAR protocol, and so with each other."""
    protocols = [profile.protocol for profile in OSC.values()] + [profile.protocol for profile in TRUSTEE.values()]
    return {
        protocol: (
            tuple(version for version, profile in OSC.items() if profile.protocol == protocol),
            tuple(version for version, profile in TRUSTEE.items() if profile.protocol == protocol),
        )
        for protocol in dict.fromkeys(protocols)
    }


_CSV = re.compile(r"(?P<package>[a-z0-9-]+)\.v(?P<minor>[0-9]+\.[0-9]+)\.[0-9]+(?:[-+.].*)?")


def minor_version(csv: str) -> str:
    """Return the minor version in the name of a CSV: ``1.9`` for ``sandboxed-containers-operator.v1.9.0``.

    Raises:
        VersionError: the name has no version.
    """
    found = _CSV.fullmatch(csv)
    if found is None:
        raise VersionError(f"{csv!r} is no name of a CSV such as {TRUSTEE_PACKAGE}.v0.3.0")
    return found["minor"]


def osc(csv: str) -> OscProfile:
    """Return the profile of OpenShift sandboxed containers for a CSV; raises VersionError."""
    if (found := OSC.get(minor_version(csv))) is None:
        raise VersionError(_unknown(csv, OSC_PACKAGE, OSC, "peerPods"))
    return found


def trustee(csv: str) -> TrusteeProfile:
    """Return the profile of Trustee for a CSV; raises VersionError."""
    if (found := TRUSTEE.get(minor_version(csv))) is None:
        raise VersionError(_unknown(csv, TRUSTEE_PACKAGE, TRUSTEE, "trustee"))
    return found


def _unknown(csv: str, package: str, known: Mapping[str, object], part: str) -> str:
    return (
        f"{csv} has no profile; versions of {package} that have one: {', '.join(known)}. Choose a channel that offers "
        f"one (coco-azure:{part}.operator.channel), or pin one: "
        f"pulumi config set --path 'coco-azure:{part}.operator.version' VERSION"
    )
