"""The guard of KataConfig on the cluster, and its approvals: opened for exactly what a run will do, and shut again.

KataConfig depends on it, so the guard is made before and deleted after: a `pulumi destroy` that nobody has approved
ends at KataConfig, with the guard still there. An approval is no part of the state: the run that needs it writes it
onto KataConfig, and every run takes off what another one has left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.rollout import guard
from coco_azure.rollout.facts import RolloutFacts
from components.cluster import admission, ownership
from components.cluster.watching import in_thread
from components.refusal import asking

CANNOT = f"annotation {names.APPROVED} of KataConfig, which approves a roll-out, cannot be written"


@dataclass(frozen=True, kw_only=True)
class KataConfigGuardArgs:
    """How the guard is made, and what it lets pass.

    Attributes:
        after: what is there before; a run that is refused there leaves the cluster as it is.
        always: whether it stays open.
        approval: what this run may do (``coco_azure.rollout.guard.approval``); empty: nothing.
    """

    client: ClusterClient
    after: Sequence[pulumi.Resource]
    always: bool
    approval: str


class KataConfigGuard(pulumi.ComponentResource):
    """The policy and, last, its binding, which makes it hold."""

    opened: Output[pulumi.Resource]
    """The binding, once it lets pass what this run may do: KataConfig depends on it."""

    def __init__(self, name: str, args: KataConfigGuardArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:KataConfigGuard", name, None, opts)
        self._client = args.client
        specs = guard.policy(ownership.mark()), guard.binding(active=not args.always)
        binding = admission.bound(name, names.GUARD, specs, args.after, self)
        self.opened = self._put(args.approval, after=binding)
        self.register_outputs({})

    def shut_after(self, kata_config: pulumi.Resource) -> None:
        """Take every approval off once KataConfig is as it is to be."""
        self._put("", after=kata_config)

    def _put(self, approval: str, *, after: pulumi.Resource) -> Output[pulumi.Resource]:
        stack = ownership.mark()

        async def written(_: object) -> pulumi.Resource:
            if not pulumi.runtime.is_dry_run():
                with asking(CANNOT):
                    await in_thread(lambda: put(self._client, stack, approval))
            return after

        return after.urn.apply(written)


def can_be_had(reader: Reads) -> bool:
    """Return whether the cluster has admission policies; a preview and a run say where it has not."""
    return guard.available(reader.get(names.ADMISSION))


def shut(client: ClusterClient, facts: RolloutFacts) -> None:
    """Take off what a run that was killed has left, before anything else is done or refused; not in a preview."""
    if any(each.approval for each in facts.kata_configs) and not pulumi.runtime.is_dry_run():
        with asking(CANNOT):
            put(client, facts.stack, "")


def put(client: ClusterClient, stack: str, approval: str) -> None:
    """Have just this approved on KataConfig, and nothing else; another stack's is left alone.

    Without a guard nothing is approved: it would be as soon as there is one.
    """
    if approval and client.get(guard.POLICY) is None:
        return
    for each in client.items(names.KATA_CONFIGS):
        metadata = each["metadata"]
        annotations = metadata.get("annotations") or {}
        wanted = approval if guard.is_for(approval, str(metadata.get("uid", ""))) else None
        if annotations.get(names.STACK) in (None, stack) and annotations.get(names.APPROVED) != wanted:
            path = f"{names.KATA_CONFIGS}/{metadata['name']}"
            client.patch(path, {"metadata": {"annotations": {names.APPROVED: wanted}}})
