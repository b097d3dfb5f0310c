"""What the simulated components watch: each object as it is and as it changes, of kinds that come, go and come back."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import yaml

from rehearsal.api import Api, Object
from rehearsal.kinds import KATA_CONFIG
from rehearsal.operators.app import Queue, _follow
from rehearsal.operators.context import Component
from rehearsal.rest import ApiError
from tests.unit import pki
from tests.unit.http_server import Answer, Request, serving

GONE = Answer({"message": "404 page not found"}, 404)


def _kata_config(name: str, version: int = 1, **fields: Any) -> Object:
    whole = {"apiVersion": KATA_CONFIG.api_version, "kind": KATA_CONFIG.name}
    return {**whole, "metadata": {"name": name, "resourceVersion": str(version)}, **fields}


def _list(*names: str) -> Answer:
    return Answer({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": name}} for name in names]})


def _events(*events: tuple[str, Object]) -> Answer:
    return Answer("".join(json.dumps({"type": kind, "object": obj}) + "\n" for kind, obj in events))


class _Queue:
    def __init__(self) -> None:
        self.keys: asyncio.Queue[str] = asyncio.Queue()

    def add(self, key: str) -> None:
        self.keys.put_nowait(key)


class _Reader:
    """A component that looks at KataConfigs, but for one that is not its own."""

    name = "reader"

    def __init__(self) -> None:
        self.watches = {KATA_CONFIG: self._key}

    def _key(self, obj: Object) -> str | None:
        assert (obj["apiVersion"], obj["kind"]) == (KATA_CONFIG.api_version, KATA_CONFIG.name)
        return None if obj["metadata"]["name"] == "foreign" else str(obj["metadata"]["name"])


def _kubeconfig(folder: Path, server: str) -> Path:
    authority = base64.b64encode(pki.make("authority").pem.encode()).decode()
    content = {
        "clusters": [{"cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"user": {"token": "a-token"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


def _in_turn(*answers: Answer) -> Callable[[Request], Answer]:
    """Answer in this order; the last answer stays."""
    left: Iterator[Answer] = iter(answers)
    return lambda _: next(left, answers[-1])


async def _watched(kubeconfig: Path, wanted: int) -> list[str]:
    """Return so many keys that a component is to look at, once the kind counts as listed."""
    queue, listed = _Queue(), asyncio.Event()
    async with Api(kubeconfig, "test") as api, asyncio.timeout(20):
        components = [cast("Component", _Reader())]
        task = asyncio.create_task(_follow(api, KATA_CONFIG, components, {"reader": cast("Queue", queue)}, listed))
        keys = [await queue.keys.get() for _ in range(wanted)]
        await listed.wait()
        task.cancel()
    return keys


def test_each_object_is_looked_at_as_it_is_and_whenever_it_comes_changes_or_goes(tmp_path: Path) -> None:
    large = _kata_config("large", text="x" * 1_500_000)
    events = _events(
        ("ADDED", large), ("MODIFIED", _kata_config("foreign")), ("MODIFIED", _kata_config("one")), ("DELETED", large)
    )
    with serving(_in_turn(_list("one", "foreign"), events, GONE)) as served:
        keys = asyncio.run(_watched(_kubeconfig(tmp_path, served.url), 4))

    assert keys == ["one", "large", "one", "large"]
    assert served.asked[1].query == {"watch": ["true"], "resourceVersion": ["7"]}
    assert served.asked[1].headers["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize(
    "end",
    [
        [_events(), GONE],
        [_events(), Answer({"message": "storage is (re)initializing"}, 429)],
        [Answer({"message": "404 page not found"}, 404)],
        [_events(("ERROR", {"code": 410, "message": "too old resource version"}))],
    ],
    ids=[
        "its kind is deleted",
        "its kind gets ready",
        "its kind goes between list and watch",
        "its version is too old",
    ],
)
def test_what_ends_a_watch_is_followed_by_another_one(tmp_path: Path, end: list[Answer]) -> None:
    with serving(_in_turn(GONE, _list("one"), *end, _list("two"), _events(), GONE)) as served:
        keys = asyncio.run(_watched(_kubeconfig(tmp_path, served.url), 2))

    assert keys == ["one", "two"]


def test_a_kind_that_is_not_served_counts_as_listed(tmp_path: Path) -> None:
    with serving(_in_turn(GONE)) as served:
        assert asyncio.run(_watched(_kubeconfig(tmp_path, served.url), 0)) == []


def test_why_a_kind_is_not_watched_is_in_the_log_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="rehearsal")
    refused = Answer({"message": "forbidden"}, 403)
    with serving(_in_turn(refused, refused, _list("one"), _events(), GONE)) as served:
        asyncio.run(_watched(_kubeconfig(tmp_path, served.url), 1))

    assert caplog.messages.count("KataConfig is not watched for now: ApiError('forbidden')") == 1


def test_an_api_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with serving(_in_turn(GONE)) as served:
        path = _kubeconfig(tmp_path, served.url)
    assert asyncio.run(_watched(path, 0)) == []


def test_an_error_of_a_component_is_none_of_the_watch_and_ends_the_simulation() -> None:
    class Broken(_Reader):
        def _key(self, obj: Object) -> str | None:
            raise ValueError(obj["metadata"]["name"])

    class Served:
        async def watch(self, _: Any) -> Any:
            yield [_kata_config("one")]

    followed = _follow(
        cast("Api", Served()),
        KATA_CONFIG,
        [cast("Component", Broken())],
        {"reader": cast("Queue", _Queue())},
        asyncio.Event(),
    )
    with pytest.raises(ValueError, match="one"):
        asyncio.run(followed)


def test_the_client_says_what_the_server_refused(tmp_path: Path) -> None:
    async def refused(path: Path) -> None:
        async with Api(path, "test") as api:
            async for _ in api.watch(KATA_CONFIG):
                pass

    with (
        serving(_in_turn(_list(), Answer({"message": "no"}, 403))) as served,
        pytest.raises(ApiError, match="no") as error,
    ):
        asyncio.run(refused(_kubeconfig(tmp_path, served.url)))
    assert error.value.status == 403

    with pytest.raises(aiohttp.ClientError):
        asyncio.run(refused(_kubeconfig(tmp_path, served.url)))


def test_a_list_that_takes_too_long_is_asked_for_again() -> None:
    class Slow:
        asked = 0

        async def watch(self, _: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise TimeoutError
            yield [_kata_config("one")]

    async def first() -> str:
        queue = _Queue()
        queues = {"reader": cast("Queue", queue)}
        components = [cast("Component", _Reader())]
        task = asyncio.create_task(_follow(cast("Api", Slow()), KATA_CONFIG, components, queues, asyncio.Event()))
        async with asyncio.timeout(20):
            key = await queue.keys.get()
        task.cancel()
        return key

    assert asyncio.run(first()) == "one"
