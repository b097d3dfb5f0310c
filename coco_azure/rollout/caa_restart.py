"""How CAA is restarted on one node after another: what is left to do follows from the cluster alone.

So whoever goes on after an interruption begins where it ended: a CAA pod is done when it is of the DaemonSet's newest
revision (what ``oc get daemonset`` counts as UP-TO-DATE) and, where the operator does not follow ``peer-pods-cm``, was
made after its last change; and a node that is cordoned for it has the stack's mark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coco_azure import names
from coco_azure.formats.shown import some
from coco_azure.rollout.diagnosis import caa, holds, name_of

Object = Mapping[str, Any]
Mode = Literal["wait", "evict", "now"]

_SHOWN = 8
_SET = "pulumi config set --path coco-azure:peerPods.caaRestart"


@dataclass(frozen=True, kw_only=True)
class PeerPod:
    """A peer pod that has, or is about to get, a pod VM; ``going``: its deletion has begun."""

    namespace: str
    name: str
    going: bool = False

    @property
    def title(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class CaaPod:
    """CAA on a node.

    Attributes:
        current: whether it has read what CAA is to read now.
        ready: whether it is ready, and stays.
    """

    name: str
    node: str
    current: bool
    ready: bool


@dataclass(frozen=True, kw_only=True)
class CaaFacts:
    """CAA as it is.

    Attributes:
        settled: whether operator and controller have seen the present configuration, so that a new pod gets it.
        nodes: those that the DaemonSet is for.
        peers: the peer pods of each node that has some.
        closed: nodes that take no new pods.
        cordoned: those of them that this stack has closed.
        operators: CSVs of the operator that makes it; none: not known.
    """

    settled: bool
    pods: tuple[CaaPod, ...]
    nodes: frozenset[str]
    peers: Mapping[str, tuple[PeerPod, ...]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    cordoned: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()

    @property
    def outdated_nodes(self) -> tuple[str, ...]:
        """The nodes whose CAA has not been restarted yet."""
        return tuple(sorted(pod.node for pod in self.pods if not pod.current))

    @property
    def pods_off_pool(self) -> tuple[CaaPod, ...]:
        """CAA's pods on nodes that have left the pool: the controller, which is held, does not delete them."""
        return tuple(pod for pod in self.pods if pod.node not in self.nodes)


@dataclass(frozen=True, kw_only=True)
class RestartStep:
    """What comes next.

    Attributes:
        action: ``settle``: wait for the DaemonSet; ``start``: wait for a CAA pod to be ready; ``restart``: delete one;
            ``wait``: for peer pods to go; ``cordon``, ``evict``, ``uncordon``: a node.
        node: the node that it is about; empty for ``settle``.
        pod: CAA's pod, for ``restart``.
        peers: the peer pods in the way.
    """

    action: Literal["settle", "start", "restart", "wait", "cordon", "evict", "uncordon"]
    node: str = ""
    pod: str = ""
    peers: tuple[PeerPod, ...] = ()


def next_step(facts: CaaFacts, mode: Mode) -> RestartStep | None:
    """Return what comes next, or None when every CAA pod is current and ready, and no node is kept closed."""
    if (before := _unfinished(facts)) is not None:
        return before
    stale = sorted((pod for pod in facts.pods if not pod.current), key=lambda pod: pod.node)
    if not stale:
        return None
    if mode == "now":
        return RestartStep(action="restart", node=stale[0].node, pod=stale[0].name)
    if mode == "evict":
        return _evicting(facts, stale)
    if (free := next((pod for pod in stale if not facts.peers.get(pod.node)), None)) is not None:
        return RestartStep(action="restart", node=free.node, pod=free.name)
    nearest = min(stale, key=lambda pod: (len(facts.peers[pod.node]), pod.node))
    return RestartStep(action="wait", node=nearest.node, peers=facts.peers[nearest.node])


def _unfinished(facts: CaaFacts) -> RestartStep | None:
    """Return what has to be over before the next node's turn."""
    if not facts.settled:
        return RestartStep(action="settle")
    if facts.pods_off_pool:
        pod = facts.pods_off_pool[0]
        return RestartStep(action="restart", node=pod.node, pod=pod.name)  # nobody makes it anew
    running = {pod.node for pod in facts.pods if pod.ready or not pod.current}
    if starting := sorted(facts.nodes - running):
        return RestartStep(action="start", node=starting[0])
    if done := sorted(facts.cordoned - set(facts.outdated_nodes)):
        return RestartStep(action="uncordon", node=done[0])
    return None


