"""Facts of a small cluster, for the tests of plans."""

import dataclasses
from typing import Any

from coco_azure import names
from coco_azure.rollout.desired_kata_config import DesiredKataConfig, make_applied
from coco_azure.rollout.facts import ImageFacts, LastRollout, RolloutFacts, read_kata_config, read_node, read_pool
from coco_azure.settings.peer_pods import KataConfigSettings, PeerPodSettings, PoolSelector

STACK = "coco-azure/test"
WANTED = DesiredKataConfig(settings=PeerPodSettings())
WORKERS = ("worker-0", "worker-1", "worker-2")
LAST = LastRollout(uid="uid-1", nodes=WORKERS)
SPEC = {"enablePeerPods": True, "logLevel": "info", "checkNodeEligibility": False}


def wish(usual: DesiredKataConfig = WANTED, **changes: Any) -> DesiredKataConfig:
    """Return what is wanted with other settings, by the names of their fields; a selector as its labels."""
    own = {key: changes.pop(key) for key in ("one_image",) if key in changes}
    if "pool_selector" in changes:
        changes["pool_selector"] = PoolSelector.model_validate({"matchLabels": changes["pool_selector"]})
    values = {key: changes.pop(key) for key in tuple(changes) if key in KataConfigSettings.model_fields}
    kata_config = usual.settings.kata_config.model_copy(update=values)
    settings = usual.settings.model_copy(update={**changes, "kata_config": kata_config})
    return dataclasses.replace(usual, settings=settings, **own)


def node(name: str, *roles: str, **labels: str) -> dict[str, Any]:
    """Return a Node of these roles."""
    values = {f"node-role.kubernetes.io/{role}": "" for role in roles}
    return {"metadata": {"name": name, "labels": {**values, **labels}}}


def pool(name: str, machines: int = 3, *, paused: bool = False, degraded: str = "", **spec: Any) -> dict[str, Any]:
    """Return a MachineConfigPool of the nodes with the role of its name."""
    condition = {"type": "Degraded", "status": str(bool(degraded)), "message": degraded}
    return {
        "metadata": {"name": name},
        "spec": {"paused": paused, "nodeSelector": {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}}, **spec},
        "status": {"machineCount": machines, "conditions": [condition]},
    }


def kata_config(
    *,
    owner: str | None = STACK,
    applied: DesiredKataConfig | None = WANTED,
    after: str = "",
    deleting: bool = False,
    **values: Any,
) -> dict[str, Any]:
    """Return a KataConfig; ``said`` has its name, uid, spec or runtime classes."""
    marks = {"coco-azure/stack": owner} if owner else {}
    if applied is not None and owner:
        marks[names.APPLIED] = make_applied(applied, after).text
    metadata = {
        "name": values.get("name", "example-kataconfig"),
        "uid": values.get("uid", "uid-1"),
        "annotations": marks,
    }
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = {"runtimeClasses": values.get("classes", ["kata", "kata-remote"])}
    return {"metadata": metadata, "spec": values.get("spec", SPEC), "status": status}


def facts(*kata_configs: dict[str, Any], **others: Any) -> RolloutFacts:
    """Return the facts of three workers with the pools of the installer and, beside a KataConfig, kata-oc."""
    roles = ("worker", "kata-oc") if kata_configs else ("worker",)
    pools = [pool("master"), pool("worker"), *([pool("kata-oc")] if kata_configs else [])]
    rollout_facts = RolloutFacts(
        stack=STACK,
        kata_configs=tuple(map(read_kata_config, kata_configs)),
        nodes=tuple(read_node(node(name, *roles, cc="true" if name == "worker-0" else "no")) for name in WORKERS),
        pools=tuple(map(read_pool, pools)),
        pods=(),
        gate=True,
        image=ImageFacts(id="image", confidential=True),
        last=None,
    )
    return dataclasses.replace(rollout_facts, **others)
