"""The deletion of CRDs and of OLM's Operator objects, when asked for."""

import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from leftovers import cluster_names as names
from leftovers.cluster_facts import Facts
from leftovers.cluster_found import installed, operators_of

_PATIENCE = 30


class Deleter(Protocol):
    """What is needed of a client of the API server."""

    def get(self, path: str) -> Mapping[str, object] | None:
        """Return an object, or None."""

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield what happens to an object of a list within so many seconds."""

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error."""


class InUseError(RuntimeError):
    """Something still uses what is to be deleted; the message names it. Nothing was deleted."""


def remove_crds(client: Deleter, facts: Facts, seconds: int = _PATIENCE) -> list[str]:
    """Delete the kinds of operators that are not installed, and their Operator objects; return what was deleted.

    The API server takes a kind away only after its objects, in its own time, so its end is waited for, for so many
    seconds at most. What is not gone by then is left over like everything else.

    Raises:
        InUseError: objects of such a kind exist, and would go with it.
    """
    gone = [package for package in names.PACKAGES if not installed(facts, package) and not _runs(facts, package)]
    if used := [crd for package in gone for crd in package.crds if facts.crds.get(crd)]:
        counts = ", ".join(f"{crd} ({facts.crds[crd]})" for crd in used)
        raise InUseError(f"objects of these kinds exist, and would be deleted with them: {counts}. Delete them first")
    paths = [path for package in gone for path in _paths(facts, package)]
    until = time.monotonic() + seconds
    for path in paths:
        client.delete(path)
        # In this order: OLM makes its Operator object anew as long as a kind has its label.
        _gone(client, path, until)
    return [path.rsplit("/", 2)[1] + "/" + path.rsplit("/", 1)[1] for path in paths]


def _gone(client: Deleter, path: str, until: float) -> None:
    """Return once an object is gone, or it is too late."""
    kind, _, name = path.rpartition("/")
    while client.get(path) is not None and (left := until - time.monotonic()) > 0:
        for what, _ in client.changes(kind, name, int(left) + 1):
            if what == "DELETED":
                break


def _runs(facts: Facts, package: names.Package) -> bool:
    return bool(facts.csvs[package.namespace])


def _paths(facts: Facts, package: names.Package) -> Iterator[str]:
    yield from (f"{names.CRDS}/{crd}" for crd in package.crds if crd in facts.crds)
    yield from (f"{names.OPERATORS}/{operator}" for operator in operators_of(facts, package))
