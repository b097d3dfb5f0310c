"""What there is in the rehearsal's subscription beside its network: what image jobs and CAA make in it.

It lies in ``azure.json`` of the cluster's folder, so that it outlives a crash of the operators as Azure does. What
Azure refuses is refused with its error codes: a resource with others inside it (``CannotDeleteResource``), and one
under a lock (``ScopeLocked``).
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field

from rehearsal.pki import write_private

Resource = dict[str, Any]
FILE = "azure.json"
# /subscriptions/ID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME/TYPE/NAME
_NAMESPACE_AT, _TYPE_AT = 6, 7
SUCCEEDED = "Succeeded"


class ArmError(Exception):
    """Azure refuses, as ``refusals.yaml`` has it.

    Attributes:
        code: Azure's error code.
        status: HTTP status code.
        text: Azure's message.
    """

    def __init__(self, refusal: str, **words: object) -> None:
        """Take a refusal by its key in ``refusals.yaml``, and the words that its message has a place for."""
        self.code = refusal.partition(".")[0]
        self.status, text = _refusals()[refusal]
        self.text = text.format(**words)
        super().__init__(f"({self.code}) {self.text}")


@cache
def _refusals() -> Mapping[str, tuple[int, str]]:
    by_status = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text(encoding="utf-8"))
    return {key: (status, text) for status, texts in by_status.items() for key, text in texts.items()}


class ArmState(BaseModel, extra="forbid"):
    """Resources by their id in lower case, and locks; kept in a file where there is one."""

    path: Path | None = Field(default=None, exclude=True)
    resources: dict[str, Resource] = {}
    gone: set[str] = set()
    """What of the description was deleted, by id in lower case."""
    secrets: dict[str, str] = {}
    """Secrets of service principals by client id, as far as the cluster has made some known."""
    locks: dict[str, str] = {}
    """Name of each lock by the scope (in lower case) below which nothing can be deleted."""

    @classmethod
    def kept_in(cls, path: Path) -> "ArmState":
        """Return what the file has, or nothing where there is none."""
        content = path.read_text(encoding="utf-8") if path.exists() else "{}"
        return cls(**json.loads(content), path=path)

    def put(self, resource_id: str, location: str, **properties: Any) -> Resource:
        """Create a resource, or leave one that is there as it is; it is returned as GET answers it."""
        if (existing := self.resources.get(resource_id.lower())) is not None:
            return existing
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        made = {**resource(resource_id, location, **properties), "createdTime": created}
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
        self.check_locks(resource_id)
        if any(other.startswith(f"{key}/") for other in self.resources):
            raise ArmError("CannotDeleteResource", id=resource_id)
        del self.resources[key]
        self._save()
        return True

    def check_locks(self, resource_id: str) -> None:
        """Raise ArmError where a lock keeps a resource from being deleted."""
        for scope, name in self.locks.items():
            if resource_id.lower().startswith(scope):
                raise ArmError("ScopeLocked", id=resource_id, scope=scope, name=name)

    def write(self, whole: Resource) -> None:
        """Create a resource, or put it in the place of what was there."""
        key = str(whole["id"]).lower()
        self.resources[key] = whole
        self.gone.discard(key)
        self._save()

    def remove(self, resource_id: str, *, described: bool) -> None:
        """Take a resource away, whatever refers to it; ``described``: it is one of the description."""
        self.resources.pop(resource_id.lower(), None)
        if described:
            self.gone.add(resource_id.lower())
        self._save()

    def lock(self, scope: str, name: str) -> None:
        """Let nothing below a scope be deleted (level CanNotDelete)."""
        self.locks[scope.lower()] = name
        self._save()

    def unlock(self, scope: str) -> None:
        """Take a lock away."""
        self.locks.pop(scope.lower(), None)
        self._save()

    def remember_secret(self, client: str, secret: str) -> None:
        """Let a client sign in with a secret."""
        self.secrets[client] = secret
        self._save()

    def within(self, scope: str) -> Iterator[Resource]:
        """Yield every resource below a scope."""
        inside = f"{scope.lower()}/"
        yield from (resource for key, resource in self.resources.items() if key.startswith(inside))

    def _save(self) -> None:
        if self.path is not None:
            write_private(self.path, self.model_dump_json(indent=1))


def kind_of(resource_id: str) -> str:
    """Return the type of a resource, such as ``Microsoft.Compute/galleries/images``."""
    parts = resource_id.split("/")
    return "/".join([parts[_NAMESPACE_AT], *parts[_TYPE_AT::2]])


def resource(resource_id: str, location: str | None = None, **properties: Any) -> Resource:
    """Return a resource as GET answers it; None: it is in no region of its own."""
    head = {"id": resource_id, "name": resource_id.rpartition("/")[2], "type": kind_of(resource_id)}
    place = {} if location is None else {"location": location}
    return {**head, **place, "properties": {"provisioningState": SUCCEEDED, **properties}}


def described() -> ArmState:
    """Return the state of this rehearsal: that of COCO_REHEARSAL_DIRECTORY, or one in memory without it."""
    directory = os.environ.get("COCO_REHEARSAL_DIRECTORY")
    return _of(Path(directory)) if directory else ArmState()


@cache
def _of(directory: Path) -> ArmState:
    return ArmState.kept_in(directory / FILE)
