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

from coco_azure import names
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.rollout.facts import read_node

NETWORK_SUBSCRIPTION = ("networkResourceSubscriptionID", "networkResourceSubscriptionId")
"""Key of cloud-conf for a network in another subscription; Go's JSON takes either spelling."""
PUBLIC = "AzurePublicCloud"
PUBLIC_ONLY = "cloud-api-adaptor makes pod VMs in Azure's public cloud alone; it has no setting for another one"
"""Why a cluster has to be in the public cloud.

cloud-api-adaptor signs in and asks Azure without naming a cloud (``src/cloud-providers/azure/client.go`` and
``provider.go``, the same in openshift/cloud-api-adaptor's release-1.9 to osc-release-v1.12: ``azidentity`` and the
clients of ARM get no options), so the SDK takes the public one, and no setting or variable of it changes that.
"""
_VM = re.compile(
    r"azure://(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachines/[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """What a cluster says of its place in Azure.

    Attributes:
        cloud: the cloud of Azure, as ``cloud_of`` returns it.
        network_group: resource group of its network, where Infrastructure names one.
        conf: cloud-conf: subscriptionId, tenantId, resourceGroup, location, vnetName, vnetResourceGroup, subnetName,
            securityGroupName, securityGroupResourceGroup ..., as far as they are there.
    """

    cloud: str
    resource_group: str
    network_group: str
    conf: Mapping[str, str]

    def first(self, *keys: str) -> str:
        """Return the first of these keys of cloud-conf that has a value; empty: none."""
        return next((self.conf[key] for key in keys if self.conf.get(key)), "")

    def lacks(self, key: str) -> str:
        """Return the words for a key that cloud-conf does not have."""
        return f"cloud-conf of this cluster names no {key}; it has {', '.join(sorted(self.conf)) or 'nothing'}"


def read(reader: Reads) -> ClusterPlace:
    """Return what the cluster says.

    Raises:
        pulumi.RunError: the cluster does not answer, is not on Azure, or its cloud-conf is no JSON.
    """
    try:
        infrastructure, conf = reader.get(names.INFRASTRUCTURE), reader.get(names.CLOUD_CONF)
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say where in Azure it is: {error}. Needed: the kubeconfig of coco-azure:cluster "
            "(default: that of oc; try oc get infrastructure cluster), and the right to read Infrastructure and "
            f"ConfigMap cloud-conf in {names.CLOUD_CONTROLLER_NAMESPACE}"
        ) from error
    azure = _azure(infrastructure or {})
    return ClusterPlace(
        cloud=cloud_of(infrastructure or {}),
        resource_group=str(azure["resourceGroupName"]),
        network_group=str(azure.get("networkResourceGroupName") or ""),
        conf=_decoded(conf) if conf is not None else {},
    )


def cloud_of(infrastructure: Mapping[str, Any]) -> str:
    """Return ``cloudName`` of Infrastructure, such as ``AzureUSGovernmentCloud``; empty: the public cloud."""
    platform = (infrastructure.get("status") or {}).get("platformStatus") or {}
    return str((platform.get("azure") or {}).get("cloudName") or "")


def is_foreign(cloud: str) -> bool:
    """Return whether a ``cloudName`` of Infrastructure is another cloud; an empty one is the public cloud.

    openshift/api ``config/v1/types_infrastructure.go``, AzureCloudEnvironment.
    """
    return cloud not in ("", PUBLIC)


def worker_vms(reader: Reads, most: int) -> list[str]:
    """Return the ARM ids of the VMs of the first worker nodes by name, at most so many; Windows is no pod's host."""
    nodes = ((read_node(node), node) for node in reader.items(names.NODES))
    named = {each.name: node for each, node in nodes if names.WORKER_ROLE in each.labels and not each.windows}
    provider_ids = [str(named[name].get("spec", {}).get("providerID") or "") for name in sorted(named)]
    return [match[1] for match in map(_VM.fullmatch, provider_ids) if match][:most]


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
        decoded = dict(json.loads(conf["data"]["cloud.conf"]))
    except (KeyError, TypeError, ValueError) as error:
        raise pulumi.RunError(
            f"ConfigMap {names.CLOUD_CONTROLLER_NAMESPACE}/cloud-conf has no JSON under its key cloud.conf "
            f"({error!r}); oc get cm -n {names.CLOUD_CONTROLLER_NAMESPACE} cloud-conf -o yaml shows what is there"
        ) from error
    return {key: value for key, value in decoded.items() if isinstance(value, str) and value}
