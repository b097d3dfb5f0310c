"""The command ``coco-azure``: what is done beside ``pulumi preview`` and ``pulumi up``.

Each command is a module here, imported when it is asked for. It prints for people, or JSON with ``--json``, and its
exit code is for pipelines: 0 nothing to do, 1 it could not be told, 2 something was found.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.settings.base import decode

PROJECT = Path(__file__).resolve().parents[2]
"""The folder with ``Pulumi.yaml``."""

_COMMANDS = {
    "backup": "coco_azure.cli.backup",
    "drift": "coco_azure.cli.drift.command",
    "leftovers": "coco_azure.cli.leftovers.command",
    "proof": "coco_azure.cli.proof",
    "report": "coco_azure.cli.report.command",
    "rollback": "coco_azure.cli.rollback",
    "settings": "coco_azure.cli.settings",
    "support": "coco_azure.cli.support.command",
    "versions": "coco_azure.cli.versions",
    "workload": "coco_azure.cli.workload.command",
}


class CommandError(Exception):
    """A command cannot do its work; the message says why, and what to do."""


@dataclass(frozen=True)
class CommandContext:
    """Where a command runs.

    Attributes:
        project: the folder with ``Pulumi.yaml``.
    """

    project: Path = PROJECT
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def engine(self, stack: str | None, options: Sequence[str] = ()) -> Engine:
        """Return ``pulumi`` for a stack, None for the selected one; ``options`` are those of previews."""
        return Engine(folder=self.project, stack=stack, options=options, environment=self.environment)


class _Group(click.Group):
    """Imports a command when it is asked for: some of them bring slow libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, or None where there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Group, context_settings={"max_content_width": 100})
def group() -> None:
    """Commands beside `pulumi preview` and `pulumi up`."""


def main(arguments: Sequence[str] | None = None, surroundings: CommandContext | None = None) -> int:
    """Run one command and return its exit code; ``arguments`` are those of the process by default."""
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        code = group.main(words, "coco-azure", standalone_mode=False, obj=surroundings or CommandContext())
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (CommandError, EngineError) as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except click.Abort:
        return 130
    return int(code or 0)


def read_file(path: str) -> str:
    """Return the text of a file, or of standard input for ``-``; the ends of its lines stay as they are.

    Raises:
        click.ClickException: it cannot be read, or is no text; the message names the file.
    """
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    try:
        return decode(raw)
    except ValueError as error:
        raise click.ClickException(f"{path} {error}") from error
