"""The deletion of CRDs and of OLM's Operator objects, when asked for."""

from collections.abc import Iterator
from typing import Protocol

from leftovers import cluster_names as names
from leftovers.cluster_facts import Facts
from leftovers.cluster_found import installed, operators_of


class Deleter(Protocol):
    """What is needed of a client of the API server."""

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error."""


class InUseError(RuntimeError):
    """Something still uses what is to be deleted; the message names it. Nothing was deleted."""


def remove_crds(client: Deleter, facts: Facts) -> list[str]:
    """Delete the kinds of operators that are not installed, and their Operator objects; return what was deleted.

    Raises:
        InUseError: objects of such a kind exist, and would go with it.
    """
    gone = [package for package in names.PACKAGES if not installed(facts, package) and not _runs(facts, package)]
    if used := [crd for package in gone for crd in package.crds if facts.crds.get(crd)]:
        counts = ", ".join(f"{crd} ({facts.crds[crd]})" for crd in used)
        raise InUseError(f"objects of these kinds exist, and would be deleted with them: {counts}. Delete them first")
    paths = [path for package in gone for path in _paths(facts, package)]
    for path in paths:
        client.delete(path)
    return [path.rsplit("/", 2)[1] + "/" + path.rsplit("/", 1)[1] for path in paths]


def _runs(facts: Facts, package: names.Package) -> bool:
    return bool(facts.csvs[package.namespace])


def _paths(facts: Facts, package: names.Package) -> Iterator[str]:
    yield from (f"{names.CRDS}/{crd}" for crd in package.crds if crd in facts.crds)
    yield from (f"{names.OPERATORS}/{operator}" for operator in operators_of(facts, package))
