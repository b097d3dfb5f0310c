"""Pulumi's language host for Python: when it ends, and what it says of a program that does."""

import subprocess
import sys
import time
from collections.abc import Callable
from unittest import mock

import pulumi
from pulumi import RunError
from pulumi.runtime.proto import language_pb2

from components import refusal
from rehearsal.processes import ProcessId
from rehearsal.toolchain import language_host


def test_the_language_host_ends_when_its_engine_was_killed() -> None:
    host = str(language_host.__file__)
    # The shell stands for the engine: it has started the host, and is killed.
    engine = subprocess.Popen(
        ["sh", "-c", '"$0" "$1" 127.0.0.1:1 & echo $!; wait', sys.executable, host],
        stdout=subprocess.PIPE,
        text=True,
    )
    with engine:
        assert engine.stdout is not None
        started = ProcessId.of(int(engine.stdout.readline()))
        assert int(engine.stdout.readline()) > 0  # its port: it serves
        engine.kill()
    deadline = time.monotonic() + 30
    while started.alive() and time.monotonic() < deadline:
        time.sleep(0.1)

    assert not started.alive()


def _ended(end: Callable[[], None]) -> tuple[language_pb2.RunResponse, list[str]]:
    """Return what the engine gets of a program that ends so, and the errors that were shown."""
    request = language_pb2.RunRequest(project="p", stack="s", parallel=1, args=["127.0.0.1:1"])
    shown: list[str] = []

    async def without_engine(program: Callable[[], None]) -> None:
        program()

    with (
        mock.patch.object(language_host, "run_in_stack", without_engine),
        mock.patch.object(language_host, "reset_options"),
        mock.patch.object(pulumi.log, "error", shown.append),
    ):
        return language_host._ended(end, request), shown


def test_of_a_program_that_has_told_its_error_the_engine_says_nothing_more() -> None:
    def refused() -> None:
        with refusal.one_error():
            raise RunError("3 problems")

    response, shown = _ended(refused)

    assert response.bail
    assert response.error == ""
    assert shown == ["3 problems"]


def test_an_error_that_leaves_the_program_is_shown_once_and_not_repeated_by_the_engine() -> None:
    response, shown = _ended(mock.Mock(side_effect=RunError("3 problems")))

    assert shown == ["3 problems"]
    assert response.error == "Program exited with non-zero exit code: 1"


def test_a_program_that_comes_to_its_end_has_no_error() -> None:
    assert _ended(lambda: None) == (language_pb2.RunResponse(), [])


def test_a_mistake_in_the_program_is_shown_with_its_place() -> None:
    response, (shown,) = _ended(mock.Mock(side_effect=KeyError("x")))

    assert response.bail
    assert "KeyError: 'x'" in shown
