"""The Kata agent's policy: a pod starts, nobody looks in, and only listed images run; as Rego v0 and v1.

What a host asks that harms is ``test_agent_hostile_host``'s.
"""

import re

import pytest

from coco_azure.formats import rego
from coco_azure.formats.policy import agent_requests
from coco_azure.formats.policy.agent_policy_check import HARM, NEEDED, check_agent_policy
from coco_azure.formats.policy.agent_requests import cases, create_container
from coco_azure.formats.policy.policies import Variant, agent_policy
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import compile_policy, judge_agent
from tests.unit.formats.test_agent_images import DIGEST, LISTED, _runs, dialects, variants
from tests.unit.policy_lines import never_reached, watch

CHAPTER = tuple(re.findall(r"^default (\w+) :=", rego.load("agent_allow_all"), re.MULTILINE))
PRODUCTION = tuple(re.findall(r"^default (\w+) :=", rego.load("agent_production"), re.MULTILINE))
JUDGED = {"CreateContainerRequest", "CopyFileRequest"}


@dialects
@pytest.mark.parametrize("request_name", sorted(set(NEEDED) - JUDGED))
def test_production_lets_a_pod_start_run_and_stop(request_name: str, *, v1: bool) -> None:
    assert judge_agent(agent_policy("production"), request_name, {}, v1=v1)


@dialects
@pytest.mark.parametrize("request_name", sorted({*CHAPTER, *PRODUCTION} - (set(NEEDED) - JUDGED)))
def test_production_denies_every_other_request_and_empty_ones(request_name: str, *, v1: bool) -> None:
    assert not judge_agent(agent_policy("production"), request_name, {}, v1=v1)


def test_production_names_every_request_of_the_chapters_list() -> None:
    assert set(CHAPTER) <= set(PRODUCTION)


@dialects
@pytest.mark.parametrize("images", [(), LISTED])
def test_development_allows_every_request_of_the_chapters_list(images: tuple[str, ...], *, v1: bool) -> None:
    text = agent_policy("development", images)

    assert all(judge_agent(text, name, {}, v1=v1) for name in CHAPTER if name != "CreateContainerRequest")
    assert _runs(text, "quay.io/org/app:1", v1=v1)
    assert _runs(text, "quay.io/evil/app:1", v1=v1) == (not images)


def test_without_a_list_development_is_the_chapters_text() -> None:
    assert agent_policy("development") == rego.load("agent_allow_all")


@variants
@pytest.mark.parametrize("images", [(), *((each,) for each in LISTED), LISTED])
def test_the_programs_agent_policies_have_no_problems(variant: Variant, images: tuple[str, ...]) -> None:
    report = check_agent_policy(agent_policy(variant, images), variant, images)

    assert report.problems == []
    assert all(each.passed == each.expected for each in report.outcomes), report.table()
    *others, last = report.warnings
    assert len(others) == (len(HARM) if variant == "development" else 0)
    assert ("hostile host" in last) == (variant == "development")


def test_an_agent_policy_that_does_not_compile_is_refused_with_its_line() -> None:
    with pytest.raises(PolicyError) as raised:
        check_agent_policy("package agent_policy\ndefault ExecProcessRequest := \n", "production")

    assert raised.value.line == 3
    with pytest.raises(PolicyError, match="package policy is not read, needed is package agent_policy"):
        compile_policy("package policy\n", None, "agent")


def test_keywords_without_an_import_are_refused_as_the_agent_refuses_them() -> None:
    text = "package agent_policy\nCreateContainerRequest if {\n  some x in [1]\n}\n"

    with pytest.raises(PolicyError) as raised:
        check_agent_policy(text, "production")
    assert raised.value.line == 2
    assert "`if` is a keyword of Rego v1" in str(raised.value)


@pytest.mark.parametrize("name", HARM)
def test_a_request_that_harms_is_a_problem_in_production_and_a_warning_in_development(name: str) -> None:
    text = agent_policy("production").replace(f"default {name} := false", f"default {name} := true")

    (result,) = check_agent_policy(text, "production").problems
    assert result.startswith(f"the agent policy allows {name}: the host gets {HARM[name]}.")
    assert "coco-azure:initdata.agentPolicyFile" in result
    report = check_agent_policy(text, "development")
    assert (report.problems, report.warnings[0]) == ([], result)


