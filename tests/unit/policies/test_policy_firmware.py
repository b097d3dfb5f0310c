"""What an attestation policy for production demands of the machine: firmware of SNP, boot loader, secure boot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy.attestation_tokens import affirms
from coco_azure.formats.policy.claims import ZERO, SnpTcb
from coco_azure.formats.policy.policies import PCRS, attestation_policy
from coco_azure.formats.policy.policy_cases import documented_reference
from coco_azure.formats.policy.policy_check import check_attestation_policy
from coco_azure.formats.policy.policy_judge import judge_attestation
from tests.unit.policy_profiles import PROFILES, VERSIONS

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
@pytest.mark.parametrize("pcr", [4, 7])
def test_a_demanded_pcr_of_the_boot_is_a_case_of_its_own_that_production_denies(version: str, pcr: int) -> None:
    profile = PROFILES[version]
    pcrs = (*PCRS, pcr)
    known = documented_reference(profile, pcrs)
    text = attestation_policy(profile, "production", pcrs=pcrs)

    report = check_attestation_policy(text, profile, "snp", known, pcrs=pcrs)
    values = {each.case: each.passed for each in report.outcomes}
    assert (values[f"SNP pod VM with a wrong PCR {pcr}"], values[f"TDX pod VM with a wrong PCR {pcr}"]) == (
        False,
        False,
    )
    assert report.problems == []
    lax = check_attestation_policy(attestation_policy(profile, "production"), profile, "snp", known, pcrs=pcrs)
    (result,) = lax.problems
    assert f"the SNP pod VM with a wrong PCR {pcr} and the TDX pod VM with a wrong PCR {pcr} may pass" in result
    assert "a boot loader of the host's own" in result


TCBS = st.builds(
    SnpTcb,
    bootloader=st.integers(0, 255),
    tee=st.integers(0, 255),
    snp=st.integers(0, 255),
    microcode=st.integers(0, 255),
)


@given(version=st.sampled_from(VERSIONS), least=TCBS, reported=TCBS)
def test_production_lets_a_machine_of_snp_pass_exactly_from_the_minimum_on(
    version: str, least: SnpTcb, reported: SnpTcb
) -> None:
    profile = PROFILES[version]
    claims = documented.expected_claims("snp", profile, {}, tcb=reported)
    text = attestation_policy(profile, "production", tcb=least)

    verdict = judge_attestation(text, profile, claims, "snp", documented_reference(profile))
    enough = all(number >= least.numbers()[name] for name, number in reported.numbers().items())
    assert affirms(verdict) is enough


@each_version
def test_a_machine_of_snp_whose_firmware_says_nothing_is_denied_by_default(version: str) -> None:
    profile = PROFILES[version]
    text = attestation_policy(profile, "production")

    def passes(tcb: SnpTcb) -> bool:
        claims = documented.expected_claims("snp", profile, {}, tcb=tcb)
        return affirms(judge_attestation(text, profile, claims, "snp", documented_reference(profile)))

    assert passes(SnpTcb(bootloader=3, tee=0, snp=8, microcode=115))
    assert not passes(ZERO)
    for name in ("bootloader", "snp", "microcode"):
        assert not passes(SnpTcb(**{"bootloader": 3, "tee": 0, "snp": 8, "microcode": 115, name: 0})), name


@each_version
def test_a_report_without_a_number_is_denied(version: str) -> None:
    profile = PROFILES[version]
    text = attestation_policy(profile, "production")
    whole = dict(documented.expected_claims("snp", profile, {}))
    for name in ("reported_tcb_bootloader", "reported_tcb_tee", "reported_tcb_snp", "reported_tcb_microcode"):
        claims = {key: value for key, value in whole.items() if key != name}
        assert not affirms(judge_attestation(text, profile, claims, "snp", documented_reference(profile))), name


@given(version=st.sampled_from(VERSIONS), least=TCBS.filter(lambda tcb: any(tcb.numbers().values())))
def test_the_cases_are_judged_by_the_stacks_own_minimum(version: str, least: SnpTcb) -> None:
    profile = PROFILES[version]
    known = documented_reference(profile)

    report = check_attestation_policy(
        attestation_policy(profile, "production", tcb=least), profile, "snp", known, tcb=least
    )
    assert report.problems == []
    values = {each.case: each.passed for each in report.outcomes}
    assert values["genuine SNP pod VM"]
    assert not values["SNP pod VM with a TCB of all zeros"]
    assert not values["SNP pod VM with a TCB below the minimum"]
    lower = check_attestation_policy(
        attestation_policy(profile, "production", tcb=ZERO), profile, "snp", known, tcb=least
    )
    assert any("with a TCB below the minimum may pass" in each for each in lower.problems)
