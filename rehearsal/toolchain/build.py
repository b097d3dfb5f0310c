"""Builds from pinned Go modules."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.toolchain.cache import Say, ToolchainError, heartbeat
from rehearsal.toolchain.pins import GO_MODULES, Build

_GO = (1, 21)  # the first that fetches the version named in go.mod by itself
_LAST_LINES = 15


def go_programs(programs: Mapping[str, Build], folder: Path, say: Say) -> None:
    """Build the programs, all of one Go module, into ``folder``.

    Raises:
        ToolchainError: Go is missing or too old, or the build fails; the message has its last lines.
    """
    go = _go()
    for name, program in programs.items():
        say(f"building {name} {program.version} from Go modules; usually {program.usual} on two cores")
        # "-v" prints each package as it is compiled: that is how far the build is.
        command = [go, "build", "-v", "-trimpath", "-ldflags", program.ldflags]
        module = GO_MODULES / program.module
        # The first question downloads the modules.
        packages = _packages(go, name, program, say)
        _run(name, [*command, "-o", str(folder / name), program.package], module, packages, say)


def _packages(go: str, name: str, program: Build, say: Say) -> int:
    """Return how many packages the program is made of, which ``go build`` compiles if it never did; 0: not known."""
    command = [go, "list", "-deps", program.package]
    with heartbeat(lambda: f"still asking for the modules of {name}", say):
        options: Any = {"cwd": GO_MODULES / program.module, "env": _environment(), "capture_output": True}
        done = subprocess.run(command, text=True, check=False, **options)
    return len(done.stdout.splitlines())


def _environment() -> dict[str, str]:
    """Return an environment in which go.mod and go.sum decide, whatever workspace or flags surround the checkout."""
    return {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise ToolchainError(
            f"Go is not on PATH, and this machine needs it to build what it could not download. "
            f"Install Go {'.'.join(map(str, _GO))} or newer (go.dev/dl, or the package golang), then try again"
        )
    version_text = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"go(\d+)\.(\d+)", version_text)
    if match is None or (int(match[1]), int(match[2])) < _GO:
        raise ToolchainError(
            f"{go} is {version_text.strip() or 'of an unknown version'}; needed is Go {'.'.join(map(str, _GO))} or "
            "newer, which fetches the version that go.mod names by itself (go.dev/dl)"
        )
    return go


def _run(name: str, command: list[str], module: Path, packages: int, say: Say) -> None:
    log = Path(command[command.index("-o") + 1]).with_suffix(".log")
    began = time.monotonic()
    with log.open("w") as sink, heartbeat(lambda: f"{name}: {_progress(log, packages)}", say):
        output: Any = {"stdin": subprocess.DEVNULL, "stdout": sink, "stderr": subprocess.STDOUT}
        code = subprocess.run(command, cwd=module, env=_environment(), check=False, **output).returncode
    lines = log.read_text(errors="replace").splitlines()
    log.unlink()
    if code != 0:
        raise ToolchainError(_failure(name, lines))
    say(f"  built {name} in {time.monotonic() - began:.0f} s")


def _progress(log: Path, packages: int) -> str:
    # Modules are downloaded first, each with a line of its own.
    lines = log.read_text(errors="replace").splitlines()
    compiled = sum(not line.startswith("go: ") for line in lines)
    return f"{compiled} of at most {packages} packages" if packages else f"{compiled} packages"


def _failure(name: str, lines: list[str]) -> str:
    words = "\n".join(lines[-_LAST_LINES:])
    if "no space left" in words:
        advice = "The disk is full: a build needs about 4 GB (`df -h`, `go clean -cache`)."
    elif "dial tcp" in words or "lookup " in words:
        advice = "The Go module proxy was not reached: check the network, GOPROXY and HTTPS_PROXY."
    elif "signal: killed" in words:
        advice = "The compiler was killed, most likely for lack of memory: 4 GB are needed."
    else:
        advice = "Run it again; what was compiled so far is kept."
    return f"the build of {name} failed:\n{words}\n{advice}"
