"""Why KataConfig is not done: the status of its nodes, and the pod VM image, whatever that status says of it.

After a failed job KataConfig's condition says that all is done (``openshift_controller.go``, ImageCreationFailed with
no error), the Job is gone, and its pods stay: the operator deletes it without a propagation policy, which orphans the
pods of a ``batch/v1`` Job (``image_generator.go``, ``deleteJob``).

Fields of KataConfig: sandboxed-containers-operator ``api/v1/kataconfig_types.go`` (``kataNodes``, ``InProgress``,
``waitingForMcoToStart``). A node's reason: machine-config-operator ``pkg/daemon/constants/constants.go``
(``MachineConfigDaemonReasonAnnotationKey``).
"""

import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from coco_azure import names
from coco_azure.formats.shown import some
from coco_azure.rollout import choice
from coco_azure.rollout.diagnosis import Object, condition, holds, name_of
from coco_azure.rollout.facts import read_node, read_pool

IMAGE_KEY = "AZURE_IMAGE_ID"
CONFIDENTIAL_KEY = "CONFIDENTIAL_COMPUTE_ENABLED"
_LOGS = f"oc -n {names.OSC_NAMESPACE} logs"

State = Literal["there", "building", "stuck", "none"]


@dataclass(frozen=True, kw_only=True)
class ImageStatus:
    """What the cluster has of the image.

    Attributes:
        config: ConfigMap ``peer-pods-cm``, or None.
        builder: ConfigMap ``azure-podvm-image-cm``, or None.
        job: the creation job, or None.
        pods: pods of creation jobs, those of earlier jobs too.
    """

    config: Object | None = None
    builder: Object | None = None
    job: Object | None = None
    pods: Sequence[Object] = ()

    @property
    def id(self) -> str:
        """ARM id of the image, or empty text."""
        return str(((self.config or {}).get("data") or {}).get(IMAGE_KEY) or "")

    @property
    def state(self) -> State:
        """Return how it stands; ``stuck``: a job is over that the operator would wait for, forever."""
        if self.id:
            return "there"
        if self.job is None:
            return "none"
        return "stuck" if holds(self.job, "Complete") else "none" if holds(self.job, "Failed") else "building"

    @property
    def failed_pods(self) -> list[Object]:
        """Return the pods that have failed, the newest last."""
        failed = [pod for pod in self.pods if (pod.get("status") or {}).get("phase") == "Failed"]
        return sorted(failed, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))

    @property
    def failed_jobs(self) -> frozenset[str]:
        """Return the uids of the jobs that have failed: theirs whose pods have, but for one that is still at work."""
        jobs = {str((pod["metadata"].get("labels") or {}).get(names.JOB_UID, "")) for pod in self.failed_pods}
        at_work = {str(self.job["metadata"]["uid"])} if self.job is not None and self.state == "building" else set()
        return frozenset(jobs - at_work)


def has_failed(image: ImageStatus, known: Collection[str]) -> bool:
    """Return whether a job has failed that was not ``known`` (uids), and there is still no image.

    The operator begins another one at once, since it writes KataConfig's status; so a job at work says nothing.
    """
    return not image.id and bool(image.failed_jobs - set(known))


def failure(image: ImageStatus) -> str:
    """Return why there is no image, with the command that shows more."""
    pods, job = image.failed_pods, names.IMAGE_CREATION
    if image.state == "stuck":
        return (
            f"job {job} is over, and peer-pods-cm has no {IMAGE_KEY}: the operator waits for it without end. "
            f"`{_LOGS} job/{job}` shows what it did; `oc -n {names.OSC_NAMESPACE} delete job {job}` lets the operator "
            "start another"
        )
    if not pods:
        return (
            f"peer-pods-cm has no {IMAGE_KEY}, and no job of the operator's is building an image. `oc describe "
            f"kataconfig` and `oc get events -n {names.OSC_NAMESPACE}` show more"
        )
    name = name_of(pods[-1])
    return (
        f"job {job} has failed, although KataConfig claims to be done: pod {name} ended with {_ended(pods[-1])}. "
        f"`{_LOGS} {name}` shows its log. The operator tries again by itself, and `pulumi up` waits for that"
    )


