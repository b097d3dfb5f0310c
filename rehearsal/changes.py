"""Changes of a stack's KataConfig, in the order in which each begins where the one before ended, and what they reboot.

The benches carry them out, and hold what the simulated machine config operator counts to the table of docs/reboots.md.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.operators.machine_config import REBOOTS as COUNT
from rehearsal.rest import ApiServer

_LABEL, _LABELLED = "bench", 2
_POOL = {"poolSelector": {"matchLabels": {_LABEL: "true"}}}
_DEBUG = {**_POOL, "logLevel": "debug"}
_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "up": {},
    "select": {"peerPods": {"kataConfig": _POOL}},
    "level": {"peerPods": {"kataConfig": _DEBUG}},
    # Pod VMs that are not confidential are no production stack's, and can prove nothing.
    "gate": {
        "environment": "development",
        "peerPods": {"kataConfig": _DEBUG, "confidential": False},
        "attestationCheck": {"enabled": False},
    },
    "image": {"peerPods": {"kataConfig": _DEBUG, "rebuildImage": "bench"}},
    "replace": {"peerPods": {"kataConfig": {"change": "recreate"}, "rebuildImage": "bench"}},
    "destroy": {"peerPods": {"rebuildImage": "bench"}},
}
REBOOTS: Mapping[str, tuple[int, ...]] = {
    "up": (1, 1, 1),
    "select": (0, 0, 1),
    "level": (0, 1, 1),
    "gate": (0, 0, 0),
    "image": (0, 0, 0),
    "replace": (1, 2, 2),
    "destroy": (1, 1, 1),
}
"""How often the workers reboot, the fewest first, where ``select`` has chosen two of three."""
CHAPTER: Mapping[str, int] = {"select": 5, "level": 4, "gate": 4, "image": 4}
"""How many reboots the chapter's way has in all: KataConfig is deleted and made anew, whatever has changed."""


def settings(run: str) -> dict[str, Any]:
    """Return what a stack's file says for a kind of run, beside that of the rehearsal."""
    return {f"coco-azure:{name}": value for name, value in _CHANGES[run].items()}


def select(server: ApiServer) -> None:
    """Give two workers the label that the selector is about."""
    for name in sorted(reboots(server))[:_LABELLED]:
        label = {"metadata": {"labels": {_LABEL: "true"}}}
        server.request("PATCH", f"/api/v1/nodes/{name}", label, "application/merge-patch+json")


def reboots(server: ApiServer) -> dict[str, int]:
    """Return how often the machine config operator has rebooted each worker."""
    nodes = server.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io/worker")["items"]
    return {each["metadata"]["name"]: int((each["metadata"].get("annotations") or {}).get(COUNT, 0)) for each in nodes}
