"""Telling how something goes while a resource of it waits: a watch in a thread of its own, lines in Pulumi's log."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypeVar, cast

import pulumi

from coco_azure.clients.kubernetes import ClusterClient, Object
from components.refusal import AWAY

Line = tuple[Literal["info", "warn", "debug"], str]
"""What to tell, and how loudly; each text is told once in a row. ``debug`` is for the event log alone."""

_WINDOW = 20  # seconds of one watch; what is not the object's own is looked at this often at least
_SHORT_WINDOW = 5  # seconds of one watch of a wait that looks at several objects
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
            logs = {"info": pulumi.log.info, "warn": pulumi.log.warn, "debug": pulumi.log.debug}
            loop.call_soon_threadsafe(partial(logs[line[0]], line[1], about))

        # A daemon, because an interrupted run must not wait for it.
        threading.Thread(target=self._follow, args=(self._ended, tell), daemon=True, name=f"watch {self._name}").start()

    def stop(self) -> None:
        """End it; a line that comes later is not told."""
        self._ended.set()

    def _follow(self, ended: threading.Event, tell: Callable[[Line], None]) -> None:
        latest: dict[str, Line] = {}

        def say(key: str, line: Line) -> None:
            if latest.get(key) != line and not ended.is_set():
                latest[key] = line
                tell(line)

        def look(current: Object | None) -> None:
            for number, line in enumerate(self._look(current)):
                say("progress" if number == 0 else "debug" if line[0] == "debug" else line[1], line)

        while not ended.is_set():
            try:
                current: Object | None = None
                for kind, current in self._client.changes(self._path, self._name, _WINDOW):
                    if ended.is_set():
                        return
                    look(None if kind == "DELETED" else current)
                look(self._client.get(f"{self._path}/{self._name}"))
            except Exception as error:  # noqa: BLE001 - see the class
                say("progress", ("info", f"the run waits on, and cannot ask how it goes: {first_line(error)}"))
            ended.wait(_PAUSE)


def teller(about: pulumi.Resource) -> Callable[[str], None]:
    """Return what tells a line of progress at a resource from another thread than that of the event loop."""
    loop = asyncio.get_running_loop()
    return lambda line: cast("None", loop.call_soon_threadsafe(partial(pulumi.log.info, line, about)))


def until_complete(lacking: Callable[[], list[str]], wake: Callable[[int], None], limit: float) -> list[str]:
    """Wait until nothing is lacking, and return what still is after so many seconds.

    Args:
        lacking: returns what is not there yet, in words; what it raises of the API server counts as lacking.
        wake: returns after so many seconds, or once something has changed.
        limit: seconds.
    """
    deadline, pause = time.monotonic() + limit, threading.Event()
    while True:
        left = deadline - time.monotonic()
        try:
            missing = lacking()
            if missing and left > 0:
                wake(max(1, min(_SHORT_WINDOW, int(left))))
        except AWAY as error:
            # An API server that is away for a while, as it is when its node reboots.
            missing = [f"answer of the API server ({first_line(error)})"]
        if not missing or left <= 0:
            return missing
        pause.wait(min(_PAUSE, left))


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def at(urn: str) -> pulumi.Resource:
    """Return what a line of the log can stand at, for a hook: the resource itself has no URN before it is made."""

    class At:
        def __init__(self) -> None:
            self.urn = pulumi.Output.from_input(urn)

    return cast("pulumi.Resource", At())


def asked(problems: Callable[[], list[str]], subject: str) -> list[str]:
    """Return what ``problems`` returns, or that nobody can be asked: the error that it is about says enough."""
    try:
        return problems()
    except Exception as error:  # noqa: BLE001 - of whatever kind, see above
        return [f"the API server cannot be asked {subject}: {first_line(error)}"]


def diagnosis(name: str, problems: Callable[[], list[str]], subject: str) -> pulumi.ErrorHook:
    """Return a hook that tells at the resource that has failed what ``problems`` returns; there is no other try.

    Args:
        subject: what is not known where the API server does not answer, such as ``why the check has failed``.
    """

    async def tell(failed: pulumi.ErrorHookArgs) -> bool:
        for text in await in_thread(lambda: asked(problems, subject)):
            pulumi.log.error(text, at(failed.urn))
        return False

    return pulumi.ErrorHook(name, tell)


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
