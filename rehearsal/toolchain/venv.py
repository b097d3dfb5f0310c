"""The checkout's ``.venv``, with exactly what the hashed requirements say."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from rehearsal.toolchain.cache import Say, ToolchainError, heartbeat

_PYTHON = (3, 11)
_STAMP = ".coco-azure-requirements"
_LEFT_OUT = "pulumi_azure_native/[^/]+/|/tests?/"
"""What is not compiled when it is installed, as a pattern of paths."""


def ensure(checkout: Path, requirements: str, say: Say) -> Path:
    """Return the virtual environment's folder with everything of the file ``requirements`` in it.

    Raises:
        ToolchainError: this Python is too old, or an installation failed.
    """
    if sys.version_info < _PYTHON:
        raise ToolchainError(
            f"this is Python {sys.version.split()[0]} ({sys.executable}); needed is {'.'.join(map(str, _PYTHON))} or "
            "newer. Install it, and say which with: make PYTHON=python3.11 ..."
        )
    folder = checkout / ".venv"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _fill(folder, checkout / requirements, say)
    return folder


def _fill(folder: Path, requirements: Path, say: Say) -> None:
    stamp, wanted = folder / _STAMP, _digest(requirements)
    if stamp.exists() and wanted in stamp.read_text().split():
        return
    if not (folder / "bin" / "pip").exists():
        say("making .venv")
        _run(
            [sys.executable, "-m", "venv", str(folder)],
            "On Debian and Ubuntu, `apt-get install python3-venv` brings what is missing.",
        )
    say(f"installing {requirements.name} into .venv; usually 1 to 3 minutes")
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    with heartbeat(lambda: f"still installing {requirements.name}", say):
        _run(
            [*command, "--require-hashes", "-r", str(requirements)],
            "Check the network and pip's settings (`pip config list`, HTTPS_PROXY); what was installed is kept.",
        )
        # Of azure-native next to nothing is imported, and pip would take minutes to compile it.
        _compile(python, folder)
    # The files pin the same versions, so one does not undo another; what a file said before it changed does not count.
    known = {_digest(file) for file in requirements.parent.glob("requirements*.txt")}
    kept = known.intersection(stamp.read_text().split()) if stamp.exists() else set()
    stamp.write_text("\n".join(sorted({wanted, *kept})) + "\n")


def _compile(python: str, folder: Path) -> None:
    """Compile what was installed: where PYTHONDONTWRITEBYTECODE is set, each program would do it anew."""
    packages = [str(each) for each in folder.glob("lib/*/site-packages")]
    command = [python, "-m", "compileall", "-q", "-j", "0", "-x", _LEFT_OUT, *packages]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _run(command: list[str], advice: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        words = "\n".join(done.stdout.splitlines()[-15:])
        raise ToolchainError(f"`{' '.join(command[1:4])}` failed:\n{words}\n{advice}")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
