"""The chain as a whole: which keys every version reads, and what its policies end with."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rendering.policy import policies
from rendering.profiles import OSC, TRUSTEE
from rendering.trustee import reference_values
from tests.unit.trust_stacks import KEYS, PRODUCTION, chain, changed, entry, file, stack
from trust.chain import (
    ATTESTATION_POLICY,
    KBS_CONFIG,
    REFERENCE_VALUES,
    RESOURCE_POLICY,
    TDX_CONFIG,
    Chain,
    Judgement,
    config_maps,
)

OWN = "package policy\ndefault allow = false\n"


def _judged(found: Chain) -> Judgement:
    assert found.judgement is not None
    return found.judgement


def _maps(config: dict[str, Any], trustee: str) -> dict[str, dict[str, str]]:
    return config_maps(stack(config), _judged(chain(config, trustee=trustee)))


@pytest.mark.parametrize("version", TRUSTEE)
def test_config_maps_have_the_keys_that_the_version_reads(version: str) -> None:
    profile = TRUSTEE[version]

    found = _maps(dict(PRODUCTION), version)

    assert {title: set(data) for title, data in found.items()} == {
        KBS_CONFIG: {"kbs-config.toml", "kbs-config.json"} if version in {"0.3", "0.4"} else {"kbs-config.toml"},
        REFERENCE_VALUES: {"reference_value" if version == "1.2" else "reference-values.json"},
        RESOURCE_POLICY: {"resource-policy.rego" if version == "1.2" else "policy.rego"},
        ATTESTATION_POLICY: {"default.rego" if version in {"0.3", "0.4"} else "default_cpu.rego"},
    }
    judged = _judged(chain(PRODUCTION, trustee=version))
    assert found[RESOURCE_POLICY][profile.resource_policy_key] == judged.resource_policy
    assert found[ATTESTATION_POLICY][profile.attestation_policy_key] == judged.attestation_policy
    values = reference_values.render(list(judged.values), profile)
    assert found[REFERENCE_VALUES][profile.reference_values_key] == values


@pytest.mark.parametrize("version", TRUSTEE)
def test_the_pccs_is_in_the_place_that_the_version_reads(version: str) -> None:
    url = "https://pccs.example.com/v4/"

    found = _maps({"trustee": {"tdx": {"pccsUrl": url}}}, version)

    assert json.loads(found[TDX_CONFIG]["sgx_default_qcnl.conf"])["pccs_url"] == url
    config = tomllib.loads(found[KBS_CONFIG]["kbs-config.toml"])["attestation_service"]
    assert ("verifier_config" in config) is (version == "1.2")


@pytest.mark.parametrize("version", TRUSTEE)
def test_the_policy_ends_with_the_values_only_where_rvps_does_not(version: str) -> None:
    found = _judged(chain(PRODUCTION, trustee=version)).attestation_policy

    ends = int(datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert (f"expires_ns := {ends}000000000" in found) is (version in {"1.1", "1.2"})
    assert ("time.now_ns" in found) is not TRUSTEE[version].enforces_expiry


def test_the_policy_ends_with_the_first_of_the_values(tmp_path: Path) -> None:
    own = [entry("snp_pcr03", expiration="2030-01-01T00:00:00Z")]
    config = changed(PRODUCTION, trustee__referenceValuesFile=file(tmp_path, "own.json", own))

    found = _judged(chain(config)).attestation_policy

    assert f"expires_ns := {int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())}000000000" in found


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_development_policy_never_ends(version: str) -> None:
    config = {"trustee": {"referenceValues": {"expires": "2099-12-31"}}}

    assert "expires_ns" not in _judged(chain(config, trustee=version)).attestation_policy


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("environment", ["development", "production"])
def test_policies_are_those_of_the_environment(version: str, environment: Any) -> None:
    config = dict(PRODUCTION) if environment == "production" else {}

    found = _judged(chain(config, trustee=version))

    assert (found.bindings is None) == (environment == "development")
    assert found.resource_policy == policies.resource_policy(TRUSTEE[version], environment, found.bindings)
    default = "reject" if environment == "production" else "insecureAcceptAnything"
    assert json.loads(found.image_policy)["default"] == [{"type": default}]


def test_policies_of_the_user_are_taken_as_they_are(tmp_path: Path) -> None:
    own = file(tmp_path, "own.rego", OWN)
    config = changed(PRODUCTION, trustee__resourcePolicyFile=own, trustee__attestationPolicyFile=own)

    found = _judged(chain(config))

    assert (found.resource_policy, found.attestation_policy) == (OWN, OWN)


@pytest.mark.parametrize(
    ("settings", "signer", "previous"),
    [
        ({}, True, False),
        ({"rotation": {"tokenSigner": 2}}, True, True),
        ({"rotation": {"tokenSigner": 2, "overlap": False}}, True, False),
    ],
)
def test_kbs_trusts_the_signer_and_while_they_overlap_the_one_before(
    settings: dict[str, Any], *, signer: bool, previous: bool
) -> None:
    config = changed(PRODUCTION, **{f"trustee__{name}": value for name, value in settings.items()})

    token = tomllib.loads(_maps(config, "1.2")[KBS_CONFIG]["kbs-config.toml"])["attestation_token"]

    assert len(token["trusted_certs_paths"]) == signer + previous
    assert "insecure_header_jwk" not in token


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("base", [{}, PRODUCTION], ids=["development", "production"])
def test_kbs_believes_only_signed_tokens_in_every_environment(version: str, base: dict[str, Any]) -> None:
    text = _maps(base, version)[KBS_CONFIG]["kbs-config.toml"]
    config = tomllib.loads(text)

    assert config["attestation_token"] == {"trusted_certs_paths": [TRUSTEE[version].paths["signer_certificate"]]}
    assert "insecure_key" not in text
    assert "insecure_header_jwk" not in text
    signer = config["attestation_service"]["attestation_token_broker"]["signer"]
    assert signer["key_path"] == TRUSTEE[version].paths["signer_key"]


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_development_stack_may_turn_the_signature_off(version: str) -> None:
    config = tomllib.loads(_maps({"trustee": {"signTokens": False}}, version)[KBS_CONFIG]["kbs-config.toml"])

    assert list(config["attestation_token"].values()) == [True]
    assert "signer" not in config["attestation_service"]["attestation_token_broker"]


def test_kbs_serves_https_itself_only_behind_a_passthrough_route() -> None:
    edge, passthrough = (
        tomllib.loads(_maps({"trustee": {"tls": {"termination": termination}}}, "1.2")[KBS_CONFIG]["kbs-config.toml"])
        for termination in ("edge", "passthrough")
    )

    assert edge["http_server"]["insecure_http"] is True
    assert passthrough["http_server"]["insecure_http"] is False


@pytest.mark.parametrize("osc", OSC)
@pytest.mark.parametrize("trustee", TRUSTEE)
def test_every_pair_of_versions_has_a_chain_and_always_the_same(osc: str, trustee: str) -> None:
    config = {"initdata": {"kbsCertificateFile": f"{KEYS}/kbs.crt"}}

    assert chain(config, osc, trustee) == chain(config, osc, trustee)


def test_a_side_that_another_stack_has_is_left_out() -> None:
    hub = chain({"peerPods": {"enabled": False}}, osc=None)
    spoke = chain({"trustee": {"stack": "o/p/s"}}, trustee=None)

    assert hub.documents == {}
    assert hub.measured == {}
    assert hub.judgement is not None
    assert spoke.judgement is None
    assert set(spoke.measured) == {"global", "attestation-check"}
