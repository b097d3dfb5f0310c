"""The stand-in of the Kubernetes provider: how long a wait lasts, and what it leaves behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rehearsal.kubernetes_provider import waits
from rehearsal.kubernetes_provider.errors import ApiError, WaitError
from rehearsal.kubernetes_provider.notes import EngineLog, Note, Progress
from rehearsal.kubernetes_provider.waits import CANCELLED, DEFAULT_TIMEOUT, TIMED_OUT, Verdict, hold, timeout_of

CLOSED = Verdict(open=False)
OPEN = Verdict(open=True)


class Log(EngineLog):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__("nowhere")
        self.said: list[str] = []

    async def write(self, urn: str, note: Note, *, passing: bool) -> None:  # noqa: ARG002
        """Keep the text."""
        self.said.append(note.text)


class Script:
    """A gate that says one thing after the other, and the last one for ever."""

    def __init__(self, *script: Verdict | Exception, warnings: Sequence[str] = ()) -> None:
        self.seen: dict[str, Any] = {"metadata": {"name": "x"}}
        self.looks = 0
        self._script = script
        self._warnings = [Note.warning(text) for text in warnings]

    async def look(self) -> Verdict:
        """Say the next thing."""
        said = self._script[min(self.looks, len(self._script) - 1)]
        self.looks += 1
        if isinstance(said, Exception):
            raise said
        return said

    async def warnings(self) -> list[Note]:
        """Warn."""
        return self._warnings

    async def timed_out(self) -> WaitError:
        """Say that it was too long."""
        return WaitError(TIMED_OUT, self.seen)

    async def cancelled(self) -> WaitError:
        """Say that the user has had enough."""
        return WaitError(CANCELLED, self.seen)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "POLL", 0.0)


def _hold(gate: Script, timeout: float = 60.0, *, stopped: bool = False) -> tuple[dict[str, Any], list[str]]:
    log = Log()

    async def run() -> dict[str, Any]:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        return await hold(gate, timeout, stop, Progress(log, "urn"))

    return asyncio.run(run()), log.said


def test_a_wait_ends_with_the_object_as_it_was_last_seen() -> None:
    gate = Script(CLOSED, CLOSED, OPEN)

    assert _hold(gate)[0] is gate.seen
    assert gate.looks == 3


def test_a_wait_without_time_still_looks_once() -> None:
    assert _hold(Script(OPEN), 0)[0]
    with pytest.raises(WaitError, match=TIMED_OUT):
        _hold(Script(CLOSED), 0)


def test_a_cancelled_wait_ends_at_once_and_keeps_what_it_has_seen() -> None:
    gate = Script(CLOSED)

    with pytest.raises(WaitError, match=CANCELLED) as error:
        _hold(gate, stopped=True)

    assert gate.looks == 1
    assert error.value.seen is gate.seen


def test_a_gate_that_will_never_open_ends_the_wait_with_its_reasons() -> None:
    with pytest.raises(WaitError, match="broken") as error:
        _hold(Script(CLOSED, Verdict(open=False, failure="broken", reasons=["because"])))

    assert error.value.reasons == ["because"]


def test_everything_is_told_once() -> None:
    again = Verdict(open=False, notes=[Note.info("waiting")])

    assert _hold(Script(again, again, again, OPEN, warnings=["Failed: mount"]))[1] == ["waiting", "Failed: mount"]


def test_a_server_that_does_not_answer_does_not_end_a_wait() -> None:
    gate = Script(ApiError(500, "overloaded"), ApiError(404, "gone"), TimeoutError(), OPEN)

    assert _hold(gate)[1] == [
        "unexpected error while checking cluster state: overloaded",
        "unexpected error while checking cluster state: TimeoutError",
    ]


def test_an_error_of_ours_does_end_it() -> None:
    with pytest.raises(ZeroDivisionError):
        _hold(Script(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("requested", "said", "seconds"), [(5.0, "7", 5.0), (0.0, "7", 7.0), (0.0, "soon", DEFAULT_TIMEOUT)]
)
def test_the_resource_option_beats_the_annotation(requested: float, said: str, seconds: float) -> None:
    inputs = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": said}}}

    assert timeout_of(requested, inputs) == seconds
