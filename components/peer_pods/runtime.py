"""The peer-pod runtime: operator, feature gate, ``peer-pods-cm``, KataConfig and CAA (chapter 7.2, 7.6, 7.8, 7.10).

KataConfig is the step that reboots nodes. The gate and ``peer-pods-cm`` come before it, so a fresh cluster needs it
once; what changes later is changed in place, or by a replacement where the settings say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats import fingerprint
from coco_azure.formats import peer_pods_cm as peer_pods
from coco_azure.inventory.azure_place import PodVmPlace
from coco_azure.rollout import choice, guard
from coco_azure.rollout.node_times import NodeTimes
from coco_azure.settings import Settings
from coco_azure.settings.peer_pods import PeerPodSettings
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import GLOBAL
from coco_azure.versions.profiles import OscProfile
from components.azure.credentials import OperatorCredentials, OperatorCredentialsArgs, operator_environment
from components.azure.network import AzureNetwork
from components.azure.roles import assigned
from components.cluster.connections import Connections
from components.cluster.openshift import KataConfig
from components.operators.olm_operator import First, OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource
from components.peer_pods import caa, kata_change, kata_config, kata_gates
from components.peer_pods import guard as guarding
from components.peer_pods.caa_restart import CaaHold, CaaHoldArgs
from components.peer_pods.guard import KataConfigGuard, KataConfigGuardArgs
from components.peer_pods.kata_config import PlannedRollout
from components.peer_pods.pod_vm_image import PodVmImage
from components.trustee.chain import TrustChain
from components.trustee.stack import TrusteeStack


@dataclass(frozen=True, kw_only=True)
class PeerPodRuntimeArgs:
    """What the runtime is made of.

    Attributes:
        stack: the settings.
        chain: the trust chain, with the version and the global initdata.
        network: where the pod VMs go.
        place: the same as plain strings.
        connections: the cluster.
        rollout: what the run will do to KataConfig.
        chosen: CSV of the operator, known from the start.
        trustee: this stack's Trustee, which is there before nodes reboot and deleted after KataConfig; None where it is
            another stack's.
    """

    stack: Settings
    chain: TrustChain
    network: AzureNetwork
    place: PodVmPlace
    connections: Connections
    rollout: PlannedRollout
    chosen: str
    trustee: TrusteeStack | None = None


def osc_source(stack: Settings, connections: Connections) -> OperatorSource:
    """Return where the operator of OpenShift sandboxed containers comes from."""
    return OperatorSource(
        package=names.OSC_PACKAGE,
        namespace=names.OSC_NAMESPACE,
        subscription=names.OSC_SUBSCRIPTION,
        settings=stack.peer_pods.operator,
        reader=connections.reader,
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
        policies = guarding.can_be_had(args.connections.reader)
        child, held = ResourceOptions(parent=self), list[Input[pulumi.Resource]]()

        def hold(after: Sequence[pulumi.Resource]) -> Sequence[Input[pulumi.Resource]]:
            # It leaves the restart of CAA to the stack, unless others may do it.
            active = args.stack.peer_pods.caa_restart != "now"
            arguments = CaaHoldArgs(client=args.connections.client, after=after, active=active)
            held.extend([CaaHold(f"{name}-caa-hold", arguments, child).holding] if policies else [])
            return held

        operator = self._operator(name, args, hold)
        if not args.stack.peer_pods.operator.install:
            hold([operator.installed])
        credentials = self._credentials(name, args, operator)
        roles = assigned(f"{name}-roles", args.stack, args.place, args.network.own_subnet, self)
        data = _peer_pods_data(args, credentials.fingerprint)
        gates = args.chain.chain.apply(lambda chain: _feature_gates(args.stack.peer_pods, _osc(chain)))
        gate = self._shared_config_map(f"{name}-feature-gates", names.FEATURE_GATES, operator, gates)
        # With new credentials CAA is restarted for this ConfigMap, so they have to be there before it; as has what
        # keeps others from restarting it.
        config = self._shared_config_map(f"{name}-cm", names.PEER_PODS_CM, operator, data, [*credentials.made, *held])
        applied, one_image = args.rollout.plan.applied, args.rollout.wanted.one_image
        image = PodVmImage(args.connections.client, args.stack.peer_pods, request=applied.image, one_image=one_image)
        outliving = args.trustee.reached if args.trustee is not None else []
        guarded = self._guard(name, args, operator, policies=policies)
        self.kata_config = kata_config.make(
            name,
            args.rollout,
            image,
            # The operator brings the kind; gate and configuration decide which pod VM image it builds, once.
            # Trustee is deleted after KataConfig: pods that block the deletion go on attesting meanwhile. Credentials
            # and roles are for the image job, which works at KataConfig's creation and deletion.
            ResourceOptions(
                parent=self,
                depends_on=[
                    *(operator.installed, gate, config, *credentials.made, *roles, *outliving),
                    *([guarded.opened] if guarded is not None else []),
                ],
            ),
        )
        if guarded is not None:
            guarded.shut_after(self.kata_config)
        times = NodeTimes()
        self.installed = kata_gates.installed(
            f"{name}-kata-installed",
            kata_gates.KataGateArgs(
                plan=args.rollout.plan,
                converged=args.rollout.facts.converged,
                strangers=choice.strangers(args.rollout.facts),
                settings=args.stack.peer_pods,
                kata_config=self.kata_config,
                name=args.rollout.plan.name,
                client=args.connections.client,
                image=image,
            ),
            times,
            self,
        )
        self.rolled_out = kata_change.completed(
            args.rollout.facts.last, args.rollout.plan, self.kata_config, self.installed, times
        )
        # CAA has all of it as its environment, read at its start: the stack's keys, and the image that was asked for.
        asked = {"image": applied.image} if applied.image else {}
        self.fingerprint = data.apply(lambda values: fingerprint.of(values | asked))
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
                csv=args.chosen,
                held=bool(held) and args.stack.peer_pods.caa_restart != "now",
            ),
            self,
        )
        self.register_outputs({"fingerprint": self.fingerprint})

    def _operator(self, name: str, args: PeerPodRuntimeArgs, hold: First) -> OlmOperator:
        return OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package=names.OSC_PACKAGE,
                namespace=names.OSC_NAMESPACE,
                group=names.OSC_GROUP,
                subscription=names.OSC_SUBSCRIPTION,
                settings=args.stack.peer_pods.operator,
                csv=args.chain.csv(names.OSC_PACKAGE),
                chosen=args.chosen,
                environment=operator_environment(
                    args.stack.azure.credentials, args.place.subscription, args.place.tenant
                ),
                # A new version rolls CAA out as soon as it runs.
                first=hold,
            ),
            ResourceOptions(parent=self),
        )

    def _guard(
        self, name: str, args: PeerPodRuntimeArgs, operator: OlmOperator, *, policies: bool
    ) -> KataConfigGuard | None:
        """Return the guard of KataConfig, or None where it is not wanted, or the cluster cannot have one."""
        if not args.stack.peer_pods.kata_config.guard:
            return None
        if not policies:
            pulumi.log.warn(guard.MISSING, self)
            return None
        arguments = KataConfigGuardArgs(
            client=args.connections.client,
            after=[operator.installed],
            always=args.rollout.always,
            approval=args.rollout.approval,
        )
        return KataConfigGuard(f"{name}-guard", arguments, ResourceOptions(parent=self))

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
        after: Sequence[Input[pulumi.Resource]] = (),
    ) -> kubernetes.core.v1.ConfigMapPatch:
        # A patch, because others own keys of it too: the operator writes AZURE_IMAGE_ID, and a plain ConfigMap would
        # drop that key at its next change. What the stack does set, it takes over, as `oc apply` in the chapter does.
        return kubernetes.core.v1.ConfigMapPatch(
            name,
            metadata={"name": title, "namespace": operator.namespace, "annotations": {names.PATCH_FORCE: "true"}},
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


def _feature_gates(settings: PeerPodSettings, profile: OscProfile) -> dict[str, str]:
    # Exactly "true" or "false": OSC 1.9 compares text.
    gates = {"confidential": str(settings.confidential).lower()}
    if settings.kata_config.deployment_mode == "DaemonSet":
        gates["deploymentMode"] = "DaemonSet"
    if profile.caa_update_strategy:
        gates["caaUpdateStrategy"] = "RollingUpdate" if settings.caa_restart == "now" else "OnDelete"
    return gates


def _osc(chain: Chain) -> OscProfile:
    if chain.versions.osc is None:
        raise ValueError("this stack has no peer pods of its own")
    return chain.versions.osc


def _peer_pods_data(args: PeerPodRuntimeArgs, credentials: Output[str | None]) -> Output[dict[str, str]]:
    settings, network = args.stack.peer_pods, args.network
    initdata = args.chain.chain.apply(lambda chain: chain.documents[GLOBAL].encoded)
    timeout = args.chain.chain.apply(lambda chain: settings.proxy_timeout or _osc(chain).proxy_timeout)
    place = (network.subnet_id, network.nsg_id, network.region, network.resource_group)
    return Output.all(*place, initdata, credentials, timeout).apply(
        lambda values: peer_pods.render(
            peer_pods.PeerPods(
                subnet_id=values[0],
                nsg_id=values[1],
                region=values[2],
                resource_group=values[3],
                initdata=values[4] if args.stack.initdata.into_peer_pods_cm else None,
                instance_size=settings.size,
                instance_sizes=settings.sizes,
                limit_per_node=settings.limit_per_node,
                tags=settings.tags,
                image_id=settings.image_id,
                secure_boot=settings.secure_boot,
                confidential=settings.confidential,
                proxy_timeout=values[6],
                vxlan_port=settings.vxlan_port,
                credentials=values[5],
                root_volume_size=settings.root_volume_size,
                environment=settings.caa_environment,
            )
        )
    )
