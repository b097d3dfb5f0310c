"""Words for people: components, operations, times."""

import re
from collections.abc import Mapping

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
