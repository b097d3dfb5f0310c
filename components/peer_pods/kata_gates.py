"""The gate behind KataConfig: its roll-out is over, on every node, and its status says so of this very KataConfig.

KataConfig itself does not wait. It is in the state as soon as it exists, so a run that is killed while nodes reboot
knows it, and the next one waits here again; and one that was imported is waited for as well.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, ErrorHook, Input, ResourceHook, ResourceHookBinding, ResourceOptions

from components.cluster.client import ClusterClient, Object
from components.cluster.openshift import PATCH_FORCE, WAIT_FOR
from components.cluster.watching import Line, Watching, at, first_line, in_thread
from components.peer_pods.kata_facts import KATA_CONFIGS
from components.peer_pods.pod_vm_image import PodVmImage
from diagnosis import RUNTIME_CLASS, image, kata_config
from diagnosis.kata_config import Surroundings
from rendering import fingerprint
from settings.peer_pods import PeerPodSettings

_MARK = "coco-azure/rollout"
_NOT_YET = ("failedToInstall", "failedToUninstall", "uninstalling", "waitingToUninstall")
_POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
_DAEMONS = f"/api/v1/namespaces/{kata_config.DAEMONS}/pods"


@dataclass(frozen=True, kw_only=True)
class KataGateArgs:
    """What is waited for.

    Attributes:
        settings: the settings of the runtime.
        kata_config: the KataConfig, which need not wait for anything itself.
        name: its name in the cluster, known at preview.
        client: for what holds the roll-out, when it does not come to its end.
        image: the pod VM image.
        provider: a provider of the cluster with server-side apply, which patches need.
    """

    settings: PeerPodSettings
    kata_config: pulumi.Resource
    name: str
    client: ClusterClient
    image: PodVmImage
    provider: pulumi.ProviderResource


def installed(name: str, args: KataGateArgs, parent: pulumi.Resource) -> pulumi.Resource:
    """Register the gate: ready once every selected node has the kata runtime."""
    timeout = args.settings.kata_config.timeout
    mark = _mark(args.settings)
    return _Gate(args).bind(
        name,
        metadata={
            "name": args.name,
            "annotations": {WAIT_FOR: conditions(mark), _MARK: mark, PATCH_FORCE: "true"},
        },
        opts=ResourceOptions(
            parent=parent,
            provider=args.provider,
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


def conditions(mark: str) -> str:
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
        *(f"!@.kataNodes.{name}[0]" for name in _NOT_YET),
        "!(@.waitingForMcoToStart == true)",
    )
    return json.dumps(
        [
            f"jsonpath={{.metadata.annotations['{_MARK}']}}={mark}",
            f"jsonpath={{.status.conditions[?{idle}].status}}=False",
            f"jsonpath={{[?{counts}].kataNodes.nodeCount}}",
            f"jsonpath={{[?{others}].kataNodes.nodeCount}}",
            f"jsonpath={{.status.runtimeClasses[?@ == '{RUNTIME_CLASS}']}}={RUNTIME_CLASS}",
        ]
    )


def _all(*terms: str) -> str:
    # No blank before "&&": the provider's parser stops there.
    return "&& ".join(terms)


def _mark(said: PeerPodSettings) -> str:
    """Return what changes with whatever makes a new roll-out."""
    wanted = said.kata_config
    selector = dict(wanted.pool_selector.match_labels) if wanted.pool_selector else None
    content = {"logLevel": wanted.log_level, "selector": selector, "confidential": said.confidential}
    return fingerprint.of(content)[:16]


class _Gate:
    """The gate's resource with its hooks: progress while it waits, a diagnosis when it has waited in vain."""

    def __init__(self, args: KataGateArgs) -> None:
        self._args = args
        self._watching = Watching(args.client, KATA_CONFIGS, args.name, self._look)

    def bind(self, name: str, *, metadata: Input[Any], opts: ResourceOptions) -> pulumi.Resource:
        """Register the patch with its hooks."""
        start, stop = ResourceHook(f"{name}-watch", self._start), ResourceHook(f"{name}-done", self._stop)
        hooks = ResourceHookBinding(
            before_create=[start],
            before_update=[start],
            after_create=[stop],
            after_update=[stop],
            on_error=[ErrorHook(f"{name}-diagnosis", self._diagnose)],
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

    def _look(self, found: Object | None) -> list[Line]:
        lines: list[Line] = [("info", kata_config.progress(found))]
        if kata_config.failed_nodes(found):
            lines += [("warn", text) for text in kata_config.problems(found, self._around())]
        return [*lines, *self._args.image.alarms()]

    async def _diagnose(self, failed: pulumi.ErrorHookArgs) -> bool:
        self._watching.stop()
        for text in await in_thread(self._problems):
            pulumi.log.error(text, at(failed.urn))
        return False  # no other try

    def _problems(self) -> list[str]:
        try:
            found = self._args.client.get(f"{KATA_CONFIGS}/{self._args.name}")
            problems = kata_config.problems(found, self._around())
            seen = self._args.image.found()
            if self._args.image.failed(seen) or seen.state == "stuck":
                problems.append(image.failure(seen))
        except Exception as error:  # noqa: BLE001 - the wait's own error says enough
            return [f"the API server cannot be asked what holds the roll-out: {first_line(error)}"]
        limit = self._args.settings.kata_config.timeout
        again = "the nodes go on by themselves, and `pulumi up` waits for them again"
        return [*problems, f"{again}, for coco-azure:peerPods.kataConfig.timeout ({limit})"]

    def _around(self) -> Surroundings:
        client = self._args.client
        return Surroundings(
            nodes=client.items("/api/v1/nodes"),
            pools=client.items(_POOLS),
            daemons=client.items(_DAEMONS, labels="k8s-app=machine-config-daemon"),
        )
