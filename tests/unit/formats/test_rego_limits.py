"""What this engine refuses and the real one takes, and what the real one takes for something else than it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.policy import policies
from coco_azure.formats.policy.policy_engine import Policy, PolicyError, PolicyFacts
from coco_azure.formats.policy.policy_judge import compile_policy, judge_agent
from coco_azure.versions.profiles import TRUSTEE

LONG = 'names := ["' + '", "'.join(f"registry.example.com/team/app-{number:03}" for number in range(80)) + '"]\n'
MANY = "# a line\n" * 20_100
LARGE = "".join(f"# {'x' * 900}\n" for _ in range(1_300))
_V1 = "package policy\n\ndefault allow = false\n\nallow if input.good\n"


def _resource(more: str, *, v1: bool) -> str:
    return f"package policy\n{'import rego.v1' if v1 else ''}\n{more}\ndefault allow := false\n"


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("more", [LONG, MANY, LARGE], ids=["a long line", "many lines", "a large file"])
def test_long_policies_are_refused_only_where_kbs_refuses_them(version: str, more: str) -> None:
    profile = TRUSTEE[version]
    text = _resource(more, v1=profile.rego_v1)

    if profile.rego_limits:
        with pytest.raises(PolicyError) as refused:
            compile_policy(text, profile, "resource")
        assert "exceed" in str(refused.value)
        assert len(str(refused.value)) < 400, "the line is not shown in whole"
    else:
        assert Policy(text, v1=profile.rego_v1, limited=profile.rego_limits).package == "policy"


def test_the_agent_takes_a_policy_with_a_long_line() -> None:
    text = policies.agent_policy("development") + LONG

    compile_policy(text, None, "agent")
    assert judge_agent(text, "StartContainerRequest", {})


def test_an_error_in_a_long_line_shows_its_beginning() -> None:
    with pytest.raises(PolicyError) as refused:
        Policy(f"package policy\nx := [{'1, ' * 600}\n", v1=False)

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("rule", "keyword", "column"),
    [
        ("allow if { input.x }", "if", 7),
        ("allow if input.x", "if", 7),
        ("allow = true if { input.x }", "if", 14),
        ("names contains name if { name := input.x }", "contains", 7),
        ("allow { input.y } else = true if { input.x }", "if", 31),
    ],
)
@pytest.mark.parametrize("version", ["0.3", "1.0"])
def test_v1_without_its_import_is_one_error_with_its_line_on_an_engine_of_v0(
    version: str, rule: str, keyword: str, column: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PolicyError) as refused:
        compile_policy(
            f"package policy\n\n# allow if nothing\ndefault allow = false\n{rule}\n", TRUSTEE[version], "resource"
        )

    assert (refused.value.line, refused.value.column) == (5, column)
    assert f"`{keyword}` is a keyword of Rego v1" in str(refused.value)
    assert "import rego.v1" in str(refused.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("imported", ["rego.v1", "future.keywords", "future.keywords.if"])
def test_with_an_import_it_is_taken_and_means_what_it_says(imported: str) -> None:
    policy = Policy(_V1.replace("policy\n", f"policy\nimport {imported}\n", 1), v1=False)

    assert policy.value("policy.allow", {"good": True}, PolicyFacts(data={})) is True
    assert policy.value("policy.allow", {"good": False}, PolicyFacts(data={})) is False


@pytest.mark.parametrize("version", ["0.4", "1.1", "1.2"])
def test_an_engine_of_v1_needs_no_import(version: str) -> None:
    compile_policy(_V1.replace("= false", ":= false"), TRUSTEE[version], "resource")


@given(
    st.sampled_from(['x := "allow if y"', "x := `if`", "# if", 'contains("abc", "b")', "iffy := 1", "x := input.if_"])
)
def test_words_in_texts_comments_and_names_are_no_keywords(line: str) -> None:
    body = line if ":=" in line or line.startswith("#") else f"allow {{ {line} }}"

    Policy(f"package policy\n{body}\n", v1=False)


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("variant", ["development", "production"])
def test_the_program_s_own_policies_say_what_they_import(version: str, variant: Any) -> None:
    compile_policy(policies.attestation_policy(TRUSTEE[version], variant), TRUSTEE[version], "attestation")
    compile_policy(policies.agent_policy(variant), None, "agent")
