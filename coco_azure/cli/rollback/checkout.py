"""A commit of the project in a folder of its own, ready for ``pulumi``; the user's files stay as they are."""

import subprocess
from pathlib import Path

FOLDER = ".rollback"
_SHORT = 12


class CheckoutError(Exception):
    """The commit cannot be had, or not run; the message says why and what to do."""


def place(project: Path, commit: str, stack: str) -> Path:
    """Return a folder with the files of the commit, in which ``pulumi`` runs.

    Args:
        project: folder of the project.
        commit: the commit, in any form that git knows.
        stack: name of the stack, whose settings have to be in the commit.

    Raises:
        CheckoutError: git does not have the commit, the commit has no settings of the stack, or its requirements are
            others than the installed ones.
    """
    full = _git(project, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", why=f"git has no commit {commit}")
    folder = project / FOLDER / full[:_SHORT]
    if not folder.exists():
        _git(project, "worktree", "prune", why="git worktree prune failed")
        _git(project, "worktree", "add", "--detach", str(folder), full, why=f"git cannot place {commit} in {folder}")
    top = Path(_git(folder, "rev-parse", "--show-toplevel", why=f"{folder} is no git worktree"))
    prefix = _git(project, "rev-parse", "--show-prefix", why=f"{project} is no git repository")
    placed = top / prefix
    settings = f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    if not (placed / settings).exists():
        raise CheckoutError(
            f"commit {full[:_SHORT]} has no {settings}, so the stack's settings of then are not known. Commit the "
            "file from now on; this time put it back by hand and run `pulumi up`"
        )
    _environment(project, placed, full)
    return placed


def _environment(project: Path, placed: Path, commit: str) -> None:
    """Let the commit run in the installed environment, if it asks for the same."""
    environment = placed / ".venv"
    if environment.exists():
        return
    if (placed / "requirements.txt").read_bytes() != (project / "requirements.txt").read_bytes():
        raise CheckoutError(
            f"commit {commit[:_SHORT]} has another requirements.txt. Install it, and run this command again: "
            f"python3 -m venv {environment} && "
            f"{environment}/bin/pip install --require-hashes -r {placed}/requirements.txt"
        )
    # A folder of links, not a link: .gitignore leaves out the folder .venv/, and with one more file the run would count
    # as one with changes that are not committed.
    environment.mkdir()
    for part in (project / ".venv").iterdir():
        (environment / part.name).symlink_to(part.resolve())


def _git(folder: Path, *arguments: str, why: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CheckoutError("git is not on PATH, and the history names commits; install git") from error
    if done.returncode != 0:
        raise CheckoutError(": ".join(filter(None, (why, done.stderr.strip()))))
    return done.stdout.strip()
