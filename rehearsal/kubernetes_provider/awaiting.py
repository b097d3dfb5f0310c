"""What the provider waits for after a create or an update, and after a delete (``metadata/overrides.go``).

``pulumi.com/skipAwait`` beats ``pulumi.com/waitFor``, which beats what is known of the kind: Deployments and DaemonSets
roll out, Jobs end. Any other kind is ready at once, unless ``PULUMI_K8S_AWAIT_ALL=true``.
"""

import os
from collections.abc import Mapping
from typing import Any

from rehearsal.kubernetes_provider import expressions
from rehearsal.kubernetes_provider.client import Client
from rehearsal.kubernetes_provider.errors import WaitError
from rehearsal.kubernetes_provider.gates import DeletedGate, ExpressionGate, ReadyGate
from rehearsal.kubernetes_provider.notes import Progress
from rehearsal.kubernetes_provider.objects import SKIP_AWAIT, WAIT_FOR, Object, annotation, name, text
from rehearsal.kubernetes_provider.rollouts import DaemonSetGate, DeploymentGate, JobGate, RolloutGate
from rehearsal.kubernetes_provider.waits import Gate

_LEGACY_SKIP = frozenset({"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"})
_ROLLOUTS: dict[tuple[str, str], type[RolloutGate]] = {
    ("apps/v1", "Deployment"): DeploymentGate,
    ("apps/v1", "DaemonSet"): DaemonSetGate,
    ("batch/v1", "Job"): JobGate,
}


def after_change(client: Client, inputs: Mapping[str, Any], live: Object) -> Gate | None:
    """Return what to wait for after a create or an update, or None.

    Args:
        client: client of the cluster.
        inputs: inputs; they say whether to wait at all.
        live: the object as the change has left it; it says what for.

    Raises:
        ExpressionError: the annotation cannot be read.
    """
    if annotation(inputs, SKIP_AWAIT) == "true":
        return None
    wanted = annotation(live, WAIT_FOR)
    if wanted:
        return ExpressionGate(client, live, expressions.parse(wanted))
    rollout = _ROLLOUTS.get((text(live, "apiVersion"), text(live, "kind")))
    if rollout is not None:
        return rollout(client, live)
    if os.environ.get("PULUMI_K8S_AWAIT_ALL") == "true":
        return ReadyGate(client, live)
    return None


def after_delete(client: Client, inputs: Mapping[str, Any], live: Object) -> Gate | None:
    """Return what to wait for after a delete, or None where the user does not want to (``DeletedCondition``)."""
    if annotation(inputs, SKIP_AWAIT) == "true" and text(inputs, "kind") in _LEGACY_SKIP:
        return None
    return DeletedGate(client, live)


async def at_rest(client: Client, inputs: Mapping[str, Any], live: Object, progress: Progress) -> WaitError | None:
    """Return why a workload is not ready right now, for a read, or None (``awaitRead`` of ``awaiters.go``)."""
    rollout = _ROLLOUTS.get((text(live, "apiVersion"), text(live, "kind")))
    if rollout is None or annotation(inputs, SKIP_AWAIT) == "true":
        return None
    gate = rollout(client, live)
    found = await gate.judge()
    for note in found.notes:
        await progress.status(note)
    if found.done:
        await progress.clear()
        return None
    reasons = [*found.reasons, *await gate.pod_problems()]
    return WaitError(f"Resource '{name(live)}' was created but failed to initialize", live, reasons)
