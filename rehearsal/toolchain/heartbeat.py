"""A sign of life while something takes long that says nothing itself."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rehearsal.toolchain.cache import Say

EVERY = 15.0
"""Seconds between two signs."""


@contextmanager
def heartbeat(what: str, say: Say) -> Iterator[None]:
    """Tell every now and then that ``what`` goes on, and for how long it has."""
    began, ended = time.monotonic(), threading.Event()

    def beat() -> None:
        while not ended.wait(EVERY):
            say(f"  still {what}, {time.monotonic() - began:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
