"""The peer-pod runtime: operator, feature gate, ``peer-pods-cm``, KataConfig and CAA (chapter 7.2, 7.6, 7.8, 7.10).

KataConfig is the step that reboots nodes. The gate and ``peer-pods-cm`` come before it, so a fresh cluster needs it
once; a change that needs a new one is a replacement: delete, wait for the finalizer, create, wait.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions
from pulumi_kubernetes.apps.v1 import DaemonSetSpecPatchArgs
from pulumi_kubernetes.core.v1 import PodTemplateSpecPatchArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from components.azure_network import AzureNetwork
from components.connections import Connections
from components.olm_operator import OlmOperator, OlmOperatorArgs
from components.openshift import PATCH_FORCE, WAIT_FOR, KataConfig
from components.operator_versions import OperatorSource
from components.trust_chain import TrustChain
from rendering import fingerprint, peer_pods
from rendering.profiles import OSC_PACKAGE
from settings import Settings
from settings.peer_pods import PeerPodSettings
from trust.documents import GLOBAL

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
        stack: the settings.
        chain: the trust chain, with the version and the global initdata.
        network: where the pod VMs go.
        connections: providers of the cluster. KataConfig has one with server-side apply off: with it on, a preview of a
            replacement creates the new KataConfig in a dry run, and the operator's webhook refuses a second one then as
            always: no replacement could be previewed.
    """

    stack: Settings
    chain: TrustChain
    network: AzureNetwork
    connections: Connections


def osc_source(stack: Settings, connections: Connections) -> OperatorSource:
    """Return where the operator of OpenShift sandboxed containers comes from."""
    return OperatorSource(
        package=OSC_PACKAGE,
        namespace=NAMESPACE,
        settings=stack.peer_pods.operator,
        provider=connections.cluster,
    )


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
        said = args.stack.peer_pods
        operator = OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package=OSC_PACKAGE,
                namespace=NAMESPACE,
                group="sandboxed-containers-operator-group",
                subscription="sandboxed-containers-operator",
                settings=said.operator,
                csv=args.chain.csv(OSC_PACKAGE),
                upserting=args.connections.upserting if said.operator.version else None,
            ),
            ResourceOptions(parent=self),
        )
        data = _peer_pods_data(args)
        gate = self._shared_config_map(f"{name}-feature-gates", "osc-feature-gates", operator, _feature_gates(said))
        config = self._shared_config_map(f"{name}-cm", "peer-pods-cm", operator, data)
        self.kata_config = self._kata_config(name, args, [operator.installed, gate, config])
        self.fingerprint = data.apply(fingerprint.of)
        self.ready = self._restart_caa(name, args, config)
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
            # No value of the gate is used; it keeps a new version's initdata from an operator of the old version.
            opts=ResourceOptions(parent=self, depends_on=[operator.installed]),
        )

    def _kata_config(self, name: str, args: PeerPodRuntimeArgs, causes: list[pulumi.Resource]) -> KataConfig:
        wanted = args.stack.peer_pods.kata_config
        spec: dict[str, object] = {"enablePeerPods": True, "logLevel": wanted.log_level}
        if wanted.pool_selector is not None:
            spec["kataConfigPoolSelector"] = {"matchLabels": dict(wanted.pool_selector.match_labels)}
        return KataConfig(
            f"{name}-kataconfig",
            ResourceOptions(
                parent=self,
                # The operator brings the kind; gate and configuration decide which pod VM image it builds, once.
                depends_on=causes,
                provider=args.connections.without_dry_run,
                protect=not wanted.allow_reboot,
                # The operator keeps the old gate's image, and a changed spec has no observedGeneration to wait for.
                replacement_trigger=_feature_gates(args.stack.peer_pods)["confidential"],
                replace_on_changes=["spec"],
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(create=wanted.timeout, update=wanted.timeout, delete=wanted.timeout),
            ),
            metadata={"name": "example-kataconfig", "annotations": {WAIT_FOR: _INSTALLED}},
            spec=spec,
        )

    def _restart_caa(self, name: str, args: PeerPodRuntimeArgs, config: pulumi.Resource) -> pulumi.Resource:
        timeout = args.stack.peer_pods.kata_config.timeout
        here = Output.all(args.chain.chain, self.fingerprint)
        restarting: Output[Any] = here.apply(lambda both: _mark(both[1], when=not both[0].versions.osc.restarts_caa))
        marking: Output[Any] = here.apply(lambda both: _mark(both[1], when=both[0].versions.osc.restarts_caa))
        template = PodTemplateSpecPatchArgs(metadata=ObjectMetaPatchArgs(annotations=restarting))
        return kubernetes.apps.v1.DaemonSetPatch(
            f"{name}-caa",
            metadata=ObjectMetaPatchArgs(name="osc-caa-ds", namespace=NAMESPACE, annotations=marking),
            spec=DaemonSetSpecPatchArgs(template=template),
            opts=ResourceOptions(
                parent=self,
                # The operator makes and removes the DaemonSet with KataConfig; CAA reads the ConfigMap at start.
                depends_on=[self.kata_config, config],
                replace_with=[self.kata_config],
                deleted_with=self.kata_config,
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(create=timeout, update=timeout),
            ),
        )


def _mark(changed: str, *, when: bool) -> dict[str, str] | None:
    """Return the annotation with the fingerprint: on CAA's pods, which restarts them, or on the DaemonSet.

    An operator that restarts CAA itself writes the whole pod template at every reconcile, and would restart CAA once
    more to take a foreign annotation out of it; then the fingerprint only marks the DaemonSet, whose roll-out is waited
    for.
    """
    return {_RESTARTED_FOR: changed} if when else None


def _feature_gates(said: PeerPodSettings) -> dict[str, str]:
    # Exactly "true" or "false": OSC 1.9 compares text.
    return {"confidential": str(said.confidential).lower()}


def _peer_pods_data(args: PeerPodRuntimeArgs) -> Output[dict[str, str]]:
    said, network = args.stack.peer_pods, args.network
    initdata = args.chain.chain.apply(lambda chain: chain.documents[GLOBAL].encoded)
    return Output.all(network.subnet_id, network.nsg_id, network.region, network.resource_group, initdata).apply(
        lambda found: peer_pods.render(
            peer_pods.PeerPods(
                subnet_id=found[0],
                nsg_id=found[1],
                region=found[2],
                resource_group=found[3],
                initdata=found[4] if args.stack.initdata.into_peer_pods_cm else None,
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
