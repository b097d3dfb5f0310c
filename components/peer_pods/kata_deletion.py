"""How the deletion of KataConfig goes, told while the engine waits for it: which pods keep it, which nodes reboot."""

from collections.abc import Callable, Sequence

import pulumi

from coco_azure import run_marks as marks
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.names import KATA_CONFIGS
from coco_azure.rollout.diagnosis import kata_config
from coco_azure.rollout.facts import KataPod
from coco_azure.rollout.plan import Plan
from components.cluster.openshift import KataConfig
from components.cluster.watching import Line, Watching


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
        plan: what becomes of KataConfig.
        blocking: asks for the pods that keep it.
        client: the cluster.
        parent: the parent of the resource.
    """
    if pulumi.runtime.is_dry_run() or not plan.deletes:
        return None

    def look(current: Object | None) -> list[Line]:
        return lines(current, blocking)

    watching = Watching(client, KATA_CONFIGS, plan.name, look)
    token = f"kubernetes:{KataConfig.api_version}:{KataConfig.kind}"
    pulumi.create_urn(title, token, parent).apply(watching.start)
    return watching


def lines(current: Object | None, blocking: Callable[[], Sequence[KataPod]]) -> list[Line]:
    """Return what to tell of a KataConfig; nothing of one that is not being deleted."""
    if current is None or "deletionTimestamp" not in current["metadata"]:
        return []
    pods = blocking() if kata_config.blocked(current) else ()
    return [
        ("info", kata_config.progress(current, [f"{pod.namespace}/{pod.name}" for pod in pods])),
        ("debug", marks.line(marks.NODES, kata_config.updating(current))),
    ]
