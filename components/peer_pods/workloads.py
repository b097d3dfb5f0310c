"""What teams without access to the stack get in their namespaces: the terms of their workloads, and what holds to them.

A ConfigMap has the terms. A ValidatingAdmissionPolicy, which the API server itself evaluates, refuses peer pods with
other initdata, or warns whoever makes them. It is a help against mistakes: what keeps secrets from a pod is KBS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats.workload import admission
from coco_azure.formats.workload import terms as formats
from coco_azure.formats.workload.terms import Terms
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings import Settings
from coco_azure.trust import remote_trustee
from coco_azure.trust.chain import Chain
from coco_azure.trust.remote_trustee import Hub
from components.peer_pods import guard


@dataclass(frozen=True, kw_only=True)
class WorkloadsArgs:
    """What the terms follow from.

    Attributes:
        last: the pod annotations of the last finished run, by workload.
        sealing_key: private key (PEM) that signs sealed secrets; None: nothing is sealed.
        reader: reader of the cluster, which is asked whether it evaluates admission policies.
        hub: what the stack with the Trustee gives, where it is another one.
        after: what must have happened before a pod with these terms can start.
    """

    stack: Settings
    chain: Output[Chain]
    last: Mapping[str, Mapping[str, str]]
    sealing_key: Input[str] | None
    reader: Reads
    hub: Output[Hub] | None = None
    after: Sequence[pulumi.Resource] = ()


class Workloads(pulumi.ComponentResource):
    """The terms of every workload, published in the namespaces that the settings name."""

    terms: Output[str]
    """The terms of every workload, as the stack exports them; public."""

    def __init__(self, name: str, args: WorkloadsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:Workloads", name, None, opts)
        self._name, self._args = name, args
        made = Output.all(args.chain, args.sealing_key, args.hub).apply(
            lambda values: remote_trustee.terms(args.stack, values[0], args.last, values[1], values[2])
        )
        # A sealed reference says where a secret is, and is for everybody; the key that signs it stays secret.
        public: Output[list[Terms]] = Output.unsecret(made)
        self.terms = public.apply(formats.to_line)
        namespaces = args.stack.initdata.namespaces
        maps = [self._publish(title, workloads, public) for title, workloads in namespaces.items()]
        if namespaces and args.stack.initdata.admission != "off" and self._evaluates_policies():
            self._admit(maps, public)
        self.register_outputs({"terms": self.terms})

    def _publish(self, title: str, workloads: Sequence[str], made: Output[list[Terms]]) -> pulumi.Resource:
        child = ResourceOptions(parent=self)
        namespace = kubernetes.core.v1.Namespace.get(f"{self._name}-{title}", title, child)
        data: Output[Any] = made.apply(
            lambda statuses: formats.to_config_map([each for each in statuses if each.workload in workloads])
        )
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-{title}-initdata",
            metadata={
                "name": names.WORKLOADS_CM,
                "namespace": namespace.metadata.apply(lambda metadata: str(metadata.name)),
            },
            data=data,
            # A pod with new initdata gets no secret before KBS accepts it.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=list(self._args.after))),
        )

    def _evaluates_policies(self) -> bool:
        if guard.can_be_had(self._args.reader):
            return True
        pulumi.log.warn(
            "the cluster evaluates no ValidatingAdmissionPolicy, so peer pods without a workload's initdata start in "
            f"its namespaces unnoticed ({', '.join(self._args.stack.initdata.namespaces)}); needed is Kubernetes 1.30 "
            "(OpenShift 4.17). Upgrade the cluster, or say that nothing is to hold them: pulumi config set --path "
            "coco-azure:initdata.admission off",
            self,
        )
        return False

    def _admit(self, maps: Sequence[pulumi.Resource], made: Output[list[Terms]]) -> None:
        stack, child = self._args.stack, ResourceOptions(parent=self)
        spec: Output[Any] = made.apply(lambda every: _policy(every, stack.initdata.namespaces))
        policy = kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{self._name}-admission",
            metadata={"name": names.WORKLOADS_POLICY},
            spec=spec,
            # With the terms, which are there once KBS accepts them.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[*maps])),
        )
        bindings = admission.bindings(tuple(stack.initdata.namespaces), refuse=stack.initdata.admission == "refuse")
        for title, spec in bindings.items():
            kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
                title.replace(names.WORKLOADS_POLICY, f"{self._name}-admission-binding"),
                metadata={"name": title},
                spec=spec,
                opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[policy])),
            )


def _policy(every: Sequence[Terms], namespaces: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    let_in = {
        title: [value for each in every if each.workload in workloads for value in each.accepted]
        for title, workloads in namespaces.items()
    }
    return admission.policy(every[0].annotation, let_in)
