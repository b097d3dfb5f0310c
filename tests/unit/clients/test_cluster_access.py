"""A cluster that cannot be asked: one sentence that says why, with the command that mends it."""

import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from coco_azure.cli import main
from coco_azure.cli.leftovers import command as leftovers
from coco_azure.clients.cluster_access import why_not
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats.workload import terms as formats
from coco_azure.settings.cluster import ClusterSettings
from tests.unit import workload_terms
from tests.unit.http_server import Answer, serving
from tests.unit.recording import Recorder, failed_program

PATH = "/apis/config.openshift.io/v1/infrastructures/cluster"


def _kubeconfig(folder: Path, server: str, user: dict[str, Any], current: str = "right") -> str:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "right", "context": {"cluster": "c", "user": "me"}}],
        "current-context": current,
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def _why(settings: ClusterSettings, setting: str = "cluster") -> str:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - whichever it is, a sentence is made of it
        ClusterClient(settings).get(PATH)
    sentence = why_not(refused.value, settings, setting)
    assert "\n" not in sentence
    return sentence


def test_an_expired_token_is_called_one_with_the_command_for_another(tmp_path: Path) -> None:
    with serving(lambda _: Answer({"message": "Unauthorized"}, 401)) as server:
        settings = ClusterSettings(kubeconfig=_kubeconfig(tmp_path, server.url, {"token": "sha256~expired"}))

        sentence = _why(settings)

    assert "does not accept the credentials of kubeconfig" in sentence
    assert sentence.endswith(f"get another: oc login {server.url}")
    assert "sha256~expired" not in sentence


def test_whoever_is_taken_for_nobody_has_to_sign_in_too(tmp_path: Path) -> None:
    body = {"message": 'infrastructures "cluster" is forbidden: User "system:anonymous" cannot get resource'}
    with serving(lambda _: Answer(body, 403)) as server:
        assert "oc login" in _why(ClusterSettings(kubeconfig=_kubeconfig(tmp_path, server.url, {})))


def test_a_refusal_of_one_thing_is_left_to_whoever_needs_it(tmp_path: Path) -> None:
    with serving(lambda _: Answer({"message": 'User "me" cannot get resource'}, 403)) as server:
        assert _why(ClusterSettings(kubeconfig=_kubeconfig(tmp_path, server.url, {"token": "t"}))) == ""


def test_a_program_to_sign_in_with_that_is_not_installed_is_named(tmp_path: Path) -> None:
    user = {"exec": {"command": "kubelogin-of-ours", "apiVersion": "client.authentication.k8s.io/v1"}}
    settings = ClusterSettings(kubeconfig=_kubeconfig(tmp_path, "https://api.example.com:6443", user))

    sentence = _why(settings, "trustee.cluster")

    assert "signs in with the program kubelogin-of-ours, which is not on PATH. Install it" in sentence
    assert "oc login https://api.example.com:6443" in sentence
    assert "coco-azure:trustee.cluster.context" in sentence


def test_an_api_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    settings = ClusterSettings(kubeconfig=_kubeconfig(tmp_path, "http://127.0.0.1:1", {"token": "t"}))

    assert "the API server http://127.0.0.1:1 of kubeconfig" in _why(settings)
    assert "does not answer" in _why(settings)


def test_no_kubeconfig_at_all_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    sentence = why_not(_unusable(), ClusterSettings())

    assert sentence.startswith("no kubeconfig: neither coco-azure:cluster.kubeconfig nor KUBECONFIG is set")
    assert "oc login" in sentence


def test_a_command_with_options_of_its_own_names_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    sentence = why_not(_unusable(), ClusterSettings(), "")

    assert sentence.startswith("no kubeconfig: neither --kubeconfig nor KUBECONFIG is set")
    assert sentence.endswith("or name one: --kubeconfig FILE")


@pytest.mark.parametrize("command", [["versions"], ["leftovers", "--cluster-only"], ["workload", "status", "--from"]])
def test_every_command_without_a_kubeconfig_says_so_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps({"shop": formats.to_dict(workload_terms.terms())}))
    monkeypatch.setattr(leftovers, "scope_of", lambda _: leftovers.Scope())

    code = main([*command, *([str(terms)] if command[-1] == "--from" else [])])

    printed = "".join(capsys.readouterr())
    assert code == 1
    assert printed.count("no kubeconfig: ") == 1
    assert "Sign in: oc login URL" in printed
    assert "Exception" not in printed


@pytest.mark.parametrize("by_setting", [True, False])
def test_a_kubeconfig_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_setting: bool
) -> None:
    path = str(tmp_path / "none")
    monkeypatch.setenv("KUBECONFIG", path)
    sentence = why_not(_unusable(), ClusterSettings(kubeconfig=path if by_setting else None))

    origin = "coco-azure:cluster.kubeconfig" if by_setting else "KUBECONFIG"
    assert f"no kubeconfig: {origin} is {path}, and there is no such file" in sentence


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (Is a directory)"),
        (b"\xff\xfea\0", "is no text in UTF-8"),
        (b"kind: Config\nusers:\n\t- secret-token\n", "is no YAML (line 3)"),
        (b"a\0secret-token", "is no YAML"),
        (b"[secret-token]", "is none: it holds no object with clusters, users and contexts"),
    ],
)
def test_a_kubeconfig_that_cannot_be_read_is_no_api_server_that_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    path = tmp_path / "kubeconfig"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    assert main(["versions", "--kubeconfig", str(path)]) == 1

    message = capsys.readouterr().err
    assert f"kubeconfig {path} {reason}. Sign in anew (oc login URL), or name another: --kubeconfig FILE" in message
    assert "does not answer" not in message
    assert "secret-token" not in message


@pytest.mark.parametrize(
    ("context", "current", "text"),
    [("wrong", "right", "has no context wrong (contexts: right)"), (None, "", "has no current context")],
)
def test_a_context_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, context: str | None, current: str, text: str
) -> None:
    path = _kubeconfig(tmp_path, "https://x", {"token": "t"}, current)

    sentence = _why(ClusterSettings(kubeconfig=path, context=context))

    assert text in sentence
    assert "pulumi config set --path coco-azure:cluster.context NAME" in sentence


def test_of_a_list_of_kubeconfigs_all_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.write_text(json.dumps({"contexts": [{"name": "first", "context": {}}]}))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(other), _kubeconfig(tmp_path, "https://x", {})]))

    assert "(contexts: first, right)" in why_not(_unusable(), ClusterSettings(context="none"))


def test_the_program_ends_with_the_sentence_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Recorder()
    monkeypatch.setattr(answers.cluster, "get", mock.Mock(side_effect=_unusable()))
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")

    message, run = failed_program({}, answers)

    assert message.startswith("no kubeconfig: KUBECONFIG is /nowhere/kubeconfig")
    assert run.registrations.keys() <= {"coco-azure-test"}


def test_a_namespace_of_sealed_secrets_that_is_not_there_is_one_sentence_with_the_command() -> None:
    sealed = {"db": {"password": "default/kbsres1/key1"}}

    message, run = failed_program({"sealedSecrets": {"shop": sealed, "till": sealed}})

    assert message == (
        "sealedSecrets names namespace till, which is not there; the stack makes none for workloads. "
        "oc create namespace till; or remove it: pulumi config rm --path 'coco-azure:sealedSecrets.till'"
    )
    assert run.registrations.keys() <= {"coco-azure-test"}


def _unusable() -> Exception:
    from kubernetes.config import ConfigException  # noqa: PLC0415 - slow to import

    return ConfigException("Invalid kube-config file. No configuration found.")
