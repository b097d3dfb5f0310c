"""What the cluster says that decides what is left over, in it and in Azure. Asks; decides nothing.

Sources: openshift/sandboxed-containers-operator devel d0632e58 ``controllers/openshift_controller.go``,
``layered_image_handler.go``, ``ppwebhook.go``, ``config/peerpods``; openshift/trustee-operator v1.2.1 ``config/crd``;
operator-lifecycle-manager ``pkg/controller/operators/decorators/operator.go`` (labels of an operator's parts).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure import names
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.rollout.diagnosis import name_of


@dataclass(frozen=True)
class Package:
    """One operator.

    Attributes:
        namespace: where it is installed.
        crds: paths of its kinds at the API server, by the name of the CRD.
    """

    name: str
    namespace: str
    crds: dict[str, str]


PACKAGES = (
    Package(
        names.OSC_PACKAGE,
        names.OSC_NAMESPACE,
        {
            "kataconfigs.kataconfiguration.openshift.io": names.KATA_CONFIGS,
            "peerpods.confidentialcontainers.org": names.PEER_PODS,
            "peerpodconfigs.confidentialcontainers.org": names.PEER_POD_CONFIGS,
        },
    ),
    Package(
        names.TRUSTEE_PACKAGE,
        names.TRUSTEE_NAMESPACE,
        {
            "kbsconfigs.confidentialcontainers.org": names.KBS_CONFIGS,
            "trusteeconfigs.confidentialcontainers.org": names.TRUSTEE_CONFIGS,
        },
    ),
)


@dataclass(frozen=True)
class OfKataConfig:
    """Something that OSC makes for KataConfig and takes away with it.

    Attributes:
        kind: its kind as ``oc`` takes it.
        path: list of the kind at the API server.
        note: what to know before it is removed.
        namespace: where it is, or None for what has no namespace.
    """

    kind: str
    path: str
    names: tuple[str, ...]
    note: str = ""
    namespace: str | None = None


_REBOOTS = "nodes that still have it reboot when it goes"
OF_KATA_CONFIG = (
    OfKataConfig(
        "machineconfig",
        names.MACHINE_CONFIGS,
        (
            "50-enable-sandboxed-containers-extension",
            "50-enable-sandboxed-containers-image",
            "40-worker-kata-remote-config",
            "50-kata-remote",
        ),
        _REBOOTS,
    ),
    OfKataConfig(
        "containerruntimeconfig",
        names.CONTAINER_RUNTIME_CONFIGS,
        (names.RUNTIME_CONFIG,),
        _REBOOTS,
    ),
    OfKataConfig("machineconfigpool", names.POOLS, (names.KATA_POOL,), "first take its label from every node"),
    OfKataConfig("runtimeclass", names.RUNTIME_CLASS_LIST, names.RUNTIME_CLASSES),
    OfKataConfig(
        "securitycontextconstraints",
        names.SECURITY_CONTEXT_CONSTRAINTS,
        ("sandboxed-containers-operator-scc",),
    ),
    OfKataConfig(
        "credentialsrequest",
        names.path(names.CREDENTIALS_REQUESTS, namespace=names.CREDENTIAL_OPERATOR_NAMESPACE),
        (names.CREDENTIALS_REQUEST,),
        "the cloud credential operator takes the credentials that it made in Azure away with it",
        names.CREDENTIAL_OPERATOR_NAMESPACE,
    ),
)
"""In an order in which it can be removed."""

OWN_POLICIES = (
    ("validatingadmissionpolicybinding", names.ADMISSION_BINDINGS),
    ("validatingadmissionpolicy", names.ADMISSION_POLICIES),
)
"""Kinds of the stack's own admission policies, in an order in which they can be removed."""

OWNED_BY_OLM = (
    ("clusterrolebinding", names.CLUSTER_ROLE_BINDINGS),
    ("clusterrole", names.CLUSTER_ROLES),
    ("validatingwebhookconfiguration", names.VALIDATING_WEBHOOKS),
    ("mutatingwebhookconfiguration", names.MUTATING_WEBHOOKS),
)
"""Kinds without a namespace that OLM makes for a CSV, with the label ``olm.owner.namespace``."""

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The cluster as it is.

    Attributes:
        infrastructure, cloud: the cluster's place in Azure: Infrastructure's status, and cloud-conf decoded.
        cluster_id: ClusterVersion's ``clusterID``; empty where there is none.
        config: ``peer-pods-cm``, where there is one.
        gallery: name of the gallery that ConfigMaps name; empty where they name none.
        building: whether an image job exists that has not ended.
        pods: pods of kata's runtime classes.
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
    of_kata_config: Sequence[tuple[OfKataConfig, str]] = ()
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
    namespaces = {each.namespace: reader.get(f"{names.NAMESPACES}/{each.namespace}") for each in PACKAGES}
    return {name: namespace for name, namespace in namespaces.items() if namespace is not None}


def _by_namespace(reader: Reads, kind: str) -> dict[str, list[Object]]:
    return {each.namespace: reader.items(names.path(kind, namespace=each.namespace)) for each in PACKAGES}


def _crds(reader: Reads) -> dict[str, int]:
    paths = {name: path for package in PACKAGES for name, path in package.crds.items()}
    existing = [name for name in paths if reader.get(f"{names.CRDS}/{name}") is not None]
    return {name: len(reader.items(paths[name])) for name in existing}


def _of_kata_config(reader: Reads) -> list[tuple[OfKataConfig, str]]:
    existing = []
    for each in OF_KATA_CONFIG:
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
        for package in PACKAGES
        for kind, path in OWNED_BY_OLM
        for each in reader.items(path, labels=f"{names.OLM_OWNER_NAMESPACE}={package.namespace}")
    ]


def _policies(reader: Reads) -> list[tuple[str, str]]:
    return [
        (kind, name_of(each))
        for kind, path in OWN_POLICIES
        for each in reader.items(path)
        if name_of(each).startswith((names.GUARD, names.CAA_HOLD, names.WORKLOADS_POLICY))
    ]