def test_one_documented_command_may_be_allowed() -> None:
    rule = '\nExecProcessRequest if input.process.Args == ["curl", "-s", "http://127.0.0.1:8006/cdh/resource/a/b/c"]\n'

    assert check_agent_policy(agent_policy("production") + rule, "production").problems == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_policy_under_which_no_pod_starts_is_a_problem(name: str) -> None:
    # A rule of the program's own would get the benefit of the doubt.
    rules = "".join(f"default {each} := {str(each != name).lower()}\n" for each in NEEDED)

    *_, result = check_agent_policy(f"package agent_policy\n{rules}", "development").problems
    assert result.startswith(f"the agent policy denies {name}: no pod would start, run or stop.")


def test_rules_that_look_at_the_containers_are_given_the_benefit_of_the_doubt() -> None:
    rules = "".join(f'{name} := {{"ops": [], "allowed": true}} if input.OCI.Version == "9"\n' for name in NEEDED)
    text = "package agent_policy\nimport rego.v1\n" + rules
    report = check_agent_policy(text, "production")

    assert report.problems == []
    assert len(report.warnings) == len(NEEDED)
    assert "for 30 of 30 documented ones (the pause container; the pause container of upstream" in report.warnings[1]
    assert judge_agent(text, "CreateContainerRequest", {"OCI": {"Version": "9"}})


def test_a_policy_that_ignores_the_list_of_images_is_a_problem() -> None:
    problems = check_agent_policy(agent_policy("production"), "production", LISTED).problems
    bare = check_agent_policy(rego.load("agent_allow_all"), "development", LISTED).problems

    assert [item.partition(",")[0] for item in problems] == [
        "the agent policy allows a container of an image that is not listed"
    ]
    assert len(bare) == 2
    assert "named after one image and pulls another" in bare[1]


def test_an_agent_that_allows_what_fails_is_found_out() -> None:
    text = agent_policy("production").replace("FailingPolicy := false", "FailingPolicy := true")
    problems = check_agent_policy(text, "production").problems

    assert any("AllowRequestsFailingPolicy" in item for item in problems)
    assert judge_agent(text, "ExecProcessRequest", {})


def test_a_builtin_that_fails_denies_one_request_and_does_not_end_the_agent() -> None:
    assert not judge_agent("package agent_policy\nExecProcessRequest { count(1) > 0 }\n", "ExecProcessRequest", {})
    assert not judge_agent("package agent_policy\nExecProcessRequest := 1\n", "ExecProcessRequest", {})


@variants
@pytest.mark.parametrize("images", [(), LISTED])
def test_the_cases_reach_every_line_of_the_agent_policy(
    variant: Variant, images: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = watch(monkeypatch)
    text = agent_policy(variant, images)

    for name in {*CHAPTER, *PRODUCTION}:
        judge_agent(text, name, {})
    for case in (*cases("ordinary", "quay.io/org/app:1"), *cases("hostile", "quay.io/org/app:1")):
        for document in case.documents:
            judge_agent(text, case.request, document, after=case.after)
    for image in (*LISTED, None, "quay.io/org/app:1", f"quay.io/org/one:1.2{DIGEST}", "registry.example.com:5000/a/b"):
        _runs(text, image)

    assert never_reached(engines, text) == []


def test_what_comes_after_a_container_that_is_denied_is_denied() -> None:
    text = agent_policy("production")
    path = f"{agent_requests.SHARED}/{'c0' * 32}-0123456789abcdef-app"
    copied = agent_requests.copy_file(path, named=True)
    good, bad = create_container("quay.io/org/app:1"), {"container_id": "c0" * 32}

    assert judge_agent(text, "CopyFileRequest", copied, after=[good])
    assert not judge_agent(text, "CopyFileRequest", copied, after=[bad])
    assert not judge_agent(text, "CreateContainerRequest", good, after=[good])
