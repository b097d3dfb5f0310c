"""What there is in the rehearsal's subscription beside its network: what image jobs and CAA make in it.

It lies in ``azure.json`` of the cluster's folder, so that it outlives a crash of the operators as Azure does. What
Azure refuses is refused with its error codes: a resource with others inside it (``CannotDeleteResource``), and one
under a lock (``ScopeLocked``).
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
FILE = "azure.json"
# /subscriptions/ID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME/TYPE/NAME
_NAMESPACE_AT, _TYPE_AT, _NAME_AT = 6, 7, 8


class ArmError(Exception):
    """Azure refuses.

    Attributes:
        code: Azure's error code.
        status: HTTP status code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"({code}) {message}")
        self.status = status
        self.code = code


@dataclass
class ArmState:
    """Resources by their id in lower case, and locks; kept in a file where there is one."""

    path: Path | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    """Name of each lock by the scope (in lower case) below which nothing can be deleted."""

    @classmethod
    def kept_in(cls, path: Path) -> "ArmState":
        """Return what the file has, or nothing where there is none."""
        said: Mapping[str, Any] = {}
        with suppress(FileNotFoundError):
            said = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, dict(said.get("resources", {})), dict(said.get("locks", {})))

    def put(self, resource_id: str, location: str, **properties: Any) -> Resource:
        """Create a resource, or leave one that is there as it is; it is returned as ARM lists it."""
        if (found := self.resources.get(resource_id.lower())) is not None:
            return found
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        names = resource_id.split("/")[_NAME_AT::2]
        made = {
            "id": resource_id,
            "name": "/".join(names),
            "type": kind_of(resource_id),
            "location": location,
            "createdTime": created,
            **properties,
        }
        self.resources[resource_id.lower()] = made
        self._save()
        return made

    def delete(self, resource_id: str) -> bool:
        """Delete a resource; False where there is none.

        Raises:
            ArmError: it is locked, or has others inside it.
        """
        key = resource_id.lower()
        if key not in self.resources:
            return False
        for scope, name in self.locks.items():
            if key.startswith(scope):
                raise ArmError(
                    409,
                    "ScopeLocked",
                    f"The scope '{resource_id}' cannot perform delete operation because following scope(s) are locked: "
                    f"'{scope}' ({name}). Please remove the lock and try again.",
                )
        if any(other.startswith(f"{key}/") for other in self.resources):
            said = f"Cannot delete resource while nested resources exist: {resource_id}"
            raise ArmError(409, "CannotDeleteResource", said)
        del self.resources[key]
        self._save()
        return True

    def lock(self, scope: str, name: str) -> None:
        """Let nothing below a scope be deleted (level CanNotDelete)."""
        self.locks[scope.lower()] = name
        self._save()

    def unlock(self, scope: str) -> None:
        """Take a lock away."""
        self.locks.pop(scope.lower(), None)
        self._save()

    def within(self, scope: str) -> Iterator[Resource]:
        """Yield every resource below a scope."""
        inside = f"{scope.lower()}/"
        yield from (found for key, found in self.resources.items() if key.startswith(inside))

    def _save(self) -> None:
        if self.path is None:
            return
        said = {"resources": self.resources, "locks": self.locks}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(said, indent=1), encoding="utf-8")
        fresh.replace(self.path)


def kind_of(resource_id: str) -> str:
    """Return the type of a resource, such as ``Microsoft.Compute/galleries/images``."""
    parts = resource_id.split("/")
    return "/".join([parts[_NAMESPACE_AT], *parts[_TYPE_AT::2]])


def described() -> ArmState:
    """Return the state of this rehearsal: that of COCO_REHEARSAL_DIRECTORY, or one in memory without it."""
    said = os.environ.get("COCO_REHEARSAL_DIRECTORY")
    return _of(Path(said)) if said else ArmState()


@cache
def _of(directory: Path) -> ArmState:
    return ArmState.kept_in(directory / FILE)
