"""The gate behind KataConfig: its roll-out is over, on every node, and its status says so of this very KataConfig.

KataConfig itself does not wait. It is in the state as soon as it exists, so a run that is killed while nodes reboot
knows it, and the next one waits here again; and one that was imported is waited for as well.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, ResourceHook, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure import run_marks as marks
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.formats import fingerprint
from coco_azure.rollout import evidence
from coco_azure.rollout.desired_kata_config import Applied
from coco_azure.rollout.diagnosis import image
from coco_azure.rollout.diagnosis.image import RolloutObjects
from coco_azure.rollout.evidence import NodeTimes
from coco_azure.rollout.plan import Plan
from coco_azure.settings.base import seconds
from coco_azure.settings.peer_pods import PeerPodSettings
from components.cluster.watching import Line, Watching, asked, diagnosis, in_thread, until_complete
from components.peer_pods.pod_vm_image import PodVmImage

_NOT_YET = ("failedToInstall", "failedToUninstall", "uninstalling", "waitingToUninstall")
_SUBJECT = "what holds the roll-out"
_DAEMONS = names.path(names.PODS, namespace=names.MACHINE_CONFIG_NAMESPACE)


@dataclass(frozen=True, kw_only=True)
class KataGateArgs:
    """What is waited for.

    Attributes:
        kata_config: the KataConfig, which need not wait for anything itself.
        name: its name in the cluster, known at preview.
        client: for what holds the roll-out, when it does not come to its end.
        converged: whether the masters are the workers.
        nodes_in_custom_pools: whether there are workers in pools that are not the operator's: it calls each of them
            waitingToUninstall for ever, as it has not the configuration of pool worker (``putNodeOnStatusList``).
    """

    settings: PeerPodSettings
    kata_config: pulumi.Resource
    name: str
    client: ClusterClient
    image: PodVmImage
    plan: Plan
    converged: bool = False
    nodes_in_custom_pools: bool = False


def installed(name: str, args: KataGateArgs, times: NodeTimes, parent: pulumi.Resource) -> pulumi.Resource:
    """Register the gate: ready once every selected node has kata, and the image that was asked for is there.

    Args:
        times: is told of the nodes while it waits.
    """
    timeout = args.settings.kata_config.timeout
    mark = _mark(args.settings, args.plan.applied)
    return _Gate(args, times).bind(
        name,
        metadata={
            "name": args.name,
            "annotations": {
                names.WAIT_FOR: conditions(mark, nodes_in_custom_pools=args.nodes_in_custom_pools),
                names.ROLLED_OUT_FOR: mark,
                names.PATCH_FORCE: "true",
            },
        },
        opts=ResourceOptions(
            parent=parent,
            # No value of KataConfig is used; the patch needs the object.
            depends_on=[args.kata_config],
            replace_with=[args.kata_config],
            deleted_with=args.kata_config,
            # Its fields go with KataConfig; of one that is gone they cannot be given up (see components.peer_pods.caa).
            retain_on_delete=True,
            delete_before_replace=True,
            # See OlmOperator.
            ignore_changes=["metadata.namespace"],
            custom_timeouts=CustomTimeouts(create=timeout, update=timeout),
        ),
    )


def conditions(mark: str, *, nodes_in_custom_pools: bool = False) -> str:
    """Return the wait for a roll-out that is over, in the language of ``pulumi.com/waitFor``.

    Each part is there for a status that would pass without it: an object from before the patch (the mark), a
    deletion that waits for pods (its condition is False, its counts are right), nodes that are to leave the pool and
    have failed to, a change that the machine config operator has not begun to carry out, and a KataConfig whose first
    nodes are done while the others have no label yet (``nodeCount`` above 0). ``!=`` and ``>=`` cannot be said.
    """
    idle = _all("@.type == 'InProgress'", "@.status == 'False'", "!(@.reason == 'BlockedByExistingKataPods')")
    # Of a member of the object, so that parts of status can be compared with each other.
    counts = _all("@.kataNodes.nodeCount > 0", "@.kataNodes.nodeCount == @.kataNodes.readyNodeCount")
    others = _all(
        "@.kataNodes",
        *(f"!@.kataNodes.{name}[0]" for name in _NOT_YET if not nodes_in_custom_pools or name != "waitingToUninstall"),
        "!(@.waitingForMcoToStart == true)",
    )
    return json.dumps(
        [
            f"jsonpath={{.metadata.annotations['{names.ROLLED_OUT_FOR}']}}={mark}",
            f"jsonpath={{.status.conditions[?{idle}].status}}=False",
            f"jsonpath={{[?{counts}].kataNodes.nodeCount}}",
            f"jsonpath={{[?{others}].kataNodes.nodeCount}}",
            f"jsonpath={{.status.runtimeClasses[?@ == '{names.RUNTIME_CLASS}']}}={names.RUNTIME_CLASS}",
        ]
    )


def _all(*terms: str) -> str:
    # No blank before "&&": the provider's parser stops there.
    return "&& ".join(terms)


def _mark(settings: PeerPodSettings, applied: Applied) -> str:
    """Return what changes with whatever makes a new roll-out."""
    wanted = settings.kata_config
    selector = dict(wanted.pool_selector.match_labels) if wanted.pool_selector else None
    content: dict[str, Any] = {
        "logLevel": wanted.log_level,
        "selector": selector,
        "confidential": settings.confidential,
    }
    if applied.image:
        content["image"] = applied.image
    return fingerprint.fingerprint_of(content)[:16]


class _Gate:
    """The gate's resource with its hooks: progress while it waits, a diagnosis when it has waited in vain."""

    def __init__(self, args: KataGateArgs, times: NodeTimes) -> None:
        self._args = args
        self._times = times
        self._watching = Watching(args.client, names.KATA_CONFIGS, args.name, self._look)

    def bind(self, name: str, *, metadata: Input[Any], opts: ResourceOptions) -> pulumi.Resource:
        """Register the patch with its hooks."""
        start, stop = ResourceHook(f"{name}-watch", self._start), ResourceHook(f"{name}-done", self._stop)
        carried_out = ResourceHook(f"{name}-carried-out", self._carried_out)
        hooks = ResourceHookBinding(
            before_create=[start, carried_out],
            before_update=[start, carried_out],
            after_create=[stop],
            after_update=[stop],
            on_error=[diagnosis(f"{name}-diagnosis", self._problems, _SUBJECT)],
        )
        return kubernetes.apiextensions.CustomResourcePatch(
            name,
            api_version="kataconfiguration.openshift.io/v1",
            kind="KataConfig",
            metadata=metadata,
            opts=ResourceOptions.merge(opts, ResourceOptions(hooks=hooks)),
        )

    def _start(self, args: pulumi.ResourceHookArgs) -> None:
        self._watching.start(args.urn)

    def _stop(self, _: pulumi.ResourceHookArgs) -> None:
        self._watching.stop()

    async def _carried_out(self, _: pulumi.ResourceHookArgs) -> None:
        """Wait for what a change in place leaves behind: right after it the status is still that of before.

        Raises:
            RuntimeError: it takes longer than ``peerPods.kataConfig.timeout``, or the image cannot be built.
        """
        if not self._args.plan.in_place:
            return
        try:
            await in_thread(self._wait)
        except RuntimeError:
            self._watching.stop()
            raise

    def _wait(self) -> None:
        timeout = self._args.settings.kata_config.timeout
        if missing := until_complete(self._lacking, self._wake, seconds(timeout)):
            setting = f"coco-azure:peerPods.kataConfig.timeout ({timeout})"
            why = asked(self._problems, _SUBJECT)
            raise RuntimeError("\n".join([f"within {setting} there was no {', no '.join(missing)}", *why]))
        self._args.image.renew()

    def _lacking(self) -> list[str]:
        client = self._args.client
        traces = evidence.Traces(
            kata_config=client.get(f"{names.KATA_CONFIGS}/{self._args.name}"),
            nodes=client.items(names.NODES),
            # Without machine configs there are labels alone.
            pools=[] if self._args.plan.daemon_set else client.items(names.POOLS),
            runtime_config=client.get(f"{names.CONTAINER_RUNTIME_CONFIGS}/{names.RUNTIME_CONFIG}"),
        )
        return evidence.lacking(self._args.plan.applied, traces, converged=self._args.converged)

    def _wake(self, window: int) -> None:
        """Return after the window, or at the first change of KataConfig."""
        for kind, _ in self._args.client.changes(names.KATA_CONFIGS, self._args.name, window):
            if kind != "ADDED":
                return

    def _look(self, current: Object | None) -> list[Line]:
        self._times.see(self._args.client.items(names.NODES), datetime.now(UTC))
        lines: list[Line] = [("info", image.progress(current))]
        lines += [("info", text) for text in self._times.lines]
        lines.append(("debug", marks.line(marks.NODES, image.updating(current))))
        if image.failed_nodes(current):
            lines += [("warn", text) for text in image.problems(current, self._around())]
        return [*lines, *self._args.image.alarms()]

    def _problems(self) -> list[str]:
        self._watching.stop()
        current = self._args.client.get(f"{names.KATA_CONFIGS}/{self._args.name}")
        problems = image.problems(current, self._around())
        seen = self._args.image.status()
        if self._args.image.failed(seen) or seen.state == "stuck":
            problems.append(image.failure(seen))
        limit = self._args.settings.kata_config.timeout
        again = "the nodes go on by themselves, and `pulumi up` waits for them again"
        return [*problems, f"{again}, for coco-azure:peerPods.kataConfig.timeout ({limit})"]

    def _around(self) -> RolloutObjects:
        client = self._args.client
        return RolloutObjects(
            nodes=client.items(names.NODES),
            pools=client.items(names.POOLS),
            daemons=client.items(_DAEMONS, labels="k8s-app=machine-config-daemon"),
        )
