"""Which run to go back to, and a commit in a folder of its own."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coco_azure.cli import CommandError, rollback
from coco_azure.clients import stack_history
from coco_azure.clients.stack_history import Update


def _run(commit: str, result: str = "succeeded", *, dirty: bool = False, check: str = "{}", **more: Any) -> Any:
    return {
        "kind": "update",
        "result": result,
        "startTime": "2026-11-25T00:37:24.000Z",
        "message": f"{commit}\n\nmore of it",
        "environment": {"git.head": commit * 10, "git.dirty": str(dirty).lower()},
        "config": {"coco-azure:attestationCheck": {"value": check}},
        **more,
    }


def _updates(*history: Mapping[str, Any]) -> list[Update]:
    return stack_history.deployments(stack_history.read(history))


def _target(*history: Mapping[str, Any]) -> str:
    return rollback.choose(_updates(*history)).commit[:4]


@pytest.mark.parametrize(
    ("history", "commit"),
    [
        ([_run("cccc", "failed"), _run("bbbb"), _run("aaaa")], "bbbb"),
        ([_run("bbbb"), _run("bbbb"), _run("aaaa")], "aaaa"),
        ([_run("bbbb", "failed"), _run("bbbb"), _run("aaaa")], "bbbb"),
        ([_run("cccc", kind="refresh"), _run("bbbb"), _run("aaaa")], "aaaa"),
    ],
    ids=["failed", "attested", "of the same commit, failed later", "refreshed"],
)
def test_after_a_run_it_is_the_last_attested_one_before_it_with_another_commit(history: Any, commit: str) -> None:
    assert _target(*history) == commit


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([_run("bbbb", kind="destroy"), _run("aaaa")], r"no attested run with another commit.*--to COMMIT"),
        ([_run("bbbb")], r"the latest is 2026-11-25T00:37:24\.000Z, commit bbbbbbbbbbbb"),
        ([], "--to COMMIT"),
        ([_run("bbbb", "failed"), _run("aaaa", dirty=True)], r"not committed.*commit before `pulumi up`"),
        ([_run("bbbb", "failed"), _run("aaaa", environment={})], "not made of a git commit"),
    ],
    ids=["destroyed since", "no other", "none at all", "changes that are not committed", "outside of git"],
)
def test_where_there_is_none_to_go_back_to_the_error_says_why(history: Any, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        _target(*history)


def test_a_run_without_the_check_has_not_attested() -> None:
    unchecked = _run("bbbb", check=json.dumps({"enabled": False}))

    assert _target(_run("cccc", "failed"), unchecked, _run("aaaa")) == "aaaa"
    assert "came to its end" in _updates(unchecked)[0].described


def test_a_check_that_cannot_be_read_is_no_proof() -> None:
    assert not _updates(_run("aaaa", check="{"))[0].attested


@pytest.mark.parametrize("setting", [("peerPods", {"enabled": False}), ("trustee", {"allowProtocolGap": True})])
def test_a_run_whose_other_settings_leave_the_check_out_has_not_attested(setting: tuple[str, Any]) -> None:
    name, value = setting
    config = {f"coco-azure:{name}": {"value": json.dumps(value), "objectValue": value}}

    assert not _updates(_run("aaaa", config=config))[0].attested
    assert _updates(_run("aaaa", config={}))[0].attested


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit that has the settings of stack ``prod``."""
    folder = tmp_path / "project"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name, setting in (
        (".gitignore", ".venv/\n.rollback/\n"),
        ("requirements.txt", "a==1\n"),
        ("Pulumi.prod.yaml", ""),
    ):
        (folder / name).write_text(setting)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "one")
    return folder


def test_a_commit_is_placed_with_the_installed_environment_and_is_clean(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("changed")
    placed = rollback.create_checkout(project, "HEAD", "organization/coco-azure/prod")

    assert placed.parent == project / ".rollback"
    assert (placed / "Pulumi.prod.yaml").read_text() == ""
    assert (placed / ".venv" / "bin").resolve() == project / ".venv" / "bin"
    assert _git(placed, "status", "--porcelain") == ""
    assert (project / "Pulumi.prod.yaml").read_text() == "changed"
    assert rollback.create_checkout(project, "HEAD", "prod") == placed, "again"


def test_a_folder_that_somebody_removed_is_placed_anew(project: Path) -> None:
    placed = rollback.create_checkout(project, "HEAD", "prod")
    subprocess.run(["rm", "-r", str(placed)], check=True)

    assert rollback.create_checkout(project, "HEAD", "prod") == placed
    assert (placed / "Pulumi.prod.yaml").exists()


def test_a_project_that_is_not_the_top_of_its_repository_is_placed_too(project: Path) -> None:
    inner = project / "deploy"
    (inner / ".venv").mkdir(parents=True)
    for name in ("requirements.txt", "Pulumi.prod.yaml"):
        (inner / name).write_text("")
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--message", "two")

    assert (rollback.create_checkout(inner, "HEAD", "prod") / "Pulumi.prod.yaml").exists()


def test_a_commit_that_git_does_not_have_is_an_error(project: Path) -> None:
    with pytest.raises(CommandError, match="git has no commit deadbeef"):
        rollback.create_checkout(project, "deadbeef", "prod")


def test_settings_that_were_never_committed_are_an_error(project: Path) -> None:
    with pytest.raises(CommandError, match=r"has no Pulumi\.dev\.yaml"):
        rollback.create_checkout(project, "HEAD", "dev")


def test_other_requirements_are_an_error_with_the_command_that_installs_them(project: Path) -> None:
    (project / "requirements.txt").write_text("a==2\n")
    with pytest.raises(CommandError, match=r"another requirements\.txt.*pip install --require-hashes"):
        rollback.create_checkout(project, "HEAD", "prod")
