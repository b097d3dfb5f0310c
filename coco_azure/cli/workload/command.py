"""``coco-azure workload prepare``, ``check`` and ``status``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from coco_azure import cli
from coco_azure.cli import CommandContext
from coco_azure.cli.workload import status
from coco_azure.formats.policy import manifest_check
from coco_azure.formats.policy.manifest_check import ManifestFinding
from coco_azure.formats.workload import image_config, preparing
from coco_azure.formats.workload import terms as formats
from coco_azure.formats.workload.image_config import ImageConfig
from coco_azure.formats.workload.terms import Terms, TermsError

_Command = TypeVar("_Command", bound=Callable[..., Any])
_CHECK_EPILOG = "Exit code: 0 nothing stops it, 2 something does, 1 cannot tell."


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What ``prepare`` and ``check`` share; ``_of_one_workload`` has each option's meaning."""

    manifest: str
    workload: str | None
    stack: str | None
    source: str | None
    only: Sequence[str]

    def read(self) -> str:
        """Return the manifest, the ends of its lines as they are; raises click.ClickException."""
        return cli.read_file(self.manifest)


@click.group("workload")
def command() -> None:
    """Make a manifest confidential, check it, and see what became of its pods."""


def _of_one_workload(function: _Command) -> _Command:
    """Add what ``prepare`` and ``check`` share: the manifest, and whose terms it is held to."""
    for decorate in (
        click.option("--only", multiple=True, metavar="KIND/NAME", help="Only the pods of this object; repeatable."),
        click.option("--from", "source", metavar="FILE", help="Terms from a file: no stack is asked."),
        click.option("--stack", help="Stack whose outputs have the terms; default: the selected one."),
        click.option("--workload", "-w", metavar="NAME", help="Name in initdata.workloads; default: the only one."),
        click.argument("manifest", metavar="FILE"),
    ):
        function = decorate(function)
    return function


@command.command("prepare")
@_of_one_workload
@click.option("--size", help="VM size that the pods ask for; default: as the manifest says, or the stack's.")
@click.option("--output", "-o", metavar="FILE", help="Where to write; default: to standard output.")
@click.pass_obj
def prepare(surroundings: CommandContext, /, size: str | None, output: str | None, **options: Any) -> int:
    """Write runtime class, initdata, VM size and sealed references into a manifest ("-": from a pipe).

    What changes is shown as a diff on standard error. A manifest that has everything stays as it is.
    """
    chosen = _Options(**options)
    text, terms = chosen.read(), _terms(surroundings, chosen)
    try:
        made = preparing.prepare(text, terms, size=size, only=chosen.only)
    except ValueError as error:
        raise click.ClickException(f"{chosen.manifest}: {error}") from error
    click.echo(preparing.diff(text, made, chosen.manifest), err=True, nl=False)
    if output is None:
        click.echo(made, nl=False)
        return 0
    try:
        Path(output).write_bytes(made.encode())
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from error
    return 0


@command.command("check", epilog=_CHECK_EPILOG)
@_of_one_workload
@click.option(
    "--image-config", "images", multiple=True, metavar="IMAGE=FILE", help="What an image says of its containers."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(surroundings: CommandContext, /, images: Sequence[str], *, as_json: bool, **options: Any) -> int:
    """Say what would keep the pods of a manifest from starting, or from their secrets. Asks no cluster."""
    chosen = _Options(**options)
    terms, configs = _terms(surroundings, chosen), _image_configs(images)
    try:
        findings = manifest_check.check(chosen.read(), terms, images=configs, only=chosen.only)
    except ValueError as error:
        raise click.ClickException(f"{chosen.manifest}: {error}") from error
    if as_json:
        click.echo(json.dumps({"workload": terms.workload, "findings": [asdict(each) for each in findings]}, indent=2))
    else:
        click.echo(_text(findings, chosen.manifest, terms), nl=False)
    return 2 if any(each.level == "problem" for each in findings) else 0


command.add_command(status.command)


def _terms(surroundings: CommandContext, chosen: _Options) -> Terms:
    every, place = status.read_terms(surroundings, chosen.stack, chosen.source)
    try:
        return formats.terms_of(every, chosen.workload, place)
    except TermsError as error:
        raise click.ClickException(str(error)) from error


def _image_configs(options: Sequence[str]) -> dict[str, ImageConfig]:
    configs = {}
    for option in options:
        image, _, path = option.rpartition("=")
        if not image:
            raise click.ClickException(f"--image-config {option}: needed IMAGE=FILE")
        try:
            configs[image] = image_config.parse(cli.read_file(path))
        except ValueError as error:
            raise click.ClickException(f"--image-config {option}: {error}") from error
    return configs


def _text(findings: Sequence[ManifestFinding], name: str, terms: Terms) -> str:
    counts = {level: sum(each.level == level for each in findings) for level in ("problem", "warning")}
    ends = [f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    lines = [
        f"{each.level}: {each.place}{': ' if each.place else ''}{each.text}"
        for level in counts
        for each in findings
        if each.level == level
    ]
    verdict = f"{name} as workload {terms.workload}: {' and '.join(ends) or 'nothing stops it'}"
    return "".join(f"{line}\n" for line in [*lines, verdict])
