"""Whether an object has become what its spec says, by the conventions of kstatus (sigs.k8s.io/cli-utils v0.37).

The real provider uses it for DaemonSets, for messages while an object is being deleted, and, with
``PULUMI_K8S_AWAIT_ALL=true``, for every kind that has no rules of its own. Pure functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.kubernetes_provider.objects import Gvk, dig, integer, text


@dataclass(frozen=True)
class Status:
    """What an object's status amounts to.

    Attributes:
        current: whether it is what its spec says.
        message: what is missing, or that nothing is.
    """

    current: bool
    message: str


def compute(content: Mapping[str, Any]) -> Status:
    """Return the status of an object."""
    general = _general(content)
    if general is not None:
        return general
    if Gvk.of(content)[::2] == ("apps", "DaemonSet"):
        return _daemon_set(content)
    return _ready(content) or Status(current=True, message="Resource is current")


def _general(content: Mapping[str, Any]) -> Status | None:
    if text(content, "metadata", "deletionTimestamp"):
        return Status(current=False, message="Resource scheduled for deletion")
    wanted, observed = integer(content, "metadata", "generation"), integer(content, "status", "observedGeneration")
    if wanted is not None and observed is not None and observed != wanted:
        kind = text(content, "kind")
        return Status(
            current=False, message=f"{kind} generation is {wanted}, but latest observed generation is {observed}"
        )
    for condition in _conditions(content):
        if condition.get("type") in ("Reconciling", "Stalled") and condition.get("status") == "True":
            return Status(current=False, message=text(condition, "message"))
    return None


def _daemon_set(content: Mapping[str, Any]) -> Status:
    for path in (("metadata", "generation"), ("status", "observedGeneration")):
        if integer(content, *path) is None:
            return Status(current=False, message=f".{'.'.join(path)} not found")
    wanted = integer(content, "status", "desiredNumberScheduled")
    if wanted is None:
        return Status(current=False, message="Missing .status.desiredNumberScheduled")
    counts = {
        "Current": "currentNumberScheduled",
        "Updated": "updatedNumberScheduled",
        "Available": "numberAvailable",
        "Ready": "numberReady",
    }
    for title, key in counts.items():
        found = integer(content, "status", key) or 0
        if wanted > found:
            return Status(current=False, message=f"{title}: {found}/{wanted}")
    return Status(current=True, message=f"All replicas scheduled as expected. Replicas: {wanted}")


def _ready(content: Mapping[str, Any]) -> Status | None:
    for condition in _conditions(content):
        if condition.get("type") != "Ready":
            continue
        if condition.get("status") == "True":
            return Status(current=True, message="Resource is Ready")
        if condition.get("status") in ("False", "Unknown"):
            return Status(current=False, message=text(condition, "message"))
    return None


def _conditions(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = dig(content, "status", "conditions")
    return [condition for condition in found if isinstance(condition, Mapping)] if isinstance(found, list) else []
