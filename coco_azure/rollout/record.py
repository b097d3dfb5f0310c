"""The plan as data: what a report tells of a run's blast radius."""

from collections.abc import Iterable, Mapping
from typing import Any

from coco_azure.rollout.facts import RolloutFacts
from coco_azure.rollout.plan import Plan


def of(plan: Plan, facts: RolloutFacts, text: str, *, approved: bool) -> Mapping[str, Any]:
    """Return the plan as JSON-compatible data.

    Args:
        plan: the plan.
        facts: what it follows from.
        text: what people read of it.
        approved: whether the settings allow it.

    Returns:
        ``action``, ``name``, ``why``, ``reboots`` (node to number of times), ``spared`` (nodes of the selector that do
        not reboot), ``others`` (how many nodes the plan leaves alone beside those), ``pods``, ``drains`` (pod that
        keeps its node from being drained, to the reason), ``losses`` (pod to what a drain deletes for good), ``pools``
        (name to what is wrong), ``approved``, ``text``.
    """
    # Where nodes are not managed by machine config pools, nothing reboots.
    reboots = {} if facts.without_machine_config else dict(plan.counts)
    spared = sorted(set(plan.selected) - set(reboots))
    return {
        "action": plan.action,
        "name": plan.name,
        "why": list(plan.why),
        "reboots": reboots,
        "spared": spared,
        "others": len({node.name for node in facts.nodes} - set(reboots) - set(spared)),
        "pods": [f"{pod.namespace}/{pod.name}" for pod in plan.pods],
        "drains": {blocker.pod: blocker.why for blocker in plan.blockers},
        "losses": {loss.pod: loss.what for loss in plan.losses},
        "pools": {pool.name: "; ".join(_wrong(pool.degraded, paused=pool.paused)) for pool in plan.pools},
        "approved": approved,
        "text": text,
    }


def _wrong(degraded: str | None, *, paused: bool) -> Iterable[str]:
    if degraded is not None:
        yield f"degraded: {degraded}"
    if paused:
        yield "paused"
