"""Whether a plan may be carried out, and the ticket that approves exactly one roll-out.

A ticket is a hash of what is to be done and of the roll-out that was completed last. It stays the same while the
roll-out is interrupted and resumed, and is worth nothing once it has been completed.
"""

import hashlib
import json

from rollout.facts import Facts
from rollout.plan import Existing, Plan

PATTERN = r"roll-[0-9a-f]{10}"
"""The form of a ticket. It begins with a word because Pulumi takes a text of digits for a number."""
_SHOWN = 10


def ticket(plan: Plan, facts: Facts, existing: Existing) -> str:
    """Return the ticket of a plan.

    Of the nodes it takes those that the last roll-out was for and those that the selector matches: the label of those
    that are being rebooted comes and goes on the way.
    """
    last = facts.last
    said = {
        "stack": facts.stack,
        "applied": [plan.applied.confidential, plan.applied.log_level, plan.applied.pool_selector],
        "existing": existing,
        "nodes": sorted({*plan.selected, *(last.nodes if last else ())}),
        "last": last.uid if last else "",
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"roll-{digest[:_SHOWN]}"


def approved(plan: Plan, ticket_of_plan: str, allowed: bool | str) -> bool:  # noqa: FBT001 - what the setting says
    """Return whether the plan may be carried out with this value of ``peerPods.kataConfig.allowReboot``."""
    return plan.action != "blocked" and (not plan.reboots or allowed is True or allowed == ticket_of_plan)
