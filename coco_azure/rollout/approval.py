"""Whether a plan may be carried out, and the ticket that approves exactly one roll-out.

A ticket is a hash of what is to be done and of the roll-out that was completed last. It stays the same while the
roll-out is interrupted and resumed, and is worth nothing once it has been completed.
"""

import hashlib
import json

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
