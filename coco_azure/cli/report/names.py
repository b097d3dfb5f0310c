"""Words for people (components, operations, times), and the dependency graph as DOT in these words.

Graphviz only places things: colours come from the page's style sheet by ``class``, so that they follow light and dark.
"""

import html
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from coco_azure.cli.report.graph import Graph, reduced
from coco_azure.clients.engine_run import kind_of, name_of

_PROJECT = "coco-azure:index:"
_PARTS = {
    "ClusterFacts": "What the cluster says of itself",
    "OperatorVersions": "Operator versions",
    "TrustChain": "Trust chain",
    "AzureNetwork": "Azure network",
    "TrusteeStack": "Trustee",
    "PeerPodRuntime": "Peer-pod runtime",
    "KataConfigGuard": "Guard of KataConfig",
    "CaaHold": "Hold of CAA",
    "AttestationCheck": "Attestation check",
    "SealedSecrets": "Sealed secrets",
}
OTHER = "Directly in the stack"
_OPERATIONS = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "create-replacement": "created anew",
    "delete-replaced": "deleted, to be created anew",
    "delete": "deleted",
    "read": "read",
    "refresh": "read",
    "import": "taken over",
    "same": "unchanged",
}
_FORESEEN = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "read": "read",
    "import": "to take over",
    "same": "unchanged",
}
_MINUTE, _HOUR = 60, 3600


def part(urn: str, parents: Mapping[str, str]) -> str:
    """Return the title of the outermost component that a resource belongs to."""
    title, seen = "", set()
    while urn and urn not in seen:
        seen.add(urn)
        kind = kind_of(urn)
        if kind.startswith(_PROJECT):
            short = kind.removeprefix(_PROJECT)
            same_kind = name_of(urn).removeprefix("trustee-") != name_of(urn) and short == "ClusterFacts"
            title = _PARTS.get(short, _words(short)) + (" (Trustee's cluster)" if same_kind else "")
        urn = parents.get(urn, "")
    return title or OTHER


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return spaced[:1] + spaced[1:].lower()


def operation(word: str, *, preview: bool = False) -> str:
    """Return an operation of the engine in words."""
    return (_FORESEEN if preview else _OPERATIONS).get(word, word)


def duration(seconds: float) -> str:
    """Return a duration such as ``42 s``, ``3 min 05 s``, ``1 h 12 min``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


_LEFT_OUT = ("pulumi:", "coco-azure:index:")
_KEPT = ("pulumi:index:Stash",)
_QUIET = ("read", "same")
_DOT = "\N{MIDDLE DOT}"
_STYLE = """  rankdir=LR; nodesep=0.12; ranksep=0.45; fontname="Helvetica"; fontsize=13; pad=0.2;
  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11, height=0.3, margin="0.1,0.04"];
  edge [arrowsize=0.6];"""


def drawn(graph: Graph) -> dict[str, frozenset[str]]:
    """Return what is drawn: resources without components and providers, and edges that no others imply."""
    kept = {urn for urn in graph.needs if not kind_of(urn).startswith(_LEFT_OUT) or kind_of(urn) in _KEPT}
    edges = reduced(graph.needs)
    return {urn: frozenset(need for need in edges[urn] if need in kept) for urn in graph.needs if urn in kept}


def dot_text(
    graph: Graph, operations: Mapping[str, str], critical: Iterable[tuple[str, str]], *, preview: bool = False
) -> str:
    """Return the DOT text.

    Args:
        graph: the engine's graph.
        operations: what was done to each resource, by URN; nothing for others.
        critical: pairs of URNs, each of which follows the other on the critical path; equal ones for a first step.
        preview: whether the operations are only foreseen.
    """
    edges, path = drawn(graph), set(critical)
    on_path = {urn for pair in path for urn in pair}
    number = {urn: f"r{place}" for place, urn in enumerate(sorted(edges))}
    words = {urn: "" if word in _QUIET else operation(word, preview=preview) for urn, word in operations.items()}
    lines = ["digraph dependencies {", _STYLE]
    groups: dict[str, list[str]] = {}
    for urn in sorted(edges):
        groups.setdefault(part(urn, graph.parents), []).append(urn)
    for place, (title, urns) in enumerate(groups.items()):
        lines += [f"  subgraph cluster_{place} {{", f'    label="{_quoted(title)}"; class="part"; style=rounded;']
        lines += [
            f"    {number[urn]} [{_node(urn, operations.get(urn, ''), words.get(urn, ''), on_path)}];" for urn in urns
        ]
        lines += ["  }"]
    lines += _edges(edges, number, path)
    return "\n".join([*lines, "}", ""])


def _node(urn: str, operation: str, words: str, on_path: Collection[str]) -> str:
    classes = " ".join(filter(None, (f"op-{operation}" if operation else "", "critical" if urn in on_path else "")))
    kind = kind_of(urn).rpartition(":")[2]
    label = f"{_quoted(name_of(urn))}\\n{_quoted(kind)}{f' {_DOT} {words}' if words else ''}"
    # Colour alone must not say it: the words do, and the pen.
    pen = ", penwidth=2.4" if urn in on_path else ""
    return f'label="{label}", tooltip="{_quoted(name_of(urn))}", class="{classes}"{pen}'


def _edges(
    edges: Mapping[str, Iterable[str]], number: Mapping[str, str], path: Collection[tuple[str, str]]
) -> Iterator[str]:
    for urn, needs in sorted(edges.items()):
        for need in sorted(needs):
            style = ' [class="critical", penwidth=2.4]' if (need, urn) in path else ""
            yield f"  {number[need]} -> {number[urn]}{style};"


def _quoted(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"')


def inlined(svg: str, label: str) -> str:
    """Return Graphviz's SVG as an element of a page: one picture with a name, in the page's colours.

    Raises:
        ValueError: it is no SVG.
    """
    start = svg.find("<svg")
    if start < 0:
        raise ValueError("Graphviz returned no SVG")
    body = re.sub(r"<!--.*?-->", "", svg[start:], flags=re.DOTALL)
    body = re.sub(r"<polygon fill=\"white\" stroke=\"(?:none|transparent)\"[^>]*/>\s*", "", body, count=1)
    # Titles of edges are the numbers of nodes; those of the graph and its boxes repeat what stands there.
    body = re.sub(r"<title>.*?</title>\s*", "", body)
    body = re.sub(r" (?:fill|stroke)=\"(?!none)[^\"]*\"", "", body)
    return body.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1).strip()
