"""The one reader of a cluster: whatever a run has to know before it begins is asked of the API server once.

Facts of a roll-out, of the cluster's place in Azure, of the pre-flight and of left-overs are functions of what it
returns. What changes while a run is under way, such as a roll-out that is waited for, is asked of the client itself.
"""

import re
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Protocol, TypeVar

from coco_azure.clients.kubernetes import Object

_T = TypeVar("_T")
_IN_NAMESPACE = re.compile(r"(?P<version>/apis?/.+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)")


class Reads(Protocol):
    """What can be read of a cluster: by ``ClusterReader`` once, by ``coco_azure.clients.kubernetes`` each time."""

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list, by selectors; a kind that the cluster does not have has none."""


class ClusterReader:
    """Reads of a cluster, each carried out once, whichever thread asks first; an error is raised to all who ask."""

    def __init__(self, client: Reads) -> None:
        """Remember the client; nothing is asked yet."""
        self._client = client
        self._answers: dict[tuple[object, ...], Future[Any]] = {}
        self._lock = Lock()

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""
        answer: Object | None = self._once(("get", path), lambda: self._client.get(path))
        return answer

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list; those of a namespace out of those of all, where these have been read."""
        if labels is None and fields is None and (match := _IN_NAMESPACE.fullmatch(path)):
            everywhere = self._answers.get(_listed(f"{match['version']}/{match['plural']}"))
            if everywhere is not None and everywhere.done() and everywhere.exception() is None:
                return [each for each in everywhere.result() if each["metadata"]["namespace"] == match["namespace"]]
        answer: list[Object] = self._once(
            _listed(path, labels, fields, content=content),
            lambda: self._client.items(path, labels=labels, fields=fields, content=content),
        )
        return list(answer)

    def _once(self, key: tuple[object, ...], question: Callable[[], _T]) -> _T:
        with self._lock:
            asked = key in self._answers
            answer: Future[_T] = self._answers.setdefault(key, Future())
        if not asked:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - raised below, and to whoever asks at the same time or later
                answer.set_exception(error)
        return answer.result()


def _listed(
    path: str, labels: str | None = None, fields: str | None = None, *, content: bool = True
) -> tuple[object, ...]:
    return ("items", path, labels, fields, content)


class Unanswered:
    """Questions that a cluster may refuse to answer, and those that it did refuse.

    Attributes:
        reasons: pairs of what the question was about and why there is no answer.
    """

    def __init__(self) -> None:
        self.reasons: list[tuple[str, str]] = []

    def ask(self, about: str, question: Callable[[], _T]) -> _T | None:
        """Return the answer, or None and remember why there is none."""
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - whatever a request raises, a check less is no reason to stop
            self.reasons.append((about, str(getattr(error, "reason", "") or error)))
            return None
