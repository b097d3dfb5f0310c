"""What the cluster says that decides what is left over, in it and in Azure. Asks; decides nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from leftovers import cluster_names as names

Object = Mapping[str, Any]
_CONFIGS = f"/api/v1/namespaces/{names.OSC_NAMESPACE}/configmaps"
_JOBS = f"/apis/batch/v1/namespaces/{names.OSC_NAMESPACE}/jobs"
_CLOUD_CONF = "/api/v1/namespaces/openshift-cloud-controller-manager/configmaps/cloud-conf"


class Client(Protocol):
    """What is needed of a client of the API server (``components.cluster.client``)."""

    def get(self, path: str) -> Object | None:
        """Return an object, or None."""

    def items(self, path: str, *, labels: str | None = None) -> list[Object]:
        """Return the objects of a list; a kind that is not served has none."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The cluster as it is.

    Attributes:
        infrastructure, cloud: the cluster's place in Azure: Infrastructure's status, and cloud-conf decoded.
        cluster_id: ClusterVersion's ``clusterID``; empty where there is none.
        kata_configs: every KataConfig.
        config: ``peer-pods-cm``, where there is one.
        gallery: name of the gallery that ConfigMaps name; empty where they name none.
        building: whether an image job exists that has not ended.
        pods: pods of kata's runtime classes.
        nodes, pools: all of them.
        namespaces: those of the two operators that exist, by name.
        subscriptions, csvs: by namespace.
        crds: names of the operators' CRDs that exist, with the number of their objects.
        operators: names of OLM's Operator objects.
        of_kata_config: what exists of ``OF_KATA_CONFIG``, as pairs of its description and a name.
        stuck: names of KbsConfigs that are being deleted and have no Deployment any more.
        of_olm: what exists of ``OWNED_BY_OLM``, as kind, name and the owner's namespace.
    """

    infrastructure: Object = field(default_factory=dict)
    cloud: Object = field(default_factory=dict)
    cluster_id: str = ""
    kata_configs: Sequence[Object] = ()
    config: Object | None = None
    gallery: str = ""
    building: bool = False
    pods: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    pools: Sequence[Object] = ()
    namespaces: Mapping[str, Object] = field(default_factory=dict)
    subscriptions: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    csvs: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    crds: Mapping[str, int] = field(default_factory=dict)
    operators: frozenset[str] = frozenset()
    of_kata_config: Sequence[tuple[names.OfKataConfig, str]] = ()
    stuck: Sequence[str] = ()
    of_olm: Sequence[tuple[str, str, str]] = ()


def read(client: Client) -> Facts:
    """Return the facts of a cluster; raises what the client raises."""
    version = client.get("/apis/config.openshift.io/v1/clusterversions/version") or {}
    infrastructure = client.get("/apis/config.openshift.io/v1/infrastructures/cluster") or {}
    config = client.get(f"{_CONFIGS}/peer-pods-cm")
    classes = (*names.RUNTIME_CLASSES, "kata-cc")
    return Facts(
        infrastructure=infrastructure.get("status", {}),
        cloud=_cloud(client),
        cluster_id=str(version.get("spec", {}).get("clusterID", "")),
        kata_configs=client.items(names.KATA_CONFIGS),
        config=config,
        gallery=_gallery(client, config),
        building=any(_unfinished(job) for job in client.items(_JOBS)),
        pods=[pod for pod in client.items(names.PODS) if pod["spec"].get("runtimeClassName") in classes],
        nodes=client.items(names.NODES),
        pools=client.items(names.POOLS),
        namespaces=_namespaces(client),
        subscriptions=_by_namespace(client, "subscriptions"),
        csvs=_by_namespace(client, "clusterserviceversions"),
        crds=_crds(client),
        operators=frozenset(name_of(each) for each in client.items(names.OPERATORS)),
        of_kata_config=_of_kata_config(client),
        stuck=_stuck(client),
        of_olm=_of_olm(client),
    )


def name_of(found: Object) -> str:
    """Return an object's name."""
    return str(found["metadata"]["name"])


def _cloud(client: Client) -> Object:
    found = client.get(_CLOUD_CONF) or {}
    try:
        return dict(json.loads(found.get("data", {}).get("cloud.conf", "{}")))
    except ValueError:
        return {}


def _gallery(client: Client, config: Object | None) -> str:
    image = client.get(f"{_CONFIGS}/azure-podvm-image-cm") or {}
    annotations = (config or {}).get("metadata", {}).get("annotations") or {}
    return str(annotations.get("IMAGE_GALLERY_NAME") or image.get("data", {}).get("IMAGE_GALLERY_NAME") or "")


def _unfinished(job: Object) -> bool:
    ended = [each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"]
    return name_of(job).startswith("osc-podvm-") and not any(each["type"] in ("Complete", "Failed") for each in ended)


def _namespaces(client: Client) -> dict[str, Object]:
    found = {each.namespace: client.get(f"{names.NAMESPACES}/{each.namespace}") for each in names.PACKAGES}
    return {name: namespace for name, namespace in found.items() if namespace is not None}


def _by_namespace(client: Client, plural: str) -> dict[str, list[Object]]:
    olm = "/apis/operators.coreos.com/v1alpha1/namespaces"
    return {each.namespace: client.items(f"{olm}/{each.namespace}/{plural}") for each in names.PACKAGES}


def _crds(client: Client) -> dict[str, int]:
    paths = {name: path for package in names.PACKAGES for name, path in package.crds.items()}
    existing = [name for name in paths if client.get(f"{names.CRDS}/{name}") is not None]
    return {name: len(client.items(paths[name])) for name in existing}


def _of_kata_config(client: Client) -> list[tuple[names.OfKataConfig, str]]:
    found = []
    for each in names.OF_KATA_CONFIG:
        there = {name_of(one) for one in client.items(each.path)}
        found += [(each, name) for name in each.names if name in there]
    return found


def _stuck(client: Client) -> list[str]:
    going = [name_of(each) for each in client.items(names.KBS_CONFIGS) if "deletionTimestamp" in each["metadata"]]
    return going if going and client.get(names.KBS_DEPLOYMENT) is None else []


def _of_olm(client: Client) -> list[tuple[str, str, str]]:
    return [
        (kind, name_of(found), package.namespace)
        for package in names.PACKAGES
        for kind, path in names.OWNED_BY_OLM
        for found in client.items(path, labels=f"olm.owner.namespace={package.namespace}")
    ]
