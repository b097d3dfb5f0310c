"""The peer-pod runtime: operator, feature gate, ``peer-pods-cm``, KataConfig and CAA (chapter 7.2, 7.6, 7.8, 7.10).

KataConfig is the step that reboots nodes. The gate and ``peer-pods-cm`` come before it, so a fresh cluster needs it
once; a change that needs a new one is a replacement: delete, wait for the finalizer, create, wait.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from components.azure_network import AzureNetwork
from components.olm_operator import OlmOperator, OlmOperatorArgs
from components.openshift import PATCH_FORCE, WAIT_FOR, KataConfig
from rendering import fingerprint, peer_pods
from settings.peer_pods import PeerPodSettings

NAMESPACE = "openshift-sandboxed-containers-operator"
RUNTIME_CLASS = "kata-remote"
_RESTARTED_FOR = "coco-azure/peer-pods-cm"
_INSTALLED = json.dumps(
    [
        "condition=InProgress=False",
        # Without the first half the comparison would hold for every part of status that has neither count.
        "jsonpath={.status[?@.nodeCount > 0 && @.nodeCount == @.readyNodeCount].nodeCount}",
        f"jsonpath={{.status.runtimeClasses[?@ == '{RUNTIME_CLASS}']}}={RUNTIME_CLASS}",
    ]
)


@dataclass(frozen=True, kw_only=True)
class PeerPodRuntimeArgs:
    """What the runtime is made of.

    Attributes:
        settings: what the stack says of peer pods.
        network: where the pod VMs go.
        initdata: encoded global initdata, or None for the image's own.
        without_dry_run: provider of the same cluster that has server-side apply off. With it on, a preview of a
            replacement creates the new KataConfig in a dry run, and the operator's webhook refuses a second one then as
            always: no replacement could be previewed.
    """

    settings: PeerPodSettings
    network: AzureNetwork
    initdata: Input[str] | None
    without_dry_run: pulumi.ProviderResource


class PeerPodRuntime(pulumi.ComponentResource):
    """Nodes that can start pods in confidential VMs.

    Whoever starts such a pod says ``depends_on=[runtime.ready]`` and ``replace_with=[runtime.kata_config]``: the
    operator refuses to delete KataConfig while a pod of its runtime exists, finished ones included.
    """

    kata_config: KataConfig
    """KataConfig, installed on every selected node."""
    ready: pulumi.Resource
    """The gate: CAA has rolled out with the present ``peer-pods-cm``."""
    fingerprint: Output[str]
    """Changes whenever a key of ``peer-pods-cm`` that the stack owns changes."""

    def __init__(self, name: str, args: PeerPodRuntimeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:PeerPodRuntime", name, None, opts)
        said = args.settings
        operator = OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package="sandboxed-containers-operator",
                namespace=NAMESPACE,
                group="sandboxed-containers-operator-group",
                subscription="sandboxed-containers-operator",
                settings=said.operator,
            ),
            ResourceOptions(parent=self),
        )
        data = _peer_pods_data(args)
        gate = self._shared_config_map(f"{name}-feature-gates", "osc-feature-gates", operator, _feature_gates(said))
        config = self._shared_config_map(f"{name}-cm", "peer-pods-cm", operator, data)
        self.kata_config = self._kata_config(name, args, [operator.installed, gate, config])
        self.fingerprint = data.apply(fingerprint.of)
        self.ready = self._restart_caa(name, said, config)
        self.register_outputs({"fingerprint": self.fingerprint})

    def _shared_config_map(
        self, name: str, title: str, operator: OlmOperator, data: Input[dict[str, str]]
    ) -> kubernetes.core.v1.ConfigMapPatch:
        # A patch, because others own keys of it too: the operator writes AZURE_IMAGE_ID, and a plain ConfigMap would
        # drop that key at its next change. What the stack does set, it takes over, as `oc apply` in the chapter does.
        return kubernetes.core.v1.ConfigMapPatch(
            name,
            metadata={"name": title, "namespace": operator.namespace, "annotations": {PATCH_FORCE: "true"}},
            data=data,
            opts=ResourceOptions(parent=self),
        )

    def _kata_config(self, name: str, args: PeerPodRuntimeArgs, causes: list[pulumi.Resource]) -> KataConfig:
        wanted = args.settings.kata_config
        spec: dict[str, object] = {"enablePeerPods": True, "logLevel": wanted.log_level}
        if wanted.pool_selector is not None:
            spec["kataConfigPoolSelector"] = {"matchLabels": dict(wanted.pool_selector.match_labels)}
        return KataConfig(
            f"{name}-kataconfig",
            ResourceOptions(
                parent=self,
                # The operator brings the kind; gate and configuration decide which pod VM image it builds, once.
                depends_on=causes,
                provider=args.without_dry_run,
                protect=not wanted.allow_reboot,
                # The operator keeps the old gate's image, and a changed spec has no observedGeneration to wait for.
                replacement_trigger=_feature_gates(args.settings)["confidential"],
                replace_on_changes=["spec"],
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(create=wanted.timeout, update=wanted.timeout, delete=wanted.timeout),
            ),
            metadata={"name": "example-kataconfig", "annotations": {WAIT_FOR: _INSTALLED}},
            spec=spec,
        )

    def _restart_caa(self, name: str, said: PeerPodSettings, config: pulumi.Resource) -> pulumi.Resource:
        template = kubernetes.core.v1.PodTemplateSpecPatchArgs(
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(annotations={_RESTARTED_FOR: self.fingerprint})
        )
        return kubernetes.apps.v1.DaemonSetPatch(
            f"{name}-caa",
            metadata={"name": "osc-caa-ds", "namespace": NAMESPACE},
            spec=kubernetes.apps.v1.DaemonSetSpecPatchArgs(template=template),
            opts=ResourceOptions(
                parent=self,
                # The operator makes and removes the DaemonSet with KataConfig; CAA reads the ConfigMap at start.
                depends_on=[self.kata_config, config],
                replace_with=[self.kata_config],
                deleted_with=self.kata_config,
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(create=said.kata_config.timeout, update=said.kata_config.timeout),
            ),
        )


def _feature_gates(said: PeerPodSettings) -> dict[str, str]:
    # Exactly "true" or "false": OSC 1.9 compares text.
    return {"confidential": str(said.confidential).lower()}


def _peer_pods_data(args: PeerPodRuntimeArgs) -> Output[dict[str, str]]:
    said, network = args.settings, args.network
    return Output.all(network.subnet_id, network.nsg_id, network.region, network.resource_group, args.initdata).apply(
        lambda found: peer_pods.render(
            peer_pods.PeerPods(
                subnet_id=found[0],
                nsg_id=found[1],
                region=found[2],
                resource_group=found[3],
                initdata=found[4],
                instance_size=said.size,
                instance_sizes=said.sizes,
                limit_per_node=said.limit_per_node,
                tags=said.tags,
                image_id=said.image_id,
                secure_boot=said.secure_boot,
                confidential=said.confidential,
                proxy_timeout=said.proxy_timeout,
                vxlan_port=said.vxlan_port,
            )
        )
    )
