"""Where each program comes from: PATH, the cache, the official download, a build."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rehearsal.toolchain import build, cache, download
from rehearsal.toolchain.cache import Say, ToolchainError
from rehearsal.toolchain.pins import GO_MODULES, PINS, Archive, Build, Pin

_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


@dataclass(frozen=True)
class Tool:
    """A program that is there.

    Attributes:
        path: where it is.
        source: where it came from, for people.
    """

    path: Path
    source: str


def ensure(names: Iterable[str], say: Say) -> dict[str, Tool]:
    """Return every program of ``names`` (see ``pins.PINS``), found or made.

    What is downloaded and built stays in the cache. COCO_TOOLCHAIN_OFFLINE=1 leaves downloads out.

    Args:
        names: names of programs.
        say: told in a line each what is being done and how long that usually takes.

    Raises:
        ToolchainError: a program cannot be had here; the message says what would help.
    """
    return {name: _ensure(name, PINS[name], say) for name in names}


def find(name: str) -> Tool | None:
    """Return a program that is there already; nothing is downloaded or built."""
    pin = PINS[name]
    cached = [cache.root() / _build_title(pin) / name]
    if archive := _archive(pin):
        cached.insert(0, cache.root() / _download_title(archive) / name)
    on_path = _on_path(name, pin, lambda _: None)
    return on_path or next((Tool(path, "cache") for path in cached if path.exists()), None)


def _ensure(name: str, pin: Pin, say: Say) -> Tool:
    return _on_path(name, pin, say) or _downloaded(name, pin, say) or built(name, pin, say)


def _on_path(name: str, pin: Pin, say: Say) -> Tool | None:
    folders = [*os.environ.get("PATH", "").split(os.pathsep), os.environ.get("KUBEBUILDER_ASSETS", "")]
    path = shutil.which(name, path=os.pathsep.join(folder for folder in folders if folder))
    if path is None:
        return None
    version = version_of([path, *pin.ask])
    if version is not None and pin.fits[0] <= version < pin.fits[1]:
        return Tool(Path(path), f"PATH ({_text(version)})")
    what = f"version {_text(version)}" if version else "no version that could be read"
    say(f"{name} on PATH ({path}) has {what}; needed is {_text(pin.fits[0])} or newer, below {_text(pin.fits[1])}")
    return None


def version_of(command: list[str]) -> tuple[int, ...] | None:
    """Return the first version in what the command prints, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout + done.stderr)
    return tuple(map(int, match[0].split("."))) if match and done.returncode == 0 else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _downloaded(name: str, pin: Pin, say: Say) -> Tool | None:
    archive = _archive(pin)
    if archive is None:
        return None
    title = _download_title(archive)
    path = cache.root() / title / name
    if not path.exists():
        if os.environ.get("COCO_TOOLCHAIN_OFFLINE") or is_built(name, pin):
            return None
        try:
            cache.folder(title, lambda part: download.unpack(archive, part, say), say)
        except download.NoDownloadError as error:
            say(f"no download of {name}: {error}")
            return None
    return Tool(path, "official download")


def _archive(pin: Pin) -> Archive | None:
    """Return the official archive for this machine; the pins have those of Linux."""
    return pin.archives.get(os.uname().machine) if sys.platform == "linux" else None


def _download_title(archive: Archive) -> str:
    return f"download/{archive.checksum.partition(':')[2][:16]}"


def is_built(name: str, wanted: Build) -> bool:
    """Return whether the cache has a build of the program: it is as good as a download, and needs no network."""
    return (cache.root() / _build_title(wanted) / name).exists()


def built(name: str, wanted: Build, say: Say) -> Tool:
    """Return a program built from its Go module, with all that the module has; raises ToolchainError."""
    programs = {name: wanted, **{other: pin for other, pin in PINS.items() if pin.module == wanted.module}}
    folder = cache.folder(_build_title(wanted), lambda part: build.go_programs(programs, part, say), say)
    if not (folder / name).exists():
        raise ToolchainError(f"{folder} lacks {name}: remove that folder and try again")
    return Tool(folder / name, "built from Go modules")


def _build_title(pin: Build) -> str:
    """Return the cache's name for the build: another one for other sources, flags or machine."""
    digest, folder = hashlib.sha256(), GO_MODULES / pin.module
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    digest.update(f"{pin.ldflags} {os.uname().machine}".encode())
    return f"build/{pin.module}-{pin.version}-{digest.hexdigest()[:12]}"
