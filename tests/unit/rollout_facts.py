"""Facts of a small cluster, for the tests of plans."""

import dataclasses
from typing import Any

from rollout.facts import Facts, Image, LastRollout, read_kata_config, read_node, read_pool
from rollout.wanted import APPLIED, Wanted, of

STACK = "coco-azure/test"
WANTED = Wanted(confidential=True)
WORKERS = ("worker-0", "worker-1", "worker-2")
LAST = LastRollout(uid="uid-1", nodes=WORKERS)
SPEC = {"enablePeerPods": True, "logLevel": "info", "checkNodeEligibility": False}


def node(name: str, *roles: str, **labels: str) -> dict[str, Any]:
    """Return a Node of these roles."""
    said = {f"node-role.kubernetes.io/{role}": "" for role in roles}
    return {"metadata": {"name": name, "labels": {**said, **labels}}}


def pool(name: str, machines: int = 3, *, paused: bool = False, degraded: str = "", **spec: Any) -> dict[str, Any]:
    """Return a MachineConfigPool."""
    condition = {"type": "Degraded", "status": str(bool(degraded)), "message": degraded}
    return {
        "metadata": {"name": name},
        "spec": {"paused": paused, **spec},
        "status": {"machineCount": machines, "conditions": [condition]},
    }


def kata_config(
    *, owner: str | None = STACK, applied: Wanted | None = WANTED, after: str = "", deleting: bool = False, **said: Any
) -> dict[str, Any]:
    """Return a KataConfig; ``said`` has its name, uid, spec or runtime classes."""
    marks = {"coco-azure/stack": owner} if owner else {}
    if applied is not None and owner:
        marks[APPLIED] = of(applied, after).text
    metadata = {"name": said.get("name", "example-kataconfig"), "uid": said.get("uid", "uid-1"), "annotations": marks}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {"runtimeClasses": said.get("classes", ["kata", "kata-remote"])}
    return {"metadata": metadata, "spec": said.get("spec", SPEC), "status": status}


def facts(*kata_configs: dict[str, Any], **others: Any) -> Facts:
    """Return the facts of three workers with the pools of the installer and, beside a KataConfig, kata-oc."""
    roles = ("worker", "kata-oc") if kata_configs else ("worker",)
    pools = [pool("master"), pool("worker"), *([pool("kata-oc")] if kata_configs else [])]
    found = Facts(
        stack=STACK,
        kata_configs=tuple(map(read_kata_config, kata_configs)),
        nodes=tuple(read_node(node(name, *roles, cc="true" if name == "worker-0" else "no")) for name in WORKERS),
        pools=tuple(map(read_pool, pools)),
        pods=(),
        gate=True,
        image=Image(id="image", confidential=True),
        last=None,
    )
    return dataclasses.replace(found, **others)
