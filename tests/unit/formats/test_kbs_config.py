"""The configuration of KBS has what each version demands, and no key that it does not know."""

import json
import re
import tomllib
from typing import Any

import pytest

from coco_azure.formats.kbs import kbs_config
from coco_azure.formats.kbs.kbs_config import KbsConfig
from coco_azure.versions.profiles import TRUSTEE, TrusteeProfile

ROOT = "/opt/confidential-containers"
EVERYTHING = KbsConfig(
    https=True,
    signer=True,
    previous_signer=True,
    previous_admin=True,
    collateral_service="https://pccs.example.com/",
)
BROKER = {"duration_min", "issuer_name", "developer_name", "build_name", "profile_name", "signer"}
HTTP = {"sockets", "private_key", "certificate", "insecure_http"}
TOKEN = {"extra_teekey_paths", "trusted_certs_paths", "trusted_jwk_sets"}
SIGNER = {"key_path", "cert_url", "cert_path"}

# The fields of the structures that KBS reads its configuration into, by table; "*" is any name. openshift/trustee
# v0.3.0, v0.4.0, v1.0.0 | v1.1.0 | v1.2.0.
KNOWN: dict[str, dict[str, set[str]]] = {
    "0.3": {
        "": {"attestation_token", "attestation_service", "http_server", "admin", "policy_engine", "plugins"},
        "http_server": HTTP,
        "admin": {"auth_public_key", "insecure_api"},
        "attestation_token": {*TOKEN, "insecure_key"},
        "attestation_service": {"type", "timeout", "work_dir", "rvps_config", "attestation_token_broker"},
        "attestation_service.attestation_token_broker": {*BROKER, "type", "policy_dir"},
        "attestation_service.attestation_token_broker.signer": SIGNER,
        "attestation_service.rvps_config": {"type", "storage"},
        "attestation_service.rvps_config.storage": {"type", "file_path"},
        "policy_engine": {"policy_path"},
        "plugins": {"name", "type", "dir_path"},
    },
    "1.1": {
        "": {"attestation_token", "attestation_service", "http_server", "admin", "policy_engine", "plugins"},
        "http_server": {*HTTP, "payload_request_size", "worker_count"},
        "admin": {"type", "personas", "roles"},
        "admin.personas": {"id", "public_key_path"},
        "attestation_token": {*TOKEN, "insecure_key"},
        "attestation_service": {
            "type",
            "timeout",
            "work_dir",
            "rvps_config",
            "attestation_token_broker",
            "verifier_config",
        },
        "attestation_service.attestation_token_broker": {*BROKER, "policy_dir"},
        "attestation_service.attestation_token_broker.signer": SIGNER,
        "attestation_service.rvps_config": {"type", "storage", "extractors"},
        "attestation_service.rvps_config.storage": {"type", "file_path"},
        "policy_engine": {"policy_path"},
        "plugins": {"name", "type", "dir_path"},
    },
    "1.2": {
        "": {"attestation_token", "attestation_service", "http_server", "admin", "storage_backend", "plugins"},
        "http_server": {*HTTP, "payload_request_size", "worker_count", "tls_profile"},
        "admin": {"authorization_mode", "authentication", "authorization"},
        "admin.authentication": {"bearer_jwt"},
        "admin.authentication.bearer_jwt": {"identity_providers"},
        "admin.authentication.bearer_jwt.identity_providers": {"issuer", "audience", "public_key_uri", "jwk_set_uri"},
        "admin.authorization": {"regex_acl"},
        "admin.authorization.regex_acl": {"acls"},
        "admin.authorization.regex_acl.acls": {"role", "allowed_endpoints"},
        "attestation_token": {*TOKEN, "insecure_header_jwk"},
        "attestation_service": {
            "type",
            "timeout",
            "rvps_config",
            "attestation_token_broker",
            "verifier_config",
            "storage_type",
        },
        "attestation_service.attestation_token_broker": {*BROKER, "verbose_token"},
        "attestation_service.attestation_token_broker.signer": SIGNER,
        "attestation_service.rvps_config": {"type", "extractors", "storage_type"},
        "attestation_service.verifier_config": {"dcap_verifier", "snp_verifier", "nvidia_verifier", "tpm_verifier"},
        "attestation_service.verifier_config.dcap_verifier": {
            "collateral_service",
            "use_secure_cert",
            "tcb_update_type",
        },
        "storage_backend": {"storage_type", "backends"},
        "storage_backend.backends": {"local_fs", "local_json"},
        "storage_backend.backends.local_fs": {"dir_path"},
        "storage_backend.backends.local_json": {"file_dir_path"},
        "plugins": {"name", "storage_backend_type"},
    },
}


