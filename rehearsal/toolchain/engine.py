"""What a shell needs on PATH so that ``pulumi`` runs Python programs."""

import os
import shlex
import shutil
from pathlib import Path

from rehearsal.toolchain.tools import Tool

_HOST = "pulumi-language-python"


def path_folders(python: Path, folder: Path, pulumi: Tool) -> list[Path]:
    """Return the folders to put in front of PATH for this ``pulumi``.

    A CLI without a language host for Python, as a build from Go modules is, gets this project's in ``folder``, and
    stands there itself: it warns of a host that it finds anywhere but beside itself. ``python`` runs the host.
    """
    beside = pulumi.path.parent
    if (beside / _HOST).exists() or (pulumi.source.startswith("PATH") and shutil.which(_HOST)):
        return [beside]
    folder.mkdir(parents=True, exist_ok=True)
    command = shlex.quote(str(python))
    script(folder / _HOST, f"exec {command} -u {shlex.quote(str(Path(__file__).with_name('language_host.py')))}")
    script(folder / "pulumi-resource-pulumi-python", f"exec {command} -u -m pulumi.dynamic")
    _link(pulumi.path, folder / pulumi.path.name)
    return [folder]


def _link(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
    except OSError:  # the cache is on another file system
        shutil.copy2(source, part)
    part.replace(target)


def script(path: Path, command: str) -> None:
    """Place a program that runs a command with its arguments, all of it or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(f'#!/bin/sh\n{command} "$@"\n')
    part.chmod(0o755)
    part.replace(path)
