"""CAA: restarted when what it reads at start has changed, by the way that suits the version, and waited for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Output, ResourceHook, ResourceHookBinding, ResourceOptions
from pulumi_kubernetes.apps.v1 import DaemonSetSpecPatchArgs
from pulumi_kubernetes.core.v1 import PodTemplateSpecPatchArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.rollout import caa_restart
from coco_azure.rollout.diagnosis import caa
from coco_azure.settings import Settings
from coco_azure.trust.chain import Chain
from components.cluster import ownership
from components.cluster.watching import at, diagnosis, in_thread, teller
from components.peer_pods.caa_restart import CaaRestart
from components.peer_pods.pod_vm_image import PodVmImage
from components.refusal import asking

_DAEMON_SET = names.path(names.DAEMON_SETS, names.CAA, namespace=names.OSC_NAMESPACE)
_PODS = names.path(names.PODS, namespace=names.OSC_NAMESPACE)


@dataclass(frozen=True, kw_only=True)
class CaaArgs:
    """What CAA is restarted for.

    Attributes:
        chain: the trust chain, whose version says who restarts CAA.
        fingerprint: changes with what CAA reads at start.
        kata_config: the KataConfig that the operator makes CAA's DaemonSet for.
        after: what must be over before CAA can start: the roll-out, and ``peer-pods-cm``.
        client: for the peer pods that run, and CAA's own.
        image: the pod VM image, without which CAA does not start.
        csv: CSV of the operator, which brings CAA; another one brings another CAA.
        held: whether a policy leaves the restart to the stack, which goes node by node.
    """

    stack: Settings
    chain: Output[Chain]
    fingerprint: Output[str]
    kata_config: pulumi.Resource
    after: list[pulumi.Resource]
    client: ClusterClient
    image: PodVmImage
    csv: str
    held: bool


def rolled_out(name: str, args: CaaArgs, parent: pulumi.Resource) -> pulumi.Resource:
    """Register the restart, which is ready once CAA runs on every node with what it is to read."""
    timeout = args.stack.peer_pods.kata_config.timeout
    inputs = Output.all(args.chain, args.fingerprint)
    inputs.apply(lambda both: _warn(args, both[1], own=both[0].versions.osc.restarts_caa, about=parent))
    restarting: Output[Any] = inputs.apply(
        lambda both: _mark(both[1], when=not both[0].versions.osc.restarts_caa) or None
    )
    # Forced: see TrusteeStack. A roll-out that is held comes to its end with the restart behind it.
    options = {names.PATCH_FORCE: "true"} | ({names.SKIP_AWAIT: "true"} if args.held else {})
    marking: Output[Any] = inputs.apply(lambda both: options | _mark(both[1], when=both[0].versions.osc.restarts_caa))
    template = PodTemplateSpecPatchArgs(metadata=ObjectMetaPatchArgs(annotations=restarting))
    # The operator makes the DaemonSet once it has the image, and claims to be done without it.
    ready: list[Any] = [ResourceHook(f"{name}-image", args.image.wait)]
    advice = [diagnosis(f"{name}-diagnosis", partial(_problems, args.client), "what CAA lacks")]
    patch = kubernetes.apps.v1.DaemonSetPatch(
        name,
        metadata=ObjectMetaPatchArgs(name=names.CAA, namespace=names.OSC_NAMESPACE, annotations=marking),
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
    return _restarted(name, args, patch, parent) if args.held else patch


def _restarted(name: str, args: CaaArgs, patch: pulumi.Resource, parent: pulumi.Resource) -> pulumi.Resource:
    """Register what is done once CAA has been restarted on every node; it is in the state only then.

    So a run that was interrupted, or has waited too long, restarts the nodes that are left at the next `pulumi up`.
    """

    async def run(hooked: pulumi.ResourceHookArgs) -> None:
        await in_thread(_restart(args, teller(at(hooked.urn))).run)

    async def finish(urn: str) -> Any:
        # What changed without this stack, such as a patch release of the operator's, is held as well.
        if not pulumi.runtime.is_dry_run():
            with asking("what others have left to restart of CAA is not restarted"):
                await in_thread(_restart(args, teller(parent)).finish)
        return urn

    hooks: list[Any] = [ResourceHook(f"{name}-restart", run)]
    done = pulumi.Stash(
        f"{name}-restarted",
        input={"peerPodsCm": args.fingerprint, "operator": args.csv},
        opts=ResourceOptions(
            parent=parent,
            # The new template is what restarted pods get; no value of it is used.
            depends_on=[patch],
            replace_with=[args.kata_config],
            hooks=ResourceHookBinding(before_create=hooks, before_update=hooks),
        ),
    )
    _finished: Output[str] = done.urn.apply(finish)
    return done


def _restart(args: CaaArgs, tell: Callable[[str], None]) -> CaaRestart:
    settings = args.stack.peer_pods
    return CaaRestart(
        client=args.client,
        mode="evict" if settings.caa_restart == "evict" else "wait",
        timeout=settings.kata_config.timeout,
        check=args.stack.attestation_check.namespace,
        stack=ownership.mark(),
        tell=tell,
    )


def _mark(changed: str, *, when: bool) -> dict[str, str]:
    """Return the annotation with the fingerprint: on CAA's pods, which restarts them, or on the DaemonSet.

    An operator that restarts CAA itself writes the whole pod template at every reconcile, and would restart CAA once
    more to take a foreign annotation out of it; then the fingerprint only marks the DaemonSet, whose roll-out is waited
    for.
    """
    return {names.RESTARTED_FOR: changed} if when else {}


def _warn(args: CaaArgs, wanted: str, *, own: bool, about: pulumi.Resource) -> None:
    """Warn, at preview too, where a restart would meet peer pods that run."""
    try:
        warning = _warning(args, wanted, own=own)
    except Exception as error:  # noqa: BLE001 - a warning must not stop the run; what it needs, it asks for itself
        pulumi.log.debug(f"peer pods cannot be listed: {error}")
        return
    if warning:
        pulumi.log.warn(warning, about)


def _warning(args: CaaArgs, wanted: str, *, own: bool) -> str:
    daemon_set = args.client.get(_DAEMON_SET)
    if daemon_set is None:
        return ""
    changes = _read_at_start(daemon_set, own=own) not in (None, wanted)
    check, settings = args.stack.attestation_check.namespace, args.stack.peer_pods
    if args.held:
        restart = _restart(args, pulumi.log.info)
        facts = restart.facts()
        if facts is None:
            return ""
        timeout = f"peerPods.kataConfig.timeout ({settings.kata_config.timeout})"
        if not changes and (not facts.operators or args.csv in facts.operators):
            return caa_restart.left_alone(facts)
        return caa_restart.warning(facts, restart.mode, sorted(facts.nodes), timeout)
    running = caa.peer_pods(args.client.items(names.PODS), but=[check]) if changes else []
    return caa.restart_warning(running, wanted=settings.caa_restart == "now") if running else ""


def _read_at_start(daemon_set: Object, *, own: bool) -> str | None:
    """Return the fingerprint of what the present CAA has read, or None where the stack has not marked it yet."""
    holder = daemon_set if own else (daemon_set.get("spec") or {}).get("template") or {}
    mark = ((holder.get("metadata") or {}).get("annotations") or {}).get(names.RESTARTED_FOR)
    return None if mark is None else str(mark)


def _problems(client: ClusterClient) -> list[str]:
    return caa.problems(client.get(_DAEMON_SET), client.items(_PODS, labels=caa.POD_LABEL))
