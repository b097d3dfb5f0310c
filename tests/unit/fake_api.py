"""An API server in memory for tests of the simulated operators: objects, merge patches, resource versions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rehearsal.api import Api, Kind, Object


class FakeApi(Api):
    """Keeps objects by kind, namespace and name; deletes at once, finalizers or not."""

    def __init__(self) -> None:
        self.manager = "test"
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.events: list[str] = []
        self._versions = 0

    def put(self, kind: Kind, content: Mapping[str, Any]) -> Object:
        """Make or replace an object, as somebody else would."""
        self.objects.pop(self._key(kind, content), None)
        made = asyncio.run(self.create(kind, content))
        assert made is not None
        return made

    def find(self, kind: Kind, name: str, namespace: str) -> Object | None:
        """Return an object, or None."""
        return self.objects.get((kind.plural, namespace, name))

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return an object, or None."""
        return self.objects.get((kind.plural, namespace or "", name))

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return all objects of a kind in a namespace; labels are not looked at."""
        assert not labels
        return [found for key, found in self.objects.items() if key[:2] == (kind.plural, namespace or "")]

    async def create(self, kind: Kind, content: Mapping[str, Any]) -> Object | None:
        """Create an object; None where one of that name exists."""
        key = self._key(kind, content)
        if key in self.objects:
            return None
        metadata = {"uid": "/".join(key), "creationTimestamp": "2026-01-01T00:00:00Z", **content["metadata"]}
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **content, "metadata": metadata}
        return self._store(key, whole)

    async def patch(self, kind: Kind, found: Object, change: Mapping[str, Any], part: str = "") -> Object:
        """Merge a change into an object, or into its part."""
        key = self._key(kind, found)
        assert not part or set(change) == {part}
        merged = _merged(self.objects[key], change)
        return self.objects[key] if merged == self.objects[key] else self._store(key, merged)

    async def delete(
        self, kind: Kind, found: Mapping[str, Any], *, at_once: bool = False, orphan: bool = False
    ) -> None:
        """Delete an object; one that is gone is no error."""
        del at_once, orphan
        self.objects.pop(self._key(kind, found), None)

    async def event(self, about: Object, reason: str, message: str, severity: str = "Normal") -> None:
        """Remember an event's reason."""
        del about, message, severity
        self.events.append(reason)

    def _key(self, kind: Kind, content: Mapping[str, Any]) -> tuple[str, str, str]:
        metadata = content["metadata"]
        return kind.plural, metadata.get("namespace", ""), metadata["name"]

    def _store(self, key: tuple[str, str, str], content: Object) -> Object:
        self._versions += 1
        metadata = {**content["metadata"], "resourceVersion": str(self._versions)}
        self.objects[key] = {**content, "metadata": metadata}
        return self.objects[key]


def _merged(found: Any, change: Any) -> Any:
    if not isinstance(change, Mapping):
        return change
    base = dict(found) if isinstance(found, Mapping) else {}
    for name, value in change.items():
        if value is None:
            base.pop(name, None)
        else:
            base[name] = _merged(base.get(name), value)
    return base
