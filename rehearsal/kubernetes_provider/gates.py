"""What the provider waits for after a create or an update, and after a delete (``metadata/overrides.go``, ``await``).

``pulumi.com/skipAwait`` beats ``pulumi.com/waitFor``, which beats what is known of the kind: Deployments and DaemonSets
roll out, Jobs end. Any other kind is ready at once, unless ``PULUMI_K8S_AWAIT_ALL=true``.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.kubernetes_provider import expressions, kstatus, workloads
from rehearsal.kubernetes_provider.client import POD, REPLICA_SET, Client
from rehearsal.kubernetes_provider.errors import ApiError, WaitError
from rehearsal.kubernetes_provider.notes import Note, Progress
from rehearsal.kubernetes_provider.objects import (
    SKIP_AWAIT,
    WAIT_FOR,
    Object,
    annotation,
    dig,
    integer,
    name,
    namespace,
    owned_by,
    text,
)
from rehearsal.kubernetes_provider.waits import CANCELLED, TIMED_OUT, Gate, Verdict
from rehearsal.kubernetes_provider.workloads import Rollout

_POD_REPORT = 10.0
_UNREADY = "containers with unready status"
"""Part of what every pod says that still runs: a reason in the end, and nothing to warn of."""
_LEGACY_SKIP = frozenset({"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"})


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


class _ObjectGate:
    """Follows one object by its name."""

    def __init__(self, client: Client, live: Object) -> None:
        self.seen = live
        self._client = client
        self._generation = integer(live, "metadata", "generation") or 0

    async def refresh(self) -> None:
        """Get the object anew; one that is older than what we have written is left out of account."""
        found = await self._client.get_like(self.seen)
        if (integer(found, "metadata", "generation") or 0) >= self._generation:
            self.seen = found

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        return WaitError(TIMED_OUT, self.seen)

    async def cancelled(self) -> WaitError:
        """Return the error of a wait that the user has ended."""
        return WaitError(CANCELLED, self.seen)


class ExpressionGate(_ObjectGate):
    """Opens once all expressions hold at the same time."""

    def __init__(self, client: Client, live: Object, wanted: Sequence[expressions.Expression]) -> None:
        super().__init__(client, live)
        self._wanted = wanted

    async def look(self) -> Verdict:
        """Look at the object; the first expression that does not hold is the one that is reported."""
        await self.refresh()
        notes: list[Note] = []
        for expression in self._wanted:
            try:
                outcome = expression.look(self.seen)
            except expressions.UnfitValueError:
                # The real provider goes on waiting, too, and tells only in the end.
                return Verdict(open=False, notes=[*notes, Note.info(f"Waiting for {expression}")])
            notes += outcome.notes
            if not outcome.met:
                return Verdict(open=False, notes=notes)
        return Verdict(open=True, notes=notes)

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        for expression in self._wanted:
            try:
                expression.look(self.seen)
            except expressions.UnfitValueError as error:
                return WaitError(str(error), self.seen)
        return await super().timed_out()


class ReadyGate(_ObjectGate):
    """Opens once the object is what kstatus calls current (``condition/ready.go``)."""

    async def look(self) -> Verdict:
        """Look at the object."""
        await self.refresh()
        status = kstatus.compute(self.seen)
        return Verdict(open=status.current, notes=[Note.info(status.message or "Waiting for readiness")])


class DeletedGate(_ObjectGate):
    """Opens once the object is gone, or another one has its name (``condition/deleted.go``)."""

    _looked = False

    async def look(self) -> Verdict:
        """Look whether it is still there."""
        uid = dig(self.seen, "metadata", "uid")
        try:
            found = await self._client.get_like(self.seen)
        except ApiError as error:
            if error.not_found:
                return Verdict(open=True)
            raise
        if uid is not None and dig(found, "metadata", "uid") != uid:
            return Verdict(open=True)
        self.seen = found
        # Most objects are gone a moment later: that is nothing to tell.
        notes = [Note.info(kstatus.compute(found).message)] if self._looked else []
        self._looked = True
        return Verdict(open=False, notes=notes)


class _RolloutGate(_ObjectGate):
    """Opens once a workload is where it should be; tells every 10 seconds what its pods say."""

    def __init__(self, client: Client, live: Object) -> None:
        super().__init__(client, live)
        self._report_at = time.monotonic() + _POD_REPORT

    async def judge(self) -> Rollout:
        """Return how far the object as it was last seen has come."""
        raise NotImplementedError

    async def look(self) -> Verdict:
        """Look at the workload."""
        await self.refresh()
        found = await self.judge()
        notes = list(found.notes)
        if not found.done and time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + _POD_REPORT
            notes += [Note.warning(problem) for problem in await self.pod_problems()]
        return Verdict(open=found.done, notes=notes)

    async def owners(self) -> list[Object]:
        """Return the objects whose pods count."""
        return [self.seen]

    async def pod_problems(self) -> list[str]:
        """Return what keeps the pods."""
        owners = await self.owners()
        pods = await self._client.list(POD, namespace(self.seen))
        problems = (workloads.pod_problem(pod) for pod in pods if any(owned_by(pod, owner) for owner in owners))
        return [problem for problem in problems if problem]

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        return WaitError(f"'{name(self.seen)}' timed out waiting to be Ready", self.seen, await self._causes())

    async def cancelled(self) -> WaitError:
        """Return the error of a wait that the user has ended."""
        title = f'Resource operation was cancelled for "{name(self.seen)}"'
        return WaitError(title, self.seen, await self._causes())

    async def _causes(self) -> list[str]:
        try:
            return [*(await self.judge()).reasons, *await self.pod_problems()]
        except ApiError as error:
            return [str(error)]


class DeploymentGate(_RolloutGate):
    """Opens once a Deployment has rolled out (``await/deployment.go``)."""

    async def look(self) -> Verdict:
        """Look at the Deployment, once its controller has seen the change."""
        verdict = await super().look()
        return verdict if workloads.reconciled(self.seen) else Verdict(open=False)

    async def judge(self) -> Rollout:
        """Return how far the roll-out has come."""
        return workloads.deployment(self.seen, await self._client.list(REPLICA_SET, namespace(self.seen)))

    async def owners(self) -> list[Object]:
        """Return the ReplicaSet of the present revision."""
        revision = annotation(self.seen, workloads.REVISION)
        return [
            one
            for one in await self._client.list(REPLICA_SET, namespace(self.seen))
            if owned_by(one, self.seen) and annotation(one, workloads.REVISION) == revision
        ]


class DaemonSetGate(_RolloutGate):
    """Opens once a DaemonSet has rolled out (``await/daemonset.go``)."""

    async def judge(self) -> Rollout:
        """Return how far the roll-out has come."""
        status = kstatus.compute(self.seen)
        return Rollout(done=status.current, notes=(Note.info(status.message),))

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        return WaitError(TIMED_OUT, self.seen)

    async def cancelled(self) -> WaitError:
        """Return the error of a wait that the user has ended; the real provider does not tell it apart."""
        return WaitError(TIMED_OUT, self.seen)


class JobGate(_RolloutGate):
    """Opens once a Job has succeeded; a Job that has failed for good ends the wait (``await/job.go``)."""

    def __init__(self, client: Client, live: Object) -> None:
        super().__init__(client, live)
        # Pods of a Job go away with it, so what they said is collected on the way; the order is kept.
        self._said: dict[str, None] = {}
        self._looked = False

    async def look(self) -> Verdict:
        """Look at the Job, and first at its pods, so that it never fails before what made it fail is known."""
        if self._looked:
            self._said.update(dict.fromkeys(await self.pod_problems()))
        self._looked = True
        await self.refresh()
        found = await self.judge()
        notes = [*found.notes, *(Note.warning(said) for said in self._said if _UNREADY not in said)]
        if found.failed:
            failure = f"Resource '{name(self.seen)}' was created but failed to initialize"
            return Verdict(open=False, notes=notes, failure=failure, reasons=[*self._said, *found.reasons])
        return Verdict(open=found.done, notes=notes)

    async def judge(self) -> Rollout:
        """Return how far the Job has come."""
        return workloads.job(self.seen)

    async def _causes(self) -> list[str]:
        return list(self._said)


_ROLLOUTS: dict[tuple[str, str], type[_RolloutGate]] = {
    ("apps/v1", "Deployment"): DeploymentGate,
    ("apps/v1", "DaemonSet"): DaemonSetGate,
    ("batch/v1", "Job"): JobGate,
}
