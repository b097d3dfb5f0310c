"""KataConfig: foreseen before anything is registered, made by the engine, and guarded on the way.

``foresee`` looks at the cluster and says what the run will do to nodes; without approval the run ends there. The engine
then creates, replaces or keeps the object. A hook looks once more before a creation, for what nobody foresaw.
"""

import time
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import CustomTimeouts, Output, ResourceHook, ResourceHookBinding, ResourceOptions

from components.cluster.client import ClusterClient
from components.cluster.connections import Connections
from components.cluster.openshift import KataConfig
from components.cluster.watching import in_thread
from components.peer_pods import kata_facts
from components.peer_pods.kata_facts import KATA_CONFIGS
from components.peer_pods.pod_vm_image import PodVmImage
from report import marks
from rollout import approval, record, text
from rollout.facts import OWNER, Facts, read_kata_config
from rollout.plan import Plan, decide
from rollout.wanted import APPLIED, Wanted
from settings import Settings

OUTPUT = "kataConfig"
"""Stack output: the last completed roll-out, as name and uid of its KataConfig and the nodes that it was for."""
_BLOCKED = "BlockedByExistingKataPods"
_LOOK = 20
"""Seconds after which whoever watches a deletion asks whether the object is still there."""


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What a run will do to KataConfig, and by what that was decided.

    Attributes:
        stack: the settings.
        client: the cluster.
        wanted: what the settings say of KataConfig.
        facts: what the cluster said before the run.
        plan: what follows.
        ticket: what approves the plan.
        approved: whether it may be carried out.
    """

    stack: Settings
    client: ClusterClient
    wanted: Wanted
    facts: Facts
    plan: Plan
    ticket: str
    approved: bool

    @property
    def always(self) -> bool:
        """Whether any roll-out is approved, and deletion with it."""
        return self.stack.peer_pods.kata_config.allow_reboot is True

    @property
    def unprotected(self) -> bool:
        """Whether the engine may replace the object.

        Also for a creation, and while a roll-out of this ticket is waited for: after a run that was killed, the state
        still has the old object, and the engine calls it a replacement. A preview that is not approved shows its steps
        all the same, and fails in the end.
        """
        if self.plan.action == "wait":
            return self.stack.peer_pods.kata_config.allow_reboot in (True, self.ticket)
        return self.always or (self.plan.reboots and (self.approved or pulumi.runtime.is_dry_run()))

    @property
    def about(self) -> str:
        """What people read of the plan."""
        return text.blast_radius(self.plan, self.facts, self.wanted, self.stack.peer_pods.kata_config.timeout)

    def complaint(self) -> str:
        """Return what a run that may not be carried out ends with."""
        allowed = self.stack.peer_pods.kata_config.allow_reboot
        return "\n".join(filter(None, (self.about, text.refusal(self.plan, self.ticket, allowed))))

    def mark(self) -> str:
        """Return what a report of the run tells of the plan."""
        return marks.line(marks.ROLLOUT, record.of(self.plan, self.facts, self.about, approved=self.approved))


def foresee(stack: Settings, connections: Connections) -> Foreseen:
    """Say what the run will do to nodes, before anything is registered.

    A preview of a roll-out without approval shows all the steps that would follow, and fails in the end (``conclude``).

    Raises:
        pulumi.RunError: in ``up``, the plan is not approved; or the plan is impossible; or the cluster does not answer.
    """
    said = stack.peer_pods.kata_config
    found = _look(stack, connections.client)
    pulumi.log.debug(found.mark())
    if found.plan.action == "blocked":
        raise pulumi.RunError(found.complaint())
    nobody = text.nobody(found.plan, found.wanted)
    if not found.approved:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(found.complaint())
        pulumi.log.warn(found.complaint())
    elif nobody and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(nobody)
    elif found.about:
        pulumi.log.warn(found.about)
    if nobody:
        pulumi.log.warn(nobody)
    if found.approved and (
        how := text.approval(found.plan, found.ticket, said.allow_reboot, production=stack.environment == "production")
    ):
        pulumi.log.warn(how)
    return found


def conclude(found: Foreseen | None) -> None:
    """End a preview that is not approved; called when everything has been registered, so that all of it is shown.

    Raises:
        pulumi.RunError: the plan is not approved.
    """
    if found is not None and not found.approved:
        said = found.stack.peer_pods.kata_config
        raise pulumi.RunError(text.refusal(found.plan, found.ticket, said.allow_reboot))


def _look(stack: Settings, client: ClusterClient) -> Foreseen:
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    return _decided(stack, client, kata_facts.gather(stack, client, owner, kata_facts.own_output(OUTPUT)))


def _decided(stack: Settings, client: ClusterClient, facts: Facts) -> Foreseen:
    said = stack.peer_pods.kata_config
    wanted = kata_facts.wanted(stack)
    plan = decide(facts, wanted, said.existing)
    ticket = approval.ticket(plan, facts, said.existing)
    return Foreseen(
        stack=stack,
        client=client,
        wanted=wanted,
        facts=facts,
        plan=plan,
        ticket=ticket,
        approved=approval.approved(plan, ticket, said.allow_reboot),
    )


def make(
    name: str, foreseen: Foreseen, connections: Connections, image: PodVmImage, opts: ResourceOptions
) -> KataConfig:
    """Return the KataConfig of the plan; it does not wait for its roll-out, see ``components.peer_pods.kata_gates``.

    Args:
        name: prefix of the resources' names.
        foreseen: what ``foresee`` said.
        connections: providers of the cluster.
        image: the pod VM image, which is prepared before a creation, and kept from a deletion if it is the stack's own.
        opts: its parent, and what it waits for.
    """
    plan, said = foreseen.plan, foreseen.stack.peer_pods.kata_config
    marks = {OWNER: foreseen.facts.stack, APPLIED: plan.applied.text}
    net = ResourceHookBinding(before_create=[_net(name, foreseen, image)])
    made = KataConfig(
        f"{name}-kataconfig",
        ResourceOptions.merge(
            opts,
            ResourceOptions(
                provider=connections.kata_config,
                protect=not foreseen.unprotected,
                # The operator keeps the old gate's image, and a changed spec has no observedGeneration to wait for.
                replacement_trigger=plan.applied.trigger,
                replace_on_changes=["spec"],
                delete_before_replace=True,
                # In this order: nothing is prepared for a creation that is about to be refused.
                hooks=ResourceHookBinding.merge(net, image.kata_config_hooks(f"{name}-kataconfig")),
                custom_timeouts=CustomTimeouts(create=said.timeout, update=said.timeout, delete=said.timeout),
            ),
        ),
        metadata={"name": plan.name, "annotations": marks},
        spec=foreseen.wanted.spec,
    )
    pulumi.Stash(
        f"{name}-kataconfig-guard",
        input="KataConfig is deleted only where coco-azure:peerPods.kataConfig.allowReboot is true",
        opts=ResourceOptions(
            parent=opts.parent,
            # It protects a KataConfig that is there; no value of it is used.
            depends_on=[made],
            # The engine drops the protection of what it has just replaced, and `pulumi destroy` runs no program.
            protect=not foreseen.always,
        ),
    )
    return made


def completed(foreseen: Foreseen, made: KataConfig, installed: pulumi.Resource) -> Output[dict[str, Any]]:
    """Return what the stack keeps of the roll-out once it, and the whole run, is over; see ``OUTPUT``."""
    last, plan = foreseen.facts.last, foreseen.plan
    nodes = last.nodes if last is not None and plan.action == "nothing" else plan.selected
    found: Output[Any] = Output.all(made.metadata, installed.urn).apply(lambda both: both[0])
    return found.apply(
        lambda metadata: {"name": str(metadata["name"]), "uid": str(metadata.get("uid", "")), "nodes": list(nodes)}
    )


def _net(name: str, foreseen: Foreseen, image: PodVmImage) -> ResourceHook:
    async def before_create(_: pulumi.ResourceHookArgs) -> None:
        await make_way(foreseen, image)

    return ResourceHook(f"{name}-kataconfig-before-create", before_create)


async def make_way(foreseen: Foreseen, image: PodVmImage) -> None:
    """Look once more before a creation, and delete what is in its way where that is approved.

    Raises:
        pulumi.RunError: what is found now is not approved, or the deletion takes longer than the settings allow.
    """
    found = await _again(foreseen)
    if not found.approved:
        raise pulumi.RunError(found.complaint())
    if found.plan.deletes:
        if found.stack.peer_pods.image_id is not None:
            await in_thread(image.spare)
        await _delete(found)


async def _again(foreseen: Foreseen) -> Foreseen:
    stack, client, facts = foreseen.stack, foreseen.client, foreseen.facts
    now = await in_thread(lambda: kata_facts.gather(stack, client, facts.stack, facts.last))
    return _decided(stack, client, now)


async def _delete(found: Foreseen) -> None:
    """Delete the KataConfig that is there and wait for its end; a run that is broken off here goes on with it."""
    client, name = found.client, found.plan.name
    seconds = text.minutes(found.stack.peer_pods.kata_config.timeout) * 60
    until = time.monotonic() + seconds
    pulumi.log.info(f"KataConfig {name} is being deleted; its nodes reboot, which may take as long as their creation")
    await in_thread(lambda: client.delete(f"{KATA_CONFIGS}/{name}"))
    told = ""
    while (left := until - time.monotonic()) > 0:
        reason = await in_thread(lambda left=left: _reason(client, name, min(_LOOK, int(left) + 1)))  # type: ignore[misc]
        if reason is None:
            return
        if reason == _BLOCKED and told != reason:
            pods = ", ".join(f"{pod.namespace}/{pod.name}" for pod in (await _again(found)).facts.pods)
            pulumi.log.warn(f"kata pods keep KataConfig {name} from being deleted; delete them: {pods}")
        told = reason
    raise pulumi.RunError(
        f"KataConfig {name} is not gone after {found.stack.peer_pods.kata_config.timeout}"
        f"{f' ({told})' if told else ''}. It is still being deleted, and the next `pulumi up` waits on. What it waits "
        f"for: oc get kataconfig {name} -o yaml; oc get mcp. More time: coco-azure:peerPods.kataConfig.timeout"
    )


def _reason(client: ClusterClient, name: str, seconds: int) -> str | None:
    """Return the last reason of InProgress within so many seconds, or sooner where pods block; None once it is gone."""
    if client.get(f"{KATA_CONFIGS}/{name}") is None:
        return None
    reason = ""
    for kind, found in client.changes(KATA_CONFIGS, name, seconds):
        if kind == "DELETED":
            return None
        if (reason := read_kata_config(found).reason) == _BLOCKED:
            break
    return reason
