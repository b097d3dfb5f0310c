"""The facts that a plan follows from, read out of Kubernetes objects.

Kinds and fields are those of openshift/sandboxed-containers-operator (``api/v1/kataconfig_types.go``) and
openshift/machine-config-operator (``machineconfiguration.openshift.io/v1``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure import names
from coco_azure.formats import fingerprint
from coco_azure.rollout.desired_kata_config import Applied, read_applied
from coco_azure.rollout.drain import NOT_ASKED, Drains

Object = Mapping[str, Any]

HOSTED = "External"
"""``controlPlaneTopology`` of a cluster whose control plane runs elsewhere (HyperShift)."""
_RUNTIME_CLASSES = frozenset(names.RUNTIME_CLASSES)
_POOLS_WITHOUT_KATA = 2
_SHOWN = 16


@dataclass(frozen=True, kw_only=True)
class FoundKataConfig:
    """A KataConfig in the cluster.

    Attributes:
        owner: ``PROJECT/STACK`` that made it; None without a mark.
        applied: what that stack wanted when it made it; None where no stack said so.
        spec: its spec, with the defaults of its CRD.
        deleting: whether its deletion has begun.
        reason: reason of the condition InProgress; empty when idle.
        runtime_classes: names of the runtime classes whose pods block its deletion.
        generation: counts the changes of its spec; 0 where the API server says nothing.
        approval: what its guard lets pass; empty: nothing.
    """

    name: str
    uid: str
    owner: str | None
    applied: Applied | None
    spec: Object
    deleting: bool
    reason: str
    runtime_classes: frozenset[str]
    generation: int = 0
    approval: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node: name and labels."""

    name: str
    labels: Mapping[str, str]

    @property
    def windows(self) -> bool:
        """Whether it runs Windows, which the machine config operator leaves alone (``pkg/helpers/helpers.go``)."""
        return self.labels.get(names.NODE_OS) == "windows"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A machine config pool.

    Attributes:
        machines: how many nodes it has; -1 while nobody has counted them.
        at_once: how many of them may be updated at the same time; a number or a percentage, as the pool says.
        paused: whether its nodes are left as they are.
        degraded: what the pool says of a node that does not get through; None when all is well.
        selector: which nodes are its own; None: none.
        config: name of the configuration that its nodes are to have; empty: not said.
    """

    name: str
    machines: int
    at_once: int | str
    paused: bool
    degraded: str | None
    selector: Object | None = None
    config: str = ""


@dataclass(frozen=True, kw_only=True)
class KataPod:
    """A pod of one of the runtime's classes, running or finished."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class LastRollout:
    """The roll-out that was last completed.

    Attributes:
        uid: uid of its KataConfig.
        applied: fingerprint of what the KataConfig was marked with; empty: not known.
        count: how many roll-outs of the stack have been completed since they are counted.
        minutes: how long each node took that rebooted, as far as the run saw it.
    """

    uid: str
    nodes: tuple[str, ...]
    applied: str = ""
    count: int = 0
    minutes: Mapping[str, float] = field(default_factory=dict)

    @property
    def output(self) -> dict[str, Any]:
        """What the stack's output keeps of it."""
        more = {"applied": self.applied, "count": self.count, "minutes": dict(self.minutes)}
        return {"uid": self.uid, "nodes": list(self.nodes)} | {key: value for key, value in more.items() if value}

    def completed(self, kata_config: "FoundKataConfig") -> bool:
        """Return whether this is the roll-out of a KataConfig as it is marked now."""
        marked = fingerprint_of(kata_config.applied) if kata_config.applied is not None else ""
        return self.uid == kata_config.uid and self.applied in ("", marked)


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """The pod VM image: its id (empty while there is none), whether the operator built it confidential, if known."""

    id: str
    confidential: bool | None


@dataclass(frozen=True, kw_only=True)
class RolloutFacts:
    """Everything that is known of a cluster before a run.

    Attributes:
        stack: the running stack, ``PROJECT/STACK``.
        kata_configs: every KataConfig; the operator allows one.
        pools: every machine config pool; none where nodes are not managed by one.
        pods: pods that block the deletion of KataConfig, without those of the stack's own check.
        gate: value of the feature gate ``confidential`` in the cluster; None while it has none.
        image: the pod VM image that CAA starts.
        last: the last completed roll-out of this stack; None before the first.
        topology: ``controlPlaneTopology`` of Infrastructure ``cluster``; empty: not known.
        drains: what may keep nodes from being drained; nothing where nobody has asked.
    """

    stack: str
    kata_configs: tuple[FoundKataConfig, ...]
    nodes: tuple[Node, ...]
    pools: tuple[Pool, ...]
    pods: tuple[KataPod, ...]
    gate: bool | None
    image: ImageFacts
    last: LastRollout | None
    topology: str = ""
    drains: Drains = NOT_ASKED

    @property
    def without_machine_config(self) -> bool:
        """Whether nothing updates the nodes: a hosted control plane, or no machine config pools at all."""
        return self.topology == HOSTED or not self.pools

    @property
    def converged(self) -> bool:
        """Whether control plane and workers are the same nodes, all of which get kata (``checkConvergedCluster``)."""
        workers = [pool for pool in self.pools if pool.name == names.WORKER_POOL]
        return len(self.pools) == _POOLS_WITHOUT_KATA and bool(workers) and workers[0].machines == 0


