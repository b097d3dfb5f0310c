"""The cache outside the checkout: what is in it is whole, and two runs at once do not spoil it.

A folder appears under its final name only when it is complete; who makes it holds its lock meanwhile, so that a second
run waits and then finds it. What an interrupted run left is removed by the next one that makes the same thing.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.toolchain.errors import ToolchainError

Say = Callable[[str], None]


def root() -> Path:
    """Return the cache's folder: COCO_AZURE_CACHE, or ``coco-azure`` in XDG_CACHE_HOME or ``~/.cache``."""
    if chosen := os.environ.get("COCO_AZURE_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "coco-azure"


def folder(name: str, make: Callable[[Path], None], say: Say) -> Path:
    """Return the cached folder ``name``; where it is missing, ``make`` fills it first.

    Raises:
        ToolchainError: the cache cannot be written to.
    """
    final = root() / name
    if final.is_dir():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _lock(final, say):
            if not final.is_dir():
                _fill(final, make)
    except PermissionError as error:
        raise ToolchainError(
            f"the cache {root()} cannot be written to ({error}). Set COCO_AZURE_CACHE to a folder that can"
        ) from error
    return final


def _fill(final: Path, make: Callable[[Path], None]) -> None:
    for stale in final.parent.glob(f".{final.name}.*.part"):
        shutil.rmtree(stale, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
    try:
        make(part)
        part.chmod(0o755)
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _lock(final: Path, say: Say) -> Iterator[None]:
    with final.with_name(f".{final.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is making {final.name}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
