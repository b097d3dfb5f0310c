"""What making programs shares: its error, signs of life, and the cache.

The cache is outside the checkout: what is in it is whole, and two runs at once do not spoil it.

A folder appears under its final name only when it is complete; who makes it holds its lock meanwhile, so that a second
run waits and then finds it. What an interrupted run left is removed by the next one that makes the same thing.
"""

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]
HEARTBEAT = 15.0
"""Seconds between two signs of life of what takes long."""


class ToolchainError(RuntimeError):
    """A program cannot be had; the message says what was tried and what would help."""


@contextmanager
def heartbeat(progress: Callable[[], str], say: Say) -> Iterator[None]:
    """Tell every now and then how far something is that says nothing itself, and how long it has taken."""
    began, ended = time.monotonic(), threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            say(f"  {progress()}, {time.monotonic() - began:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


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
