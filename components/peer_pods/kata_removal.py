"""A stack without peer pods takes away the KataConfig that it had: told and approved before all else.

The engine's ``protect`` refuses that as well, unless it is told to ignore it (``pulumi up --ignore-protect``, 3.256).
So does the guard in the cluster, which is opened here for the removal that is approved.
"""

import os

import pulumi

from coco_azure.rollout import guard, text
from coco_azure.rollout import read_facts as kata_facts
from coco_azure.rollout.choice import kata_nodes
from coco_azure.settings import Settings
from components.cluster.connections import Connections
from components.peer_pods import guard as guarding
from components.refusal import asking

IGNORE_PROTECT = "PULUMI_OPTION_IGNORE_PROTECT"


def check_removal(stack: Settings, connections: Connections) -> None:
    """Say what the removal of the stack's KataConfig does to nodes; nothing where it has none, or keeps its peer pods.

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
