"""The simulated KBS of every version does not start on what that version refuses; 0.3 is held to the real one."""

import pytest

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, StartError
from tests.contract.kbs_inputs import EC_KEY, RSA_KEY, SIGNER_CERTIFICATE, SIGNER_KEY, public_pem, signed_by
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS

KEY = "/etc/auth-secret/publicKey"
PERSONAS = f'type = "Simple"\n[[admin.personas]]\nid = "a"\npublic_key_path = "{KEY}"'
PROVIDERS = f"""authorization_mode = "AuthenticatedAuthorization"
[admin.authentication.bearer_jwt]
identity_providers = [{{ public_key_uri = "{KEY}" }}]
[admin.authorization.regex_acl]
acls = [{{ role = "a", allowed_endpoints = "^/kbs/v0/resource/.*$" }}]"""
SIGNER = f"""[attestation_service.attestation_token_broker.signer]
key_path = "{SIGNER_KEY}"
cert_path = "{SIGNER_CERTIFICATE}"
"""


def _refused(version: str, old: str, new: str, changes: dict[str, str | None] | None = None) -> str:
    setup = SETUPS[version]
    assert old in setup.config
    with pytest.raises(StartError) as error:
        setup.start({CONFIG: setup.config.replace(old, new, 1), **(changes or {})})
    return str(error.value)


@pytest.mark.parametrize(
    ("version", "old", "new", "text"),
    [
        ("1.1.0", '[admin]\ntype = "DenyAll"', "[admin]\ninsecure_api = false", "missing field `type`"),
        ("1.1.0", '"DenyAll"', '"Open"', "unknown variant `Open`"),
        ("1.1.0", '[admin]\ntype = "DenyAll"', "", "missing field `admin`"),
        ("1.1.0", 'type = "DenyAll"', PERSONAS.replace(KEY, "/none"), "Read admin public key failed"),
        ("1.1.0", 'type = "DenyAll"', PERSONAS.replace("id =", "name ="), "missing field `id`"),
        ("1.1.0", '"DenyAll"', '"DenyAll"\nroles = [{id = "a", allowed_endpoints = "x"}]', "must be anchored"),
        ("1.1.0", '"DenyAll"', '"DenyAll"\nroles = [{id = "a", paths = "x"}]', "unknown field `paths`"),
        ("1.2.1", 'authorization_mode = "DenyAll"', "insecure_api = false", "missing field `authorization_mode`"),
        ("1.2.1", '"DenyAll"', '"DenyAll"\nauth_public_key = "x"', "unknown field `auth_public_key`"),
        ("1.2.1", '"DenyAll"', '"Simple"', "unknown variant `Simple`"),
        ("1.2.1", 'authorization_mode = "DenyAll"', PROVIDERS.replace(KEY, "/none"), "Read admin public key failed"),
        ("1.2.1", 'authorization_mode = "DenyAll"', PROVIDERS.replace("^", ""), "must be anchored"),
        ("1.2.1", 'authorization_mode = "DenyAll"', PROVIDERS.replace("public_key_uri", "key"), "unknown field `key`"),
        ("1.2.1", "insecure_header_jwk = true", "insecure_key = true", "no trusted verification materials"),
        ("1.2.1", 'storage_backend_type = "kvstorage"', 'type = "LocalFs"', "missing field `storage_backend_type`"),
        ("1.2.1", 'storage_type = "LocalFs"', 'storage_type = "Disk"', "unknown variant `Disk`"),
        ("1.2.1", "[storage_backend.backends.local_json]", "[nope]", "Local JSON configuration is required"),
        ("1.2.1", "[storage_backend.backends.local_fs]", "[nope]", "configuration is required"),
        ("1.2.1", "insecure_http = true", 'insecure_http = true\ntls_profile = "new"', "unknown variant `new`"),
        ("1.2.1", "duration_min = 5", 'duration_min = "5"', "expected i64"),
        ("0.4.0", "insecure_http = true", 'insecure_http = true\npayload_request_size = "a"', "expected an integer"),
        ("1.0.0", "insecure_http = true", 'insecure_http = true\nworker_count = "a"', "expected an integer"),
    ],
)
def test_a_configuration_is_refused(version: str, old: str, new: str, text: str) -> None:
    assert text in _refused(version, old, new)


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        ("1.0.0", "duration_min = 5", "duration_min = 5\nnope = 1"),
        ("1.1.0", 'type = "Ear"', 'type = "Simple"'),  # ignored: every token is an EAR
        ("1.1.0", 'type = "DenyAll"', PERSONAS),
        ("1.1.0", '"DenyAll"', '"DenyAll"\ninsecure_api = false\nauth_public_key = "/none"'),
        ("1.2.1", 'authorization_mode = "DenyAll"', PROVIDERS),
        ("1.2.1", "file_dir_path", "dir_path"),  # ignored, and the default is the same
        ("1.2.1", "duration_min = 5", 'duration_min = 5\npolicy_dir = "/none"'),
    ],
)
def test_a_configuration_is_taken(version: str, old: str, new: str) -> None:
    setup = SETUPS[version]
    assert old in setup.config

    assert setup.start({CONFIG: setup.config.replace(old, new, 1)}).unreachable is None


