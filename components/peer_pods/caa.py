"""CAA: restarted when what it reads at start has changed, by the way that suits the version, and waited for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Output, ResourceHook, ResourceHookBinding, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.rollout import caa_restart
from coco_azure.rollout.diagnosis import caa
from coco_azure.settings import Settings
from components.cluster import ownership
from components.cluster.watching import at, diagnosis, in_thread, teller
from components.peer_pods.caa_restart import CaaRestart
from components.peer_pods.pod_vm_image import PodVmImage
from components.refusal import asking

_DAEMON_SET = names.path(names.DAEMON_SETS, names.CAA, namespace=names.OSC_NAMESPACE)
_CONFIG = names.path(names.CONFIG_MAPS, names.PEER_PODS_CM, namespace=names.OSC_NAMESPACE)
_PODS = names.path(names.PODS, namespace=names.OSC_NAMESPACE)


@dataclass(frozen=True, kw_only=True)
class CaaArgs:
    """What CAA is restarted for.

    Attributes:
        restarted_by_operator: whether the operator restarts CAA itself when ``peer-pods-cm`` changes.
        data: the stack's keys of ``peer-pods-cm``.
        fingerprint: changes with what CAA reads at start.
        kata_config: the KataConfig that the operator makes CAA's DaemonSet for.
        after: what must be over before CAA can start: the roll-out, and ``peer-pods-cm``.
        client: for the peer pods that run, and CAA's own.
        image: the pod VM image, without which CAA does not start.
        csv: CSV of the operator, which brings CAA; another one brings another CAA.
        held_by_policy: whether a policy leaves the restart to the stack, which goes node by node.
    """

    stack: Settings
    restarted_by_operator: bool
    data: Output[dict[str, str]]
    fingerprint: Output[str]
    kata_config: pulumi.Resource
    after: list[pulumi.Resource]
    client: ClusterClient
    image: PodVmImage
    csv: str
    held_by_policy: bool


def rolled_out(name: str, args: CaaArgs, parent: pulumi.Resource) -> pulumi.Resource:
    """Register the restart, which is ready once CAA runs on every node with what it is to read.

    An operator that does not restart CAA writes the whole DaemonSet at every reconcile, and a mark on it, or on its
    pods, would be gone with the next one, and restart CAA once more: there the stack restarts the pods in any case.
    """
    args.data.apply(lambda data: _warn(args, data, about=parent))
    # The operator makes the DaemonSet once it has the image, and claims to be done without it.
    ready = ResourceHook(f"{name}-image", args.image.wait)
    advice = diagnosis(f"{name}-diagnosis", partial(_problems, args.client), "what CAA lacks")
    # The operator makes and removes the DaemonSet with KataConfig; CAA reads the ConfigMap at start.
    before = [args.kata_config, *args.after]
    if not args.restarted_by_operator:
        return _restarted(name, args, before, parent, first=[ready], on_error=[advice])
    timeout = args.stack.peer_pods.kata_config.timeout
    # Forced: see TrusteeStack. A roll-out that is held comes to its end with the restart behind it.
    options = {names.PATCH_FORCE: "true"} | ({names.SKIP_AWAIT: "true"} if args.held_by_policy else {})
    hooks: list[Any] = [ready]
    patch = kubernetes.apps.v1.DaemonSetPatch(
        name,
        metadata=ObjectMetaPatchArgs(
            name=names.CAA,
            namespace=names.OSC_NAMESPACE,
            annotations=args.fingerprint.apply(lambda value: options | {names.RESTARTED_FOR: value}),
        ),
        opts=ResourceOptions(
            parent=parent,
            depends_on=before,
            replace_with=[args.kata_config],
            deleted_with=args.kata_config,
            # Giving up fields of a DaemonSet that is gone fails for ever: a run that was killed after KataConfig's
            # deletion would never be done with it.
            retain_on_delete=True,
            delete_before_replace=True,
            custom_timeouts=CustomTimeouts(create=timeout, update=timeout),
            hooks=ResourceHookBinding(before_create=hooks, before_update=hooks, on_error=[advice]),
        ),
    )
    return _restarted(name, args, [patch], parent) if args.held_by_policy else patch


def _restarted(
    name: str,
    args: CaaArgs,
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
    *,
    first: Sequence[Any] = (),
    on_error: Sequence[Any] = (),
) -> pulumi.Resource:
    """Register what is done once CAA has been restarted on every node; it is in the state only then.

    So a run that was interrupted, or has waited too long, restarts the nodes that are left at the next `pulumi up`.
    """

    async def run(hooked: pulumi.ResourceHookArgs) -> None:
        await in_thread(_restart(args, teller(at(hooked.urn))).run)

    async def finish(urn: str) -> Any:
        # What changed without this stack, such as a patch release of the operator's, is held as well.
        if args.held_by_policy and not pulumi.runtime.is_dry_run():
            with asking("what others have left to restart of CAA is not restarted"):
                await in_thread(_restart(args, teller(parent)).finish)
        return urn

    hooks: list[Any] = [*first, ResourceHook(f"{name}-restart", run)]
    done = pulumi.Stash(
        f"{name}-restarted",
        input={"peerPodsCm": args.fingerprint, "operator": args.csv},
        opts=ResourceOptions(
            parent=parent,
            # What restarted pods get is there before; no value of it is used.
            depends_on=after,
            replace_with=[args.kata_config],
            delete_before_replace=True,
            hooks=ResourceHookBinding(before_create=hooks, before_update=hooks, on_error=[*on_error]),
        ),
    )
    _finished: Output[str] = done.urn.apply(finish)
    return done


def _restart(args: CaaArgs, tell: Callable[[str], None]) -> CaaRestart:
    settings = args.stack.peer_pods
    return CaaRestart(
        client=args.client,
        mode=settings.caa_restart if args.held_by_policy else "now",
        timeout=settings.kata_config.timeout,
        check=args.stack.attestation_check.namespace,
        stack=ownership.mark(),
        tell=tell,
    )


def _warn(args: CaaArgs, data: Mapping[str, str], *, about: pulumi.Resource) -> None:
    """Warn, at preview too, where a restart would meet peer pods that run."""
    try:
        warning = _warning(args, data)
    except Exception as error:  # noqa: BLE001 - a warning must not stop the run; what it needs, it asks for itself
        pulumi.log.debug(f"peer pods cannot be listed: {error}")
        return
    if warning:
        pulumi.log.warn(warning, about)


def _warning(args: CaaArgs, data: Mapping[str, str]) -> str:
    restart = _restart(args, pulumi.log.info)
    facts = restart.facts()
    if facts is None:
        return ""
    present = (args.client.get(_CONFIG) or {}).get("data") or {}
    changes = data.items() - present.items()
    settings = args.stack.peer_pods
    if args.held_by_policy:
        timeout = f"peerPods.kataConfig.timeout ({settings.kata_config.timeout})"
        if not changes and (not facts.operators or args.csv in facts.operators):
            return caa_restart.left_alone(facts)
        return caa_restart.warning(facts, restart.mode, sorted(facts.nodes), timeout)
    if not changes and not facts.outdated_nodes:
        return ""
    running = caa.peer_pods(args.client.items(names.PODS), but=[args.stack.attestation_check.namespace])
    return caa.restart_warning(running, wanted=settings.caa_restart == "now") if running else ""


def _problems(client: ClusterClient) -> list[str]:
    return caa.problems(client.get(_DAEMON_SET), client.items(_PODS, labels=caa.POD_LABEL))
