"""What becomes of a KataConfig that is there: changed in one step, deleted, or removed with the peer pods."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output

from coco_azure import names
from coco_azure import run_marks as marks
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.names import KATA_CONFIGS
from coco_azure.rollout import guard, text
from coco_azure.rollout import read_facts as kata_facts
from coco_azure.rollout.choice import kata_nodes
from coco_azure.rollout.desired_kata_config import exact
from coco_azure.rollout.diagnosis import image
from coco_azure.rollout.evidence import NodeTimes
from coco_azure.rollout.facts import KataPod, LastRollout, fingerprint_of
from coco_azure.rollout.plan import Plan
from coco_azure.settings import Settings
from components.cluster.connections import Connections
from components.cluster.openshift import KataConfig
from components.cluster.watching import Line, Watching, in_thread
from components.peer_pods import guard as guarding
from components.refusal import asking


def exactly(
    client: ClusterClient, plan: Plan, annotations: Mapping[str, str]
) -> Callable[[pulumi.ResourceHookArgs], Awaitable[None]]:
    """Return a hook that makes the object what the plan says, in one step with the marks that say so.

    The engine applies fields after it: it would not take a field over from whoever else has written it, such as
    ``oc create``, nor take a label away that somebody else selects by.
    """

    def write() -> None:
        path = f"{names.KATA_CONFIGS}/{plan.name}"
        current = client.get(path)
        if current is not None and (spec := exact(current.get("spec") or {}, plan.applied)):
            client.patch(path, {"metadata": {"annotations": dict(annotations)}, "spec": spec})

    async def before(_: pulumi.ResourceHookArgs) -> None:
        if plan.in_place:
            await in_thread(write)

    return before


def completed(
    last: LastRollout | None, plan: Plan, made: KataConfig, installed: pulumi.Resource, times: NodeTimes
) -> Output[dict[str, Any]]:
    """Return what the stack keeps of the roll-out once it, and the whole run, is over.

    Returns:
        ``name`` of the KataConfig, and ``LastRollout.output``.
    """

    def kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
        name, uid = str(metadata["name"]), str(metadata.get("uid", ""))
        if last is not None and plan.action == "nothing":
            return {"name": name, **last.output, "uid": uid}
        minutes = times.minutes or (last.minutes if last is not None else {})
        count = (last.count if last is not None else 0) + 1
        applied = fingerprint_of(plan.applied)
        done = LastRollout(uid=uid, nodes=plan.selected, applied=applied, count=count, minutes=minutes)
        return {"name": name, **done.output}

    outputs: Output[Any] = Output.all(made.metadata, installed.urn).apply(lambda both: both[0])
    return outputs.apply(kept)


def watch(
    title: str,
    plan: Plan,
    blocking: Callable[[], Sequence[KataPod]],
    client: ClusterClient,
    parent: pulumi.Resource | None,
) -> Watching | None:
    """Begin to tell, where the plan begins with a deletion; the hook before the creation stops it.

    It begins when the program registers KataConfig: a hook before the deletion would refuse each `pulumi destroy` that
    does not run the program.

    Args:
        title: name of KataConfig's resource.
        blocking: asks for the pods that keep it.
    """
    if pulumi.runtime.is_dry_run() or not plan.deletes:
        return None

    def look(current: Object | None) -> list[Line]:
        return lines(current, blocking)

    watching = Watching(client, KATA_CONFIGS, plan.name, look)
    token = f"kubernetes:{KataConfig.api_version}:{KataConfig.__name__}"
    pulumi.create_urn(title, token, parent).apply(watching.start)
    return watching


def lines(current: Object | None, blocking: Callable[[], Sequence[KataPod]]) -> list[Line]:
    """Return what to tell of a KataConfig; nothing of one that is not being deleted."""
    if current is None or "deletionTimestamp" not in current["metadata"]:
        return []
    pods = blocking() if image.blocked(current) else ()
    return [
        ("info", image.progress(current, [f"{pod.namespace}/{pod.name}" for pod in pods])),
        ("debug", marks.line(marks.NODES, image.updating(current))),
    ]


IGNORE_PROTECT = "PULUMI_OPTION_IGNORE_PROTECT"


def check_removal(stack: Settings, connections: Connections) -> None:
    """Say what the removal of the stack's KataConfig does to nodes; nothing where it has none, or keeps its peer pods.

    The engine's ``protect`` refuses it as well, unless it is told to ignore that (``pulumi up --ignore-protect``,
    3.256). So does the guard in the cluster, which is opened here for the removal that is approved.

    Raises:
        pulumi.RunError: the removal is not approved.
    """
    allowed = stack.peer_pods.kata_config.allow_reboot
    if os.environ.get(IGNORE_PROTECT, "").lower() in ("1", "t", "true") and allowed is not True:
        pulumi.log.warn(
            f"{IGNORE_PROTECT} is set: with it, `pulumi destroy` begins although peerPods.kataConfig.allowReboot is "
            f"not true, and only the guard in the cluster keeps nodes from rebooting. unset {IGNORE_PROTECT}"
        )
    if stack.peer_pods.enabled:
        return
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        facts = kata_facts.gather(stack, connections.reader, owner, None)
    except pulumi.RunError as error:
        # Whoever may not ask cannot delete it either.
        pulumi.log.debug(f"it is not known whether this stack has a KataConfig: {error}")
        return
    own = [each for each in facts.kata_configs if each.owner == owner and not each.deleting]
    if not own:
        return
    about = text.removal(own[0].name, kata_nodes(facts) if facts.pools else (), facts.pods)
    if allowed is not True:
        guarding.shut(connections.client, facts)
        raise pulumi.RunError(f"{about}\n{text.NO_REMOVAL}")
    pulumi.log.warn(about)
    if not pulumi.runtime.is_dry_run():
        # The program registers no guard any more that could be opened; the engine deletes it after KataConfig.
        with asking(guarding.CANNOT):
            guarding.put(connections.client, owner, guard.deletion(own[0]))
