"""What every simulated component works with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from rehearsal.api import Api, Kind, Object
from rehearsal.kinds import CSV
from rehearsal.operators.faults import Faults
from rehearsal.operators.olm_catalog import package_label
from rehearsal.timings import Clock

KeyOf = Callable[[Object], str | None]
"""Names what is to be looked at because of this object, or None."""


@dataclass(frozen=True)
class Context:
    """The cluster as a component sees it.

    Attributes:
        api: client whose field manager is the component's name.
        clock: the documented durations over the speed of this rehearsal.
        faults: what is to go wrong.
    """

    api: Api
    clock: Clock
    faults: Faults

    def named(self, name: str) -> "Context":
        """Return the same for another component."""
        return Context(self.api.named(name), self.clock, self.faults)

    async def installed(self, package: str, namespace: str) -> bool:
        """Return whether OLM runs the package's operator in the namespace now."""
        return await self.installed_version(package, namespace) is not None

    async def installed_version(self, package: str, namespace: str) -> str | None:
        """Return the version of the package's CSV that has succeeded, such as ``1.12.1``, or None."""
        for csv in await self.api.list(CSV, namespace, package_label(package, namespace)):
            if csv.get("status", {}).get("phase") == "Succeeded":
                return str(csv["spec"]["version"])
        return None


class Component(Protocol):
    """A simulated controller: it watches kinds and reconciles keys."""

    name: str
    watches: Mapping[Kind, KeyOf]

    async def reconcile(self, key: str) -> float | None:
        """Bring what ``key`` names one step further; seconds until the next look, or None."""


def key_of(obj: Object) -> str:
    """Return ``namespace/name``, or the name of what has no namespace."""
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def owned_by(owner: Object) -> list[Object]:
    """Return ownerReferences with ``owner`` as the controller."""
    metadata = owner["metadata"]
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def is_true(obj: Object | None, kind: str) -> bool:
    """Return whether the condition of this type in an object's status is true."""
    conditions = (obj or {}).get("status", {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def condition(kind: str, status: str, reason: str = "", message: str = "", **others: str) -> Object:
    """Return a status condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message, **others}
