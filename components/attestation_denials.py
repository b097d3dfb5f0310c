"""What must be denied is tried as part of the run: pods like the check's, each with one thing changed.

A ConfigMap tells what was denied. It is written when the attempts have been made, so the run fails where one of them
was let in, and the next run tries again.
"""

import time
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats.kbs import log
from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.settings.attestation_check import AttestationCheckSettings
from coco_azure.settings.base import seconds
from coco_azure.trust import denials
from components.attestation_check import AttestationCheck
from components.cluster.watching import in_thread

_WINDOW = 5  # seconds of one watch of a pod
_LINES = 5000  # of KBS's log


@dataclass(frozen=True, kw_only=True)
class AttestationDenialsArgs:
    """What is tried, and where.

    Attributes:
        check: the check, which has to have succeeded: else a denial would tell nothing.
        proves: changes whenever what the check proves changes.
        annotation: pod annotation that holds initdata.
        kbs: for KBS's log; None where another stack has the Trustee.
    """

    settings: AttestationCheckSettings
    check: AttestationCheck
    proves: Output[str]
    annotation: Output[str]
    size: str
    client: ClusterClient
    kbs: ClusterClient | None


class AttestationDenials(pulumi.ComponentResource):
    """Attempts that have to be denied, or the run fails."""

    def __init__(self, name: str, args: AttestationDenialsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AttestationDenials", name, None, opts)
        if pulumi.runtime.is_dry_run():
            pulumi.log.info(denials.costs(args.size), self)
        attempts = ResourceHook(f"{name}-attempts", _Attempts(args).make)
        kubernetes.core.v1.ConfigMap(
            f"{name}-record",
            metadata={"name": names.DENIALS, "namespace": args.check.namespace},
            data={"denied": "\n".join(denials.TRIED), "proves": args.proves, "annotation": args.annotation},
            opts=ResourceOptions(
                parent=self,
                # What is denied tells something only where the same pod, unchanged, was let in.
                depends_on=[args.check.job],
                # Its pods are the Job's, and go with it.
                replace_with=[args.check.job],
                delete_before_replace=True,
                hooks=ResourceHookBinding(before_create=[attempts], before_update=[attempts]),
            ),
        )
        self.register_outputs({})


class _Attempts:
    """Makes the attempts of one run."""

    def __init__(self, args: AttestationDenialsArgs) -> None:
        self._args = args
        self._pods = names.path(names.PODS, namespace=args.settings.namespace)

    async def make(self, hook: ResourceHookArgs) -> None:
        """Try all of it, side by side."""
        annotation = str((hook.new_inputs or {})["data"]["annotation"])
        await in_thread(lambda: self._make(annotation))

    def _make(self, annotation: str) -> None:
        """Raise RuntimeError where something was let in, or was denied for no reason that counts."""
        args = self._args
        job = args.client.get(names.path(names.JOBS, names.CHECK, namespace=args.settings.namespace))
        if job is None:
            raise RuntimeError(f"there is no Job {args.settings.namespace}/{names.CHECK}; run pulumi up again")
        limit = seconds(args.settings.timeout)
        wanted = denials.pods(job, annotation, self._image(), max(1, int(limit)))
        until = time.monotonic() + limit
        try:
            for tried, pod in wanted.items():
                self._remove(tried, until)
                args.client.create(self._pods, pod)
            for tried in wanted:
                ended = self._ended(tried, until)
                if ended.result != "denied":
                    raise RuntimeError(denials.refusal(tried, ended, args.settings.namespace))
                pulumi.log.info(f"denied, as it must be: {tried} ({ended.reason})")
        finally:
            for tried in wanted:
                args.client.delete(f"{self._pods}/{denials.name(tried)}")

    def _image(self) -> str:
        """Return the image of cloud-api-adaptor, which every node with peer pods has."""
        daemons = self._args.client.get(names.path(names.DAEMON_SETS, names.CAA, namespace=names.OSC_NAMESPACE)) or {}
        return str(daemons["spec"]["template"]["spec"]["containers"][0]["image"])

    def _remove(self, tried: str, until: float) -> None:
        """Delete a pod that a run which was broken off has left."""
        name = denials.name(tried)
        self._args.client.delete(f"{self._pods}/{name}")
        while self._args.client.get(f"{self._pods}/{name}") is not None and time.monotonic() < until:
            next((kind for kind, _ in self._args.client.changes(self._pods, name, _WINDOW) if kind == "DELETED"), None)

    def _ended(self, tried: str, until: float) -> denials.DenialOutcome:
        client, name = self._args.client, denials.name(tried)
        about = names.path(names.EVENTS, namespace=self._args.settings.namespace)
        last = "no outcome in time"
        while time.monotonic() < until:
            for _, pod in client.changes(self._pods, name, _WINDOW):
                if tried == denials.EXEC and denials.runs(pod):
                    executed = client.exec(
                        f"{self._pods}/{name}", str(pod["spec"]["containers"][0]["name"]), denials.COMMAND
                    )
                    ended, last = denials.of_exec(executed), executed.message
                else:
                    events = client.items(about, fields=f"involvedObject.uid={pod['metadata']['uid']}")
                    ended = denials.outcome(tried, pod, events, self._requests())
                    last = next((str(each["message"]) for each in reversed(events) if each.get("message")), last)
                if ended is not None:
                    return ended
        reason = f"no outcome in {self._args.settings.timeout}: {last}"
        return denials.DenialOutcome(result="untried", reason=reason)

    def _requests(self) -> list[KbsRequest]:
        """Return what KBS's log says; nothing where it cannot be read, since the pod has words of its own."""
        kbs, pods = self._args.kbs, names.path(names.PODS, namespace=names.TRUSTEE_NAMESPACE)
        if kbs is None:
            return []
        try:
            running = kbs.items(pods, labels="app=kbs")
            texts = [kbs.log(f"{pods}/{each['metadata']['name']}", _LINES) for each in running]
        except Exception:  # noqa: BLE001 - whatever a request raises
            return []
        return [request for text in texts for request in log.parse(text.splitlines())]
