"""The facts that a plan follows from, read out of Kubernetes objects.

Kinds and fields are those of openshift/sandboxed-containers-operator (``api/v1/kataconfig_types.go``) and
openshift/machine-config-operator (``machineconfiguration.openshift.io/v1``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.wanted import APPLIED, Applied, read_applied

Object = Mapping[str, Any]

OWNER = "coco-azure/stack"
"""Annotation that says which stack made an object, as ``PROJECT/STACK``."""
KATA_OC = "node-role.kubernetes.io/kata-oc"
"""Label that the operator gives to the nodes of its pool."""
WORKER = "node-role.kubernetes.io/worker"
MASTER = "node-role.kubernetes.io/master"
_RUNTIME_CLASSES = frozenset({"kata", "kata-remote", "kata-nvidia-gpu"})
_POOLS_WITHOUT_KATA = 2


@dataclass(frozen=True, kw_only=True)
class FoundKataConfig:
    """A KataConfig in the cluster.

    Attributes:
        name: its name.
        uid: its uid.
        owner: ``PROJECT/STACK`` that made it; None without a mark.
        applied: what that stack wanted when it made it; None where no stack said so.
        spec: its spec, with the defaults of its CRD.
        deleting: whether its deletion has begun.
        reason: reason of the condition InProgress; empty when idle.
        runtime_classes: names of the runtime classes whose pods block its deletion.
    """

    name: str
    uid: str
    owner: str | None
    applied: Applied | None
    spec: Object
    deleting: bool
    reason: str
    runtime_classes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node: name and labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A machine config pool.

    Attributes:
        name: its name.
        machines: how many nodes it has; -1 while nobody has counted them.
        at_once: how many of them may be updated at the same time; a number or a percentage, as the pool says.
        paused: whether its nodes are left as they are.
        degraded: what the pool says of a node that does not get through; None when all is well.
    """

    name: str
    machines: int
    at_once: int | str
    paused: bool
    degraded: str | None


@dataclass(frozen=True, kw_only=True)
class KataPod:
    """A pod of one of the runtime's classes, running or finished."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class LastRollout:
    """The roll-out that was last completed: uid of its KataConfig, and the nodes that it was for."""

    uid: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Image:
    """The pod VM image: its id (empty while there is none), whether the operator built it confidential, if known."""

    id: str
    confidential: bool | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is known of a cluster before a run.

    Attributes:
        stack: the running stack, ``PROJECT/STACK``.
        kata_configs: every KataConfig; the operator allows one.
        nodes: every node.
        pools: every machine config pool; none where nodes are not managed by one.
        pods: pods that block the deletion of KataConfig, without those of the stack's own check.
        gate: value of the feature gate ``confidential`` in the cluster; None while it has none.
        image: the pod VM image that CAA starts.
        last: the last completed roll-out of this stack; None before the first.
    """

    stack: str
    kata_configs: tuple[FoundKataConfig, ...]
    nodes: tuple[Node, ...]
    pools: tuple[Pool, ...]
    pods: tuple[KataPod, ...]
    gate: bool | None
    image: Image
    last: LastRollout | None

    @property
    def converged(self) -> bool:
        """Whether control plane and workers are the same nodes, all of which get kata (``checkConvergedCluster``)."""
        workers = [pool for pool in self.pools if pool.name == "worker"]
        return len(self.pools) == _POOLS_WITHOUT_KATA and bool(workers) and workers[0].machines == 0


def read_kata_config(found: Object) -> FoundKataConfig:
    """Return what a KataConfig says."""
    metadata, status = found["metadata"], found.get("status", {})
    marks = metadata.get("annotations") or {}
    conditions = [each for each in status.get("conditions", []) if each.get("type") == "InProgress"]
    return FoundKataConfig(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        owner=marks.get(OWNER),
        applied=read_applied(marks.get(APPLIED)),
        spec=found.get("spec", {}),
        deleting="deletionTimestamp" in metadata,
        reason=str(conditions[0].get("reason", "")) if conditions else "",
        runtime_classes=frozenset(status.get("runtimeClasses") or _RUNTIME_CLASSES),
    )


def read_node(found: Object) -> Node:
    """Return what a Node says."""
    return Node(name=str(found["metadata"]["name"]), labels=found["metadata"].get("labels", {}))


def read_pool(found: Object) -> Pool:
    """Return what a MachineConfigPool says."""
    spec, status = found.get("spec", {}), found.get("status", {})
    bad = [each for each in status.get("conditions", []) if each["type"] == "Degraded" and each["status"] == "True"]
    return Pool(
        name=str(found["metadata"]["name"]),
        machines=int(status.get("machineCount", -1)),
        at_once=spec.get("maxUnavailable") or 1,
        paused=bool(spec.get("paused", False)),
        degraded=str(bad[0].get("message") or bad[0].get("reason") or "no reason given") if bad else None,
    )


def read_pods(found: Sequence[Object], classes: frozenset[str], check: tuple[str, str]) -> tuple[KataPod, ...]:
    """Return the pods of these runtime classes, without those of the check: (namespace, value of label ``app``)."""
    return tuple(
        KataPod(namespace=pod["metadata"]["namespace"], name=pod["metadata"]["name"])
        for pod in found
        if pod.get("spec", {}).get("runtimeClassName") in classes
        and (pod["metadata"]["namespace"], pod["metadata"].get("labels", {}).get("app")) != check
    )


def blocking_classes(kata_configs: Sequence[FoundKataConfig]) -> frozenset[str]:
    """Return the runtime classes whose pods block a deletion."""
    return frozenset().union(*(each.runtime_classes for each in kata_configs)) or _RUNTIME_CLASSES


def read_gate(found: Object | None) -> bool | None:
    """Return what ConfigMap ``osc-feature-gates`` says of ``confidential``; every version takes the text true."""
    text = ((found or {}).get("data") or {}).get("confidential")
    return None if text is None else str(text).strip().lower() == "true"


def read_image(peer_pods: Object | None, built: Object | None) -> Image:
    """Return the image that ``peer-pods-cm`` names, and what ``azure-podvm-image-cm`` says of how it was built."""
    kind = ((built or {}).get("data") or {}).get("CONFIDENTIAL_COMPUTE_ENABLED")
    named = ((peer_pods or {}).get("data") or {}).get("AZURE_IMAGE_ID")
    return Image(id=str(named or ""), confidential=None if kind is None else str(kind).strip('"').lower() == "yes")


def read_last(found: object) -> LastRollout | None:
    """Return the last completed roll-out from the stack's output; None of anything else."""
    if not isinstance(found, Mapping) or not isinstance(found.get("uid"), str) or not found["uid"]:
        return None
    return LastRollout(uid=found["uid"], nodes=tuple(map(str, found.get("nodes") or ())))
