"""The peer-pod runtime: operator, feature gate, ``peer-pods-cm``, KataConfig and CAA (chapter 7.2, 7.6, 7.8, 7.10).

KataConfig is the step that reboots nodes. The gate and ``peer-pods-cm`` come before it, so a fresh cluster needs it
once; what changes later is changed in place, or by a replacement where the settings say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats import fingerprint
from coco_azure.rollout import choice, guard
from coco_azure.rollout.evidence import NodeTimes
from coco_azure.settings import Settings
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
from components.peer_pods import shared_config_maps as config_maps
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
        chain: the trust chain, with the version and the global initdata.
        network: where the pod VMs go.
        rollout: what the run will do to KataConfig.
        chosen: CSV of the operator, known from the start.
        profile: what is known of that version.
        trustee: this stack's Trustee, which is there before nodes reboot and deleted after KataConfig; None where it is
            another stack's.
    """

    stack: Settings
    chain: TrustChain
    network: AzureNetwork
    connections: Connections
    rollout: PlannedRollout
    chosen: str
    profile: OscProfile
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
        # It leaves the restart of CAA to the stack, unless others may do it.
        caa_is_held = policies and args.stack.peer_pods.caa_restart != "now"
        held: list[Input[pulumi.Resource]] = []

        def hold(after: Sequence[pulumi.Resource]) -> Sequence[Input[pulumi.Resource]]:
            if policies:
                arguments = CaaHoldArgs(client=args.connections.client, after=after, active=caa_is_held)
                held.append(CaaHold(f"{name}-caa-hold", arguments, ResourceOptions(parent=self)).holding)
            return held

        operator = self._operator(name, args, hold)
        if not args.stack.peer_pods.operator.install:
            hold([operator.installed])
        credentials = self._credentials(name, args, operator)
        roles = assigned(f"{name}-roles", args.stack, args.network.target, args.network.own_subnet, self)
        chain, pods = args.chain.chain, args.stack.peer_pods
        gates = chain.apply(lambda known: config_maps.feature_gates(pods, config_maps.profile_of(known)))
        gate = config_maps.patched(f"{name}-feature-gates", names.FEATURE_GATES, operator, gates, parent=self)
        data = config_maps.peer_pods_data(args.stack, chain, args.network, credentials.fingerprint)
        # With new credentials CAA is restarted for this ConfigMap, so they have to be there before it; as has what
        # keeps others from restarting it.
        after = [*credentials.made, *held]
        config = config_maps.patched(f"{name}-cm", names.PEER_PODS_CM, operator, data, parent=self, after=after)
        applied = args.rollout.plan.applied.image
        image = PodVmImage(args.connections.client, pods, request=applied, one_image=args.rollout.wanted.one_image)
        # The operator brings the kind; gate and configuration decide which pod VM image it builds, once. Credentials
        # and roles are for the image job, which works at KataConfig's creation and deletion.
        before_kata_config = [operator.installed, gate, config, *credentials.made, *roles]
        guarded = self._guard(name, args, operator, policies=policies)
        self.kata_config = self._kata_config(name, args, image, guarded, before_kata_config)
        self.installed = self._installed(name, args, image)
        # CAA has all of it as its environment, read at its start: the stack's keys, and the image that was asked for.
        asked = {"image": applied} if applied else {}
        self.fingerprint = data.apply(lambda values: fingerprint.fingerprint_of(values | asked))
        caa_args = caa.CaaArgs(
            stack=args.stack,
            restarted_by_operator=args.profile.restarts_caa,
            data=data,
            fingerprint=self.fingerprint,
            kata_config=self.kata_config,
            after=[self.installed, config],
            client=args.connections.client,
            image=image,
            csv=args.chosen,
            held_by_policy=caa_is_held,
        )
        self.ready = caa.rolled_out(f"{name}-caa", caa_args, self)
        self.register_outputs({"fingerprint": self.fingerprint})

    def _kata_config(
        self,
        name: str,
        args: PeerPodRuntimeArgs,
        image: PodVmImage,
        guarded: KataConfigGuard | None,
        before: Sequence[Input[pulumi.Resource]],
    ) -> KataConfig:
        # Trustee is deleted after KataConfig: pods that block the deletion go on attesting meanwhile.
        outliving = args.trustee.reached if args.trustee is not None else []
        opened = [guarded.opened] if guarded is not None else []
        options = ResourceOptions(parent=self, depends_on=[*before, *outliving, *opened])
        made = kata_config.make(name, args.rollout, image, options)
        if guarded is not None:
            guarded.shut_after(made)
        return made

    def _installed(self, name: str, args: PeerPodRuntimeArgs, image: PodVmImage) -> pulumi.Resource:
        """Return the gate behind KataConfig, and have the roll-out noted when it is over."""
        plan, facts, times = args.rollout.plan, args.rollout.facts, NodeTimes()
        gate_args = kata_gates.KataGateArgs(
            plan=plan,
            converged=facts.converged,
            nodes_in_custom_pools=choice.nodes_in_custom_pools(facts),
            settings=args.stack.peer_pods,
            kata_config=self.kata_config,
            name=plan.name,
            client=args.connections.client,
            image=image,
        )
        installed = kata_gates.installed(f"{name}-kata-installed", gate_args, times, self)
        self.rolled_out = kata_change.completed(facts.last, plan, self.kata_config, installed, times)
        return installed

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
                    args.stack.azure.credentials, args.network.target.subscription, args.network.target.tenant
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
            subscription=args.network.target.subscription,
            tenant=args.network.target.tenant,
            namespace=operator.namespace,
            client=args.connections.client,
        )
        return OperatorCredentials(f"{name}-credentials", arguments, ResourceOptions(parent=self))
