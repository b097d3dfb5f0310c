"""What keeps the drain of a node from coming to its end, known before the node reboots.

The machine config operator evicts every pod of a node but those of DaemonSets and mirror pods; pods without a
controller and with local data it takes along (openshift/machine-config-operator ``pkg/controller/drain/
drain_controller.go`` at 7ff337a4: ``Force``, ``DeleteEmptyDirData``, ``IgnoreAllDaemonSets``; kubectl
``pkg/drain/filters.go``). It goes on trying; after an hour it reports the drain as failed.

What stops an eviction is a PodDisruptionBudget (kubernetes ``pkg/registry/core/pod/storage/eviction.go``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Labels = Mapping[str, str]


def matches(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Return whether a selector matches (apimachinery ``pkg/apis/meta/v1/helpers.go``, ``LabelSelectorAsSelector``).

    Without a selector nothing is matched, by an empty one everything; what is no selector at all matches nothing.
    """
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(each, labels) for each in selector.get("matchExpressions") or ())


def _meets(expression: Mapping[str, Any], labels: Labels) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


Object = Mapping[str, Any]

_FREE = ("Pending", "Succeeded", "Failed")
"""Phases of pods that no budget protects (``canIgnorePDB``)."""
_PLATFORM = ("openshift-", "kube-")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A PodDisruptionBudget.

    Attributes:
        selector: the pods that it protects; an empty one: all of its namespace.
        bound: ``minAvailable`` or ``maxUnavailable``; empty: neither, and then no pod may go.
        value: what the bound says: a number or a percentage.
        allowed: how many pods may go now; None: nobody has counted for the present spec.
        enough_healthy: whether the healthy pods suffice, so that one that is not ready may go.
        unready_go: whether pods that are not ready may always go (``unhealthyPodEvictionPolicy: AlwaysAllow``).
    """

    namespace: str
    name: str
    selector: Object | None
    bound: str
    value: int | str
    allowed: int | None
    enough_healthy: bool = False
    unready_go: bool = False

    @property
    def text(self) -> str:
        """Return its name and what it demands."""
        demand = f"{self.bound} {self.value}" if self.bound else "without bounds"
        return f"{self.namespace}/{self.name} ({demand})"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that a drain would evict.

    Attributes:
        node: where it runs; empty: nowhere yet.
        phase: its phase; empty: not said.
        deleting: whether it is terminating already.
        skipped_by_drain: whether a drain passes it over: it is of a DaemonSet, or the mirror of a static pod.
        controlled: whether something makes another one in its place.
        local: its volumes whose data are on the node's disk (``emptyDir``).
    """

    namespace: str
    name: str
    node: str
    labels: Mapping[str, str]
    ready: bool
    phase: str = "Running"
    deleting: bool = False
    skipped_by_drain: bool = False
    controlled: bool = True
    local: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drains:
    """What drains depend on.

    Attributes:
        budgets: all budgets of the namespaces that ``pods`` are of.
        pods: all pods of the namespaces in which an eviction may be refused.
        evicted: all pods of the nodes that may be drained.
        unknown: why this could not be asked; empty: it could.
    """

    budgets: Sequence[Budget] = ()
    pods: Sequence[Pod] = ()
    evicted: Sequence[Pod] = ()
    unknown: str = ""


NOT_ASKED = Drains()
"""Nothing is known of any drain."""


