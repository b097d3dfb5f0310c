"""What the cluster says that decides what is left over, in it and in Azure. Asks; decides nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure import names
from coco_azure.cli.leftovers import cluster_names
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.rollout.diagnosis import name_of

Object = Mapping[str, Any]


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
        policies: what exists of the program's own admission policies, as kind and name.
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
    of_kata_config: Sequence[tuple[cluster_names.OfKataConfig, str]] = ()
    stuck: Sequence[str] = ()
    of_olm: Sequence[tuple[str, str, str]] = ()
    policies: Sequence[tuple[str, str]] = ()


def read(reader: Reads) -> Facts:
    """Return the facts of a cluster; raises what the reader raises."""
    version = reader.get(names.CLUSTER_VERSION) or {}
    infrastructure = reader.get(names.INFRASTRUCTURE) or {}
    config = reader.get(names.path(names.CONFIG_MAPS, names.PEER_PODS_CM, namespace=names.OSC_NAMESPACE))
    classes = (*names.RUNTIME_CLASSES, "kata-cc")
    return Facts(
        infrastructure=infrastructure.get("status", {}),
        cloud=_cloud(reader),
        cluster_id=str(version.get("spec", {}).get("clusterID", "")),
        kata_configs=reader.items(names.KATA_CONFIGS),
        config=config,
        gallery=_gallery(reader, config),
        building=any(_unfinished(job) for job in reader.items(names.path(names.JOBS, namespace=names.OSC_NAMESPACE))),
        pods=[pod for pod in reader.items(names.PODS) if pod["spec"].get("runtimeClassName") in classes],
        nodes=reader.items(names.NODES),
        pools=reader.items(names.POOLS),
        namespaces=_namespaces(reader),
        subscriptions=_by_namespace(reader, names.SUBSCRIPTIONS),
        csvs=_by_namespace(reader, names.CSVS),
        crds=_crds(reader),
        operators=frozenset(name_of(each) for each in reader.items(names.OPERATORS)),
        of_kata_config=_of_kata_config(reader),
        stuck=_stuck(reader),
        of_olm=_of_olm(reader),
        policies=_policies(reader),
    )


def _cloud(reader: Reads) -> Object:
    config_map = reader.get(names.CLOUD_CONF) or {}
    try:
        return dict(json.loads(config_map.get("data", {}).get("cloud.conf", "{}")))
    except ValueError:
        return {}


def _gallery(reader: Reads, config: Object | None) -> str:
    image = reader.get(names.path(names.CONFIG_MAPS, names.IMAGE_CM, namespace=names.OSC_NAMESPACE)) or {}
    annotations = (config or {}).get("metadata", {}).get("annotations") or {}
    return str(annotations.get("IMAGE_GALLERY_NAME") or image.get("data", {}).get("IMAGE_GALLERY_NAME") or "")


def _unfinished(job: Object) -> bool:
    ended = [each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"]
    return name_of(job).startswith(names.IMAGE_JOBS) and not any(
        each["type"] in ("Complete", "Failed") for each in ended
    )


def _namespaces(reader: Reads) -> dict[str, Object]:
    namespaces = {each.namespace: reader.get(f"{names.NAMESPACES}/{each.namespace}") for each in cluster_names.PACKAGES}
    return {name: namespace for name, namespace in namespaces.items() if namespace is not None}


def _by_namespace(reader: Reads, kind: str) -> dict[str, list[Object]]:
    return {each.namespace: reader.items(names.path(kind, namespace=each.namespace)) for each in cluster_names.PACKAGES}


def _crds(reader: Reads) -> dict[str, int]:
    paths = {name: path for package in cluster_names.PACKAGES for name, path in package.crds.items()}
    existing = [name for name in paths if reader.get(f"{names.CRDS}/{name}") is not None]
    return {name: len(reader.items(paths[name])) for name in existing}


def _of_kata_config(reader: Reads) -> list[tuple[cluster_names.OfKataConfig, str]]:
    existing = []
    for each in cluster_names.OF_KATA_CONFIG:
        of_kind = {name_of(one) for one in reader.items(each.path)}
        existing += [(each, name) for name in each.names if name in of_kind]
    return existing


def _stuck(reader: Reads) -> list[str]:
    going = [
        name_of(each)
        for each in reader.items(names.path(names.KBS_CONFIGS, namespace=names.TRUSTEE_NAMESPACE))
        if "deletionTimestamp" in each["metadata"]
    ]
    return (
        going
        if going
        and reader.get(names.path(names.DEPLOYMENTS, names.KBS_DEPLOYMENT, namespace=names.TRUSTEE_NAMESPACE)) is None
        else []
    )


def _of_olm(reader: Reads) -> list[tuple[str, str, str]]:
    return [
        (kind, name_of(each), package.namespace)
        for package in cluster_names.PACKAGES
        for kind, path in cluster_names.OWNED_BY_OLM
        for each in reader.items(path, labels=f"{names.OLM_OWNER_NAMESPACE}={package.namespace}")
    ]


def _policies(reader: Reads) -> list[tuple[str, str]]:
    return [
        (kind, name_of(each))
        for kind, path in cluster_names.OWN_POLICIES
        for each in reader.items(path)
        if name_of(each).startswith((names.GUARD, names.CAA_HOLD, names.WORKLOADS_POLICY))
    ]
