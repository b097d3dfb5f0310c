"""The chain as a whole: which keys every version reads, and what its policies end with."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats.kbs import reference_values, tdx
from coco_azure.formats.policy import policies
from coco_azure.trust import checks
from coco_azure.trust.chain import Chain, Judgement, config_maps
from coco_azure.versions.profiles import OSC, TRUSTEE
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import HOST, KEYS, NOW, PRODUCTION, chain, changed, entry, file, stack

OWN = "package policy\ndefault allow = false\n"


def _judged(value: Chain) -> Judgement:
    assert value.judgement is not None
    return value.judgement


def _maps(config: dict[str, Any], trustee: str) -> dict[str, dict[str, str]]:
    return config_maps(stack(config), _judged(chain(config, trustee=trustee)))


@pytest.mark.parametrize("version", TRUSTEE)
def test_config_maps_have_the_keys_that_the_version_reads(version: str) -> None:
    profile = TRUSTEE[version]

    maps = _maps(dict(PRODUCTION), version)

    assert {title: set(data) for title, data in maps.items()} == {
        names.KBS_CONFIG_CM: {"kbs-config.toml", "kbs-config.json"}
        if version in {"0.3", "0.4"}
        else {"kbs-config.toml"},
        names.REFERENCE_VALUES: {"reference_value" if version == "1.2" else "reference-values.json"},
        names.RESOURCE_POLICY: {"resource-policy.rego" if version == "1.2" else "policy.rego"},
        names.ATTESTATION_POLICY: {"default.rego" if version in {"0.3", "0.4"} else "default_cpu.rego"},
    }
    result = _judged(chain(PRODUCTION, trustee=version))
    assert maps[names.RESOURCE_POLICY][profile.resource_policy_key] == result.resource_policy
    assert maps[names.ATTESTATION_POLICY][profile.attestation_policy_key] == result.attestation_policy
    values = reference_values.render(list(result.values), profile)
    assert maps[names.REFERENCE_VALUES][profile.reference_values_key] == values


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("other", [None, "https://collateral.example.com/sgx/certification/v4/"])
@pytest.mark.parametrize("url", ["https://pccs.example.com:8081/sgx/certification/v4/", tdx.AZURE_CACHE])
def test_kbs_asks_the_pccs_or_what_stands_in_its_place_where_the_version_reads_it(
    version: str, other: str | None, url: str
) -> None:
    values = {"pccsUrl": url, **({"collateralService": other} if other else {})}

    maps = _maps({"peerPods": {"tee": "tdx"}, "trustee": {"tdx": values}}, version)

    library = json.loads(maps[names.TDX_CONFIG]["sgx_default_qcnl.conf"])
    assert library == {"pccs_url": url, "collateral_service": other or url}
    config = tomllib.loads(maps[names.KBS_CONFIG_CM]["kbs-config.toml"])["attestation_service"]
    verifier = {"dcap_verifier": {"collateral_service": other or url}}
    assert config.get("verifier_config") == (verifier if version == "1.2" else None)


@pytest.mark.parametrize("version", TRUSTEE)
def test_the_policy_ends_with_the_values_only_where_rvps_does_not(version: str) -> None:
    result = _judged(chain(PRODUCTION, trustee=version)).attestation_policy

    ends = int(datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert (f"expires_ns := {ends}000000000" in result) is (version in {"1.1", "1.2"})
    assert ("time.now_ns" in result) is not TRUSTEE[version].enforces_expiry


def test_the_policy_ends_with_the_first_of_the_values(tmp_path: Path) -> None:
    own = [entry("snp_pcr03", expiration="2030-01-01T00:00:00Z")]
    config = changed(PRODUCTION, trustee__referenceValuesFile=file(tmp_path, "own.json", own))

    result = _judged(chain(config)).attestation_policy

    assert f"expires_ns := {int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())}000000000" in result


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_development_policy_never_ends(version: str) -> None:
    config = {"trustee": {"referenceValues": {"expires": "2099-12-31"}}}

    assert "expires_ns" not in _judged(chain(config, trustee=version)).attestation_policy


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("environment", ["development", "production"])
def test_policies_are_those_of_the_environment(version: str, environment: Any) -> None:
    config = dict(PRODUCTION) if environment == "production" else {}

    result = _judged(chain(config, trustee=version))

    assert (result.bindings is None) == (environment == "development")
    assert result.resource_policy == policies.resource_policy(TRUSTEE[version], environment, result.bindings)
    default = "reject" if environment == "production" else "insecureAcceptAnything"
    assert json.loads(result.image_policy)["default"] == [{"type": default}]


def test_policies_of_the_user_are_taken_as_they_are(tmp_path: Path) -> None:
    own = file(tmp_path, "own.rego", OWN)
    config = changed(PRODUCTION, trustee__resourcePolicyFile=own, trustee__attestationPolicyFile=own)

    result = _judged(chain(config))

    assert (result.resource_policy, result.attestation_policy) == (OWN, OWN)


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

    token = tomllib.loads(_maps(config, "1.2")[names.KBS_CONFIG_CM]["kbs-config.toml"])["attestation_token"]

    assert len(token["trusted_certs_paths"]) == signer + previous
    assert "insecure_header_jwk" not in token


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("base", [{}, PRODUCTION], ids=["development", "production"])
def test_kbs_believes_only_signed_tokens_in_every_environment(version: str, base: dict[str, Any]) -> None:
    text = _maps(base, version)[names.KBS_CONFIG_CM]["kbs-config.toml"]
    config = tomllib.loads(text)

    assert config["attestation_token"] == {"trusted_certs_paths": [TRUSTEE[version].paths["signer_certificate"]]}
    assert "insecure_key" not in text
    assert "insecure_header_jwk" not in text
    signer = config["attestation_service"]["attestation_token_broker"]["signer"]
    assert signer["key_path"] == TRUSTEE[version].paths["signer_key"]


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_development_stack_may_turn_the_signature_off(version: str) -> None:
    config = tomllib.loads(_maps({"trustee": {"signTokens": False}}, version)[names.KBS_CONFIG_CM]["kbs-config.toml"])

    assert list(config["attestation_token"].values()) == [True]
    assert "signer" not in config["attestation_service"]["attestation_token_broker"]


def test_kbs_serves_https_itself_only_behind_a_passthrough_route() -> None:
    edge, passthrough = (
        tomllib.loads(
            _maps({"trustee": {"tls": {"termination": termination}}}, "1.2")[names.KBS_CONFIG_CM]["kbs-config.toml"]
        )
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


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_policy_of_one_s_own_is_tried_with_each_pcr_that_the_stack_demands(tmp_path: Path, version: str) -> None:
    lax = file(tmp_path, "lax.rego", policies.attestation_policy(TRUSTEE[version], "production"))
    demanded = changed(
        PRODUCTION,
        trustee__referenceValues__pcrs=[3, 4, 7, 9, 11, 12],
        trustee__referenceValues__initdata=True,
        trustee__attestationPolicyFile=lax,
    )

    made = chain(demanded, osc_of(version), version)
    (problem,) = checks.problems(stack(demanded), made, HOST, NOW)
    assert all(f"SNP pod VM with a wrong PCR {pcr}" in problem for pcr in (4, 7))
    assert "pulumi config rm --path 'coco-azure:trustee.attestationPolicyFile'" in problem