def _evicting(facts: CaaFacts, stale: Sequence[CaaPod]) -> RestartStep:
    """Return what comes next on the node that was begun, or on the first one."""
    pod = next((each for each in stale if each.node in facts.cordoned), stale[0])
    if peers := facts.peers.get(pod.node, ()):
        action: Literal["evict", "cordon"] = "evict" if pod.node in facts.closed else "cordon"
        return RestartStep(action=action, node=pod.node, peers=peers)
    return RestartStep(action="restart", node=pod.node, pod=pod.name)


def read(
    daemon_set: Object,
    revisions: Sequence[Object],
    pods: Sequence[Object],
    nodes: Sequence[Object],
    config: Object | None,
    *,
    deployments: Sequence[Object],
    stack: str,
    but: str,
) -> CaaFacts:
    """Return the facts.

    Args:
        revisions: its ControllerRevisions (``apps/v1``).
        pods: all pods of the cluster.
        nodes: all nodes.
        config: ``peer-pods-cm``.
        deployments: those of the operator's namespace, one of which says what CAA is to be.
        stack: the running stack, ``PROJECT/STACK``.
        but: namespace of the stack's own check, whose pods are in nobody's way.
    """
    metadata, spec, status = daemon_set["metadata"], daemon_set["spec"], daemon_set.get("status") or {}
    newest = max(revisions, key=lambda each: int(each["revision"]), default=None)
    revision = "" if newest is None else str((newest["metadata"].get("labels") or {}).get(names.REVISION, ""))
    template = spec.get("template") or {}
    config_version = ((template.get("metadata") or {}).get("annotations") or {}).get(names.CONFIG_VERSION)
    followed = config_version is None or config is None or config_version == config["metadata"].get("resourceVersion")
    written = _written(config) if config_version is None and config is not None else ""
    # A new version of the operator brings another CAA; it has not come to the DaemonSet while OLM calls it installed.
    makers, present = caa.makers(deployments), {each.get("image") for each in caa.containers(daemon_set)}
    followed = followed and (not makers or not present.isdisjoint(makers.values()))
    selector = ((template.get("spec") or {}).get("nodeSelector") or {}).items()
    own = _pods_of(spec, pods)
    marks = {name_of(node): (node["metadata"].get("annotations") or {}).get(names.CORDONED) for node in nodes}
    return CaaFacts(
        settled=bool(revision) and followed and status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        # One that is going makes way for another, which is waited for.
        pods=tuple(_caa_pod(each, revision, written) for each in own if "deletionTimestamp" not in each["metadata"]),
        nodes=frozenset(name_of(node) for node in nodes if selector <= (node["metadata"].get("labels") or {}).items()),
        peers=_peers(pods, but),
        closed=frozenset(name_of(node) for node in nodes if (node.get("spec") or {}).get("unschedulable")),
        cordoned=frozenset(name for name, mark in marks.items() if mark == stack),
        operators=frozenset(makers),
    )


def _pods_of(spec: Object, pods: Sequence[Object]) -> list[Object]:
    """Return the pods of CAA's DaemonSet; none where it selects by nothing."""
    labels = (spec.get("selector") or {}).get("matchLabels", {}).items()
    in_namespace = [each for each in pods if each["metadata"]["namespace"] == names.OSC_NAMESPACE]
    return [each for each in in_namespace if labels and labels <= (each["metadata"].get("labels") or {}).items()]


def _written(config: Object) -> str:
    """Return when the data of ``peer-pods-cm`` last changed, as the API server writes time; empty: it does not say."""
    entries = config["metadata"].get("managedFields") or ()
    return max((str(each.get("time", "")) for each in entries if "f:data" in (each.get("fieldsV1") or {})), default="")