def read_kata_config(kata_config: Object) -> FoundKataConfig:
    """Return what a KataConfig says."""
    metadata, status = kata_config["metadata"], kata_config.get("status", {})
    marks = metadata.get("annotations") or {}
    conditions = [each for each in status.get("conditions", []) if each.get("type") == "InProgress"]
    return FoundKataConfig(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        owner=marks.get(names.STACK),
        applied=read_applied(marks.get(names.APPLIED)),
        spec=kata_config.get("spec") or {},
        deleting="deletionTimestamp" in metadata,
        reason=str(conditions[0].get("reason", "")) if conditions else "",
        runtime_classes=frozenset(status.get("runtimeClasses") or _RUNTIME_CLASSES),
        generation=int(metadata.get("generation", 0)),
        approval=marks.get(names.APPROVED, ""),
    )


def read_node(node: Object) -> Node:
    """Return what a Node says."""
    return Node(name=str(node["metadata"]["name"]), labels=node["metadata"].get("labels") or {})


def read_pool(pool: Object) -> Pool:
    """Return what a MachineConfigPool says."""
    spec, status = pool.get("spec", {}), pool.get("status", {})
    bad = [each for each in status.get("conditions", []) if each["type"] == "Degraded" and each["status"] == "True"]
    return Pool(
        name=str(pool["metadata"]["name"]),
        machines=int(status.get("machineCount", -1)),
        at_once=spec.get("maxUnavailable") or 1,
        paused=bool(spec.get("paused", False)),
        degraded=str(bad[0].get("message") or bad[0].get("reason") or "no reason given") if bad else None,
        selector=spec.get("nodeSelector"),
        config=str((spec.get("configuration") or {}).get("name") or ""),
    )


def read_topology(infrastructure: Object | None) -> str:
    """Return where the control plane runs (openshift/api ``config/v1/types_infrastructure.go``); empty: not said."""
    return str(((infrastructure or {}).get("status") or {}).get("controlPlaneTopology") or "")


def read_pods(pods: Sequence[Object], classes: frozenset[str], check: tuple[str, str]) -> tuple[KataPod, ...]:
    """Return the pods of these runtime classes, without those of the check: (namespace, value of label ``app``)."""
    return tuple(
        KataPod(namespace=pod["metadata"]["namespace"], name=pod["metadata"]["name"])
        for pod in pods
        if pod.get("spec", {}).get("runtimeClassName") in classes
        and (pod["metadata"]["namespace"], pod["metadata"].get("labels", {}).get("app")) != check
    )


def blocking_classes(kata_configs: Sequence[FoundKataConfig]) -> frozenset[str]:
    """Return the runtime classes whose pods block a deletion."""
    return frozenset().union(*(each.runtime_classes for each in kata_configs)) or _RUNTIME_CLASSES


def read_gate(config_map: Object | None) -> bool | None:
    """Return what ConfigMap ``osc-feature-gates`` says of ``confidential``; every version takes the text true."""
    text = ((config_map or {}).get("data") or {}).get("confidential")
    return None if text is None else str(text).strip().lower() == "true"


def read_image(peer_pods: Object | None, built: Object | None) -> ImageFacts:
    """Return the image that ``peer-pods-cm`` names, and what ``azure-podvm-image-cm`` says of how it was built."""
    kind = ((built or {}).get("data") or {}).get("CONFIDENTIAL_COMPUTE_ENABLED")
    named = ((peer_pods or {}).get("data") or {}).get("AZURE_IMAGE_ID")
    return ImageFacts(id=str(named or ""), confidential=None if kind is None else str(kind).strip('"').lower() == "yes")


def read_last(output: object) -> LastRollout | None:
    """Return the last completed roll-out from the stack's output; None of anything else."""
    if not isinstance(output, Mapping) or not isinstance(output.get("uid"), str) or not output["uid"]:
        return None
    minutes = output.get("minutes") or {}
    return LastRollout(
        uid=output["uid"],
        nodes=tuple(map(str, output.get("nodes") or ())),
        applied=str(output.get("applied") or ""),
        count=int(output.get("count") or 0),
        minutes={str(node): float(each) for node, each in minutes.items()},
    )


def fingerprint_of(applied: Applied) -> str:
    """Return what ``LastRollout.applied`` says of a KataConfig with this mark."""
    return fingerprint.fingerprint_of({"applied": applied.text})[:_SHOWN]
