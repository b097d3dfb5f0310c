"""Reads the dependency graph that ``pulumi stack graph`` writes (DOT).

The engine writes a node as ``ResourceN [label="URN"];`` and an edge from a child to its parent, or from a dependency to
what depends on it (pulumi pkg/cmd/pulumi/stack, ``stack_graph.go``); the colours say which.
"""

import re
from collections.abc import Iterable, Mapping

from coco_azure.cli.report.model import Graph

PARENT, DEPENDENCY = "#AA6639", "#246C60"
"""Colours of both kinds of edges, the engine's defaults; see ``OPTIONS``."""
OPTIONS = ("--parent-edge-color", PARENT, "--dependency-edge-color", DEPENDENCY)
"""Options of ``pulumi stack graph`` for this reader."""

_NODE = re.compile(r'^\s*(\w+) \[label="(.+)"\];$')
_EDGE = re.compile(r'^\s*(\w+) -> (\w+) \[color = "(#\w+)"')


def read(text: str) -> Graph:
    """Return the graph of a DOT text; lines of any other form are left out."""
    urns: dict[str, str] = {}
    edges = []
    for line in text.splitlines():
        if node := _NODE.match(line):
            urns[node[1]] = node[2].replace('\\"', '"')
        elif edge := _EDGE.match(line):
            edges.append((edge[1], edge[2], edge[3]))
    parents: dict[str, str] = {}
    needs: dict[str, set[str]] = {urn: set() for urn in urns.values()}
    for start, end, colour in edges:
        if start not in urns or end not in urns:
            continue
        if colour == PARENT:
            parents[urns[start]] = urns[end]
        else:
            needs[urns[end]].add(urns[start])
    return Graph(parents=parents, needs={urn: frozenset(urns_needed) for urn, urns_needed in needs.items()})


def merged(first: Graph, second: Graph) -> Graph:
    """Return the graph with the resources of both; the second one's word counts where they differ."""
    return Graph(parents={**first.parents, **second.parents}, needs={**first.needs, **second.needs})


def closed(graph: Graph) -> Graph:
    """Return the graph with an entry for everything that others depend on."""
    mentioned = frozenset[str]().union(*graph.needs.values())
    return Graph(parents=graph.parents, needs={**dict.fromkeys(mentioned, frozenset[str]()), **graph.needs})


def reduced(needs: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return the dependencies without those that others imply, for a drawing that can be read.

    The graph has no cycles: the engine could not have deployed it.
    """
    reach: dict[str, frozenset[str]] = {}

    def reachable(urn: str) -> frozenset[str]:
        if urn not in reach:
            direct = frozenset(needs.get(urn, ()))
            reach[urn] = direct.union(*(reachable(other) for other in direct))
        return reach[urn]

    return {
        urn: frozenset(direct) - frozenset().union(*(reachable(other) for other in direct))
        for urn, direct in needs.items()
    }
