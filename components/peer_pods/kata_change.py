"""A KataConfig that stays and is changed: written in one step, and what the stack keeps of the roll-out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pulumi
from pulumi import Output

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.rollout.facts import LastRollout, fingerprint_of
from coco_azure.rollout.node_times import NodeTimes
from coco_azure.rollout.plan import Plan
from coco_azure.rollout.wanted import exact
from components.cluster.openshift import KataConfig
from components.cluster.watching import in_thread


def exactly(
    client: ClusterClient, plan: Plan, annotations: Mapping[str, str]
) -> Callable[[pulumi.ResourceHookArgs], Awaitable[None]]:
    """Return a hook that makes the object what the plan says, in one step with the marks that say so.

    The engine applies fields after it: it would not take a field over from whoever else has written it, such as
    ``oc create``, nor take a label away that somebody else selects by.
    """

    def write() -> None:
        path = f"{names.KATA_CONFIGS}/{plan.name}"
        current = client.get(path)
        if current is not None and (spec := exact(current.get("spec") or {}, plan.applied)):
            client.patch(path, {"metadata": {"annotations": dict(annotations)}, "spec": spec})

    async def before(_: pulumi.ResourceHookArgs) -> None:
        if plan.in_place:
            await in_thread(write)

    return before


def completed(
    last: LastRollout | None, plan: Plan, made: KataConfig, installed: pulumi.Resource, times: NodeTimes
) -> Output[dict[str, Any]]:
    """Return what the stack keeps of the roll-out once it, and the whole run, is over.

    Args:
        last: the one before.
        plan: the plan of this run.
        made: the KataConfig.
        installed: the gate behind it.
        times: what was seen of nodes.

    Returns:
        ``name`` of the KataConfig, and ``LastRollout.output``.
    """

    def kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
        name, uid = str(metadata["name"]), str(metadata.get("uid", ""))
        if last is not None and plan.action == "nothing":
            return {"name": name, **last.output, "uid": uid}
        minutes = times.minutes or (last.minutes if last is not None else {})
        count = (last.count if last is not None else 0) + 1
        applied = fingerprint_of(plan.applied)
        done = LastRollout(uid=uid, nodes=plan.selected, applied=applied, count=count, minutes=minutes)
        return {"name": name, **done.output}

    outputs: Output[Any] = Output.all(made.metadata, installed.urn).apply(lambda both: both[0])
    return outputs.apply(kept)
