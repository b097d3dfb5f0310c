"""Version profiles, held to a table that was written by hand from the upstream sources of each version."""

import dataclasses
from typing import Any

import pytest

from coco_azure.versions import profile_table, profiles
from coco_azure.versions.profiles import OSC, TRUSTEE, VersionError

ROOT = "/opt/confidential-containers"

# One line a fact, one column a version: openshift/trustee-operator v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.1, and
# openshift/trustee v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.0.
VERSIONS = ("0.3", "0.4", "1.0", "1.1", "1.2")
FACTS: dict[str, tuple[Any, ...]] = {
    # kbs/src/config.rs, kbs/src/admin
    "kbs_schema": ("0.3", "0.3", "0.3", "1.1", "1.2"),
    "kbs_json": (True, True, False, False, False),
    # token/simple.rs is there up to 1.0; at 1.1 ear_token/broker.rs says that the broker's type is ignored
    "token": ("Simple", "Simple", "Ear", "Ear", "Ear"),
    # Cargo.lock: regorus 0.2.8, 0.5.0 (v0.4.2), 0.2.8, 0.5.0, 0.10.1; Engine::new has rego_v1: true from 0.3.0 on
    "rego_v1": (False, True, False, True, True),
    # policy_engine/opa/mod.rs, ear_token/broker.rs: TRUST_CLAIMS_RULE, query_reference_value
    "trust_claims": (False, False, False, True, True),
    "reference_function": (False, False, False, True, True),
    # token/ear_broker.rs submods.insert("cpu"), later tee class and index
    "submodule": ("cpu", "cpu", "cpu0", "cpu0", "cpu0"),
    # kbs-types 0.7.0, 0.10.0, git 900aa8f, 0.14.0, 0.15.0
    "claims": (
        {"snp": "azsnpvtpm", "tdx": "aztdxvtpm"},
        {"snp": "azsnpvtpm", "tdx": "aztdxvtpm"},
        {"snp": "azsnpvtpm", "tdx": "aztdxvtpm"},
        {"snp": "az-snp-vtpm", "tdx": "az-tdx-vtpm"},
        {"snp": "az-snp-vtpm", "tdx": "az-tdx-vtpm"},
    ),
    # rvps/src/reference_value.rs; deps/key-value-storage/src/local_json/mod.rs
    "reference_format": ("hash-value", "hash-value", "value", "value", "local-json"),
    # rvps/src/native.rs, lib.rs: get_digests skips what has expired, query_reference_value does not
    "enforces_expiry": (True, True, True, False, False),
    # kbs/src/policy_engine/opa/mod.rs, kbs/src/api_server.rs
    "split_path": (False, False, False, True, True),
    # internal/controller/common.go and newKbsDeployment
    "resource_policy_key": ("policy.rego", "policy.rego", "policy.rego", "policy.rego", "resource-policy.rego"),
    "attestation_policy_key": (
        "default.rego",
        "default.rego",
        "default_cpu.rego",
        "default_cpu.rego",
        "default_cpu.rego",
    ),
    "reference_values_key": (*["reference-values.json"] * 4, "reference_value"),
    # updateStatus of KbsConfig
    "reports_ready": (False, False, False, True, True),
    # config/crd/bases/confidentialcontainers.org_kbsconfigs.yaml
    "tdx_config_map": (True, True, True, True, False),
    # token/simple.rs: RS384; ear_broker.rs: ES256
    "signer_key": ("RSA", "RSA", "P-256", "P-256", "P-256"),
    # kbs/src/admin: auth_public_key, personas, identity_providers
    # kbs/src/attestation/backend.rs: VERSION_REQ
    "protocol": ("0.1.1", "0.2.0", "0.4.0", "0.4.0", "0.4.0"),
    "several_admins": (False, False, False, True, True),
    # createVolumeMount (a folder) or createVolumeMountWithSubpath
    "refreshed": (
        {"resource_policy", "attestation_policy", "reference_values"},
        {"resource_policy", "attestation_policy", "reference_values"},
        {"resource_policy", "reference_values"},
        {"resource_policy", "reference_values"},
        set(),
    ),
    # annotation kbs.confidentialcontainers.org/configmap-versions
    "follows_config_maps": (False, False, False, False, True),
    "rego_limits": (False, False, False, False, True),
    "closed_from": (None, None, None, None, 2),
    # internal/controller/migration.go at v1.2.1
    "migration_annotations": ({"kbs.confidentialcontainers.org/migrated-from-v1.1.0": "v1.2.0"},) * 5,
}
PATHS: dict[str, tuple[str, ...]] = {
    "repository": (*[f"{ROOT}/kbs/repository"] * 4, f"{ROOT}/storage/repository"),
    "resource_policy": (*[f"{ROOT}/opa/policy.rego"] * 4, f"{ROOT}/storage/kbs/resource-policy.rego"),
    "attestation_policies": (
        *[f"{ROOT}/attestation-service/policies"] * 4,
        f"{ROOT}/storage/attestation_service_policy",
    ),
    "attestation_policy": (
        *[f"{ROOT}/attestation-service/policies/opa/default.rego"] * 2,
        *[f"{ROOT}/attestation-service/policies/opa/default_cpu.rego"] * 2,
        f"{ROOT}/storage/attestation_service_policy/default_cpu.rego",
    ),
    "reference_values": (
        *[f"{ROOT}/rvps/reference-values/reference-values.json"] * 4,
        f"{ROOT}/storage/local_json/reference_value",
    ),
    "work_dir": (*[f"{ROOT}/attestation-service"] * 4, f"{ROOT}/storage"),
    # mounted from kbsAuthSecretName at every version
    "signer_key": ("/etc/auth-secret/token.key",) * 5,
    "signer_certificate": ("/etc/auth-secret/token.crt",) * 5,
    "previous_signer_certificate": ("/etc/auth-secret/previous-token.crt",) * 5,
}
# createConfigMapVolume, createSecretVolume and createEmptyDirVolume in newKbsDeployment, AllInOneDeployment.
VOLUMES = {
    "0.3": "attestation-policy auth-secret confidential-containers default https-cert https-key kbs-config opa "
    "reference-values tdx-config",
    "1.0": "attestation-cert attestation-key attestation-policy attestation-policy-dir auth-secret "
    "confidential-containers default https-cert https-key kbs-config opa reference-values tdx-config",
    "1.1": "attestation-cert attestation-key attestation-policy attestation-policy-dir attestation-policy-gpu "
    "auth-secret confidential-containers default https-cert https-key kbs-config opa reference-values tdx-config",
    "1.2": "attestation-cert attestation-key attestation-policy attestation-policy-dir attestation-policy-gpu "
    "auth-secret base-storage-dir https-cert https-key kbs-config reference-values repository-dir resource-policy "
    "resource-policy-dir rvps-dir",
}


