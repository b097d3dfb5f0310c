"""What the cluster says of itself and of its place in Azure. Reads only; nothing is created.

Everything here is known at preview, because existing objects are read at preview. That keeps the Route's host, initdata
and ``peer-pods-cm`` known in every diff.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from components.openshift import Infrastructure, Ingress

CLOUD_CONF = "openshift-cloud-controller-manager/cloud-conf"
"""ConfigMap of Azure's cloud controller manager; its key ``cloud.conf`` is JSON and names the network exactly."""
CLOUD_CONF_KEYS = (
    "subscriptionId",
    "resourceGroup",
    "vnetName",
    "vnetResourceGroup",
    "subnetName",
    "securityGroupName",
    "securityGroupResourceGroup",
)
"""What the look-ups need of it."""


@dataclass(frozen=True, kw_only=True)
class ClusterFactsArgs:
    """What has to be read.

    Attributes:
        cloud_conf: whether the network's names are needed; without them the cluster's cloud-conf is not read.
        azure: whether the cluster has to be one on Azure, as that of pod VMs; Trustee alone runs anywhere.
    """

    cloud_conf: bool = False
    azure: bool = False


class ClusterFacts(pulumi.ComponentResource):
    """Facts of an existing OpenShift cluster on Azure."""

    infrastructure_name: Output[str]
    """Name that the installer gave the cluster, with its random suffix."""
    apps_domain: Output[str]
    """Domain of the cluster's routes, such as ``apps.example.eastus.aroapp.io``."""
    resource_group: Output[str]
    """Azure resource group of the cluster; empty where it need not be on Azure."""
    cloud: Output[dict[str, Any]]
    """Content of cloud-conf: vnetName, vnetResourceGroup, subnetName, securityGroupName, location, subscriptionId ...;
    empty where it was not asked for."""

    def __init__(self, name: str, args: ClusterFactsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:ClusterFacts", name, None, opts)
        child = ResourceOptions(parent=self)

        infrastructure = Infrastructure.read(f"{name}-infrastructure", "cluster", child)
        ingress = Ingress.read(f"{name}-ingress", "cluster", child)

        self.infrastructure_name = infrastructure.status.apply(lambda status: str(status["infrastructureName"]))
        self.apps_domain = ingress.spec.apply(lambda spec: str(spec["domain"]))
        self.resource_group = (
            infrastructure.status.apply(_azure_resource_group) if args.azure else Output.from_input("")
        )
        self.cloud = Output.from_input({})
        if args.cloud_conf:
            conf = kubernetes.core.v1.ConfigMap.get(f"{name}-cloud-conf", CLOUD_CONF, child)
            self.cloud = conf.data.apply(_cloud_conf)
        self.register_outputs(
            {
                "infrastructure_name": self.infrastructure_name,
                "apps_domain": self.apps_domain,
                "resource_group": self.resource_group,
                "cloud": self.cloud,
            }
        )


def _azure_resource_group(status: dict[str, Any]) -> str:
    platform = status.get("platformStatus") or {}
    if "azure" not in platform:
        raise pulumi.RunError(
            f"this cluster runs on {platform.get('type', 'an unknown platform')}, needed one on Azure: "
            "oc get infrastructure cluster -o jsonpath={.status.platformStatus}; check coco-azure:cluster.context"
        )
    return str(platform["azure"]["resourceGroupName"])


def _cloud_conf(data: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = dict(json.loads(data["cloud.conf"]))
    except (KeyError, TypeError, ValueError) as error:
        raise pulumi.RunError(
            f"ConfigMap {CLOUD_CONF} has no JSON under its key cloud.conf ({error}); "
            "set coco-azure:azure.subnetId, azure.nsgId, azure.region and azure.resourceGroup by hand instead"
        ) from error
    # Only what is used: everything that a component outputs is kept in the state.
    return {key: found[key] for key in CLOUD_CONF_KEYS if found.get(key)}
