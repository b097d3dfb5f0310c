"""The deletion of CRDs and of OLM's Operator objects, when asked for."""

import time
from collections.abc import Iterator
from typing import Protocol

from coco_azure import names
from coco_azure.cli.leftovers import cluster_facts, cluster_names
from coco_azure.cli.leftovers.cluster_facts import Facts
from coco_azure.cli.leftovers.cluster_leftovers import installed, operators_of
from coco_azure.clients.kubernetes import Watches, wait_for
from coco_azure.inventory.cluster_reader import ClusterReader, Reads

_PATIENCE, _PAUSE = 30, 1.0
"""Seconds: of a wait at most, and between two tries."""


class Deletes(Watches, Protocol):
    """What is needed of a client of the API server."""

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error."""


class InUseError(RuntimeError):
    """Something still uses what is to be deleted; the message names it. Nothing was deleted."""


def remove_crds(client: Deletes, facts: Facts, seconds: int = _PATIENCE) -> list[str]:
    """Delete the kinds of operators that are not installed, and their Operator objects; return what was deleted.

    The API server takes a kind away only after its objects, in its own time, so its end is waited for, for so many
    seconds at most. What is not gone by then is left over like everything else.

    Raises:
        InUseError: objects of such a kind exist, and would go with it.
    """
    gone = [
        package
        for package in cluster_names.PACKAGES
        if not installed(facts, package) and not facts.csvs[package.namespace]
    ]
    if used := [crd for package in gone for crd in package.crds if facts.crds.get(crd)]:
        counts = ", ".join(f"{crd} ({facts.crds[crd]})" for crd in used)
        raise InUseError(f"objects of these kinds exist, and would be deleted with them: {counts}. Delete them first")
    paths = [path for package in gone for path in _paths(facts, package)]
    until = time.monotonic() + seconds
    for path in paths:
        client.delete(path)
        # In this order: OLM makes its Operator object anew as long as a kind has its label.
        wait_for(client, path, lambda current: current is None, until - time.monotonic())
    return [path.rsplit("/", 2)[1] + "/" + path.rsplit("/", 1)[1] for path in paths]


def read_afterwards(client: Reads, seconds: float = _PATIENCE) -> Facts:
    """Return the facts of a cluster after a removal; raises what the reader raises.

    While a kind is being taken away the API server may refuse to list it, for a moment, so it is asked again, for so
    many seconds at most.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return cluster_facts.read(ClusterReader(client))
        except Exception:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def _paths(facts: Facts, package: cluster_names.Package) -> Iterator[str]:
    yield from (f"{names.CRDS}/{crd}" for crd in package.crds if crd in facts.crds)
    yield from (f"{names.OPERATORS}/{operator}" for operator in operators_of(facts, package))
