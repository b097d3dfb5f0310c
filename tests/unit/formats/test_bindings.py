"""Secrets are bound to initdata: exactly the listed pairs are released, by the engine that enforces it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy import policies
from coco_azure.formats.policy.attestation_tokens import appraise, token
from coco_azure.formats.policy.policies import Bindings
from coco_azure.formats.policy.policy_cases import TEES
from coco_azure.formats.policy.policy_check import check_chain, check_resource_policy
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import judge_resource, resource_judge
from coco_azure.versions.profiles import TrusteeProfile
from tests.unit.policy_profiles import PROFILES, SIMPLE, VERSIONS

A, B, STRANGER = "aa" * 32, "bb" * 32, "cc" * 32
SHARED = "default/security-policy/osc"
TWO = Bindings(
    secrets={A: ("default/a/key",), B: ("default/b/key",)}, shared=(SHARED,), titles={A: "workload a", B: "workload b"}
)
HEAD = "package policy\nimport rego.v1\ndefault allow := false\n"
each_version = pytest.mark.parametrize("version", VERSIONS)
each_tee = pytest.mark.parametrize("tee", TEES)

_PCR8 = st.integers(min_value=0, max_value=2**256 - 1).map(lambda number: f"{number:064x}")
_PATHS = st.builds(
    "default/{}/{}".format,
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,8}", fullmatch=True),
)


@st.composite
def _assignments(draw: st.DrawFn) -> Bindings:
    paths = draw(st.lists(_PATHS, unique=True, max_size=5))
    documents = draw(st.lists(_PCR8, unique=True, max_size=4))
    held = st.lists(st.sampled_from(paths), unique=True) if paths else st.just([])
    others = draw(st.lists(_PATHS.filter(lambda path: path not in paths), unique=True, max_size=2))
    return Bindings(secrets={pcr8: tuple(draw(held)) for pcr8 in documents}, shared=tuple(others))


def _token(profile: TrusteeProfile, tee: Any, pcr8: str) -> Mapping[str, Any]:
    good = appraise(dict.fromkeys(("configuration", "executables", "hardware"), 2))
    result = token(
        profile, tee, documented.expected_claims(tee, profile, {8: pcr8}), good if profile.token == "Ear" else True
    )
    assert result is not None
    return result


@each_version
@each_tee
@run_settings(max_examples=25, deadline=None)
@given(made=_assignments(), stranger=_PCR8)
def test_any_assignment_gives_exactly_the_listed_pairs(version: str, tee: Any, made: Bindings, stranger: str) -> None:
    profile = PROFILES[version]
    judge = resource_judge(policies.resource_policy(profile, "production", made), profile)
    everything = {path for paths in made.secrets.values() for path in paths} | set(made.shared)

    for pcr8 in {*made.secrets, stranger}:
        held = _token(profile, tee, pcr8)
        expected = {*made.secrets[pcr8], *made.shared} if pcr8 in made.secrets else set()
        assert {path for path in everything if judge(held, path)} == expected
        assert not judge(held, "default/nobody/listed")


@each_version
@each_tee
def test_the_programs_policy_keeps_its_documents_apart(version: str, tee: Any) -> None:
    profile = PROFILES[version]
    text = policies.resource_policy(profile, "production", TWO)

    report = check_resource_policy(text, profile, tee, bindings=TWO)

    values = {each.case: each.passed for each in report.outcomes}
    assert values["pod of workload a that asks for default/a/key"] is True
    assert values["pod of workload a that asks for default/b/key"] is False
    assert values["pod of workload b that asks for default/a/key"] is False
    assert values[f"pod of workload b that asks for {SHARED}"] is True
    assert report.problems == []


def _denied(profile: TrusteeProfile, values: Mapping[str, Any]) -> bool:
    text = policies.resource_policy(profile, "production", TWO)
    try:
        return not any(judge_resource(text, profile, values, path) for path in ("default/a/key", SHARED))
    except PolicyError:
        return True  # KBS denies what it cannot evaluate


@pytest.mark.parametrize("version", SIMPLE)
@pytest.mark.parametrize(
    "status", ["", "no JSON", "{}", "[]", '{"azsnpvtpm.tpm.pcr08": null}', f'{{"tpm.pcr08": "{A}"}}']
)
def test_a_simple_token_without_pcr_8_opens_nothing(version: str, status: str) -> None:
    profile = PROFILES[version]
    result = _token(profile, "snp", A)

    assert not _denied(profile, result)
    assert _denied(profile, {**result, "tcb-status": status})
    assert _denied(profile, {name: value for name, value in result.items() if name != "tcb-status"})


@each_version
def test_bindings_are_read_back_from_the_policy(version: str) -> None:
    profile = PROFILES[version]
    result = policies.read_bindings(policies.resource_policy(profile, "production", TWO), v1=profile.rego_v1)

    assert result is not None
    assert (result.secrets, result.shared) == (TWO.secrets, TWO.shared)
    assert result.title(A) == f"PCR 8 {A}"
    assert policies.read_bindings(policies.resource_policy(profile, "development"), v1=profile.rego_v1) is None
    own = f"{HEAD}secrets_of := 1\nshared := []\n"
    assert policies.read_bindings(own, v1=profile.rego_v1) is None


@each_version
def test_the_policy_does_not_depend_on_the_order_of_the_settings(version: str) -> None:
    turned = Bindings(secrets=dict(reversed(list(TWO.secrets.items()))), shared=TWO.shared)

    one, other = (policies.resource_policy(PROFILES[version], "production", each) for each in (TWO, turned))
    assert one == other


def test_production_without_bindings_would_give_everybody_everything_and_is_refused() -> None:
    with pytest.raises(ValueError, match="needs bindings"):
        policies.resource_policy(PROFILES["1.2"], "production")


def _own(profile: TrusteeProfile, condition: str) -> str:
    """Return a policy of a user's that lets the two TEEs of Azure pass, and asks this."""
    tee = " ".join(f'"{name}",' for name in profile.claims.values())
    if profile.token == "Simple":
        return f"{HEAD}allow if {{\n  input.tee in [{tee}]\n  {condition}\n}}\n"
    evidence = f'input.submods["{profile.submodule}"]["ear.veraison.annotated-evidence"]'
    status = f'input.submods["{profile.submodule}"]["ear.status"] == "affirming"'
    return f"{HEAD}allow if {{\n  some tee in [{tee}]\n  {evidence}[tee]\n  {status}\n  {condition}\n}}\n"