def _document(config: KbsConfig, version: str) -> dict[str, Any]:
    return tomllib.loads(kbs_config.render(config, TRUSTEE[version])[kbs_config.TOML_KEY])


def _unknown(values: Any, known: dict[str, set[str]], table: str = "") -> list[str]:
    if isinstance(values, list):
        return [name for item in values for name in _unknown(item, known, table)]
    if not isinstance(values, dict):
        return []
    stray = [f"{table}.{key}" for key in values if key not in known.get(table, set())]
    inner = [name for key, value in values.items() for name in _unknown(value, known, f"{table}.{key}".lstrip("."))]
    return stray + inner


@pytest.mark.parametrize("config", [KbsConfig(), EVERYTHING], ids=["defaults", "everything"])
@pytest.mark.parametrize("profile", TRUSTEE.values(), ids=lambda profile: profile.version)
def test_no_key_is_written_that_the_version_does_not_know(profile: TrusteeProfile, config: KbsConfig) -> None:
    assert _unknown(_document(config, profile.version), KNOWN[profile.kbs_schema]) == []


@pytest.mark.parametrize("version", TRUSTEE)
def test_the_chapters_json_stands_beside_it_only_where_the_chapter_does(version: str) -> None:
    data = kbs_config.render(KbsConfig(), TRUSTEE[version])

    assert set(data) == ({"kbs-config.toml", "kbs-config.json"} if version in {"0.3", "0.4"} else {"kbs-config.toml"})


def test_kbs_toml_has_what_kbs_0_3_demands() -> None:
    document = _document(KbsConfig(token_duration=7), "0.3")

    assert document["attestation_service"]["type"] == "coco_as_builtin"
    assert document["attestation_service"]["attestation_token_broker"]["duration_min"] == 7
    assert document["attestation_token"] == {"insecure_key": True}
    assert document["admin"] == {"insecure_api": False, "auth_public_key": "/etc/auth-secret/publicKey"}
    assert document["plugins"][0]["name"] == "resource"


def test_kbs_json_is_the_chapters() -> None:
    document = json.loads(kbs_config.render_json(KbsConfig()))

    assert document["as_config"]["attestation_token_broker"] == "Simple"
    assert document["policy_engine_config"] == {"policy_path": "/opt/confidential-containers/opa/policy.rego"}


@pytest.mark.parametrize("version", TRUSTEE)
def test_the_life_of_a_token_is_the_brokers_at_every_version(version: str) -> None:
    broker = _document(KbsConfig(token_duration=42), version)["attestation_service"]["attestation_token_broker"]

    assert broker["duration_min"] == 42


@pytest.mark.parametrize(
    ("version", "token"), [("0.3", "Simple"), ("0.4", "Simple"), ("1.0", "Ear"), ("1.1", None), ("1.2", None)]
)
def test_the_tokens_type_is_named_only_where_there_is_a_choice(version: str, token: str | None) -> None:
    assert _document(KbsConfig(), version)["attestation_service"]["attestation_token_broker"].get("type") == token


@pytest.mark.parametrize("version", ["0.3", "0.4", "1.0", "1.1"])
def test_kbs_finds_the_mounted_policies_and_values(version: str) -> None:
    document = _document(KbsConfig(), version)
    service = document["attestation_service"]

    # KBS appends "opa" to policy_dir (policy_engine/opa/mod.rs), and there the operator mounts the policy.
    assert service["attestation_token_broker"]["policy_dir"] == f"{ROOT}/attestation-service/policies"
    assert service["rvps_config"] == {
        "type": "BuiltIn",
        "storage": {"type": "LocalJson", "file_path": f"{ROOT}/rvps/reference-values/reference-values.json"},
    }
    assert document["policy_engine"] == {"policy_path": f"{ROOT}/opa/policy.rego"}
    assert document["plugins"] == [{"name": "resource", "type": "LocalFs", "dir_path": f"{ROOT}/kbs/repository"}]


def test_kbs_1_2_finds_them_in_its_one_storage() -> None:
    document = _document(KbsConfig(), "1.2")

    assert document["storage_backend"] == {
        "storage_type": "LocalFs",
        "backends": {
            "local_fs": {"dir_path": f"{ROOT}/storage"},
            "local_json": {"file_dir_path": f"{ROOT}/storage/local_json"},
        },
    }
    assert document["attestation_service"]["rvps_config"] == {"type": "BuiltIn", "storage_type": "LocalJson"}
    assert document["plugins"] == [{"name": "resource", "storage_backend_type": "kvstorage"}]