def wrong_image(image: ImageStatus, *, confidential: bool, own: str | None, one_image: bool = False) -> str | None:
    """Return what is wrong with an image that is there, or None.

    The operator sets the flag before it builds, and leaves an image alone that is there already
    (``confidential_handler.go``); for an image of the user's it says nothing. ``one_image``: one
    that was built under the gate is for both.
    """
    setting = str(((image.builder or {}).get("data") or {}).get(CONFIDENTIAL_KEY) or "")
    wanted = "yes" if confidential else "no"
    both = one_image and setting == "yes"
    if own is not None or not image.id or both or setting in ("", wanted):
        return None
    return (
        f"the pod VM image was built with {CONFIDENTIAL_KEY}={setting}, and coco-azure:peerPods.confidential="
        f"{str(confidential).lower()} needs {wanted}: the operator keeps an image that is there. A new one, while all "
        "nodes stay as they are: pulumi config set --path 'coco-azure:peerPods.rebuildImage' TEXT, and `pulumi up`"
    )


def _ended(pod: Object) -> str:
    status = pod.get("status") or {}
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        ended = (each.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            words = [f"exit code {ended['exitCode']} in container {each.get('name')}", ended.get("message")]
            return ": ".join(" ".join(str(word).split()) for word in words if word)
    return str(status.get("message") or status.get("reason") or "phase Failed")


POOLS = (names.KATA_POOL, names.WORKER_POOL, names.MASTER_POOL)
"""The pools that a roll-out can go through; ``master`` on a cluster whose masters are its workers."""
BLOCKED = "BlockedByExistingKataPods"
"""Reason of InProgress while pods keep the object from being deleted (``kataconfig_controller``, same operator)."""
_WIDTH = 100
"""Columns of a terminal that a line of progress is to be read on."""
_SHOWN = 3
_FAILED = ("failedToInstall", "failedToUninstall")
_WORDS = {
    "installing": "installing",
    "waitingToInstall": "waiting",
    "failedToInstall": "FAILED",
    "uninstalling": "leaving the pool",
    "waitingToUninstall": "waiting to leave the pool",
    "failedToUninstall": "FAILED to leave the pool",
}


@dataclass(frozen=True, kw_only=True)
class RolloutObjects:
    """What is looked at beside KataConfig.

    Attributes:
        nodes: all nodes.
        pools: all MachineConfigPools.
        daemons: pods of the machine config daemons.
    """

    nodes: Sequence[Object] = ()
    pools: Sequence[Object] = ()
    daemons: Sequence[Object] = ()


def progress(kata_config: Object | None, pods: Sequence[str] = ()) -> str:
    """Return how far the roll-out is, as one line, such as ``1 of 3 nodes have the kata runtime; installing: b``.

    Args:
        pods: ``namespace/name`` of the pods that keep it from being deleted.
    """
    if kata_config is None:
        return "there is no KataConfig"
    if "deletionTimestamp" in kata_config["metadata"] and blocked(kata_config):
        return _fitting(f"the deletion waits for kata pods, delete them: {some(pods, _SHOWN) or 'oc get pods -A'}")
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    in_progress = condition(kata_config, "InProgress")
    if not in_progress and not nodes:
        return "the operator has not looked at KataConfig yet"
    parts = [f"{nodes.get('readyNodeCount', 0)} of {nodes.get('nodeCount', 0)} nodes have the kata runtime"]
    if "deletionTimestamp" in kata_config["metadata"]:
        parts = ["KataConfig is being deleted"]
    # What has failed is named before what only waits, where the line becomes too long for all.
    urgent = sorted(_WORDS, key=lambda key: key not in _FAILED)
    parts += [f"{_WORDS[key]}: {some(sorted(nodes[key]), _SHOWN)}" for key in urgent if nodes.get(key)]
    if in_progress.get("status") != "False" or in_progress.get("reason"):
        reason = in_progress.get("reason") or f"InProgress={in_progress.get('status', 'unknown')}"
        parts.append(": ".join(filter(None, (reason, in_progress.get("message", "")))))
    if kata_config["status"].get("waitingForMcoToStart"):
        parts.append("waiting for the machine config operator to start")
    return _fitting("; ".join(parts))


def blocked(kata_config: Object) -> bool:
    """Return whether pods keep KataConfig from being deleted."""
    return condition(kata_config, "InProgress").get("reason") == BLOCKED


def _fitting(line: str) -> str:
    return textwrap.shorten(line, _WIDTH, placeholder=" ...")


def updating(kata_config: Object | None) -> list[str]:
    """Return the names of the nodes that are drained, updated and rebooted at this moment."""
    nodes = ((kata_config or {}).get("status") or {}).get("kataNodes") or {}
    return sorted({name for key in ("installing", "uninstalling") for name in nodes.get(key) or []})


def failed_nodes(kata_config: Object | None) -> list[str]:
    """Return the names of the nodes that KataConfig says have failed."""
    nodes = ((kata_config or {}).get("status") or {}).get("kataNodes") or {}
    return sorted({name for key in _FAILED for name in nodes.get(key) or []})


def problems(kata_config: Object | None, around: RolloutObjects) -> list[str]:
    """Return what holds the roll-out, each with the command that shows more or heals it."""
    if kata_config is None:
        return ["there is no KataConfig: somebody has deleted it. `pulumi up --refresh` creates it anew"]
    name = name_of(kata_config)
    messages = [_failed(each, around) for each in failed_nodes(kata_config)]
    messages += _kept_out(around)
    messages += [
        f"MachineConfigPool {name_of(pool)} is paused, so its nodes are not updated. "
        f'`oc patch mcp {name_of(pool)} --type merge -p \'{{"spec":{{"paused":false}}}}\'` lets it go on'
        for pool in _pools(around)
        if (pool.get("spec") or {}).get("paused")
    ]
    messages += [
        f"MachineConfigPool {name_of(pool)} is degraded: {condition(pool, 'Degraded').get('message') or 'no reason'}. "
        f"`oc describe mcp {name_of(pool)}` shows more"
        for pool in _pools(around)
        if holds(pool, "Degraded")
    ]
    if "deletionTimestamp" in kata_config["metadata"]:
        in_progress = condition(kata_config, "InProgress")
        text = ": ".join(filter(None, (in_progress.get("reason"), in_progress.get("message"))))
        more = f"`oc describe kataconfig {name}` shows more"
        messages.append(f"KataConfig {name} is being deleted ({text or 'no reason given'}). {more}")
    nodes = (kata_config.get("status") or {}).get("kataNodes") or {}
    if not messages and nodes and not nodes.get("nodeCount"):
        messages.append(
            "no node is selected: none has all labels of coco-azure:peerPods.kataConfig.poolSelector. "
            "`oc label node NODE KEY=VALUE` selects one, `oc get nodes --show-labels` shows what they have"
        )
    return messages or [f"{progress(kata_config)}. `oc describe kataconfig {name}` and `oc get mcp,nodes` show more"]


def _pools(around: RolloutObjects) -> Iterable[Object]:
    return [pool for pool in around.pools if name_of(pool) in POOLS]


def _kept_out(around: RolloutObjects) -> Iterable[str]:
    """Yield what is wrong with nodes that have the operator's label and are updated by no pool of its own."""
    known_pools = [read_pool(pool) for pool in around.pools]
    for node in map(read_node, around.nodes):
        if names.KATA_ROLE not in node.labels:
            continue
        out = choice.keeping_out(node, known_pools)
        why = (
            "it runs Windows" if node.windows else f"it is in machine config pool {', '.join(out.pools)}" if out else ""
        )
        if why:
            yield (
                f"node {node.name} never gets kata, and KataConfig waits for it: {why}. `oc get node {node.name} "
                "--show-labels` shows its roles; coco-azure:peerPods.kataConfig.poolSelector can leave it out"
            )


def _failed(name: str, around: RolloutObjects) -> str:
    node = next((each for each in around.nodes if name_of(each) == name), None)
    annotations = (node or {}).get("metadata", {}).get("annotations") or {}
    reason = " ".join(str(annotations.get(names.MACHINE_CONFIG_REASON) or "it gives no reason").split())
    daemon = next((each for each in around.daemons if (each.get("spec") or {}).get("nodeName") == name), None)
    more = f"`oc describe node {name}`"
    if daemon is not None:
        more += (
            f" and `oc -n {names.MACHINE_CONFIG_NAMESPACE} logs {name_of(daemon)} -c machine-config-daemon` show more"
        )
    else:
        more += " shows more"
    return f"node {name} is {annotations.get(names.MACHINE_CONFIG_STATE) or 'Degraded'}: {reason}. {more}"
