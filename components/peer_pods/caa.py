"""CAA: restarted when what it reads at start has changed, by the way that suits the version, and waited for."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, ErrorHook, Output, ResourceHook, ResourceHookBinding, ResourceOptions
from pulumi_kubernetes.apps.v1 import DaemonSetSpecPatchArgs
from pulumi_kubernetes.core.v1 import PodTemplateSpecPatchArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from components.cluster.client import ClusterClient, Object
from components.cluster.openshift import PATCH_FORCE
from components.cluster.watching import at, first_line, in_thread
from components.peer_pods.pod_vm_image import PodVmImage
from diagnosis import NAMESPACE, caa
from settings import Settings
from trust.chain import Chain

_RESTARTED_FOR = "coco-azure/peer-pods-cm"
_DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{caa.DAEMON_SET}"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@dataclass(frozen=True, kw_only=True)
class CaaArgs:
    """What CAA is restarted for.

    Attributes:
        stack: the settings.
        chain: the trust chain, whose version says who restarts CAA.
        fingerprint: changes with what CAA reads at start.
        kata_config: the KataConfig that the operator makes CAA's DaemonSet for.
        after: what must be over before CAA can start: the roll-out, and ``peer-pods-cm``.
        client: for the peer pods that run, and CAA's own.
        image: the pod VM image, without which CAA does not start.
    """

    stack: Settings
    chain: Output[Chain]
    fingerprint: Output[str]
    kata_config: pulumi.Resource
    after: list[pulumi.Resource]
    client: ClusterClient
    image: PodVmImage


def rolled_out(name: str, args: CaaArgs, parent: pulumi.Resource) -> pulumi.Resource:
    """Register the restart, which is ready once CAA runs on every node with what it is to read."""
    timeout = args.stack.peer_pods.kata_config.timeout
    here = Output.all(args.chain, args.fingerprint)
    here.apply(lambda both: _warn(args, both[1], own=both[0].versions.osc.restarts_caa, about=parent))
    restarting: Output[Any] = here.apply(
        lambda both: _mark(both[1], when=not both[0].versions.osc.restarts_caa) or None
    )
    # Forced: see TrusteeStack.
    marking: Output[Any] = here.apply(
        lambda both: {PATCH_FORCE: "true"} | _mark(both[1], when=both[0].versions.osc.restarts_caa)
    )
    template = PodTemplateSpecPatchArgs(metadata=ObjectMetaPatchArgs(annotations=restarting))
    # The operator makes the DaemonSet once it has the image, and claims to be done without it.
    ready: list[Any] = [ResourceHook(f"{name}-image", args.image.wait)]
    advice = [ErrorHook(f"{name}-diagnosis", _Advice(args.client).give)]
    return kubernetes.apps.v1.DaemonSetPatch(
        name,
        metadata=ObjectMetaPatchArgs(name=caa.DAEMON_SET, namespace=NAMESPACE, annotations=marking),
        spec=DaemonSetSpecPatchArgs(template=template),
        opts=ResourceOptions(
            parent=parent,
            # The operator makes and removes the DaemonSet with KataConfig; CAA reads the ConfigMap at start.
            depends_on=[args.kata_config, *args.after],
            replace_with=[args.kata_config],
            deleted_with=args.kata_config,
            # Giving up fields of a DaemonSet that is gone fails for ever: a run that was killed after KataConfig's
            # deletion would never be done with it.
            retain_on_delete=True,
            delete_before_replace=True,
            custom_timeouts=CustomTimeouts(create=timeout, update=timeout),
            hooks=ResourceHookBinding(before_create=ready, before_update=ready, on_error=advice),
        ),
    )


def _mark(changed: str, *, when: bool) -> dict[str, str]:
    """Return the annotation with the fingerprint: on CAA's pods, which restarts them, or on the DaemonSet.

    An operator that restarts CAA itself writes the whole pod template at every reconcile, and would restart CAA once
    more to take a foreign annotation out of it; then the fingerprint only marks the DaemonSet, whose roll-out is waited
    for.
    """
    return {_RESTARTED_FOR: changed} if when else {}


def _warn(args: CaaArgs, wanted: str, *, own: bool, about: pulumi.Resource) -> None:
    """Warn, at preview too, where a restart would meet peer pods that run."""
    try:
        found = args.client.get(_DAEMON_SET)
        if found is None or _read_at_start(found, own=own) in (None, wanted):
            return
        check = args.stack.attestation_check.namespace
        running = caa.peer_pods(args.client.items("/api/v1/pods"), but=[check])
    except Exception as error:  # noqa: BLE001 - a warning must not stop the run; what it needs, it asks for itself
        pulumi.log.debug(f"peer pods cannot be listed: {error}")
        return
    if running:
        pulumi.log.warn(caa.restart_warning(running), about)


def _read_at_start(daemon_set: Object, *, own: bool) -> str | None:
    """Return the fingerprint of what the present CAA has read, or None where the stack has not marked it yet."""
    holder = daemon_set if own else (daemon_set.get("spec") or {}).get("template") or {}
    found = ((holder.get("metadata") or {}).get("annotations") or {}).get(_RESTARTED_FOR)
    return None if found is None else str(found)


class _Advice:
    """What to look at when CAA does not get ready."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client

    async def give(self, failed: pulumi.ErrorHookArgs) -> bool:
        """Tell which pod is not ready, and why; an error hook."""
        for text in await in_thread(self._problems):
            pulumi.log.error(text, at(failed.urn))
        return False  # no other try

    def _problems(self) -> list[str]:
        try:
            return caa.problems(self._client.get(_DAEMON_SET), self._client.items(_PODS, labels=caa.POD_LABEL))
        except Exception as error:  # noqa: BLE001 - the wait's own error says enough
            return [f"the API server cannot be asked what CAA lacks: {first_line(error)}"]