def _caa_pod(pod: Object, revision: str, written: str) -> CaaPod:
    metadata = pod["metadata"]
    newest = (metadata.get("labels") or {}).get(names.REVISION) == revision
    return CaaPod(
        name=name_of(pod),
        node=str((pod.get("spec") or {}).get("nodeName", "")),
        current=newest and str(metadata.get("creationTimestamp", "")) >= written,
        ready=holds(pod, "Ready"),
    )


def _peers(pods: Sequence[Object], but: str) -> dict[str, tuple[PeerPod, ...]]:
    peers: dict[str, list[PeerPod]] = {}
    for pod in pods:
        metadata, spec = pod["metadata"], pod.get("spec") or {}
        alive = (pod.get("status") or {}).get("phase") in ("Pending", "Running", None)
        if spec.get("runtimeClassName") == names.RUNTIME_CLASS and alive and metadata["namespace"] != but:
            going = "deletionTimestamp" in metadata
            peer = PeerPod(namespace=str(metadata["namespace"]), name=name_of(pod), going=going)
            peers.setdefault(str(spec.get("nodeName") or ""), []).append(peer)
    return {node: tuple(sorted(each, key=lambda peer: peer.title)) for node, each in peers.items() if node}


def progress(step: RestartStep, facts: CaaFacts) -> str:
    """Return what people read of a step."""
    done = len(facts.nodes) - len(facts.outdated_nodes)
    count = f"CAA: {done} of {len(facts.nodes)} nodes"
    if step.action == "wait":
        return f"{count}; its restart waits for peer pods: {on_nodes(facts)}"
    if step.action in ("cordon", "evict"):
        return f"{count}; evicting from {step.node}: {some([peer.title for peer in step.peers], _SHOWN)}"
    words = {"settle": "waiting for the operator", "restart": f"restarting it on {step.node}"}
    return f"{count}; {words.get(step.action, f'waiting for it on {step.node}')}"


def warning(facts: CaaFacts, mode: Mode, nodes: Sequence[str], setting: str) -> str:
    """Return what a preview says of the peer pods at stake on these nodes; empty: there are none."""
    peers = on_nodes(facts, nodes)
    if not peers:
        return ""
    count = sum(len(facts.peers.get(node, ())) for node in nodes)
    begin = (
        f"this restarts CAA, node by node, and a node whose CAA restarts loses its peer pods. {count} run: {peers}. "
    )
    if mode == "evict":
        return (
            f"{begin}Each node is closed to new pods, its peer pods are evicted as PodDisruptionBudgets let them go, "
            f"and its CAA is restarted; pods without a controller do not come again. {_SET} wait leaves them alone"
        )
    return (
        f"{begin}On each node the run waits until they are gone, for {setting} at most, and the next one goes on with "
        f"the nodes that are left. {_SET} evict moves them to other nodes"
    )


def left_alone(facts: CaaFacts) -> str:
    """Return what is said of nodes that others, or an earlier run, have left to be restarted; empty: of none."""
    peers = on_nodes(facts)
    return (
        f"CAA still works with what it has read before where these peer pods run: {peers}. `pulumi up` restarts it "
        "there once they are gone"
        if peers
        else ""
    )


def too_long(facts: CaaFacts, mode: Mode, setting: str, refusal: str) -> str:
    """Return why a restart has not come to its end, and what can be done about it."""
    why = f" ({refusal})" if refusal else ""
    others = [f"{_SET} evict (moves them to other nodes)", f"{_SET} now (loses them)"][mode == "evict" :]
    return (
        f"CAA was not restarted on {', '.join(facts.outdated_nodes)} within {setting}, for peer pods are there: "
        f"{on_nodes(facts)}{why}. Those nodes go on with what CAA has read before, and the next `pulumi up` goes on "
        "with them. What helps: end the pods, and keep new ones away for that time (oc adm cordon NODE); or "
        f"{' or '.join(others)}"
    )


def on_nodes(facts: CaaFacts, nodes: Sequence[str] | None = None) -> str:
    """Return the peer pods of the nodes whose CAA is to be restarted (or of these), by node; empty: there are none."""
    names = sorted(facts.outdated_nodes if nodes is None else nodes)
    parts = [
        f"{node}: {some([peer.title for peer in facts.peers[node]], _SHOWN)}" for node in names if facts.peers.get(node)
    ]
    return "; ".join(parts)
