"""Changes of a stack's KataConfig, in the order in which each begins where the one before ended, and what they reboot.

The benches carry them out, and hold what the simulated machine config operator counts to the table of docs/reboots.md.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.operators.machine_config import REBOOTS as COUNT
from rehearsal.rest import ApiServer

_LABEL, _LABELLED = "bench", 2
SELECTOR = {"matchLabels": {_LABEL: "true"}}
_POOL = {"poolSelector": SELECTOR}
_DEBUG = {**_POOL, "logLevel": "debug"}
_BUILT: Mapping[str, Any] = {"kataConfig": _DEBUG, "rebuildImage": "bench"}
_RESTARTED = {"rebuildImage": "bench", "proxyTimeout": "8m"}
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
    "back": {"peerPods": {"kataConfig": _DEBUG}},
    "image": {"peerPods": _BUILT},
    # A value that CAA reads at start.
    "wait": {"peerPods": {**_BUILT, "proxyTimeout": "6m", "caaRestart": "wait"}},
    "evict": {"peerPods": {**_BUILT, "proxyTimeout": "7m", "caaRestart": "evict"}},
    "now": {"peerPods": {**_BUILT, "proxyTimeout": "8m", "caaRestart": "now"}},
    "patch": {"peerPods": {**_BUILT, "proxyTimeout": "8m"}},
    "replace": {"peerPods": {**_RESTARTED, "kataConfig": {"change": "recreate"}}},
    "open": {"peerPods": _RESTARTED},
    "adopt": {"peerPods": {**_RESTARTED, "kataConfig": {"existing": "adopt"}}},
    "destroy": {"peerPods": _RESTARTED},
}
_OPEN = ("open", "adopt", "destroy")
"""Runs for which the guard in the cluster is open to everything; the others bring a ticket, or need none."""
REBOOTS: Mapping[str, tuple[int, ...]] = {
    "up": (1, 1, 1),
    "select": (0, 0, 1),
    "level": (0, 1, 1),
    **dict.fromkeys(("gate", "back", "image", "wait", "evict", "now", "patch", "open"), (0, 0, 0)),
    "replace": (1, 2, 2),
    "adopt": (1, 1, 1),
    "destroy": (1, 1, 1),
}
"""How often the workers reboot, the fewest first, where ``select`` has chosen two of three."""
CHAPTER: Mapping[str, int] = {"select": 5, "level": 4, "gate": 4, "image": 4}
"""How many reboots the chapter's way has in all: KataConfig is deleted and made anew, whatever has changed."""


def settings(run: str, *, allowed: bool | str | None = None) -> dict[str, Any]:
    """Return what a stack's file says for a kind of run, beside that of the rehearsal.

    ``allowed``: what ``allowReboot`` is to be; None: as in the rehearsal.
    """
    content = dict(_CHANGES[run])
    if allowed is not None:
        peer_pods = content.get("peerPods", {})
        kata_config = {**peer_pods.get("kataConfig", {}), "allowReboot": allowed}
        content["peerPods"] = {**peer_pods, "kataConfig": kata_config}
    return {f"coco-azure:{name}": value for name, value in content.items()}


def opens(run: str) -> bool:
    """Return whether a run is approved for good, by ``allowReboot: true``."""
    return run in _OPEN


def approvable(run: str) -> bool:
    """Return whether a run reboots nodes, and so needs approval."""
    return any(REBOOTS[run])


def select(server: ApiServer) -> None:
    """Give two workers the label that the selector is about."""
    for name in sorted(reboots(server))[:_LABELLED]:
        label = {"metadata": {"labels": {_LABEL: "true"}}}
        server.request("PATCH", f"/api/v1/nodes/{name}", label, "application/merge-patch+json")


def reboots(server: ApiServer) -> dict[str, int]:
    """Return how often the machine config operator has rebooted each worker."""
    nodes = server.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io/worker")["items"]
    return {each["metadata"]["name"]: int((each["metadata"].get("annotations") or {}).get(COUNT, 0)) for each in nodes}
