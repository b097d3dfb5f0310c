"""The Kata agent's policy: a pod starts, nobody looks in, and only listed images run; as Rego v0 and v1."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering import rego
from rendering.policy import agent_images
from rendering.policy.agent_policy_check import HARM, NEEDED, check_agent_policy, create_container
from rendering.policy.policies import Variant, agent_policy
from rendering.policy.policy_engine import PolicyError
from rendering.policy.policy_judge import compile_policy, judge_agent
from tests.unit.policy_lines import never_reached, watch

DIGEST = "@sha256:" + "ab" * 32
CHAPTER = tuple(re.findall(r"^default (\w+) :=", rego.load("agent_allow_all"), re.MULTILINE))
PRODUCTION = tuple(re.findall(r"^default (\w+) :=", rego.load("agent_production"), re.MULTILINE))
LISTED = ("quay.io/org/app", "quay.io/org/one:1.2", f"quay.io/org/two{DIGEST}", "registry.example.com:5000")
dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
variants = pytest.mark.parametrize("variant", ["development", "production"])


def _runs(text: str, image: str | None, source: str | None = None, *, v1: bool = False) -> bool:
    return judge_agent(text, "CreateContainerRequest", create_container(image, source), v1=v1)


@dialects
@pytest.mark.parametrize("request_name", NEEDED)
def test_production_lets_a_pod_start_run_and_stop(request_name: str, *, v1: bool) -> None:
    assert judge_agent(agent_policy("production"), request_name, {}, v1=v1)


@dialects
@pytest.mark.parametrize("request_name", sorted({*CHAPTER, *PRODUCTION} - set(NEEDED)))
def test_production_denies_every_other_request(request_name: str, *, v1: bool) -> None:
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


@dialects
@variants
@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("quay.io/org/app", True),
        ("quay.io/org/app:1", True),
        (f"quay.io/org/app{DIGEST}", True),
        (f"quay.io/org/app:1{DIGEST}", True),
        ("quay.io/org/app/part:1", True),
        ("quay.io/org/app-evil", False),
        ("quay.io/org/app-evil:1", False),
        ("quay.io/org/app2", False),
        ("quay.io/org-evil/app", False),
        ("quay.io/org", False),
        ("quay.io/org/app:5000/evil", False),
        ("quay.io/org/app:1/../../evil", False),
        ("quay.io/org/app/../../evil/app", False),
        (f"quay.io/org/app{DIGEST}/evil", False),
        ("quay.io:5000/org/app", False),
        ("evil.io/quay.io/org/app", False),
        ("xquay.io/org/app", False),
        ("quay.io.evil.io/org/app", False),
        ("quay.io/org/one:1.2", True),
        (f"quay.io/org/one:1.2{DIGEST}", True),
        ("quay.io/org/one", False),
        ("quay.io/org/one:1.20", False),
        ("quay.io/org/one:1.2-evil", False),
        (f"quay.io/org/one{DIGEST}", False),
        (f"quay.io/org/two{DIGEST}", True),
        (f"quay.io/org/two{DIGEST}{DIGEST}", False),
        ("quay.io/org/two:latest", False),
        ("quay.io/org/two@sha256:" + "ab" * 31, False),
        ("registry.example.com:5000/any/thing:1", True),
        ("registry.example.com:5000", False),
        ("registry.example.com:50001/any/thing:1", False),
        ("registry.example.com/any/thing:1", False),
        ("registry.example.com:5000.evil.io/any", False),
        ("app", False),
        ("", False),
    ],
)
def test_only_listed_images_run(image: str, variant: Variant, *, runs: bool, v1: bool) -> None:
    assert _runs(agent_policy(variant, LISTED), image, v1=v1) == runs


HOSTS = ("quay.io", "quay.io:5000", "quay.io.evil.io", "evil.io", "registry.example.com")
NAMES = st.lists(st.sampled_from(["org", "org-evil", "app", "app-evil", "app2", "a", "quay.io", ".."]), min_size=1)
ENDS = st.sampled_from(["", ":1", ":1.2", ":5000", "-evil", DIGEST, f":1{DIGEST}", ":5000/evil", "/..", "/evil:1"])
TRICKS = st.builds(lambda host, names, end: "/".join([host, *names]) + end, st.sampled_from(HOSTS), NAMES, ENDS)


@given(
    listed=st.sampled_from(["quay.io/org/app", "quay.io/org", "quay.io/org/app:1", f"quay.io/org/app{DIGEST}"]),
    image=TRICKS,
)
def test_no_trick_with_a_name_gets_an_image_in_that_is_not_listed(listed: str, image: str) -> None:
    if not _runs(agent_policy("production", (listed,)), image):
        return
    rest = image.removeprefix(listed)
    assert image.startswith(listed)
    assert ".." not in image
    # What follows a listed name begins at a boundary, and no boundary but a slash has a slash behind it.
    assert rest[:1] in {"", ":", "@", "/"}
    assert rest.startswith("/") or "/" not in rest
    if ":" in listed:
        assert rest == "" or (rest.startswith("@sha256:") and "@" not in listed)


@given(
    host=st.sampled_from(HOSTS[:3]),
    names=st.lists(st.from_regex(r"[a-z0-9]{1,5}(?:[._-][a-z0-9]{1,3})?", fullmatch=True), min_size=1, max_size=3),
    end=st.sampled_from(["", ":1", DIGEST, f":1{DIGEST}"]),
)
def test_a_listed_image_always_runs(host: str, names: list[str], end: str) -> None:
    image = "/".join([host, *names]) + end

    for listed in (image, "/".join([host, *names]), host):
        assert _runs(agent_policy("production", (listed,)), image), listed


@dialects
def test_the_pause_container_runs_and_may_pull_nothing_else(*, v1: bool) -> None:
    text = agent_policy("production", LISTED)

    assert _runs(text, None, v1=v1)
    assert not _runs(text, None, "quay.io/evil/app", v1=v1)
    assert not _runs(text, None, "quay.io/org/app", v1=v1)


@dialects
def test_the_name_that_is_pulled_counts_as_much_as_the_one_in_the_annotations(*, v1: bool) -> None:
    text = agent_policy("production", LISTED)

    assert _runs(text, "quay.io/org/app:1", "quay.io/org/app:2", v1=v1)
    assert not _runs(text, "quay.io/org/app:1", "quay.io/evil/app:1", v1=v1)
    assert not _runs(text, "quay.io/evil/app:1", "quay.io/org/app:1", v1=v1)


@dialects
@pytest.mark.parametrize(
    ("annotations", "runs"),
    [
        ({"io.kubernetes.cri.image-name": "quay.io/org/app:1", "io.kubernetes.cri.container-type": "container"}, True),
        ({"io.kubernetes.cri.image-name": "quay.io/evil/app:1"}, False),
        ({"io.kubernetes.cri.container-type": "sandbox"}, True),
        ({"io.kubernetes.cri.image-name": "quay.io/org/app", "io.kubernetes.cri-o.ImageName": "quay.io/evil"}, False),
        ({}, False),
    ],
    ids=["containerd", "not listed", "pause", "two names", "no name"],
)
def test_containerds_annotations_are_read_as_well(annotations: Mapping[str, str], *, runs: bool, v1: bool) -> None:
    document: dict[str, Any] = {"OCI": {"Annotations": annotations}, "storages": []}

    assert judge_agent(agent_policy("production", LISTED), "CreateContainerRequest", document, v1=v1) == runs


@pytest.mark.parametrize(
    "image", ["nginx", "org/app", "quay.io/", "quay.io/Org/app", "https://quay.io/org/app", "quay.io/org/app:", "*", ""]
)
def test_a_name_that_cannot_be_held_to_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="needed is REGISTRY/REPOSITORY") as raised:
        agent_policy("production", ("quay.io/org/app", image))

    assert repr(image) in str(raised.value)
    assert "'quay.io/org/app'" not in str(raised.value)


def test_images_are_sorted_by_kind() -> None:
    found = agent_images.sort([*reversed(LISTED), "localhost:5000/app", "localhost", "registry:5000/app:1", LISTED[0]])

    assert found.exact == ("quay.io/org/one:1.2", f"quay.io/org/two{DIGEST}", "registry:5000/app:1")
    assert found.repositories == ("localhost:5000/app", "quay.io/org/app")
    assert found.registries == ("localhost", "registry.example.com:5000")


@variants
@pytest.mark.parametrize("images", [(), *((each,) for each in LISTED), LISTED])
def test_the_programs_agent_policies_have_no_problems(variant: Variant, images: tuple[str, ...]) -> None:
    report = check_agent_policy(agent_policy(variant, images), variant, images)

    assert report.problems == []
    assert all(each.found == each.expected for each in report.outcomes), report.table()
    assert len(report.warnings) == (len(HARM) if variant == "development" else 0)


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
    assert raised.value.line == 3
    assert "some x in [1]" in str(raised.value)


@pytest.mark.parametrize("name", HARM)
def test_a_request_that_harms_is_a_problem_in_production_and_a_warning_in_development(name: str) -> None:
    text = agent_policy("production").replace(f"default {name} := false", f"default {name} := true")

    (said,) = check_agent_policy(text, "production").problems
    assert said.startswith(f"the agent policy allows {name}: the host gets {HARM[name]}.")
    assert "coco-azure:initdata.agentPolicyFile" in said
    report = check_agent_policy(text, "development")
    assert (report.problems, report.warnings) == ([], [said])


def test_one_documented_command_may_be_allowed() -> None:
    rule = '\nExecProcessRequest if input.process.Args == ["curl", "-s", "http://127.0.0.1:8006/cdh/resource/a/b/c"]\n'

    assert check_agent_policy(agent_policy("production") + rule, "production").problems == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_policy_under_which_no_pod_starts_is_a_problem(name: str) -> None:
    text = agent_policy("production").replace(f"default {name} := true", f"default {name} := false")

    (said,) = check_agent_policy(text, "production").problems
    assert said.startswith(f"the agent policy denies {name}: no pod would start, run or stop.")


def test_rules_that_look_at_the_containers_are_given_the_benefit_of_the_doubt() -> None:
    text = agent_policy("production").replace("Request := true", "Request := false")
    rules = "".join(f'{name} := {{"ops": [], "allowed": true}} if input.OCI.Version == "1.1.0"\n' for name in NEEDED)
    report = check_agent_policy(text + rules, "production")

    assert report.problems == []
    assert len(report.warnings) == len(NEEDED)
    document = {"OCI": {"Version": "1.1.0"}}
    assert judge_agent(text + rules, "CreateContainerRequest", document)


def test_a_policy_that_ignores_the_list_of_images_is_a_problem() -> None:
    problems = check_agent_policy(agent_policy("production"), "production", LISTED).problems

    assert len(problems) == 2
    assert "a container of an image that is not listed, although images are listed" in problems[0]
    assert "named after one image and pulls another" in problems[1]


def test_an_agent_that_allows_what_fails_is_found_out() -> None:
    text = agent_policy("production").replace("FailingPolicy := false", "FailingPolicy := true")
    problems = check_agent_policy(text, "production").problems

    assert any("AllowRequestsFailingPolicy" in said for said in problems)
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
    for image in (*LISTED, None, "quay.io/org/app:1", f"quay.io/org/one:1.2{DIGEST}", "registry.example.com:5000/a/b"):
        _runs(text, image)

    assert never_reached(engines, text) == []
