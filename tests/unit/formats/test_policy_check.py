"""A user's policy is compiled and judged before it is deployed, and what is said about it helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats import rego
from coco_azure.formats.policy.policies import attestation_policy
from coco_azure.formats.policy.policy_cases import cases, documented_reference
from coco_azure.formats.policy.policy_check import check_attestation_policy, check_chain, check_resource_policy
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import Kind, compile_policy
from tests.unit.policy_profiles import EAR, PROFILES, SIMPLE, VERSIONS, resource_policy

ALLOW_ALL = "package policy\nimport rego.v1\ndefault allow := true\n"
DENY_ALL = "package policy\nimport rego.v1\ndefault allow := false\n"
AFFIRM_ALL = """package policy
import rego.v1
default executables := 2
default hardware := 2
default configuration := 2
trust_claims := {"executables": executables, "hardware": hardware, "configuration": configuration}
"""
each_version = pytest.mark.parametrize("version", VERSIONS)
each_ear = pytest.mark.parametrize("version", EAR)


def _refused(text: str, version: str, kind: Kind) -> PolicyError:
    with pytest.raises(PolicyError) as raised:
        compile_policy(text, PROFILES[version], kind)
    return raised.value


@each_version
@pytest.mark.parametrize("kind", ["resource", "attestation"])
def test_a_policy_that_does_not_compile_is_refused_with_its_line(version: str, kind: Kind) -> None:
    error = _refused("package policy\nimport rego.v1\n\nallow if {\n  input.tee ==\n}\n", version, kind)

    assert (error.line, error.source) == (6, "}")
    assert str(error) == "line 6, column 1: expecting expression; the line is: }"


@each_version
def test_a_user_sees_the_very_line(version: str) -> None:
    error = _refused('package policy\nimport rego.v1\nallow if input.tee = = "snp"\n', version, "resource")

    assert error.line == 3
    assert 'input.tee = = "snp"' in str(error)
    assert error.column > 1


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_rego_v0_is_refused_where_the_engine_takes_v1(version: str) -> None:
    error = _refused(rego.load("resource_policy"), version, "resource")

    assert "`if` keyword is required" in str(error)
    assert error.source == "allow {"


@each_version
def test_another_package_is_refused(version: str) -> None:
    error = _refused("# mine\npackage mine\ndefault allow := true\n", version, "resource")

    assert str(error).startswith("line 2, column 1: package mine is not read, needed is package policy")


@each_version
def test_a_resource_policy_without_allow_is_refused(version: str) -> None:
    assert "there is no rule allow" in str(_refused("package policy\ndefault deny := true\n", version, "resource"))


@pytest.mark.parametrize(
    ("version", "text", "message"),
    [
        ("0.3", AFFIRM_ALL, "there is no rule allow, which Trustee 0.3 reads; the policy has configuration"),
        ("1.0", ALLOW_ALL, "there is no rule configuration, which Trustee 1.0 reads; the policy has allow"),
        ("1.1", ALLOW_ALL, "there is no rule trust_claims, which Trustee 1.1 reads; the policy has allow"),
        (
            "1.2",
            AFFIRM_ALL.partition("trust_claims")[0],
            "no rule trust_claims, which Trustee 1.2 reads; the policy has conf",
        ),
        ("1.2", "package policy\nx := 1\n", "there is no rule trust_claims, which Trustee 1.2 reads; the line is"),
    ],
)
def test_an_attestation_policy_for_another_token_is_refused_by_name(version: str, text: str, message: str) -> None:
    assert message in str(_refused(text, version, "attestation"))


@pytest.mark.parametrize("version", ["0.3", "0.4", "1.0"])
def test_a_function_that_this_trustee_lacks_is_refused_with_its_line(version: str) -> None:
    text = AFFIRM_ALL + 'allow if "x" in query_reference_value("x")\ndefault configuration := 3\n'
    text = text.replace("default executables := 2", 'executables := 2 if "x" in query_reference_value("x")')
    error = _refused(text, version, "attestation")

    assert "could not find function query_reference_value" in str(error)
    assert "query_reference_value" in error.source


def test_a_policy_of_trustee_needs_its_version() -> None:
    with pytest.raises(TypeError, match="belongs to a version of Trustee"):
        compile_policy(ALLOW_ALL, None, "resource")


@each_version
def test_a_policy_that_denies_everybody_is_a_problem_in_any_environment(version: str) -> None:
    profile = PROFILES[version]
    for variant in ("development", "production"):
        report = check_resource_policy(DENY_ALL, profile, "snp", variant=variant)

        assert len(report.problems) == 1
        assert "every documented TEE is turned away, so no pod gets a secret" in report.problems[0]
        assert "coco-azure:trustee.resourcePolicyFile" in report.problems[0]


@each_version
def test_a_policy_for_the_other_tee_is_a_problem(version: str) -> None:
    profile = PROFILES[version]
    name = profile.claims["tdx"]
    only = f'input.submods[_]["ear.veraison.annotated-evidence"]["{name}"]'
    if profile.token == "Simple":
        only = f'input.tee == "{name}"'
    text = f"{DENY_ALL}allow if {only}\n"

    problems = check_resource_policy(text, profile, "snp").problems
    assert "a genuine SNP pod VM (this stack's TEE) is turned away" in problems[0]
    assert not [item for item in check_resource_policy(text, profile, "tdx").problems if "turned away" in item]


@each_version
def test_a_policy_that_allows_everybody_is_a_problem_in_production_and_a_warning_in_development(version: str) -> None:
    profile = PROFILES[version]
    attest = ALLOW_ALL if profile.token == "Simple" else AFFIRM_ALL
    reference = documented_reference(profile)

    strict = check_chain(ALLOW_ALL, attest, profile, "snp", reference)
    lax = check_chain(ALLOW_ALL, attest, profile, "snp", reference, variant="development")

    assert strict.problems == lax.warnings
    assert (strict.warnings, lax.problems) == ([], [])
    assert len(strict.problems) == 5
    for harm in ("without any TEE", "under debug", "wrong PCR 8", "expired", "with a TCB of all zeros"):
        assert any(harm in item for item in strict.problems), harm
    ways = [f"pulumi config rm --path 'coco-azure:trustee.{name}PolicyFile'" for name in ("attestation", "resource")]
    assert all(way in item for way in ways for item in strict.problems)
    assert all("where coco-azure:environment is production" in item for item in strict.problems)


@each_ear
def test_a_policy_that_looks_into_a_submodule_of_another_name_is_caught(version: str) -> None:
    text = f'{DENY_ALL}allow if not input.submods.cpu["ear.veraison.annotated-evidence"].sample\n'
    result = check_resource_policy(text, PROFILES[version], "snp").problems

    assert any("the sample attester may pass" in each for each in result)


@each_ear
def test_the_chapters_resource_policy_denies_everybody_with_ear_tokens(version: str) -> None:
    text = 'package policy\nimport rego.v1\ndefault allow := false\nallow if input["tee"] != "sample"\n'

    assert "every documented TEE is turned away" in check_resource_policy(text, PROFILES[version], "snp").problems[0]


@each_version
def test_production_without_reference_values_says_which_setting_is_missing(version: str) -> None:
    profile = PROFILES[version]
    text = attestation_policy(profile, "production")

    (result,) = check_attestation_policy(text, profile, "tdx", {}).problems
    assert "every documented TEE is turned away" in result
    assert "coco-azure:trustee.referenceValuesFile" in result


@each_version
def test_a_failing_evaluation_is_a_denial_that_is_explained(version: str) -> None:
    profile = PROFILES[version]
    with pytest.raises(PolicyError, match="line 4"):
        check_resource_policy(f"{DENY_ALL}allow if count(1) > 0\n", profile, "snp")
    sample = 'input.tee == "sample"' if version in SIMPLE else "input.submods[_]"
    trapped = f"{DENY_ALL}allow if {{\n  {sample}\n  count(input.tee) > to_number(input.x)\n}}\n"
    assert "every documented TEE" in check_resource_policy(trapped, profile, "snp").problems[0]


def test_a_report_is_a_table_that_marks_what_is_not_as_expected() -> None:
    table = check_resource_policy(ALLOW_ALL, PROFILES["0.3"], "snp").table().splitlines()

    assert table[0] == "ok    genuine SNP pod VM: expected yes, found yes"
    assert table[-1] == "FAIL  sample attester: expected no, found yes"


@each_version
def test_the_cases_are_those_that_are_documented(version: str) -> None:
    profile = PROFILES[version]
    result = cases(profile)

    assert [case.name for case in result if case.good] == ["genuine SNP pod VM", "genuine TDX pod VM"]
    assert len(result) == (13 if profile.token == "Ear" else 11)
    assert all(case.harm for case in result if not case.good)


@each_version
def test_pod_vms_of_the_cases_have_the_stacks_reference_values(version: str) -> None:
    profile = PROFILES[version]
    name = profile.reference_name("snp", 8)
    values = {case.name: case for case in cases(profile, {name: ["ab" * 32, "cd" * 32]})}
    genuine, wrong = values["genuine SNP pod VM"], values["SNP pod VM with a wrong PCR 8"]

    assert genuine.claims["tpm"]["pcr08"] == "ab" * 32
    assert wrong.claims["tpm"]["pcr08"] not in {"ab" * 32, "cd" * 32}


@given(text=st.text(max_size=200), version=st.sampled_from(VERSIONS))
def test_whatever_a_user_writes_is_refused_or_judged(text: str, version: str) -> None:
    try:
        result = check_resource_policy("package policy\n" + text, PROFILES[version], "snp").problems
    except PolicyError as error:
        result = [str(error)]
    assert all(result)


@each_version
def test_the_programs_policies_of_one_version_are_refused_or_deny_on_a_version_that_reads_others(version: str) -> None:
    profile = PROFILES[version]
    for other in VERSIONS:
        foreign = PROFILES[other]
        if (foreign.token, foreign.claims, foreign.reference_function) == (
            profile.token,
            profile.claims,
            profile.reference_function,
        ):
            continue
        try:
            report = check_chain(
                resource_policy(foreign, "production"),
                attestation_policy(foreign, "production"),
                profile,
                "snp",
                documented_reference(profile),
            )
        except PolicyError:
            continue
        assert "every documented TEE is turned away" in report.problems[0], other
