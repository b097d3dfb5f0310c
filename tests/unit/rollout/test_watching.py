"""Progress while a resource waits: each line once, at the resource, and never in the way of the wait."""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pulumi
import pytest

from coco_azure.clients.kubernetes import Object
from components.cluster.watching import Line, Watching, first_line, in_thread
from tests.unit.fake_cluster import FakeCluster

PATH = "/apis/example/v1/things"


class Changing(FakeCluster):
    """A cluster whose one object goes through some states, and is then away."""

    def __init__(self, states: list[int], error: Exception | None = None) -> None:
        super().__init__(lists={})
        self.states = states
        self.error = error

    def get(self, path: str) -> Object | None:
        """Return the last state."""
        del path
        return {"state": self.states[-1]}

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the states, and fail in the end where an error is given."""
        del path, name, seconds
        for state in self.states:
            yield "MODIFIED", {"state": state}
        if self.error is not None:
            raise self.error


def _messages(cluster: Any, look: Any, *, lines: int) -> list[tuple[str, str]]:
    """Return the first lines that were told, at which resource."""
    items: list[tuple[str, str]] = []

    async def run() -> None:
        enough = asyncio.Event()

        def log(text: str, about: Any) -> None:
            assert about is not None
            items.append(("line", text))
            if len(items) >= lines:
                enough.set()

        with mock.patch.object(pulumi.log, "info", log), mock.patch.object(pulumi.log, "warn", log):
            watching = Watching(cluster, PATH, "x", look)
            watching.start("urn:pulumi:a::b::c::d")
            await asyncio.wait_for(enough.wait(), 10)
            watching.stop()

    asyncio.run(run())
    return items


def test_each_state_is_told_once_and_an_alarm_once_for_all() -> None:
    def look(values: Object | None) -> list[Line]:
        return [("info", f"state {(values or {})['state']}"), ("warn", "a node has failed")]

    result = _messages(Changing([1, 1, 2, 2, 3]), look, lines=4)

    assert [text for _, text in result] == ["state 1", "a node has failed", "state 2", "state 3"]


def test_an_api_server_that_is_away_is_told_and_the_watch_goes_on() -> None:
    result = _messages(Changing([1], OSError("no route\nto host")), lambda _: [("info", "state")], lines=3)

    assert [text for _, text in result[:3]] == [
        "state",
        "the run waits on, and cannot ask how it goes: no route",
        "state",
    ]


def test_work_in_a_thread_gives_its_result_or_its_error() -> None:
    assert asyncio.run(in_thread(lambda: 3)) == 3

    def fail() -> None:
        raise ValueError("it went wrong")

    with pytest.raises(ValueError, match="it went wrong"):
        asyncio.run(in_thread(fail))


def test_an_error_without_text_is_told_by_its_type() -> None:
    assert (first_line(OSError("a\nb")), first_line(TimeoutError())) == ("a", "TimeoutError")
