"""Changes of a stack's KataConfig, in the order in which each begins where the one before ended, and what they reboot.

The benches carry them out, and hold what the simulated machine config operator counts to the table of docs/reboots.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rehearsal.operators.machine_config import REBOOTS as COUNT
from rehearsal.rest import ApiServer

_LABEL, _LABELLED = "bench", 2
SELECTOR = {"matchLabels": {_LABEL: "true"}}


class Run(BaseModel):
    """A kind of run.

    Attributes:
        settings: of the stack, beside those of the rehearsal.
        reboots: how often the workers reboot, the fewest first, where ``select`` has chosen two of three.
        chapter: how many reboots the chapter's way has in all, where it has one: KataConfig is deleted and made anew,
            whatever has changed.
        words: what it changes, for people, where it is compared to the chapter's way.
        open: whether the guard in the cluster is open to everything, by ``allowReboot: true``; others bring a ticket,
            or need none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: dict[str, Any] = {}
    reboots: tuple[int, ...] = (0, 0, 0)
    chapter: int | None = None
    words: str = ""
    open: bool = False

    @property
    def approvable(self) -> bool:
        """Whether it reboots nodes, and so needs approval."""
        return any(self.reboots)

    def configuration(self, *, allowed: bool | str | None = None) -> dict[str, Any]:
        """Return what a stack's file says, beside that of the rehearsal.

        ``allowed``: what ``allowReboot`` is to be; None: as in the rehearsal.
        """
        content = dict(self.settings)
        if allowed is not None:
            peer_pods = content.get("peerPods", {})
            kata_config = {**peer_pods.get("kataConfig", {}), "allowReboot": allowed}
            content["peerPods"] = {**peer_pods, "kataConfig": kata_config}
        return {f"coco-azure:{name}": value for name, value in content.items()}


_TABLE = yaml.safe_load(Path(__file__).with_name("changes.yaml").read_text(encoding="utf-8"))
RUNS: Mapping[str, Run] = {name: Run(**fields) for name, fields in _TABLE.items()}
COMPARED = {name: run for name, run in RUNS.items() if run.chapter is not None}
"""Those that the chapter has a way for, too."""


def select(server: ApiServer) -> None:
    """Give two workers the label that the selector is about."""
    for name in sorted(reboots(server))[:_LABELLED]:
        label = {"metadata": {"labels": {_LABEL: "true"}}}
        server.request("PATCH", f"/api/v1/nodes/{name}", label, "application/merge-patch+json")


def reboots(server: ApiServer) -> dict[str, int]:
    """Return how often the machine config operator has rebooted each worker."""
    nodes = server.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io/worker")["items"]
    return {each["metadata"]["name"]: int((each["metadata"].get("annotations") or {}).get(COUNT, 0)) for each in nodes}
