"""Where in Azure a cluster is, as the cluster itself says: asked before anything is registered, and read only.

``infrastructures.config.openshift.io/cluster`` names the resource group; cloud-conf, the configuration of Azure's cloud
controller manager, names the network. The installer writes it (openshift/installer,
``pkg/asset/manifests/azure/cloudproviderconfig.go``), and ``site/content/en/install/configs.md`` of
kubernetes-sigs/cloud-provider-azure says what each key means.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.cluster.client import ClusterClient

INFRASTRUCTURE = "/apis/config.openshift.io/v1/infrastructures/cluster"
CLOUD_CONF = "/api/v1/namespaces/openshift-cloud-controller-manager/configmaps/cloud-conf"
NODES = "/api/v1/nodes"
NETWORK_SUBSCRIPTION = ("networkResourceSubscriptionID", "networkResourceSubscriptionId")
"""Key of cloud-conf for a network in another subscription; Go's JSON takes either spelling."""
_WORKERS = "node-role.kubernetes.io/worker"
_VM = re.compile(
    r"azure://(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachines/[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """What a cluster says of its place in Azure.

    Attributes:
        resource_group: its resource group.
        network_group: resource group of its network, where Infrastructure names one.
        conf: cloud-conf: subscriptionId, tenantId, resourceGroup, location, vnetName, vnetResourceGroup, subnetName,
            securityGroupName, securityGroupResourceGroup ..., as far as they are there.
    """

    resource_group: str
    network_group: str
    conf: Mapping[str, str]

    def first(self, *keys: str) -> str:
        """Return the first of these keys of cloud-conf that has a value; empty: none."""
        return next((self.conf[key] for key in keys if self.conf.get(key)), "")

    def lacks(self, key: str) -> str:
        """Return the words for a key that cloud-conf does not have."""
        return f"cloud-conf of this cluster names no {key}; it has {', '.join(sorted(self.conf)) or 'nothing'}"


def read(client: ClusterClient) -> ClusterPlace:
    """Return what the cluster says.

    Raises:
        pulumi.RunError: the cluster does not answer, is not on Azure, or its cloud-conf is no JSON.
    """
    try:
        infrastructure, conf = client.get(INFRASTRUCTURE), client.get(CLOUD_CONF)
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say where in Azure it is: {error}. Needed: the kubeconfig of coco-azure:cluster "
            "(default: that of oc; try oc get infrastructure cluster), and the right to read Infrastructure and "
            "ConfigMap cloud-conf in openshift-cloud-controller-manager"
        ) from error
    azure = _azure(infrastructure or {})
    return ClusterPlace(
        resource_group=str(azure["resourceGroupName"]),
        network_group=str(azure.get("networkResourceGroupName") or ""),
        conf=_decoded(conf) if conf is not None else {},
    )


def worker_vms(client: ClusterClient, most: int) -> list[str]:
    """Return the ARM ids of the VMs of the first worker nodes by name, at most so many."""
    named = {str(node["metadata"]["name"]): node for node in client.items(NODES, labels=_WORKERS)}
    said = [str(named[name].get("spec", {}).get("providerID") or "") for name in sorted(named)]
    return [found[1] for found in map(_VM.fullmatch, said) if found][:most]


def _azure(infrastructure: Mapping[str, Any]) -> Mapping[str, Any]:
    platform = (infrastructure.get("status") or {}).get("platformStatus") or {}
    if "azure" not in platform:
        raise pulumi.RunError(
            f"this cluster runs on {platform.get('type', 'an unknown platform')}, needed one on Azure: "
            "oc get infrastructure cluster -o jsonpath={.status.platformStatus}; check coco-azure:cluster.context"
        )
    return dict(platform["azure"])


def _decoded(conf: Mapping[str, Any]) -> dict[str, str]:
    try:
        found = dict(json.loads(conf["data"]["cloud.conf"]))
    except (KeyError, TypeError, ValueError) as error:
        raise pulumi.RunError(
            f"ConfigMap openshift-cloud-controller-manager/cloud-conf has no JSON under its key cloud.conf "
            f"({error!r}); oc get cm -n openshift-cloud-controller-manager cloud-conf -o yaml shows what is there"
        ) from error
    return {key: value for key, value in found.items() if isinstance(value, str) and value}
