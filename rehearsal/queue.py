"""A level-triggered work queue, as operators have it: an event names what to look at, not what to do."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

Reconcile = Callable[[str], Awaitable[float | None]]
"""Looks at the thing of this key and brings it one step further; seconds until the next look, or None."""

_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0
_LOG = logging.getLogger("rehearsal")


class Queue:
    """Runs one reconcile at a time for each key; a key that is added meanwhile is looked at once more."""

    def __init__(self, name: str, reconcile: Reconcile) -> None:
        self.name = name
        self._reconcile = reconcile
        self._wake: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, key: str) -> None:
        """Have the key looked at soon."""
        if key not in self._tasks:
            self._wake[key] = asyncio.Event()
            self._tasks[key] = asyncio.create_task(self._serve(key), name=f"{self.name} {key}")
        self._wake[key].set()

    async def stop(self) -> None:
        """End the work on all keys."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _serve(self, key: str) -> None:
        wake, retry, delay = self._wake[key], _FIRST_RETRY, None
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), delay)
            wake.clear()
            try:
                delay = await self._reconcile(key)
                retry = _FIRST_RETRY
            except Exception as error:  # noqa: BLE001 - an operator survives whatever one object does to it
                _LOG.warning("%s %s: %s: %s (next try in %.1f s)", self.name, key, type(error).__name__, error, retry)
                delay, retry = retry, min(retry * 2, _LONGEST_RETRY)
