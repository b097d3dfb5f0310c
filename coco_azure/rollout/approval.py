"""Whether a plan may be carried out, and the ticket that approves exactly one roll-out.

A ticket is a hash of what is to be done and of the roll-out that was completed last. It stays the same while the
roll-out is interrupted and resumed, and is worth nothing once it has been completed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from coco_azure.rollout.facts import RolloutFacts
from coco_azure.rollout.plan import Plan
from coco_azure.settings.peer_pods import Existing

_SHOWN = 10


def ticket(plan: Plan, facts: RolloutFacts, existing: Existing, *, recreate: bool = False) -> str:
    """Return the ticket of a plan.

    Of the nodes it takes those that the last roll-out was for and those that the selector matches: the label of those
    that are being rebooted comes and goes on the way. A ticket for a change in place approves no ``recreate``.
    """
    last = facts.last
    content: dict[str, object] = {
        "stack": facts.stack,
        "applied": [plan.applied.confidential, plan.applied.log_level, plan.applied.pool_selector],
        "existing": existing,
        "nodes": sorted({*plan.selected, *(last.nodes if last else ())}),
        "last": last.uid if last else "",
    }
    if last is not None and last.count:  # a KataConfig that is changed in place keeps its uid
        content["count"] = last.count
    if recreate:
        content["change"] = "recreate"
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"roll-{digest[:_SHOWN]}"


def approved(plan: Plan, ticket_of_plan: str, allowed: bool | str) -> bool:  # noqa: FBT001 - what the setting says
    """Return whether the plan may be carried out with this value of ``peerPods.kataConfig.allowReboot``."""
    return plan.action != "blocked" and (not plan.reboots or allowed is True or allowed == ticket_of_plan)


def record(plan: Plan, facts: RolloutFacts, text: str, *, approved: bool) -> Mapping[str, Any]:
    """Return the plan as JSON-compatible data.

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