@each_version
def test_a_users_policy_that_tells_no_documents_apart_is_a_problem_that_names_them(version: str) -> None:
    profile = PROFILES[version]

    result = check_resource_policy(_own(profile, "true"), profile, "snp", bindings=TWO).problems

    assert len(result) == 2
    assert "pods of workload a may have default/b/key, which that document does not list" in result[0]
    assert "pods of workload b may have default/a/key" in result[1]
    assert all("initdata.workloads.WORKLOAD.secrets" in text for text in result)
    assert all("pulumi config rm --path 'coco-azure:trustee.resourcePolicyFile'" in text for text in result)


@each_version
def test_a_users_policy_that_gives_what_is_listed_to_all_is_no_problem(version: str) -> None:
    profile = PROFILES[version]
    same = Bindings(secrets=dict.fromkeys(TWO.secrets, ("default/a/key", "default/b/key")), shared=TWO.shared)

    assert check_resource_policy(_own(profile, "true"), profile, "snp", bindings=same).problems == []


@each_version
def test_a_users_policy_that_keeps_back_what_pods_need_is_a_problem(version: str) -> None:
    profile = PROFILES[version]
    path = 'concat("/", data["resource-path"])' if profile.split_path else 'data["resource-path"]'
    text = _own(profile, f'endswith({path}, "/a/key")')

    result = check_resource_policy(text, profile, "snp", bindings=TWO).problems

    assert any(f"pods of workload a are denied {SHARED}, which is theirs" in each for each in result)
    assert any(f"pods of workload b are denied default/b/key, {SHARED}, which is theirs" in each for each in result)


@each_version
def test_a_trustee_that_accepts_no_document_yet_has_nothing_to_judge(version: str) -> None:
    profile = PROFILES[version]
    nobody = Bindings(secrets={}, shared=(SHARED,))
    text = policies.resource_policy(profile, "production", nobody)
    attestation = policies.attestation_policy(profile, "production")

    assert check_resource_policy(text, profile, "snp", bindings=nobody).outcomes == []
    assert check_chain(text, attestation, profile, "snp", {}, bindings=nobody).outcomes == []
    assert _denied(profile, _token(profile, "snp", STRANGER))
