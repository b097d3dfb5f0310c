"""Version profiles: what differs between versions of OpenShift sandboxed containers (OSC) and of Trustee, as data.

Everything that depends on a version is a field of a profile, and nothing else in the program asks for a version number.
A version without a profile is an error that names the versions that have one. Sources stand beside the values: TO is
openshift/trustee-operator (v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.1), TR openshift/trustee (v0.3.0, v0.4.0, v1.0.0,
v1.1.0, v1.2.0), each at the version that the value belongs to. Those of OSC are in
``coco_azure.versions.osc_profiles``.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from coco_azure import names
from coco_azure.versions.osc_profiles import OSC, RCAR_0_4, RCAR_1_0, RCAR_FIRST
from coco_azure.versions.profile_types import OscProfile, Token, TrusteeProfile

__all__ = ["OSC", "TRUSTEE", "OscProfile", "Token", "TrusteeProfile"]

PARTS: Mapping[str, str] = {names.TRUSTEE_PACKAGE: "trustee", names.OSC_PACKAGE: "peerPods"}
"""The part of the settings that speaks of a package."""
_Profile = TypeVar("_Profile")


class VersionError(ValueError):
    """There is no profile for a version; the message names those that there are."""


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
    "rego_limits": False,
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
    "closed_from": None,
    "protocol": RCAR_FIRST,
}
# TR Cargo.lock at v0.4.2: regorus 0.5.0, whose default is Rego v1. v0.4.0 and v0.4.1 have 0.2.8; what the program
# renders for 0.4 is taken by both.
_V0_4 = {**_V0_3, "rego_v1": True, "protocol": RCAR_0_4}
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
    "protocol": RCAR_1_0,
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
    "rego_limits": True,  # TR Cargo.lock: regorus 0.10.1, src/lexer.rs; 0.2.8 and 0.5.0 have no limits
    "reference_format": "local-json",  # TR deps/key-value-storage/src/local_json/mod.rs
    "resource_policy_key": "resource-policy.rego",
    "reference_values_key": "reference_value",
    "paths": _PATHS_1_2,
    "tdx_config_map": False,
    "volumes": _VOLUMES_1_2,
    "refreshed": frozenset(),
    "follows_config_maps": True,  # TO getConfigMapVersionAnnotations
    "closed_from": 2,  # v1.2.1, the newest tag, has no networkpolicy.go; main has one
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


_PROFILES: Mapping[str, Mapping[str, OscProfile] | Mapping[str, TrusteeProfile]] = {
    names.OSC_PACKAGE: OSC,
    names.TRUSTEE_PACKAGE: TRUSTEE,
}
_CSV = re.compile(r"(?P<package>[a-z0-9-]+)\.v(?P<minor>[0-9]+\.[0-9]+)\.(?P<patch>[0-9]+)(?:[-+.].*)?")


def release(csv: str) -> tuple[str, int]:
    """Return minor and patch version in the name of a CSV: ``1.9`` and 0 for ``sandboxed-containers-operator.v1.9.0``.

    Raises:
        VersionError: the name has no version.
    """
    match = _CSV.fullmatch(csv)
    if match is None:
        raise VersionError(f"{csv!r} is no name of a CSV such as {names.TRUSTEE_PACKAGE}.v0.3.0")
    return match["minor"], int(match["patch"])


def minor_version(csv: str) -> str:
    """Return the minor version in the name of a CSV; errors as of ``release``."""
    return release(csv)[0]


def known(package: str, csv: str) -> bool:
    """Return whether a CSV of the package has a profile; every CSV of a package without profiles has what it needs."""
    if (profiles := _PROFILES.get(package)) is None:
        return True
    match = _CSV.fullmatch(csv)
    return match is not None and match["minor"] in profiles


def newest(package: str) -> str:
    """Return the newest minor version of a package that has a profile."""
    return list(_PROFILES[package])[-1]


def oldest(package: str) -> str:
    """Return the oldest one."""
    return next(iter(_PROFILES[package]))


def osc(csv: str, treat_as: str | None = None) -> OscProfile:
    """Return the profile of OpenShift sandboxed containers for a CSV.

    Args:
        treat_as: minor version whose profile a CSV without one gets.

    Raises:
        VersionError: there is none.
    """
    return _profile(csv, names.OSC_PACKAGE, OSC, treat_as)


def trustee(csv: str, treat_as: str | None = None) -> TrusteeProfile:
    """Return the profile of Trustee for a CSV; arguments and errors as of ``osc``."""
    return _profile(csv, names.TRUSTEE_PACKAGE, TRUSTEE, treat_as)


def _profile(csv: str, package: str, profiles: Mapping[str, _Profile], treat_as: str | None) -> _Profile:
    minor = minor_version(csv)
    if (profile := profiles.get(minor) or profiles.get(treat_as or "")) is None:
        raise VersionError(unknown(package, csv))
    return profile


def unknown(package: str, csv: str) -> str:
    """Return what to tell of a CSV without a profile that is to be installed, with the remediation."""
    setting = f"coco-azure:{PARTS[package]}.operator"
    return (
        f"{csv} has no profile; versions of {package} that have one: {', '.join(_PROFILES[package])}. Choose a channel "
        f"that offers one ({setting}.channel), pin one (pulumi config set --path '{setting}.version' VERSION), take a "
        f"newer coco-azure, or {treating(package)}"
    )


def treating(package: str) -> str:
    """Return how a version without a profile is deployed all the same."""
    return (
        "have it deployed as a version that it may not be like: "
        f"pulumi config set --path 'coco-azure:{PARTS[package]}.operator.treatAs' {newest(package)}"
    )