@pytest.mark.parametrize("version", ["0.3.0", "0.4.0"])
def test_a_policy_folder_without_the_default_policy_is_read_only(version: str) -> None:
    setup = SETUPS[version]
    other = setup.attestation.replace("default.rego", "other.rego")

    with pytest.raises(StartError, match="Read-only"):
        setup.start({other: "package policy"})


@pytest.mark.parametrize("version", ["0.3.0", "1.1.0"])
def test_a_resource_policy_under_another_key_is_not_replaced_by_the_built_in_one(version: str) -> None:
    setup = SETUPS[version]
    other = f"{setup.policy.rpartition('/')[0]}/resource-policy.rego"

    with pytest.raises(StartError, match="Policy IO Error"):
        setup.start({setup.policy: None, other: "package policy"})


def test_reference_values_under_another_key_end_the_start_from_0_4() -> None:
    for version, starts in (("0.3.0", True), ("0.4.0", False)):
        setup = SETUPS[version]
        other = f"{setup.values.rpartition('/')[0]}/reference_value"
        changes = {setup.values: None, other: "{}"}
        if starts:
            setup.start(changes)
        else:
            with pytest.raises(StartError, match="Read-only"):
                setup.start(changes)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_the_built_in_policy_for_gpus_is_written_beside_ours(version: str) -> None:
    setup = SETUPS[version]

    setup.start({setup.attestation: setup.demands("tpm.pcr08", "x")})


def test_without_a_storage_backend_1_2_keeps_all_in_memory_and_has_no_secrets() -> None:
    setup = SETUPS["1.2.1"]
    config = setup.config.replace("[storage_backend]", "[nope]").replace('storage_type = "LocalJson"', "")
    kbs = setup.start({CONFIG: config})

    snp = evidence.of("Standard_DC2as_v5", None)
    assert snp is not None
    with pytest.raises(DeniedError, match="PluginInternalError"):
        kbs.release(RESOURCE, snp)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.2.1"])
def test_tokens_of_a_signer_that_is_trusted_are_taken(version: str) -> None:
    setup = SETUPS[version]
    insecure = "insecure_header_jwk = true" if version == "1.2.1" else "insecure_key = true"
    config = setup.config.replace(insecure, f'trusted_certs_paths = ["{SIGNER_CERTIFICATE}"]')
    config = config.replace("duration_min = 5\n", f"duration_min = 5\n{SIGNER}\n")
    snp = evidence.of("Standard_DC2as_v5", None)
    assert snp is not None

    assert setup.start({CONFIG: config, **signed_by(EC_KEY)}).release(RESOURCE, snp) == b"res1val1"
    other = {**signed_by(EC_KEY), SIGNER_CERTIFICATE: signed_by(RSA_KEY)[SIGNER_CERTIFICATE]}
    mismatched = setup.start({CONFIG: config, **other})
    with pytest.raises(DeniedError, match="does not match"):
        mismatched.release(RESOURCE, snp)
    with pytest.raises(StartError, match="no private key of the kind"):
        setup.start({CONFIG: config, **signed_by(RSA_KEY)})


def test_only_1_2_takes_administrators_keys_of_other_kinds() -> None:
    key = {KEY: public_pem(RSA_KEY.public_key())}
    old, new = SETUPS["1.1.0"], SETUPS["1.2.1"]

    with pytest.raises(StartError, match="Failed to parse admin public key"):
        old.start({CONFIG: old.config.replace('type = "DenyAll"', PERSONAS), **key})
    new.start({CONFIG: new.config.replace('authorization_mode = "DenyAll"', PROVIDERS), **key})
