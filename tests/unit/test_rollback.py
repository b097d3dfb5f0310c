"""Which run to go back to, and a commit in a folder of its own."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rollback import checkout, history
from rollback.checkout import CheckoutError
from rollback.history import NoWayBackError


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


def _target(*said: Mapping[str, Any]) -> str:
    return history.target(history.runs(said)).commit[:4]


def test_after_a_failed_run_it_is_the_last_one_that_attested() -> None:
    assert _target(_run("cccc", "failed"), _run("bbbb"), _run("aaaa")) == "bbbb"


def test_after_a_run_that_attested_it_is_the_last_one_with_another_commit() -> None:
    assert _target(_run("bbbb"), _run("bbbb"), _run("aaaa")) == "aaaa"


def test_a_run_of_the_same_commit_that_failed_later_goes_back_to_that_commit() -> None:
    assert _target(_run("bbbb", "failed"), _run("bbbb"), _run("aaaa")) == "bbbb"


def test_what_refreshed_or_previewed_is_no_run_to_go_back_to() -> None:
    assert _target(_run("cccc", kind="refresh"), _run("bbbb"), _run("aaaa")) == "aaaa"


def test_a_run_without_the_check_has_not_attested() -> None:
    unchecked = _run("bbbb", check=json.dumps({"enabled": False}))

    assert _target(_run("cccc", "failed"), unchecked, _run("aaaa")) == "aaaa"
    assert "came to its end" in history.runs([unchecked])[0].described()


def test_what_was_before_a_destroy_is_gone() -> None:
    with pytest.raises(NoWayBackError, match=r"no attested run with another commit.*--to COMMIT"):
        _target(_run("bbbb", kind="destroy"), _run("aaaa"))


def test_without_another_run_the_error_names_the_latest() -> None:
    with pytest.raises(NoWayBackError, match=r"the latest is 2026-11-25T00:37:24\.000Z, commit bbbbbbbbbbbb"):
        _target(_run("bbbb"))
    with pytest.raises(NoWayBackError, match="--to COMMIT"):
        _target()


def test_a_run_with_changes_that_are_not_committed_cannot_be_had_from_git() -> None:
    with pytest.raises(NoWayBackError, match=r"not committed.*commit before `pulumi up`"):
        _target(_run("bbbb", "failed"), _run("aaaa", dirty=True))


def test_a_run_outside_of_git_cannot_be_had_from_git() -> None:
    with pytest.raises(NoWayBackError, match="not made of a git commit"):
        _target(_run("bbbb", "failed"), _run("aaaa", environment={}))


def test_a_check_that_cannot_be_read_is_no_proof() -> None:
    assert not history.runs([_run("aaaa", check="{")])[0].attested


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
    for name, said in (
        (".gitignore", ".venv/\n.rollback/\n"),
        ("requirements.txt", "a==1\n"),
        ("Pulumi.prod.yaml", ""),
    ):
        (folder / name).write_text(said)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "one")
    return folder


def test_a_commit_is_placed_with_the_installed_environment_and_is_clean(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("changed")
    placed = checkout.place(project, "HEAD", "organization/coco-azure/prod")

    assert placed.parent == project / ".rollback"
    assert (placed / "Pulumi.prod.yaml").read_text() == ""
    assert (placed / ".venv" / "bin").resolve() == project / ".venv" / "bin"
    assert _git(placed, "status", "--porcelain") == ""
    assert (project / "Pulumi.prod.yaml").read_text() == "changed"
    assert checkout.place(project, "HEAD", "prod") == placed, "again"


def test_a_folder_that_somebody_removed_is_placed_anew(project: Path) -> None:
    placed = checkout.place(project, "HEAD", "prod")
    subprocess.run(["rm", "-r", str(placed)], check=True)

    assert checkout.place(project, "HEAD", "prod") == placed
    assert (placed / "Pulumi.prod.yaml").exists()


def test_a_project_that_is_not_the_top_of_its_repository_is_placed_too(project: Path) -> None:
    inner = project / "deploy"
    (inner / ".venv").mkdir(parents=True)
    for name in ("requirements.txt", "Pulumi.prod.yaml"):
        (inner / name).write_text("")
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--message", "two")

    assert (checkout.place(inner, "HEAD", "prod") / "Pulumi.prod.yaml").exists()


def test_a_commit_that_git_does_not_have_is_an_error(project: Path) -> None:
    with pytest.raises(CheckoutError, match="git has no commit deadbeef"):
        checkout.place(project, "deadbeef", "prod")


def test_settings_that_were_never_committed_are_an_error(project: Path) -> None:
    with pytest.raises(CheckoutError, match=r"has no Pulumi\.dev\.yaml"):
        checkout.place(project, "HEAD", "dev")


def test_other_requirements_are_an_error_with_the_command_that_installs_them(project: Path) -> None:
    (project / "requirements.txt").write_text("a==2\n")
    with pytest.raises(CheckoutError, match=r"another requirements\.txt.*pip install --require-hashes"):
        checkout.place(project, "HEAD", "prod")
