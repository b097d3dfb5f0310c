"""Everything that is wrong with the settings is told at once, each of it once."""

from pathlib import Path
from typing import Any

import pytest

from coco_azure.settings import parse
from coco_azure.trust import early
from tests.unit.recording import Recorder, failed_program
from tests.unit.trust_stacks import KEYS, MEASURED, NOW, PRODUCTION, changed, file, refused, stack


def _refused(config: dict[str, Any]) -> list[str]:
    _, *lines = refused(config).splitlines()
    return [line for line in lines if line.startswith("  - ")]


def test_a_wrong_value_hides_nothing_that_is_wrong_with_the_whole() -> None:
    config = changed(PRODUCTION, peerPods={"size": 7}, trustee__signTokens=False, trusty={})

    problems = _refused(config)

    assert len(problems) == 3
    for text in ("peerPods.size: ", "trusty: no such setting", "trustee.signTokens is false"):
        assert sum(text in line for line in problems) == 1


def test_a_wrong_value_hides_nothing_that_does_not_fit_together_in_its_part() -> None:
    tls = {"termination": "edge", "validDays": 30}
    problems = _refused({"trustee": {"tls": tls, "tokenDuration": "long"}, "cluster": {"contexts": "a"}})

    assert sorted(line.split(": ")[0] for line in problems) == [
        "  - cluster.contexts",
        "  - trustee.tls",
        "  - trustee.tokenDuration",
    ]


def test_what_follows_from_a_wrong_value_is_not_told() -> None:
    """The date is set, and wrong: that none is set would be a lie."""
    problems = _refused(changed(PRODUCTION, trustee__referenceValues={**MEASURED, "expires": "soon"}))

    assert len(problems) == 1
    assert "trustee.referenceValues.expires: " in problems[0]


def test_a_wrong_value_hides_nothing_of_its_neighbours() -> None:
    values = {"expires": "<YYYY-MM-DD>", "measurementsFile": "nowhere.json", "warnDays": "x"}

    problems = _refused({"trustee": {"referenceValues": values}})

    assert sorted(line.split(": ")[0].rpartition(".")[2] for line in problems) == [
        "expires",
        "measurementsFile",
        "warnDays",
    ]


def test_a_wrong_secret_is_not_also_one_that_nothing_serves() -> None:
    config = {"clientSecrets": {"db": {"pass word": "x"}}, "sealedSecrets": {"shop": {"db": {"p": "default/db/p"}}}}

    problems = _refused(config)

    assert all("clientSecrets.db" in line for line in problems)


def test_other_entries_of_a_list_keep_their_number() -> None:
    images = ["quay.io/a", 1, "quay.io/b", 2]
    problems = _refused({"initdata": {"allowedImages": images}})

    assert [line.split(": ")[0] for line in problems] == [
        "  - initdata.allowedImages[1]",
        "  - initdata.allowedImages[3]",
    ]


@pytest.mark.parametrize(
    ("config", "path", "placeholder"),
    [
        ({"cluster": {"context": "<name>"}}, "cluster.context", "<name>"),
        ({"cluster": {"kubeconfig": "<path of its kubeconfig>"}}, "cluster.kubeconfig", "<path of its kubeconfig>"),
        ({"initdata": {"allowedImages": ["<registry>/app"]}}, "initdata.allowedImages[0]", "<registry>"),
        ({"clientSecrets": {"<secret>": {"key": "v"}}}, 'clientSecrets["<secret>"]', "<secret>"),
        ({"clientSecrets": {"db": {"password": "<password>"}}}, "clientSecrets.db.password", "<password>"),
    ],
)
def test_a_placeholder_that_would_pass_every_check_is_called_one(
    config: dict[str, Any], path: str, placeholder: str
) -> None:
    (problem,) = _refused(config)

    assert problem.startswith(f"  - {path}: {placeholder} is a placeholder: write what it stands for. ")
    assert "pulumi config " in problem


def test_a_secret_that_has_angle_brackets_somewhere_is_no_placeholder() -> None:
    assert parse({"clientSecrets": {"db": {"conf": "<a>1</a>"}}}, Path()).client_secrets["db"]["conf"] is not None


def test_that_a_stack_may_be_no_production_stack_is_said_once() -> None:
    message = refused(changed(PRODUCTION, trustee__signTokens=False, initdata={"agentPolicy": "image"}))

    assert message.count("'coco-azure:environment' development") == 1


def test_a_policy_file_that_does_not_compile_is_told_with_the_settings(tmp_path: Path) -> None:
    policy = file(tmp_path, "resource.rego", "package policy\nallow {{\n")
    config = {"trustee": {"resourcePolicyFile": policy, "tokenDuration": "long"}}

    message, run = failed_program(config, Recorder())

    assert "2 problems in the settings" in message
    assert "trustee.tokenDuration: " in message
    assert "coco-azure:trustee.resourcePolicyFile: " in message
    assert run.registrations.keys() <= {"coco-azure-test"}


@pytest.mark.parametrize("text", ["", "\ufeff", "# to be written\n", "default allow = false\n"])
@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("trustee.resourcePolicyFile", "policy"),
        ("trustee.attestationPolicyFile", "policy"),
        ("initdata.agentPolicyFile", "agent_policy"),
    ],
)
def test_a_file_without_a_policy_is_told_and_no_other_policy_takes_its_place(
    tmp_path: Path, path: str, package: str, text: str
) -> None:
    part, name = path.split(".")

    messages = early.of_files(stack({part: {name: file(tmp_path, "empty.rego", text)}}), NOW)

    assert messages == [f"coco-azure:{path}: there is no package clause; needed is package {package} in the first line"]


def test_what_depends_on_a_version_that_nobody_knows_yet_is_left_for_later() -> None:
    own = {"certificateFile": f"{KEYS}/signer-rsa.crt", "privateKeyFile": f"{KEYS}/signer-rsa.key"}

    of_any = early.of_files(stack({"trustee": {"tokenSigner": own}}), NOW)
    pinned = early.of_files(stack({"trustee": {"tokenSigner": own, "operator": {"version": "1.2.1"}}}), NOW)

    assert of_any == []
    assert any("trustee.tokenSigner.certificateFile: " in text for text in pinned)
