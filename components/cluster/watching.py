"""Telling how something goes while a resource of it waits: a watch in a thread of its own, lines in Pulumi's log."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypeVar, cast

import pulumi

from components.cluster.client import ClusterClient, Object

Line = tuple[Literal["info", "warn"], str]
"""What to tell, and how loudly; each text is told once in a row."""

_WINDOW = 20  # seconds of one watch; what is not the object's own is looked at this often at least
_PAUSE = 1.0  # seconds between two watches, so that an API server that is away is not asked all the time
_T = TypeVar("_T")


class Watching:
    """Follows the object ``name`` of a list, and tells what ``look`` makes of it.

    ``start`` and ``stop`` are for the hooks of a resource; both run in the event loop of the program. Whatever goes
    wrong with a look is left alone: the wait is the resource's business.
    """

    def __init__(
        self, client: ClusterClient, path: str, name: str, look: Callable[[Object | None], Iterable[Line]]
    ) -> None:
        self._client = client
        self._path = path
        self._name = name
        self._look = look
        self._ended = threading.Event()

    def start(self, urn: str) -> None:
        """Begin, with lines that stand at the resource of this URN."""
        self._ended = threading.Event()
        loop, about = asyncio.get_running_loop(), at(urn)

        def tell(line: Line) -> None:
            log = pulumi.log.info if line[0] == "info" else pulumi.log.warn
            loop.call_soon_threadsafe(partial(log, line[1], about))

        # A daemon, because an interrupted run must not wait for it.
        threading.Thread(target=self._follow, args=(self._ended, tell), daemon=True, name=f"watch {self._name}").start()

    def stop(self) -> None:
        """End it; a line that comes later is not told."""
        self._ended.set()

    def _follow(self, ended: threading.Event, tell: Callable[[Line], None]) -> None:
        told: dict[str, Line] = {}

        def say(key: str, line: Line) -> None:
            if told.get(key) != line and not ended.is_set():
                told[key] = line
                tell(line)

        def look(found: Object | None) -> None:
            for number, line in enumerate(self._look(found)):
                say("progress" if number == 0 else line[1], line)

        while not ended.is_set():
            try:
                found: Object | None = None
                for kind, found in self._client.changes(self._path, self._name, _WINDOW):
                    if ended.is_set():
                        return
                    look(None if kind == "DELETED" else found)
                look(self._client.get(f"{self._path}/{self._name}"))
            except Exception as error:  # noqa: BLE001 - see the class
                say("progress", ("info", f"the run waits on, and cannot ask how it goes: {first_line(error)}"))
            ended.wait(_PAUSE)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def at(urn: str) -> pulumi.Resource:
    """Return what a line of the log can stand at, for a hook: the resource itself has no URN before it is made."""

    class At:
        def __init__(self) -> None:
            self.urn = pulumi.Output.from_input(urn)

    return cast("pulumi.Resource", At())


async def in_thread(work: Callable[[], _T]) -> _T:
    """Return what ``work`` returns, without holding the program up, in a thread that ends with the program."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    # What pulumi knows of the running stack is in the context.
    threading.Thread(target=contextvars.copy_context().run, args=[run], daemon=True).start()
    return await done
