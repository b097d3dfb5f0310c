"""What the cluster says of itself. Reads only; nothing is created.

Everything here is known at preview, because existing objects are read at preview. That keeps the Route's host, initdata
and ``peer-pods-cm`` known in every diff.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions

from components.cluster.openshift import Infrastructure, Ingress


@dataclass(frozen=True, kw_only=True)
class ClusterFactsArgs:
    """Nothing decides what is read: the names are OpenShift's own."""


class ClusterFacts(pulumi.ComponentResource):
    """Facts of an existing OpenShift cluster."""

    infrastructure_name: Output[str]
    """Name that the installer gave the cluster, with its random suffix."""
    apps_domain: Output[str]
    """Domain of the cluster's routes, such as ``apps.example.eastus.aroapp.io``."""

    def __init__(self, name: str, args: ClusterFactsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:ClusterFacts", name, None, opts)
        del args
        child = ResourceOptions(parent=self)

        infrastructure = Infrastructure.read(f"{name}-infrastructure", "cluster", child)
        ingress = Ingress.read(f"{name}-ingress", "cluster", child)

        self.infrastructure_name = infrastructure.status.apply(lambda status: str(status["infrastructureName"]))
        self.apps_domain = ingress.spec.apply(lambda spec: str(spec["domain"]))
        self.register_outputs({"infrastructure_name": self.infrastructure_name, "apps_domain": self.apps_domain})
