"""Going back to the last attested configuration: which commit that was, and ``pulumi up`` of it.

``./coco-azure rollback`` reads the history of the stack, where the engine keeps the commit of each run, puts that
commit into a folder of its own and runs ``pulumi up`` there. No part of the program that deploys.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from coco_azure.cli import CommandContext, CommandError
from coco_azure.clients import stack_history
from coco_azure.clients.pulumi_cli import Engine
from coco_azure.clients.stack_history import Update

FOLDER = ".rollback"
_SHORT = 12


def create_checkout(project: Path, commit: str, stack: str) -> Path:
    """Return a folder with the files of the commit, in which ``pulumi`` runs.

    Args:
        commit: the commit, in any form that git knows.
        stack: name of the stack, whose settings have to be in the commit.

    Raises:
        CommandError: git does not have the commit, the commit has no settings of the stack, or its requirements are
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
        raise CommandError(
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
        raise CommandError(
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
        raise CommandError("git is not on PATH, and the history names commits; install git") from error
    if done.returncode != 0:
        raise CommandError(": ".join(filter(None, (why, done.stderr.strip()))))
    return done.stdout.strip()


def choose(updates: Sequence[Update]) -> Update:
    """Return the run to go back to.

    After a run that failed it is the last one that attested; after one that attested, the last one before it with
    another commit.

    Args:
        updates: deployments of the stack, the latest first.

    Raises:
        CommandError: there is none, or its settings cannot be had from its commit.
    """
    latest = updates[0] if updates else None
    for update in updates:
        if not update.attested or (latest is not None and latest.attested and update.commit == latest.commit):
            continue
        if not update.commit:
            raise CommandError(
                f"the last attested run was not made of a git commit ({update.described}); put its program and "
                "settings back by hand, and run `pulumi up`"
            )
        if update.dirty:
            raise CommandError(
                f"the last attested run had changes that are not committed ({update.described}), so git does not have "
                "its settings. Name a commit: --to COMMIT; and commit before `pulumi up` from now on"
            )
        return update
    raise CommandError(
        "the history has no attested run with another commit than the present one"
        + (f"; the latest is {latest.described}" if latest is not None else "")
        + ". Name a commit: --to COMMIT"
    )


@click.command("rollback")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--to", "wanted", metavar="COMMIT", help="Another commit than the one that attested last.")
@click.option("--preview", is_flag=True, help="Only show what it would change.")
@click.option("--yes", is_flag=True, help="Do not ask after the preview.")
@click.pass_obj
def command(surroundings: CommandContext, stack: str | None, wanted: str | None, *, preview: bool, yes: bool) -> int:
    """Deploy the commit that attested last: its program with its settings. Shows a preview first."""
    project = surroundings.project
    engine = surroundings.engine(stack)
    name = engine.name()
    commit = wanted or _last_attested(engine)
    folder = create_checkout(project, commit, name)
    verb = "preview" if preview else "up"
    options = ["--yes"] if yes and not preview else []
    click.echo(f"in {folder.relative_to(project)}: pulumi {verb} --stack {name}")
    code = replace(engine, folder=folder, stack=name).run(verb, *options)
    if code == 0 and not preview:
        click.echo(
            f"the stack has the configuration of {commit} again. Take your branch back as well (git revert): its next "
            "`pulumi up` deploys what it says"
        )
    return code


def _last_attested(engine: Engine) -> str:
    updates = stack_history.deployments(engine.history())
    update = choose(updates)
    click.echo(f"now:  {updates[0].described}\nback: {update.described}")
    return update.commit