@pytest.mark.parametrize("fact", FACTS)
def test_each_version_of_trustee_is_as_its_sources_say(fact: str) -> None:
    assert tuple(getattr(TRUSTEE[version], fact) for version in VERSIONS) == FACTS[fact]


@pytest.mark.parametrize("path", PATHS)
def test_each_path_is_where_that_operator_mounts_it(path: str) -> None:
    assert tuple(TRUSTEE[version].paths[path] for version in VERSIONS) == PATHS[path]


@pytest.mark.parametrize("version", VOLUMES)
def test_the_operators_volumes_are_those_of_its_version(version: str) -> None:
    assert sorted(TRUSTEE[version].volumes) == VOLUMES[version].split()


def test_no_field_of_a_profile_is_without_a_fact() -> None:
    fields = {field.name for field in dataclasses.fields(profiles.TrusteeProfile)}

    assert fields == {*FACTS, "version", "paths", "volumes"}
    assert tuple(TRUSTEE) == VERSIONS
    assert all(profile.paths.keys() == PATHS.keys() for profile in TRUSTEE.values())


# openshift/cloud-api-adaptor, branches release-1.9, osc-release-v1.10, osc-release-v1.11, osc-release-v1.12.
@pytest.mark.parametrize(
    ("version", "gzip", "annotation", "stand_in", "protocol"),
    [
        ("1.9", False, "io.katacontainers.config.runtime.cc_init_data", False, "0.1.1"),
        ("1.10", True, "io.katacontainers.config.runtime.cc_init_data", False, "0.2.0"),
        ("1.11", True, "io.katacontainers.config.hypervisor.cc_init_data", True, "0.4.0"),
        ("1.12", True, "io.katacontainers.config.hypervisor.cc_init_data", True, "0.4.0"),
        ("1.13", True, "io.katacontainers.config.hypervisor.cc_init_data", True, "0.4.0"),
    ],
)
def test_each_version_of_osc_takes_initdata_as_its_cloud_api_adaptor_does(
    *, version: str, gzip: bool, annotation: str, stand_in: bool, protocol: str
) -> None:
    profile = OSC[version]

    assert (profile.version, profile.initdata_gzip, profile.initdata_annotation) == (version, gzip, annotation)
    assert profile.initdata_stand_in == stand_in
    assert profile.protocol == protocol
    assert profile.initdata_measured == (version != "1.9")
    assert profile.restarts_caa == profile.workload_identity == (version in ("1.12", "1.13"))


