"""Makes the cluster of ``world.yaml`` on an empty API server; on one that has it already, it changes nothing."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rehearsal import kinds
from rehearsal.api import Api, Object
from rehearsal.azure import documents
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CRD, NAMESPACE, NODE
from rehearsal.operators import cco, crds, faults, olm_catalog
from rehearsal.rest import ApiError

STATE = "machineconfiguration.openshift.io/state"
CURRENT = "machineconfiguration.openshift.io/currentConfig"
DESIRED = "machineconfiguration.openshift.io/desiredConfig"
ROLE = "node-role.kubernetes.io/"
_CAPACITY = {"cpu": "8", "memory": "32Gi", "pods": "250"}
_SERVED_WITHIN = 200  # looks
_LOOK_EVERY = 0.1


async def make(api: Api) -> None:
    """Create CRDs, namespaces, nodes and what else of the world is missing.

    Raises:
        TimeoutError: the API server does not serve the kinds.
        ValueError: the environment asks for a version that the catalog does not have.
    """
    world = yaml.safe_load(Path(__file__).with_name("world.yaml").read_text(encoding="utf-8"))
    azure = Subscription.described()
    _place(world, azure)
    world["PackageManifest"] = olm_catalog.manifests(os.environ)
    definitions = crds.of("cluster")
    await asyncio.gather(*(api.create(CRD, crd) for crd in definitions))
    for crd in definitions:
        await until_served(api, crd)
    for name in (faults.NAMESPACE, *world.pop("namespaces")):
        await api.create(NAMESPACE, {"metadata": {"name": name}})
    for kind, contents in world.items():
        for content in contents:
            await _create_with_status(api, kind, content)
    for role, names in azure.content["nodes"].items():
        for name, zone in names.items():
            await _node(api, name, role, zone, azure)
    await cco.install(api, azure)


def _place(world: dict[str, Any], azure: Subscription) -> None:
    """Write into the world what the cluster says of its place in Azure."""
    cluster = azure.cluster
    groups = {"resourceGroupName": cluster["resourceGroup"], "networkResourceGroupName": cluster["vnetResourceGroup"]}
    world["Infrastructure"][0]["status"]["platformStatus"]["azure"] |= groups
    conf = {
        "cloud": "AzurePublicCloud",
        "tenantId": azure.tenant,
        "subscriptionId": azure.id,
        "location": azure.location,
        "vmType": "standard",
        "loadBalancerSku": "standard",
        **cluster,
    }
    metadata = {"name": "cloud-conf", "namespace": "openshift-cloud-controller-manager"}
    world["ConfigMap"] = [{"metadata": metadata, "data": {"cloud.conf": json.dumps(conf, indent=2)}}]


async def until_served(api: Api, crd: Mapping[str, Any]) -> None:
    """Return once the API server serves the kind; raises TimeoutError."""
    spec = crd["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}?limit=1"
    for _ in range(_SERVED_WITHIN):
        try:
            await api.request("GET", path)
        except ApiError:
            await asyncio.sleep(_LOOK_EVERY)
        else:
            return
    raise TimeoutError(f"{spec['names']['kind']} is not served {_SERVED_WITHIN * _LOOK_EVERY:.0f} s after its CRD")


async def _create_with_status(api: Api, kind: str, content: Object) -> None:
    made = await api.create(kinds.ALL[kind], content)
    if made is not None and "status" in content:
        await api.set_status(kinds.ALL[kind], made, content["status"])


async def _node(api: Api, name: str, role: str, zone: str, azure: Subscription) -> None:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": azure.location,
        "topology.kubernetes.io/zone": zone,
        f"{ROLE}{role}": "",
    }
    spec: dict[str, Any] = {"providerID": f"azure://{documents.vm_id(azure.content, name)}"}
    if role == "master":
        labels[f"{ROLE}control-plane"] = ""
        spec["taints"] = [{"key": f"{ROLE}master", "effect": "NoSchedule"}]
    annotations = {STATE: "Done", CURRENT: "", DESIRED: ""}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    made = await api.create(NODE, {"metadata": metadata, "spec": spec})
    if made is not None:
        await api.set_status(
            NODE, made, {"capacity": _CAPACITY, "allocatable": _CAPACITY, "conditions": [ready("True")]}
        )


def ready(status: str) -> Object:
    """Return a node's Ready condition."""
    reason = "KubeletReady" if status == "True" else "NodeStatusUnknown"
    return {"type": "Ready", "status": status, "reason": reason, "message": "simulated kubelet"}
