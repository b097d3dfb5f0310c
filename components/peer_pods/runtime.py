"""The peer-pod runtime: operator, feature gate, ``peer-pods-cm``, KataConfig and CAA (chapter 7.2, 7.6, 7.8, 7.10).

KataConfig is the step that reboots nodes. The gate and ``peer-pods-cm`` come before it, so a fresh cluster needs it
once; a change that needs a new one is a replacement: delete, wait for the finalizer, create, wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from components.azure.credentials import OperatorCredentials, OperatorCredentialsArgs, operator_environment
from components.azure.network import AzureNetwork
from components.azure.place import Place
from components.azure.roles import assigned
from components.cluster.connections import Connections
from components.cluster.openshift import PATCH_FORCE, KataConfig
from components.operators.olm_operator import OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource
from components.peer_pods import caa, kata_config, kata_gates
from components.peer_pods.kata_config import Foreseen
from components.peer_pods.pod_vm_image import PodVmImage
from components.trustee.chain import TrustChain
from components.trustee.stack import TrusteeStack
from diagnosis import NAMESPACE
from rendering import fingerprint, peer_pods
from rendering.profiles import OSC_PACKAGE, OscProfile
from settings import Settings
from settings.peer_pods import PeerPodSettings
from trust.chain import Chain
from trust.documents import GLOBAL

_SUBSCRIPTION = "sandboxed-containers-operator"


@dataclass(frozen=True, kw_only=True)
class PeerPodRuntimeArgs:
    """What the runtime is made of.

    Attributes:
        stack: the settings.
        chain: the trust chain, with the version and the global initdata.
        network: where the pod VMs go.
        place: the same as plain strings.
        connections: providers of the cluster.
        rollout: what the run will do to KataConfig.
        chosen: CSV of the operator, known from the start.
        trustee: this stack's Trustee, which is there before nodes reboot and deleted after KataConfig; None where it is
            another stack's.
    """

    stack: Settings
    chain: TrustChain
    network: AzureNetwork
    place: Place
    connections: Connections
    rollout: Foreseen
    chosen: str
    trustee: TrusteeStack | None = None


def osc_source(stack: Settings, connections: Connections) -> OperatorSource:
    """Return where the operator of OpenShift sandboxed containers comes from."""
    return OperatorSource(
        package=OSC_PACKAGE,
        namespace=NAMESPACE,
        subscription=_SUBSCRIPTION,
        settings=stack.peer_pods.operator,
        client=connections.client,
    )


class PeerPodRuntime(pulumi.ComponentResource):
    """Nodes that can start pods in confidential VMs.

    Whoever starts such a pod says ``depends_on=[runtime.ready]`` and ``replace_with=[runtime.kata_config]``: the
    operator refuses to delete KataConfig while a pod of its runtime exists, finished ones included.
    """

    kata_config: KataConfig
    """KataConfig; it is there, and its nodes may still have to reboot."""
    installed: pulumi.Resource
    """The gate behind it: every selected node has the kata runtime."""
    rolled_out: Output[dict[str, Any]]
    """The roll-out of KataConfig, once it is over, for the stack's output."""
    ready: pulumi.Resource
    """The gate: CAA has rolled out with the present ``peer-pods-cm``."""
    fingerprint: Output[str]
    """Changes whenever a key of ``peer-pods-cm`` changes that the stack owns and CAA reads at start."""

    def __init__(self, name: str, args: PeerPodRuntimeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:PeerPodRuntime", name, None, opts)
        operator = self._operator(name, args)
        credentials = self._credentials(name, args, operator)
        roles = assigned(f"{name}-roles", args.stack, args.place, args.network.own_subnet, self)
        data = _peer_pods_data(args, credentials.fingerprint)
        gates = _feature_gates(args.stack.peer_pods)
        gate = self._shared_config_map(f"{name}-feature-gates", "osc-feature-gates", operator, gates)
        # With new credentials CAA is restarted for this ConfigMap, so they have to be there before it.
        config = self._shared_config_map(f"{name}-cm", "peer-pods-cm", operator, data, credentials.made)
        image = PodVmImage(args.connections.client, args.stack.peer_pods)
        outliving = args.trustee.reached if args.trustee is not None else []
        self.kata_config = kata_config.make(
            name,
            args.rollout,
            args.connections,
            image,
            # The operator brings the kind; gate and configuration decide which pod VM image it builds, once.
            # Trustee is deleted after KataConfig: pods that block the deletion go on attesting meanwhile. Credentials
            # and roles are for the image job, which works at KataConfig's creation and deletion.
            ResourceOptions(
                parent=self, depends_on=[operator.installed, gate, config, *credentials.made, *roles, *outliving]
            ),
        )
        self.installed = kata_gates.installed(
            f"{name}-kata-installed",
            kata_gates.KataGateArgs(
                settings=args.stack.peer_pods,
                kata_config=self.kata_config,
                name=args.rollout.plan.name,
                client=args.connections.client,
                image=image,
                provider=args.connections.cluster,
            ),
            self,
        )
        self.rolled_out = kata_config.completed(args.rollout, self.kata_config, self.installed)
        self.fingerprint = data.apply(lambda found: fingerprint.of(peer_pods.read_at_start(found)))
        self.ready = caa.rolled_out(
            f"{name}-caa",
            caa.CaaArgs(
                stack=args.stack,
                chain=args.chain.chain,
                fingerprint=self.fingerprint,
                kata_config=self.kata_config,
                after=[self.installed, config],
                client=args.connections.client,
                image=image,
            ),
            self,
        )
        self.register_outputs({"fingerprint": self.fingerprint})

    def _operator(self, name: str, args: PeerPodRuntimeArgs) -> OlmOperator:
        return OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package=OSC_PACKAGE,
                namespace=NAMESPACE,
                group="sandboxed-containers-operator-group",
                subscription=_SUBSCRIPTION,
                settings=args.stack.peer_pods.operator,
                csv=args.chain.csv(OSC_PACKAGE),
                chosen=args.chosen,
                upserting=args.connections.upserting,
                environment=operator_environment(
                    args.stack.azure.credentials, args.place.subscription, args.place.tenant
                ),
            ),
            ResourceOptions(parent=self),
        )

    def _credentials(self, name: str, args: PeerPodRuntimeArgs, operator: OlmOperator) -> OperatorCredentials:
        arguments = OperatorCredentialsArgs(
            settings=args.stack.azure.credentials,
            subscription=args.place.subscription,
            tenant=args.place.tenant,
            namespace=operator.namespace,
            client=args.connections.client,
        )
        return OperatorCredentials(f"{name}-credentials", arguments, ResourceOptions(parent=self))

    def _shared_config_map(
        self,
        name: str,
        title: str,
        operator: OlmOperator,
        data: Input[dict[str, str]],
        after: Sequence[pulumi.Resource] = (),
    ) -> kubernetes.core.v1.ConfigMapPatch:
        # A patch, because others own keys of it too: the operator writes AZURE_IMAGE_ID, and a plain ConfigMap would
        # drop that key at its next change. What the stack does set, it takes over, as `oc apply` in the chapter does.
        return kubernetes.core.v1.ConfigMapPatch(
            name,
            metadata={"name": title, "namespace": operator.namespace, "annotations": {PATCH_FORCE: "true"}},
            data=data,
            opts=ResourceOptions(
                parent=self,
                # No value of the gate is used; it keeps a new version's initdata from an operator of the old version.
                depends_on=[operator.installed, *after],
                # Keys cannot be given up in a namespace that is gone, as after an interrupted destroy. Into one that is
                # replaced they are written anew; engines before 3.260 do not take that from deleted_with.
                replace_with=[operator.made] if operator.made is not None else None,
                deleted_with=operator.made,
                delete_before_replace=True,
            ),
        )


def _feature_gates(said: PeerPodSettings) -> dict[str, str]:
    # Exactly "true" or "false": OSC 1.9 compares text.
    return {"confidential": str(said.confidential).lower()}


def _osc(chain: Chain) -> OscProfile:
    if chain.versions.osc is None:
        raise ValueError("this stack has no peer pods of its own")
    return chain.versions.osc


def _peer_pods_data(args: PeerPodRuntimeArgs, credentials: Output[str | None]) -> Output[dict[str, str]]:
    said, network = args.stack.peer_pods, args.network
    initdata = args.chain.chain.apply(lambda chain: chain.documents[GLOBAL].encoded)
    timeout = args.chain.chain.apply(lambda chain: said.proxy_timeout or _osc(chain).proxy_timeout)
    place = (network.subnet_id, network.nsg_id, network.region, network.resource_group)
    return Output.all(*place, initdata, credentials, timeout).apply(
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
                proxy_timeout=found[6],
                vxlan_port=said.vxlan_port,
                credentials=found[5],
            )
        )
    )