@pytest.mark.parametrize("version", TRUSTEE)
def test_kbs_serves_plain_http_behind_an_edge_route_and_https_with_a_certificate_of_its_own(version: str) -> None:
    plain, secure = (_document(KbsConfig(https=https), version)["http_server"] for https in (False, True))

    assert plain == {"sockets": ["0.0.0.0:8080"], "insecure_http": True}
    assert secure == {
        "sockets": ["0.0.0.0:8080"],
        "insecure_http": False,
        "private_key": "/etc/https-key/privateKey",
        "certificate": "/etc/https-cert/certificate",
    }


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_token_signer_takes_the_place_of_the_insecure_key(version: str) -> None:
    document = _document(KbsConfig(signer=True), version)
    paths = TRUSTEE[version].paths

    assert document["attestation_token"] == {"trusted_certs_paths": [paths["signer_certificate"]]}
    assert document["attestation_service"]["attestation_token_broker"]["signer"] == {
        "key_path": paths["signer_key"],
        "cert_path": paths["signer_certificate"],
    }


@pytest.mark.parametrize("version", TRUSTEE)
def test_during_a_rotation_both_signers_are_believed_and_only_the_new_one_signs(version: str) -> None:
    document = _document(KbsConfig(signer=True, previous_signer=True), version)
    new = TRUSTEE[version].paths["signer_certificate"]
    old = f"{new.rpartition('/')[0]}/previous-token.crt"

    assert document["attestation_token"]["trusted_certs_paths"] == [new, old]
    assert document["attestation_service"]["attestation_token_broker"]["signer"]["cert_path"] == new


def test_a_previous_signer_without_a_new_one_is_refused() -> None:
    with pytest.raises(ValueError, match="previous_signer without signer"):
        KbsConfig(previous_signer=True)


@pytest.mark.parametrize(
    ("version", "key"),
    [("0.3", "insecure_key"), ("1.0", "insecure_key"), ("1.1", "insecure_key"), ("1.2", "insecure_header_jwk")],
)
def test_without_a_signer_kbs_is_told_to_believe_the_key_in_the_token(version: str, key: str) -> None:
    assert _document(KbsConfig(), version)["attestation_token"] == {key: True}


@pytest.mark.parametrize("version", ["0.3", "0.4", "1.0"])
def test_up_to_1_0_one_administrators_key_counts_and_it_is_the_new_one(version: str) -> None:
    for config in (KbsConfig(), EVERYTHING):
        assert _document(config, version)["admin"] == {
            "insecure_api": False,
            "auth_public_key": "/etc/auth-secret/publicKey",
        }


def test_1_1_knows_administrators_as_personas() -> None:
    mine = {"id": "admin", "public_key_path": "/etc/auth-secret/publicKey"}
    previous = {"id": "previous-admin", "public_key_path": "/etc/auth-secret/previousPublicKey"}

    assert _document(KbsConfig(), "1.1")["admin"] == {"type": "Simple", "personas": [mine]}
    assert _document(KbsConfig(previous_admin=True), "1.1")["admin"]["personas"] == [mine, previous]


def test_1_2_lets_only_our_keys_and_our_role_in() -> None:
    admin = _document(KbsConfig(previous_admin=True), "1.2")["admin"]

    assert admin["authorization_mode"] == "AuthenticatedAuthorization"
    assert admin["authentication"]["bearer_jwt"]["identity_providers"] == [
        {"public_key_uri": "/etc/auth-secret/publicKey"},
        {"public_key_uri": "/etc/auth-secret/previousPublicKey"},
    ]
    [rule] = admin["authorization"]["regex_acl"]["acls"]
    assert rule["role"] == kbs_config.ADMIN_ROLE
    # regex_acl.rs refuses to start without these anchors.
    assert rule["allowed_endpoints"].startswith("^/kbs")
    assert rule["allowed_endpoints"].endswith("$")
    assert re.search(rule["allowed_endpoints"], "/kbs/v0/resource/default/a/b")
    assert not re.search(rule["allowed_endpoints"], "/metrics")


def test_intels_certificates_come_from_a_service_that_1_2_is_told_of() -> None:
    config = KbsConfig(collateral_service="https://pccs.example.com/")

    assert _document(config, "1.2")["attestation_service"]["verifier_config"] == {
        "dcap_verifier": {"collateral_service": "https://pccs.example.com/"}
    }
    assert "verifier_config" not in _document(KbsConfig(), "1.2")["attestation_service"]
    assert "verifier_config" not in _document(config, "1.1")["attestation_service"]
