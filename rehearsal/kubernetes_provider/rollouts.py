"""Gates on workloads: Deployments and DaemonSets roll out, Jobs end; their pods tell what is in the way."""

import time

import aiohttp

from rehearsal.kubernetes_provider import kstatus, workloads
from rehearsal.kubernetes_provider.client import POD, REPLICA_SET, Client
from rehearsal.kubernetes_provider.errors import ApiError, WaitError
from rehearsal.kubernetes_provider.gates import ObjectGate
from rehearsal.kubernetes_provider.notes import Note
from rehearsal.kubernetes_provider.objects import Object, annotation, name, namespace, owned_by
from rehearsal.kubernetes_provider.waits import TIMED_OUT, Verdict
from rehearsal.kubernetes_provider.workloads import Rollout

_POD_REPORT = 10.0
_UNREADY = "containers with unready status"
"""Part of what every pod says that still runs: a reason in the end, and nothing to warn of."""


class RolloutGate(ObjectGate):
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
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            return [str(error)]


class DeploymentGate(RolloutGate):
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


class DaemonSetGate(RolloutGate):
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


class JobGate(RolloutGate):
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