def test_osc_1_13_is_as_1_12_where_no_source_tells_and_the_table_says_so() -> None:
    profile = OSC["1.13"]

    for field in profile.assumed:
        assert getattr(profile, field) == getattr(OSC["1.12"], field), field
    assert "protocol" in profile.assumed
    assert not any(other.assumed for version, other in OSC.items() if version != "1.13")
    cells = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[5] for line in profile_table.osc().splitlines()[2:]
    }
    assumed = {title for title, cell in cells.items() if "(assumed)" in cell}
    assert len(assumed) == len(profile.assumed)
    assert "pod VMs speak RCAR" in assumed
    assert "the guest refuses unsigned sealed secrets" not in assumed
    assert profile_table.osc().count("(assumed)") == len(assumed)


@pytest.mark.parametrize(
    ("field", "before", "since"),
    [
        ("one_image", False, True),
        ("verifies_sealed", False, True),
        ("follows_tls_profile", False, True),
        ("proxy_timeout", "5m", "8m"),
        ("openshift", (), ("4.19.38", "4.20.29", "4.21.24", "4.22.5")),
    ],
)
def test_what_osc_1_13_brings(field: str, before: Any, since: Any) -> None:
    assert {getattr(profile, field) for version, profile in OSC.items() if version != "1.13"} == {before}
    assert getattr(OSC["1.13"], field) == since


def test_a_version_without_a_profile_is_treated_as_the_one_that_is_named_and_a_known_one_is_not() -> None:
    assert profiles.trustee("trustee-operator.v1.3.0", "1.1") is TRUSTEE["1.1"]
    assert profiles.trustee("trustee-operator.v1.2.1", "1.1") is TRUSTEE["1.2"]
    assert profiles.osc("sandboxed-containers-operator.v1.14.0", "1.12") is OSC["1.12"]
    with pytest.raises(VersionError, match="has no profile"):
        profiles.osc("sandboxed-containers-operator.v1.14.0", "1.15")


def test_a_csv_is_known_by_its_minor_version_and_that_of_another_package_always() -> None:
    assert profiles.known("trustee-operator", "trustee-operator.v1.2.9")
    assert not profiles.known("trustee-operator", "trustee-operator.v1.3.0")
    assert not profiles.known("trustee-operator", "trustee-operator.latest")
    assert profiles.known("another-operator", "another-operator.v7.0.0")


@pytest.mark.parametrize(
    ("version", "snp", "tdx"),
    [
        ("0.3", "azsnpvtpm.tpm.pcr08", "aztdxvtpm.tpm.pcr08"),
        ("1.0", "snp_pcr08", "tdx_pcr08"),
        ("1.2", "snp_pcr08", "tdx_pcr08"),
    ],
)
def test_a_pcr_has_the_name_that_the_versions_policy_asks_for(version: str, snp: str, tdx: str) -> None:
    assert TRUSTEE[version].reference_name("snp", 8) == snp
    assert TRUSTEE[version].reference_name("tdx", 8) == tdx


def test_the_profile_follows_from_the_name_of_the_csv() -> None:
    assert profiles.osc("sandboxed-containers-operator.v1.10.3") is OSC["1.10"]
    assert profiles.trustee("trustee-operator.v0.4.2") is TRUSTEE["0.4"]


def test_a_version_without_a_profile_names_those_that_have_one() -> None:
    with pytest.raises(VersionError, match=r"trustee-operator.v2.0.0.*0\.3, 0\.4, 1\.0, 1\.1, 1\.2.*pulumi config set"):
        profiles.trustee("trustee-operator.v2.0.0")
    with pytest.raises(VersionError, match=r"1\.9, 1\.10, 1\.11, 1\.12, 1\.13.*peerPods.*treatAs' 1\.13"):
        profiles.osc("sandboxed-containers-operator.v1.8.1")


@pytest.mark.parametrize("csv", ["", "trustee-operator", "trustee-operator.v1", "trustee-operator.1.2.0"])
def test_what_is_no_csv_is_refused(csv: str) -> None:
    with pytest.raises(VersionError, match=r"no name of a CSV"):
        profiles.minor_version(csv)
