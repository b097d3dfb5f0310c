"""The simulated KBS of every version refuses, denies and releases as that version does."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, Evidence, Kbs, StartError, flatten, of_image
from tests.contract import kbs_inputs
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS, Setup

DIGEST = "ab" * 48
EARS = ("1.0.0", "1.1.0", "1.2.1")
every_version = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
every_ear = pytest.mark.parametrize("setup", [SETUPS[version] for version in EARS], ids=EARS)


def _snp(digest: str = DIGEST) -> Evidence:
    result = evidence.of("Standard_DC2as_v5", digest)
    assert result is not None
    return result


def _tdx() -> Evidence:
    result = evidence.of("Standard_DC2es_v5", DIGEST)
    assert result is not None
    return result


def _denial(kbs: Kbs, asked: Evidence, resource: str = RESOURCE) -> str:
    with pytest.raises(DeniedError) as denied:
        kbs.release(resource, asked)
    return f"{denied.value.status} {denied.value}"


def _resource_policy(setup: Setup, body: str) -> Mapping[str, str]:
    return {setup.policy: f"package policy\nimport rego.v1\ndefault allow := false\nallow if {{ {body} }}"}


@every_version
def test_the_secret_is_released_to_a_genuine_pod_vm(setup: Setup) -> None:
    assert setup.start().release(RESOURCE, _snp()) == b"res1val1"
    assert setup.start().release(RESOURCE, _tdx()) == b"res1val1"


@every_version
def test_a_policy_and_a_secret_that_change_are_read_at_the_next_request(setup: Setup) -> None:
    mounted = setup.files()
    kbs = Kbs.start(CONFIG, lambda: mounted, setup.version)
    mounted[setup.secret] = "another"
    assert kbs.release(RESOURCE, _snp()) == b"another"
    mounted[setup.policy] = "package policy\ndefault allow = false"

    assert "PolicyDeny" in _denial(kbs, _snp())


@every_version
def test_a_resource_policy_that_does_not_compile_denies_each_request(setup: Setup) -> None:
    assert "PolicyEngine" in _denial(setup.start({setup.policy: "package policy\nallow {"}), _snp())


@every_version
def test_an_attestation_policy_that_does_not_compile_ends_each_attestation(setup: Setup) -> None:
    assert "AttestationError" in _denial(setup.start({setup.attestation: "package policy\nallow {"}), _snp())


@every_version
def test_malformed_reference_values_end_an_attestation_and_not_the_start(setup: Setup) -> None:
    policy = None if setup.has_simple_token else setup.demands("tpm.pcr08", "x")

    assert "AttestationError" in _denial(setup.start({setup.values: "no", setup.attestation: policy}), _snp())


@every_version
def test_a_resource_that_nobody_put_there_is_denied_and_not_said_to_be_missing(setup: Setup) -> None:
    assert _denial(setup.start(), _snp(), "default/none/such").startswith("401 PluginInternalError")


@every_version
def test_without_a_resource_plugin_there_is_no_such_page(setup: Setup) -> None:
    config = setup.config.replace('name = "resource"', 'name = "sample"\nitem = "x"')

    assert _denial(setup.start({CONFIG: config}), _snp()).startswith("404")


@every_version
def test_the_built_in_resource_policy_denies_the_sample_attester(setup: Setup) -> None:
    config = setup.config.replace('type = "Simple"', 'type = "Ear"')
    kbs = setup.start({setup.policy: None, CONFIG: config})

    assert "PolicyDeny" in _denial(kbs, evidence.sample())
    assert kbs.release(RESOURCE, _snp()) == b"res1val1"


@every_version
def test_the_measured_initdata_can_be_demanded(setup: Setup) -> None:
    measured = str(_snp().claims["init_data"])
    simple = setup.has_simple_token
    name = "azsnpvtpm.tpm.pcr08" if simple else "snp_pcr08"
    changes: dict[str, str | None] = {setup.values: setup.reference_values({name: measured})}
    if not simple:
        submodule = "cpu0"
        status = _resource_policy(setup, f'input.submods.{submodule}["ear.status"] == "affirming"')
        changes |= {setup.attestation: setup.demands("tpm.pcr08", name), **status}
    kbs = setup.start(changes)

    assert kbs.release(RESOURCE, _snp()) == b"res1val1"
    assert "401" in _denial(kbs, _snp("cd" * 48))


@pytest.mark.parametrize("version", ["0.3.0", "0.4.0"])
def test_an_expired_reference_value_demands_nothing_with_simple_tokens(version: str) -> None:
    setup = SETUPS[version]
    values = setup.reference_values({"azsnpvtpm.tpm.pcr08": "00"}, "2025-01-01T00:00:00Z")
    before, after = (lambda year=year: datetime(year, 1, 2, tzinfo=UTC) for year in (2024, 2025))

    assert "Reject by policy" in _denial(setup.start({setup.values: values}, now=before), _snp())
    assert setup.start({setup.values: values}, now=after).release(RESOURCE, _snp()) == b"res1val1"


@pytest.mark.parametrize(("version", "released"), [("1.0.0", False), ("1.1.0", True), ("1.2.1", True)])
def test_only_one_version_with_ears_looks_at_the_expiry_of_a_reference_value(version: str, *, released: bool) -> None:
    setup = SETUPS[version]
    values = setup.reference_values({"x": str(_snp().claims["init_data"])}, "2001-01-01T00:00:00Z")
    status = _resource_policy(setup, 'input.submods.cpu0["ear.status"] == "affirming"')
    kbs = setup.start({setup.values: values, setup.attestation: setup.demands("tpm.pcr08", "x"), **status})

    if released:
        assert kbs.release(RESOURCE, _snp()) == b"res1val1"
    else:
        assert "PolicyDeny" in _denial(kbs, _snp())


@pytest.mark.parametrize(
    ("version", "status"),
    [("1.0.0", "affirming"), ("1.1.0", "contraindicated"), ("1.2.1", "affirming")],
)
def test_the_built_in_attestation_policy_knows_azure_in_some_versions(version: str, status: str) -> None:
    setup, snp = SETUPS[version], _snp()
    flags = [name for name in snp.claims if name.startswith(("platform_", "policy_"))]
    word = {"0": "false", "1": "true"}
    values = {name.partition("_")[2]: str(snp.claims[name]) for name in flags}
    values |= {name: word[value] for name, value in values.items() if not name.startswith("abi")}
    values |= {
        f"tcb_{part}": str(snp.claims[f"reported_tcb_{part}"]) for part in ("bootloader", "microcode", "snp", "tee")
    }
    values |= {"measurement": str(snp.claims["measurement"]), "snp_pcr11": evidence.measurements()[11]}
    policy = _resource_policy(setup, f'input.submods.cpu0["ear.status"] == "{status}"')

    kbs = setup.start({setup.values: setup.reference_values(values), **policy})

    assert kbs.release(RESOURCE, snp) == b"res1val1"


@pytest.mark.parametrize("version", ["0.3.0", "0.4.0"])
def test_the_built_in_policy_for_ears_knows_no_azure_before_1_0(version: str) -> None:
    setup = SETUPS[version]
    config = setup.config.replace('type = "Simple"', 'type = "Ear"')
    policy = _resource_policy(setup, 'input.submods.cpu["ear.status"] == "contraindicated"')

    assert setup.start({CONFIG: config, **policy}).release(RESOURCE, _snp()) == b"res1val1"


@pytest.mark.parametrize(
    ("version", "plain_v1", "v0"),
    [
        ("0.3.0", False, True),
        ("0.4.0", False, True),
        ("1.0.0", False, True),
        ("1.1.0", True, False),
        ("1.2.1", True, False),
    ],
)
def test_each_version_takes_its_own_dialect_of_rego(version: str, *, plain_v1: bool, v0: bool) -> None:
    setup = SETUPS[version]
    new = setup.start({setup.policy: 'package policy\nallow if { some x in ["a"]; x == "a" }'})
    old = setup.start({setup.policy: "package policy\nallow { true }"})

    for kbs, taken in ((new, plain_v1), (old, v0)):
        if taken:
            assert kbs.release(RESOURCE, _snp()) == b"res1val1"
        else:
            assert "401" in _denial(kbs, _snp())


@every_version
def test_the_path_of_a_resource_is_given_as_this_version_gives_it(setup: Setup) -> None:
    listed = setup.version >= "1.1"
    body = (
        'data.plugin == "resource"; data["resource-path"] == ["default", "kbsres1", "key1"]'
        if listed
        else f'data["resource-path"] == "resource/{RESOURCE}"'
    )

    assert setup.start(_resource_policy(setup, body)).release(RESOURCE, _snp()) == b"res1val1"


@every_ear
def test_initdata_that_the_guest_sends_is_held_to_pcr_8(setup: Setup) -> None:
    document = 'algorithm = "sha256"\nversion = "0.1.0"\n[data]\n"policy.rego" = "x"\n'
    claims = _snp().claims
    kbs = setup.start(
        _resource_policy(
            setup,
            'input.submods.cpu0["ear.veraison.annotated-evidence"].init_data_claims["policy.rego"] == "x"',
        )
    )

    assert "PCR8" in _denial(kbs, Evidence("az-snp-vtpm", claims, document))
    genuine = evidence.of("Standard_DC2as_v5", hashlib.sha256(document.encode()).hexdigest())
    assert genuine is not None
    assert kbs.release(RESOURCE, Evidence(genuine.tee, genuine.claims, document)) == b"res1val1"


@every_ear
@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_a_guest_that_sends_initdata_with_a_longer_digest_makes_the_verifier_panic(
    setup: Setup, algorithm: str
) -> None:
    document = f'algorithm = "{algorithm}"\nversion = "0.1.0"\n[data]\n'
    genuine = evidence.of("Standard_DC2as_v5", hashlib.new(algorithm, document.encode()).hexdigest())
    assert genuine is not None
    kbs = setup.start()

    assert kbs.release(RESOURCE, genuine) == b"res1val1", "guests do not send it yet"
    with pytest.raises(DeniedError, match="panicked") as ended:
        kbs.release(RESOURCE, Evidence(genuine.tee, genuine.claims, document))
    assert ended.value.status == 502


def test_a_socket_on_loopback_or_another_port_is_not_reached_through_the_service() -> None:
    setup = SETUPS["0.3.0"]
    for sockets in ('["127.0.0.1:8080"]', '["0.0.0.0:9090"]'):
        kbs = setup.start({CONFIG: setup.config.replace('["0.0.0.0:8080"]', sockets)})
        assert kbs.unreachable is not None
        assert "connection refused" in kbs.unreachable
    assert setup.start().unreachable is None


def test_https_with_the_key_of_another_certificate_serves_no_handshake() -> None:
    setup = SETUPS["0.3.0"]
    config = setup.config.replace(*kbs_inputs.HTTPS[0])
    files = {
        CONFIG: config,
        kbs_inputs.TLS_KEY: kbs_inputs.pem(kbs_inputs.RSA_KEY),
        kbs_inputs.TLS_CERTIFICATE: kbs_inputs.certificate(kbs_inputs.RSA_KEY),
    }

    assert setup.start(files).unreachable is None
    assert setup.start(files).https
    other = {**files, kbs_inputs.TLS_KEY: kbs_inputs.pem(kbs_inputs.OTHER_KEY)}
    assert "handshake" in str(setup.start(other).unreachable)


def test_claims_are_named_as_the_simple_token_names_them() -> None:
    flat = flatten(_snp())

    assert {"azsnpvtpm.tpm.pcr08", "azsnpvtpm.measurement", "init_data", "report_data"} <= flat.keys()
    assert flat["azsnpvtpm.policy_debug_allowed"] == "0"
    assert flatten(_snp(), "1.0.0")["azsnpvtpm.policy_debug_allowed"] == "false"
    assert not any("tcb_status" in name for name in flatten(_tdx()))


def test_the_version_is_the_tag_of_the_image() -> None:
    assert of_image("registry.example.com/trustee:1.2.1") == "1.2.1"
    with pytest.raises(ValueError, match="no version of Trustee"):
        Kbs.start(CONFIG, dict, "latest")


def test_kbs_does_not_start_without_its_configuration() -> None:
    with pytest.raises(StartError, match="not found"):
        Kbs.start("/etc/kbs-config/kbs-config.json", SETUPS["0.3.0"].files)


def test_the_chapters_configuration_in_json_does_not_start_kbs() -> None:
    files = {"/etc/kbs-config/kbs-config.json": json.dumps({"insecure_http": True, "as_config": {}})}
    with pytest.raises(StartError, match="missing field `type`"):
        Kbs.start("/etc/kbs-config/kbs-config.json", lambda: files)


def test_a_stored_reference_value_that_is_no_base64_ends_the_attestation() -> None:
    setup = SETUPS["1.2.1"]
    for encoded in ("%%%", base64.b64encode(b"[]").decode()):
        values = json.dumps({"x": encoded})
        kbs = setup.start({setup.values: values, setup.attestation: setup.demands("tpm.pcr08", "x")})
        assert "AttestationError" in _denial(kbs, _snp())


def test_a_resource_policy_under_a_wrong_key_becomes_a_folder_and_denies_all_from_1_2() -> None:
    setup = SETUPS["1.2.1"]
    kbs = setup.start({setup.policy: None, f"{setup.policy}/": ""})

    assert "Is a directory" in _denial(kbs, _snp())
