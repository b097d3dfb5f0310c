"""The shipped policies say to every documented case, on every version of Trustee, what they should."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy.attestation_tokens import affirms, appraise, token
from coco_azure.formats.policy.claims import Claims, Tee
from coco_azure.formats.policy.policies import PCRS, Variant, attestation_policy
from coco_azure.formats.policy.policy_cases import TEES, documented_reference, other_value, reference_of
from coco_azure.formats.policy.policy_check import check_attestation_policy, check_chain, check_resource_policy
from coco_azure.formats.policy.policy_engine import Policy, PolicyFacts
from coco_azure.formats.policy.policy_judge import compile_policy, judge_attestation, judge_resource
from coco_azure.versions.profiles import TrusteeProfile
from tests.unit.policy_profiles import BOUND, EAR, PROFILES, RESOURCE, SIMPLE, VERSIONS, resource_policy

REAL: Claims = json.loads((Path(__file__).parent / "claims/az-snp-vtpm.json").read_text())
"""What the verifier of Trustee 0.3 makes of the evidence of an SNP VM in Azure (its own test data)."""

VARIANTS: tuple[Variant, ...] = ("development", "production")
each_version = pytest.mark.parametrize("version", VERSIONS)
each_variant = pytest.mark.parametrize("variant", VARIANTS)
each_tee = pytest.mark.parametrize("tee", TEES)


def _passes(profile: TrusteeProfile, claims: Claims, reference: Mapping[str, list[Any]], tee: Tee = "snp") -> bool:
    """Return whether both production policies let a pod VM with these claims have the secret."""
    verdict = judge_attestation(attestation_policy(profile, "production"), profile, claims, tee, reference)
    result = token(profile, tee, claims, verdict)
    return result is not None and judge_resource(resource_policy(profile, "production"), profile, result, RESOURCE)


@each_version
@each_tee
def test_production_says_yes_to_genuine_pod_vms_and_no_to_everything_else(version: str, tee: Tee) -> None:
    profile = PROFILES[version]
    resource, attestation = resource_policy(profile, "production"), attestation_policy(profile, "production")
    reference = documented_reference(profile)

    for report in (
        check_resource_policy(resource, profile, tee, bindings=BOUND),
        check_attestation_policy(attestation, profile, tee, reference),
        check_chain(resource, attestation, profile, tee, reference, bindings=BOUND),
    ):
        assert all(each.passed == each.expected for each in report.outcomes), report.table()
        assert (report.problems, report.warnings) == ([], [])
        assert not [each.error for each in report.outcomes if each.error]


@each_version
@each_tee
def test_development_lets_genuine_pod_vms_pass_and_never_the_sample_attester(version: str, tee: Tee) -> None:
    profile = PROFILES[version]
    resource, attestation = resource_policy(profile, "development"), attestation_policy(profile, "development")

    for reference in (documented_reference(profile), {}):
        report = check_chain(resource, attestation, profile, tee, reference, variant="development")
        values = {each.case: each.passed for each in report.outcomes}
        assert report.problems == [], report.table()
        assert values["genuine SNP pod VM"] is True
        assert values["genuine TDX pod VM"] is True
        assert values["sample attester"] is False


@each_version
@each_tee
def test_development_holds_a_pcr_to_its_reference_values_where_there_are_some(version: str, tee: Tee) -> None:
    profile = PROFILES[version]
    text, claims = attestation_policy(profile, "development"), documented.expected_claims(tee, profile, {})
    wrong = documented.expected_claims(tee, profile, {8: other_value(claims["tpm"]["pcr08"])})
    reference = documented_reference(profile)

    assert affirms(judge_attestation(text, profile, claims, tee, reference))
    assert not affirms(judge_attestation(text, profile, wrong, tee, reference))
    assert affirms(judge_attestation(text, profile, wrong, tee, {}))


@pytest.mark.parametrize("version", EAR)
@each_variant
def test_a_tee_under_debug_is_contraindicated_with_ear_tokens(version: str, variant: Variant) -> None:
    profile = PROFILES[version]
    for tee in TEES:
        claims = documented.expected_claims(tee, profile, {}, debug=True)
        verdict = judge_attestation(
            attestation_policy(profile, variant), profile, claims, tee, documented_reference(profile)
        )

        assert verdict == appraise({"hardware": 2, "configuration": 96, "executables": 3})


@each_version
def test_the_claims_of_a_real_verifier_pass_with_their_own_reference_values(version: str) -> None:
    profile = PROFILES[version]

    assert _passes(profile, REAL, reference_of(profile, "snp", REAL))


@each_version
@pytest.mark.parametrize("pcr", PCRS)
def test_a_reference_value_that_is_another_or_missing_turns_real_claims_away(version: str, pcr: int) -> None:
    profile = PROFILES[version]
    reference = reference_of(profile, "snp", REAL)
    name = profile.reference_name("snp", pcr)

    assert not _passes(profile, REAL, {**reference, name: [other_value(reference[name][0])]})
    assert not _passes(profile, REAL, {**reference, name: []})
    assert not _passes(profile, REAL, {key: value for key, value in reference.items() if key != name})
    assert _passes(profile, REAL, {**reference, name: [other_value(reference[name][0]), *reference[name]]})


@given(
    version=st.sampled_from(VERSIONS),
    pcr=st.sampled_from(PCRS),
    value=st.binary(min_size=32, max_size=32).map(bytes.hex),
)
def test_any_other_value_of_any_demanded_pcr_is_turned_away(version: str, pcr: int, value: str) -> None:
    profile = PROFILES[version]
    name = f"pcr{pcr:02}"
    changed = {**REAL, "tpm": {**REAL["tpm"], name: value}}

    assert _passes(profile, changed, reference_of(profile, "snp", REAL)) == (value == REAL["tpm"][name])


@each_version
@pytest.mark.parametrize("claim", ["policy_debug_allowed", "policy_migrate_ma"])
@pytest.mark.parametrize("value", ["1", "true", 0, 1, False, None, ""])
def test_only_an_explicit_off_is_off(version: str, claim: str, value: object) -> None:
    profile = PROFILES[version]

    assert not _passes(profile, {**REAL, claim: value}, reference_of(profile, "snp", REAL))


@each_version
def test_a_claim_that_is_not_made_is_turned_away(version: str) -> None:
    profile = PROFILES[version]
    for claim in ("policy_debug_allowed", "policy_migrate_ma", "measurement", "tpm"):
        less = {key: value for key, value in REAL.items() if key != claim}

        assert not _passes(profile, less, reference_of(profile, "snp", REAL)), claim


def _tdx(profile: TrusteeProfile, path: tuple[str, ...], value: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(json.dumps(documented.expected_claims("tdx", profile, {})))
    inner = claims
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return claims


@each_version
@pytest.mark.parametrize(
    ("path", "value", "passes"),
    [
        (("tcb_status",), "OutOfDate", False),
        (("tcb_status",), "UpToDate", True),
        (("quote", "header", "tee_type"), "00000000", False),
        (("quote", "header", "vendor_id"), "00" * 16, False),
        (("quote", "body", "td_attributes"), "0000001000000000", True),
        (("quote", "body", "td_attributes"), "0000002000000000", False),
        (("quote", "body", "td_attributes"), "0100000000000000", False),
        (("quote", "body", "td_attributes"), "", False),
    ],
    ids=["outdated", "current", "SGX", "vendor", "no exceptions", "migratable", "debug", "empty"],
)
def test_a_td_must_be_current_and_neither_debugged_nor_migratable(
    version: str, path: tuple[str, ...], value: str, *, passes: bool
) -> None:
    profile = PROFILES[version]

    assert _passes(profile, _tdx(profile, path, value), documented_reference(profile), "tdx") == passes


@pytest.mark.parametrize("version", EAR)
def test_a_td_without_a_tcb_status_is_turned_away_where_the_verifier_always_gives_one(version: str) -> None:
    profile = PROFILES[version]
    claims = {
        key: value for key, value in documented.expected_claims("tdx", profile, {}).items() if key != "tcb_status"
    }

    assert not _passes(profile, claims, documented_reference(profile), "tdx")


@pytest.mark.parametrize("version", EAR)
@each_variant
def test_no_resource_goes_to_a_sample_attester_that_somebody_affirmed(version: str, variant: Variant) -> None:
    profile = PROFILES[version]
    affirmed = appraise({"hardware": 2, "configuration": 2, "executables": 2})
    result = token(profile, "sample", documented.expected_claims("sample", profile, {}), affirmed)

    assert result is not None
    assert not judge_resource(resource_policy(profile, variant), profile, result, RESOURCE)
    assert not judge_resource(resource_policy(profile, variant), profile, {}, RESOURCE)


@pytest.mark.parametrize("version", EAR)
@pytest.mark.parametrize("vector", [{"hardware": 2}, {"hardware": 2, "configuration": 2, "executables": 0}])
def test_an_affirming_status_without_each_trust_claim_is_not_enough(version: str, vector: Mapping[str, int]) -> None:
    profile = PROFILES[version]
    verdict = appraise(vector)
    result = token(profile, "snp", REAL, verdict)

    assert verdict.status == "affirming"
    assert result is not None
    assert not judge_resource(resource_policy(profile, "production"), profile, result, RESOURCE)


@pytest.mark.parametrize("version", EAR)
def test_every_appraisal_in_a_token_must_affirm(version: str) -> None:
    profile = PROFILES[version]
    good = appraise({"hardware": 2, "configuration": 2, "executables": 2})
    result = token(profile, "snp", REAL, good)
    assert result is not None
    text = resource_policy(profile, "production")

    for status, passes in (("affirming", True), ("warning", False)):
        both = {**result, "submods": {**result["submods"], "gpu0": {"ear.status": status}}}
        assert judge_resource(text, profile, both, RESOURCE) == passes
    second = {**result, "submods": {**result["submods"], "cpu1": result["submods"][profile.submodule]}}
    assert not judge_resource(text, profile, second, RESOURCE)


@each_version
def test_production_serves_the_resource_plugin_only(version: str) -> None:
    profile = PROFILES[version]
    verdict = judge_attestation(
        attestation_policy(profile, "production"), profile, REAL, "snp", reference_of(profile, "snp", REAL)
    )
    result = token(profile, "snp", REAL, verdict)
    assert result is not None
    policy = Policy(resource_policy(profile, "production"), v1=profile.rego_v1)

    for plugin, allowed in (("resource", True), ("nebula-ca", False)):
        data = {"plugin": plugin, "resource-path": RESOURCE.split("/"), "query": {}}
        if not profile.reference_function:
            data = {"resource-path": f"{plugin}/{RESOURCE}"}
        assert policy.value("policy.allow", result, PolicyFacts(data=data)) is allowed


@each_version
def test_only_the_demanded_pcrs_are_demanded(version: str) -> None:
    profile = PROFILES[version]
    text = attestation_policy(profile, "production", pcrs=(11,))
    reference = reference_of(profile, "snp", REAL, (11,))

    assert affirms(judge_attestation(text, profile, REAL, "snp", reference))
    assert (
        check_attestation_policy(text, profile, "snp", documented_reference(profile, (11,)), pcrs=(11,)).problems == []
    )


@pytest.mark.parametrize("pcrs", [(), (8, 8), (24,), (-1,)])
def test_pcrs_that_no_tpm_has_are_refused(pcrs: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needed are one or more different ones, each 0 to 23"):
        attestation_policy(PROFILES["1.2"], "production", pcrs=pcrs)


@pytest.mark.parametrize("version", SIMPLE)
def test_the_chapters_own_policies_are_those_of_development_with_simple_tokens(version: str) -> None:
    profile = PROFILES[version]

    assert 'input["tee"] != "sample"' in resource_policy(profile, "development")
    assert "judge_field(k, v)" in attestation_policy(profile, "development")


@each_version
@each_variant
def test_every_shipped_policy_compiles_on_its_version(version: str, variant: Variant) -> None:
    profile = PROFILES[version]

    compile_policy(resource_policy(profile, variant), profile, "resource")
    compile_policy(attestation_policy(profile, variant), profile, "attestation")
