"""Holding an operation until a gate is open, its time is over, or the user has had enough.

What a gate looks at is the business of ``gates`` and ``rollouts``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from rehearsal.kubernetes_provider.errors import ApiError, NoMatchError, WaitError
from rehearsal.kubernetes_provider.notes import Note, Progress
from rehearsal.kubernetes_provider.objects import TIMEOUT_SECONDS, Object, annotation

POLL = 0.3
"""Seconds between two looks."""
_WARNINGS = 2.0
"""Seconds between two looks at Events."""
DEFAULT_TIMEOUT = 600.0
TIMED_OUT = "timed out waiting for the condition"
CANCELLED = "context canceled"


@dataclass(frozen=True)
class Verdict:
    """What a gate says after one look.

    Attributes:
        open: whether the wait is over.
        notes: what to tell the user.
        failure: why the gate will never open, or None.
        reasons: what is known of the cause of a failure.
    """

    open: bool
    notes: Sequence[Note] = ()
    failure: str | None = None
    reasons: Sequence[str] = ()


class Gate(Protocol):
    """Something to wait for."""

    seen: Object
    """The object as it was last seen."""

    async def look(self) -> Verdict:
        """Look at the cluster once.

        Raises:
            ApiError: the server does not say; looking again may help.
            NoMatchError: the kind is not served (any more).
            aiohttp.ClientError: there is no answer.
            TimeoutError: there is no answer in time.
        """
        ...

    async def warnings(self) -> list[Note]:
        """Return what the cluster warns of; errors as in ``look``."""
        ...

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        ...

    async def cancelled(self) -> WaitError:
        """Return the error of a wait that the user has ended."""
        ...


def timeout_of(requested: float, inputs: Mapping[str, Any]) -> float:
    """Return how long to wait: the resource option, the annotation, or 10 minutes (``TimeoutDuration``)."""
    if requested:
        return requested
    said = annotation(inputs, TIMEOUT_SECONDS)
    return float(said) if said.isdecimal() else DEFAULT_TIMEOUT


async def hold(gate: Gate, timeout: float, stop: asyncio.Event, progress: Progress) -> Object:  # noqa: ASYNC109
    """Wait until the gate is open and return its object.

    Args:
        gate: what to wait for.
        timeout: seconds; there is always at least one look.
        stop: set when the user cancels.
        progress: where to tell how it goes.

    Raises:
        WaitError: the gate has not opened.
    """
    warn_at = time.monotonic()
    deadline = warn_at + timeout
    while True:
        verdict = await _careful(gate.look)
        for note in verdict.notes:
            await progress.status(note)
        if verdict.open:
            return gate.seen
        if verdict.failure is not None:
            raise WaitError(verdict.failure, gate.seen, verdict.reasons)
        if time.monotonic() >= warn_at:
            warn_at = time.monotonic() + _WARNINGS
            for note in (await _careful(lambda: _warnings(gate))).notes:
                await progress.status(note)
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise await gate.timed_out()
        if await pause(min(POLL, remaining), stop):
            raise await gate.cancelled()


async def pause(seconds: float, stop: asyncio.Event) -> bool:
    """Sleep; return whether the user cancelled meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def _warnings(gate: Gate) -> Verdict:
    return Verdict(open=False, notes=await gate.warnings())


async def _careful(look: Callable[[], Awaitable[Verdict]]) -> Verdict:
    """Look; what goes wrong with that is a note, and no reason to give up."""
    try:
        return await look()
    except (ApiError, NoMatchError, aiohttp.ClientError, TimeoutError) as error:
        if isinstance(error, ApiError) and error.not_found:
            # As with a watch: an object that is gone says nothing new, and may come back.
            return Verdict(open=False)
        note = Note.warning(f"unexpected error while checking cluster state: {str(error) or type(error).__name__}")
        return Verdict(open=False, notes=[note])
