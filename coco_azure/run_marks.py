"""What the program tells the report, as data: debug messages, which the event log has and no terminal shows.

A message is ``coco-azure:NAME`` and JSON behind a blank, on one line.
"""

import json
from typing import Any

ROLLOUT = "rollout"
"""What a run does to nodes: the shape is ``coco_azure.rollout.plan.of``'s."""
PREFLIGHT = "preflight"
"""Findings of the pre-flight: ``coco_azure.preflight.model.Finding`` as mappings, each with ``accepted`` (bool)."""
CLUSTER = "cluster"
"""The cluster of the peer pods: ``openshift``, its version."""
NODES = "nodes"
"""Which nodes the operator updates right now: ``coco_azure.rollout.diagnosis.image.updating``'s list."""
COSTS = "costDrivers"
"""What costs: the shape is ``coco_azure.preflight.cost.Drivers.output``'s, and the name that of the stack's output."""

_PREFIX = "coco-azure:"


def line(name: str, data: Any) -> str:
    """Return the message of a mark."""
    return f"{_PREFIX}{name} {json.dumps(data, sort_keys=True)}"


def read(message: str) -> tuple[str, Any] | None:
    """Return name and data of a mark, or None for any other message."""
    if not message.startswith(_PREFIX):
        return None
    name, _, text = message.removeprefix(_PREFIX).partition(" ")
    try:
        return name, json.loads(text)
    except ValueError:
        return None
