"""Whether operators carried out a change of a KataConfig that stays, by what they leave behind, and how long it took.

KataConfig has no ``observedGeneration``: right after a change its status is still that of before, and says that all is
done. What a change leaves behind is no status: labels of nodes (``updateNodeLabels``), the log level in the operator's
ContainerRuntimeConfig (``processLogLevel``) and with it another configuration of the pool, and each node at the
configuration of its pool (openshift/machine-config-operator ``pkg/daemon/constants/constants.go``). All of it is looked
at anew by whoever asks, so a run that goes on after another was killed needs to know nothing of that one.

The machine config daemon writes the node's state: ``Working`` from the drain on, ``Done`` when it is back with its new
configuration (openshift/machine-config-operator ``pkg/daemon/constants/constants.go``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coco_azure import names
from coco_azure.rollout import choice
from coco_azure.rollout.desired_kata_config import Applied, selected_labels
from coco_azure.rollout.facts import Pool, read_node, read_pool

Object = Mapping[str, Any]

STATE = names.MACHINE_CONFIG_STATE
CURRENT, DESIRED = names.MACHINE_CONFIG_CURRENT, names.MACHINE_CONFIG_DESIRED
_DONE = "Done"


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What is looked at.

    Attributes:
        kata_config: the KataConfig; None: there is none.
        runtime_config: the ContainerRuntimeConfig of the log level; None: there is none.
    """

    kata_config: Object | None
    nodes: Sequence[Object]
    pools: Sequence[Object]
    runtime_config: Object | None


def lacking(applied: Applied, traces: Traces, *, converged: bool = False) -> list[str]:
    """Return what has not happened yet of what was asked for, in words.

    Args:
        converged: whether the masters are the workers: the operator gives them no label, and their pool is theirs.
    """
    known = [read_pool(each) for each in traces.pools]
    pool = names.MASTER_POOL if converged else names.KATA_POOL
    missing = [] if converged else list(_labels(applied, traces))
    if known:
        missing += _level(applied, traces, next((each for each in known if each.name == pool), None))
        watched = (names.MASTER_POOL,) if converged else (names.KATA_POOL, names.WORKER_POOL)
        missing += _configurations(traces, [each for each in known if each.name in watched], known)
    return missing


def _labels(applied: Applied, traces: Traces) -> Iterator[str]:
    desired = selected_labels(applied.pool_selector, linux_only=applied.linux_only).items()
    labelled = 0
    for node in map(read_node, traces.nodes):
        selected, has = desired <= node.labels.items(), names.KATA_ROLE in node.labels
        labelled += has
        if names.WORKER_ROLE in node.labels and selected != has:
            yield f"label {names.KATA_ROLE} {'on' if selected else 'taken from'} node {node.name}"
    counted = (((traces.kata_config or {}).get("status") or {}).get("kataNodes") or {}).get("nodeCount")
    if counted != labelled:
        yield f"count of {labelled} nodes in KataConfig's status (it has {counted})"


def _level(applied: Applied, traces: Traces, pool: Pool | None) -> Iterator[str]:
    spec = ((traces.runtime_config or {}).get("spec") or {}).get("containerRuntimeConfig") or {}
    if (spec.get("logLevel") or "info") != applied.log_level:
        yield f"logLevel {applied.log_level} in ContainerRuntimeConfig {names.RUNTIME_CONFIG}"
    if applied.before and pool is not None and pool.config == applied.before:
        yield f"new configuration of machine config pool {pool.name} (it has {pool.config})"


def _configurations(traces: Traces, updated: Sequence[Pool], known: Sequence[Pool]) -> Iterator[str]:
    targets = {each.name: each.config for each in updated}
    for node in traces.nodes:
        annotations = node["metadata"].get("annotations") or {}
        pool = choice.pool_of(read_node(node), known)
        if pool not in targets or CURRENT not in annotations:
            continue
        of_node = {annotations.get(CURRENT), annotations.get(DESIRED)}
        # A node that has never been updated may say nothing of its configuration.
        if annotations.get(STATE) != _DONE or of_node - {targets[pool], ""}:
            yield f"node {node['metadata']['name']} at the configuration of pool {pool} ({annotations.get(STATE)})"


_WORKING, _ENDED = "Working", "Done"
_MINUTE = 60


class NodeTimes:
    """What was seen of nodes; a node that was under way at the first look is not measured."""

    def __init__(self) -> None:
        self._began: dict[str, datetime] = {}
        self._looked = False
        self.minutes: dict[str, float] = {}
        """How long each node took that was seen from its beginning to its end."""
        self.lines: list[str] = []
        """What was told, in order."""

    def see(self, nodes: Iterable[Object], now: datetime) -> None:
        """Look at the nodes."""
        for node in nodes:
            name = str(node["metadata"]["name"])
            state = (node["metadata"].get("annotations") or {}).get(names.MACHINE_CONFIG_STATE)
            if state == _WORKING and self._looked:
                self._began.setdefault(name, now)
            elif state == _ENDED and name in self._began:
                began = self._began.pop(name)
                taken = now - began
                self.minutes[name] = round(self.minutes.get(name, 0.0) + taken.total_seconds() / _MINUTE, 1)
                self.lines.append(
                    f"node {name} rebooted at {began:%H:%M:%S} UTC, within {_words(taken.total_seconds())}"
                )
        self._looked = True


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