@dataclass(frozen=True, kw_only=True)
class Blocker:
    """A pod that would not leave its node.

    Attributes:
        pod: ``namespace/name``.
        look: the command that shows more.
    """

    node: str
    pod: str
    why: str
    look: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What a drain takes away for good.

    Attributes:
        pod: ``namespace/name``.
    """

    node: str
    pod: str
    what: str


def losses(nodes: Collection[str], drains: Drains) -> tuple[Loss, ...]:
    """Return what drains of these nodes delete for good, by node and pod: pods without a controller, and local data.

    Not of the platform's own namespaces: its operators make what it needs anew, and nearly each of its pods has some.
    """
    losses = []
    for pod in drains.evicted:
        platform = pod.namespace.startswith(_PLATFORM)
        if platform or pod.node not in nodes or pod.skipped_by_drain or pod.deleting or pod.phase in _FREE[1:]:
            continue
        what = "" if pod.controlled else "has no controller, so nothing makes it anew"
        if pod.controlled and pod.local:
            what = f"loses the data of emptyDir {', '.join(pod.local)}"
        if what:
            losses.append(Loss(node=pod.node, pod=f"{pod.namespace}/{pod.name}", what=what))
    return tuple(sorted(losses, key=lambda each: (each.node, each.pod)))


def blockers(nodes: Collection[str], drains: Drains) -> tuple[Blocker, ...]:
    """Return what would keep drains of these nodes waiting, by node and pod."""
    return tuple(sorted(_budgets(nodes, drains), key=lambda each: (each.node, each.pod)))


def _budgets(nodes: Collection[str], drains: Drains) -> Iterator[Blocker]:
    for pod in drains.pods:
        if pod.node not in nodes or pod.skipped_by_drain or pod.deleting or pod.phase in _FREE:
            continue
        mine = [each for each in drains.budgets if _protects(each, pod)]
        look = f"oc -n {pod.namespace} get pdb"
        if len(mine) > 1:
            names = " and ".join(sorted(each.name for each in mine))
            why = f"budgets {names} of {pod.namespace} both protect it, and such a pod cannot be evicted"
            yield Blocker(node=pod.node, pod=f"{pod.namespace}/{pod.name}", why=why, look=look)
        elif mine and not _may_go(mine[0], pod, drains.pods):
            why = f"budget {mine[0].text} lets no pod go"
            yield Blocker(node=pod.node, pod=f"{pod.namespace}/{pod.name}", why=why, look=f"{look} {mine[0].name}")


def _protects(budget: Budget, pod: Pod) -> bool:
    return budget.namespace == pod.namespace and matches(budget.selector, pod.labels)


def _may_go(budget: Budget, pod: Pod, pods: Sequence[Pod]) -> bool:
    if not pod.ready and (budget.unready_go or budget.enough_healthy):
        return True
    return (counted(budget, pods) if budget.allowed is None else budget.allowed) > 0


def counted(budget: Budget, pods: Sequence[Pod]) -> int:
    """Return how many pods may go, by the pods that are there (kubernetes ``pkg/controller/disruption``).

    The controller counts the replicas that the pods' owners want; of pods that are still to come this knows nothing.
    """
    mine = [each for each in pods if _protects(budget, each) and each.phase not in ("Succeeded", "Failed")]
    healthy = sum(each.ready and not each.deleting for each in mine)
    bound = _scaled(budget.value, len(mine))
    needed = max(0, len(mine) - bound) if budget.bound == "maxUnavailable" else bound
    return max(0, healthy - needed) if mine and budget.bound else 0


def _scaled(value: int | str, of: int) -> int:
    """Return a number, or a percentage of so many, rounded up (``intstr.GetScaledValueFromIntOrPercent``)."""
    text = str(value)
    return -(-of * int(text[:-1]) // 100) if text.endswith("%") else int(text)


def in_question(budgets: Sequence[Budget]) -> list[str]:
    """Return the namespaces in which an eviction may be refused: no pod may go, or there are several budgets."""
    names = [each.namespace for each in budgets]
    return sorted({each.namespace for each in budgets if not each.allowed or names.count(each.namespace) > 1})


def read_budget(budget: Object) -> Budget:
    """Return what a PodDisruptionBudget (``policy/v1``) says."""
    metadata, spec, status = budget["metadata"], budget.get("spec") or {}, budget.get("status") or {}
    bound = next((each for each in ("maxUnavailable", "minAvailable") if spec.get(each) is not None), "")
    # A status of another generation refuses every eviction until somebody has counted again.
    current = status.get("observedGeneration", 0) >= metadata.get("generation", 1)
    desired = status.get("desiredHealthy", 0)
    return Budget(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        selector=spec.get("selector"),
        bound=bound,
        value=spec.get(bound, 1),
        allowed=int(status.get("disruptionsAllowed", 0)) if current else None,
        enough_healthy=current and desired > 0 and status.get("currentHealthy", 0) >= desired,
        unready_go=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
    )


def read_pod(pod: Object) -> Pod:
    """Return what a pod says of its eviction."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    owners = [each.get("kind") for each in metadata.get("ownerReferences") or () if each.get("controller", True)]
    return Pod(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        labels=metadata.get("labels") or {},
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ()),
        phase=str(status.get("phase") or ""),
        deleting="deletionTimestamp" in metadata,
        controlled=bool(owners),
        local=tuple(
            str(each["name"])
            for each in (pod.get("spec") or {}).get("volumes") or ()
            if "emptyDir" in each and (each["emptyDir"] or {}).get("medium") != "Memory"
        ),
        skipped_by_drain="DaemonSet" in owners or "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}),
    )
