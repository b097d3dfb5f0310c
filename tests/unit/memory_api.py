"""An API server in memory, for simulated operators: only what ``rehearsal.api.Api`` offers them, and no watching."""

import asyncio
import copy
import itertools
from collections.abc import Mapping
from typing import Any

from rehearsal.api import Api, Kind, Object, _holds
from rehearsal.kinds import POD

_BUDGET = "PodDisruptionBudget"


class MemoryApi(Api):
    """Keeps objects; every change gives a new resourceVersion."""

    def __init__(self) -> None:
        self.manager = "test"
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.changes = 0
        self.events: list[tuple[str, str]] = []
        """Name of what each event is about, and its reason."""
        self._numbers = itertools.count(1)

    def put(self, kind: Kind, content: Mapping[str, Any]) -> Object:
        """Make or replace an object, as somebody else would."""
        self.objects.pop(self._key(kind, content), None)
        made = asyncio.run(self.create(kind, content))
        assert made is not None
        return made

    def find(self, kind: Kind, name: str, namespace: str) -> Object | None:
        """Return a copy of an object, or None."""
        return copy.deepcopy(self.objects.get((kind.name, namespace, name)))

    def named(self, manager: str) -> "MemoryApi":
        """Return itself: who writes does not matter here."""
        del manager
        return self

    async def request(self, method: str, path: str, body: Any = None, content_type: str = "") -> Any:
        """Answer anything, as a server does that serves every kind."""
        del method, path, body, content_type
        return {}

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return a copy of the object, or None."""
        result = self.objects.get((kind.name, namespace or "", name))
        return copy.deepcopy(result)

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return copies of the objects that have the label, where one is asked for."""
        return [
            copy.deepcopy(item)
            for (of_kind, where, _), item in self.objects.items()
            if of_kind == kind.name
            and (not namespace or where == namespace)
            and (not labels or labels in item["metadata"].get("labels", {}))
        ]

    async def create(self, kind: Kind, content: Mapping[str, Any]) -> Object | None:
        """Keep a new object; None where there is one of that name."""
        key = self._key(kind, content)
        if key in self.objects:
            return None
        number = next(self._numbers)
        made = copy.deepcopy({"apiVersion": kind.api_version, "kind": kind.name, **content})
        made["metadata"] = {"creationTimestamp": "2026-01-01T00:00:00Z", **made["metadata"], "uid": f"uid-{number}"}
        made["metadata"] |= {"resourceVersion": str(number), "generation": 1}
        self.objects[key] = made
        self.changes += 1
        return copy.deepcopy(made)

    async def apply(self, kind: Kind, content: Mapping[str, Any]) -> Object:
        """Keep exactly this content."""
        key = self._key(kind, content)
        if key not in self.objects:
            await self.create(kind, content)
        else:
            self.objects[key] |= copy.deepcopy(dict(content))
        return copy.deepcopy(self.objects[key])

    async def patch(self, kind: Kind, values: Object, change: Mapping[str, Any], part: str = "") -> Object:
        """Merge the change into the object (RFC 7386)."""
        del part
        kept = self.objects[self._key(kind, values)]
        if not _holds(kept, change):
            _merge(kept, copy.deepcopy(dict(change)))
            kept["metadata"]["resourceVersion"] = str(next(self._numbers))
            self.changes += 1
        return copy.deepcopy(kept)

    async def event(self, about: Object, reason: str, message: str, severity: str = "Normal") -> None:
        """Remember the event."""
        del message, severity
        self.events.append((str(about["metadata"]["name"]), reason))

    async def evict(self, pod: Mapping[str, Any]) -> bool:
        """Forget the pod, unless a budget of its namespace lets none go; selectors are not looked at."""
        namespace = pod["metadata"]["namespace"]
        budgets = [item for (kind, where, _), item in self.objects.items() if (kind, where) == (_BUDGET, namespace)]
        if any(not each["status"]["disruptionsAllowed"] for each in budgets):
            return False
        await self.delete(POD, pod)
        return True

    async def delete(
        self, kind: Kind, values: Mapping[str, Any], *, at_once: bool = False, orphan: bool = False
    ) -> None:
        """Forget the object."""
        del at_once, orphan
        if self.objects.pop(self._key(kind, values), None) is not None:
            self.changes += 1

    def _key(self, kind: Kind, content: Mapping[str, Any]) -> tuple[str, str, str]:
        metadata = content["metadata"]
        return kind.name, metadata.get("namespace", ""), metadata["name"]


def _merge(kept: Object, change: Object) -> None:
    for key, value in change.items():
        if value is None:
            kept.pop(key, None)
        elif isinstance(value, dict) and isinstance(kept.get(key), dict):
            _merge(kept[key], value)
        else:
            kept[key] = value
