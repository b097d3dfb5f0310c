"""``python -m rollback``: ``pulumi up`` of the commit that attested last."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from drift.engine import Engine, EngineError
from rollback import checkout, history
from rollback.checkout import CheckoutError
from rollback.history import NoWayBackError

_PROJECT = Path(__file__).parent.parent


def main(arguments: Sequence[str] | None = None, project: Path = _PROJECT) -> int:
    """Go back, and return the exit code of ``pulumi``; 1 where there is no way back."""
    said = _parser().parse_args(arguments)
    engine = Engine(stack=said.stack, options=(), folder=project)
    try:
        stack = engine.name()
        commit = said.to or _chosen(engine)
        folder = checkout.place(project, commit, stack)
    except (EngineError, NoWayBackError, CheckoutError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    verb = "preview" if said.preview else "up"
    options = ["--yes"] if said.yes and not said.preview else []
    sys.stdout.write(f"in {folder.relative_to(project)}: pulumi {verb} --stack {stack}\n")
    sys.stdout.flush()
    code = subprocess.run(["pulumi", verb, "--stack", stack, *options], cwd=folder, check=False).returncode
    if code == 0 and not said.preview:
        sys.stdout.write(
            f"the stack has the configuration of {commit} again. Take your branch back as well (git revert): its next "
            "`pulumi up` deploys what it says\n"
        )
    return code


def _chosen(engine: Engine) -> str:
    found = history.runs(engine.history())
    run = history.target(found)
    sys.stdout.write(f"now:  {found[0].described()}\nback: {run.described()}\n")
    return run.commit


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rollback",
        description="pulumi up of the commit that attested last: its program with its settings. Shows a preview first.",
    )
    parser.add_argument("--stack", help="name of the stack; default: the selected one")
    parser.add_argument("--to", metavar="COMMIT", help="another commit than the one that attested last")
    parser.add_argument("--preview", action="store_true", help="only show what it would change")
    parser.add_argument("--yes", action="store_true", help="do not ask after the preview")
    return parser


if __name__ == "__main__":
    sys.exit(main())
