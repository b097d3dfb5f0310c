"""KataConfig: planned before anything is registered, made by the engine, and guarded on the way.

``plan_rollout`` looks at the cluster and says what the run will do to nodes; without approval the run ends there. The
engine then creates, replaces or keeps the object. A hook looks once more before a creation, for what nobody foresaw.
"""

import time
from dataclasses import dataclass

import pulumi
from pulumi import CustomTimeouts, ResourceHook, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure import run_marks as marks
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.rollout import guard, text
from coco_azure.rollout import plan as planning
from coco_azure.rollout import read_facts as kata_facts
from coco_azure.rollout.desired_kata_config import DesiredKataConfig
from coco_azure.rollout.diagnosis.image import BLOCKED
from coco_azure.rollout.facts import RolloutFacts, read_kata_config
from coco_azure.rollout.plan import Plan, decide
from coco_azure.settings import Settings
from coco_azure.versions.profile_types import OscProfile
from components.cluster.connections import Connections
from components.cluster.openshift import KataConfig
from components.cluster.watching import Watching, in_thread
from components.peer_pods import guard as guarding
from components.peer_pods import kata_change
from components.peer_pods.pod_vm_image import PodVmImage

OUTPUT = "kataConfig"
"""Stack output: the last completed roll-out, as ``kata_change.completed`` keeps it."""
_LOOK = 20
"""Seconds after which whoever watches a deletion asks whether the object is still there."""


@dataclass(frozen=True, kw_only=True)
class PlannedRollout:
    """What a run will do to KataConfig, and by what that was decided.

    Attributes:
        wanted: what the settings say of KataConfig.
        ticket: what approves the plan.
        approved: whether it may be carried out.
    """

    stack: Settings
    client: ClusterClient
    wanted: DesiredKataConfig
    facts: RolloutFacts
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
        return self.always or (self.plan.makes and (self.approved or pulumi.runtime.is_dry_run()))

    @property
    def approval(self) -> str:
        """What the guard in the cluster lets pass for this run; empty: nothing."""
        return guard.approval(self.plan, self.facts) if self.approved else ""

    @property
    def about(self) -> str:
        """What people read of the plan."""
        return text.blast_radius(self.plan, self.facts, self.wanted, self.stack.peer_pods.kata_config.timeout)

    @property
    def refusal(self) -> str:
        """Why it may not be carried out, and what approves it; empty: it may."""
        allowed = self.stack.peer_pods.kata_config.allow_reboot
        return "" if self.approved else text.refusal(self.plan, self.ticket, allowed)

    def complaint(self) -> str:
        """Return what a run that may not be carried out ends with."""
        return "\n".join(filter(None, (self.about, self.refusal)))

    def mark(self) -> str:
        """Return what a report of the run tells of the plan."""
        return marks.line(marks.ROLLOUT, planning.record(self.plan, self.facts, self.about, approved=self.approved))


def plan_rollout(stack: Settings, connections: Connections, profile: OscProfile | None) -> PlannedRollout:
    """Say what the run will do to nodes, before anything is registered.

    ``profile`` is that of the operator's version; None where a version without one is about to end the run.

    A preview of a roll-out without approval shows all the steps that would follow, and fails in the end
    (``refusal.end``).

    Raises:
        pulumi.RunError: in ``up``, the plan is not approved; or the plan is impossible; or the cluster does not answer.
    """
    settings = stack.peer_pods.kata_config
    if settings.deployment_mode == "DaemonSet" and profile is not None and not profile.daemon_set_without_reboot:
        raise pulumi.RunError(text.by_daemon_set(profile.version))
    facts = _read_and_plan(stack, connections, one_image=profile is not None and profile.one_image)
    pulumi.log.debug(facts.mark())
    guarding.shut(connections.client, facts.facts)
    if facts.plan.action == "blocked":
        raise pulumi.RunError(facts.complaint())
    nobody = text.nobody(facts.plan, facts.wanted)
    if not facts.approved:
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(facts.complaint())
        pulumi.log.warn(facts.about)
    elif nobody and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(nobody)
    elif facts.about:
        pulumi.log.warn(facts.about)
    if nobody:
        pulumi.log.warn(nobody)
    if facts.approved:
        production = stack.environment == "production"
        how = text.approval(facts.plan, facts.ticket, settings.allow_reboot, production=production)
        if message := stack.accepted_risks.advice(how):
            pulumi.log.warn(message)
    return facts


def _read_and_plan(stack: Settings, connections: Connections, *, one_image: bool) -> PlannedRollout:
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    client, reader = connections.client, connections.reader
    facts = kata_facts.gather(stack, reader, owner, kata_facts.own_output(OUTPUT))
    planned = _decided(stack, client, facts, one_image=one_image)
    if not planned.plan.reboots:
        return planned
    # What keeps nodes from being drained is asked for only where some are to be.
    return _decided(stack, client, kata_facts.with_drains(facts, reader, planned.plan.counts), one_image=one_image)


def _decided(stack: Settings, client: ClusterClient, facts: RolloutFacts, *, one_image: bool = False) -> PlannedRollout:
    settings = stack.peer_pods.kata_config
    wanted = DesiredKataConfig(settings=stack.peer_pods, one_image=one_image)
    plan = decide(facts, wanted, settings.existing)
    ticket = planning.ticket(plan, facts, settings.existing, recreate=wanted.recreate)
    return PlannedRollout(
        stack=stack,
        client=client,
        wanted=wanted,
        facts=facts,
        plan=plan,
        ticket=ticket,
        approved=planning.approved(plan, ticket, settings.allow_reboot),
    )


def make(name: str, planned: PlannedRollout, image: PodVmImage, opts: ResourceOptions) -> KataConfig:
    """Return the KataConfig of the plan; it does not wait for its roll-out, see ``components.peer_pods.kata_gates``.

    Args:
        name: prefix of the resources' names.
        planned: what ``plan_rollout`` returned.
        image: the pod VM image, which is prepared before a creation, and kept from a deletion if it is the stack's own.
        opts: its parent, and what it waits for.
    """
    plan, settings = planned.plan, planned.stack.peer_pods.kata_config
    marks = {names.STACK: planned.facts.stack, names.APPLIED: plan.applied.text}
    title = f"{name}-kataconfig"
    exactly = ResourceHook(f"{title}-exactly", kata_change.exactly(planned.client, plan, marks))
    deletion = kata_change.watch(title, plan, lambda: _facts(planned).pods, planned.client, opts.parent)
    rechecking = _recheck_hook(name, planned, image, deletion)
    hooks = ResourceHookBinding(before_create=[rechecking, exactly], before_update=[exactly])
    made = KataConfig(
        title,
        ResourceOptions.merge(
            opts,
            ResourceOptions(
                protect=not planned.unprotected,
                replacement_trigger=plan.applied.trigger,
                # A spec that no plan knows of is drift: put back in place it would reboot nodes that nobody approved.
                replace_on_changes=[] if plan.in_place else ["spec"],
                delete_before_replace=True,
                # In this order: nothing is prepared for a creation that is about to be refused.
                hooks=ResourceHookBinding.merge(hooks, image.kata_config_hooks(title)),
                custom_timeouts=CustomTimeouts(
                    create=settings.timeout, update=settings.timeout, delete=settings.timeout
                ),
            ),
        ),
        # Forced: whoever wrote a field of one that is adopted, or before the engine did, would keep it.
        metadata={"name": plan.name, "annotations": marks | {names.PATCH_FORCE: "true"}},
        spec=plan.applied.spec,
    )
    pulumi.Stash(
        f"{name}-kataconfig-guard",
        input="KataConfig is deleted only where coco-azure:peerPods.kataConfig.allowReboot is true",
        opts=ResourceOptions(
            parent=opts.parent,
            # It protects a KataConfig that is there; no value of it is used.
            depends_on=[made],
            # The engine drops the protection of what it has just replaced, and `pulumi destroy` runs no program.
            protect=not planned.always,
        ),
    )
    return made


def _recheck_hook(name: str, planned: PlannedRollout, image: PodVmImage, deletion: Watching | None) -> ResourceHook:
    async def before_create(_: pulumi.ResourceHookArgs) -> None:
        if deletion is not None:
            deletion.stop()
        await recheck_before_create(planned, image)

    return ResourceHook(f"{name}-kataconfig-before-create", before_create)


async def recheck_before_create(planned: PlannedRollout, image: PodVmImage) -> None:
    """Look once more before a creation, and delete what is in its way where that is approved.

    Raises:
        pulumi.RunError: what is found now is not approved, or the deletion takes longer than the settings allow.
    """
    current = await _plan_again(planned)
    if not current.approved:
        raise pulumi.RunError(current.complaint())
    if current.plan.deletes:
        await in_thread(lambda: guarding.put(current.client, current.facts.stack, current.approval))
        if current.stack.peer_pods.image_id is not None:
            await in_thread(image.keep_own_image)
        await _delete(current)


async def _plan_again(planned: PlannedRollout) -> PlannedRollout:
    now = await in_thread(lambda: _facts(planned))
    return _decided(planned.stack, planned.client, now, one_image=planned.wanted.one_image)


def _facts(planned: PlannedRollout) -> RolloutFacts:
    facts = planned.facts
    return kata_facts.gather(planned.stack, planned.client, facts.stack, facts.last)


async def _delete(current: PlannedRollout) -> None:
    """Delete the KataConfig that is there and wait for its end; a run that is broken off here goes on with it."""
    client, name = current.client, current.plan.name
    seconds = text.minutes(current.stack.peer_pods.kata_config.timeout) * 60
    until = time.monotonic() + seconds
    pulumi.log.info(f"KataConfig {name} is being deleted; its nodes reboot, which may take as long as their creation")
    await in_thread(lambda: client.delete(f"{names.KATA_CONFIGS}/{name}"))
    last_reason, left = "", 1.0
    while left > 0:
        left = max(0.0, until - time.monotonic())
        reason = await in_thread(lambda left=left: _reason(client, name, min(_LOOK, int(left) + 1)))  # type: ignore[misc]
        if reason is None:
            return
        if reason == BLOCKED and last_reason != reason:
            pods = ", ".join(f"{pod.namespace}/{pod.name}" for pod in (await _plan_again(current)).facts.pods)
            pulumi.log.warn(f"kata pods keep KataConfig {name} from being deleted; delete them: {pods}")
        last_reason = reason
    raise pulumi.RunError(
        f"KataConfig {name} is not gone after {current.stack.peer_pods.kata_config.timeout}"
        f"{f' ({last_reason})' if last_reason else ''}. It is still being deleted, and the next `pulumi up` waits on. "
        f"What it waits for: oc get kataconfig {name} -o yaml; oc get mcp. More time: "
        "coco-azure:peerPods.kataConfig.timeout"
    )


def _reason(client: ClusterClient, name: str, seconds: int) -> str | None:
    """Return the last reason of InProgress within so many seconds, or sooner where pods block; None once it is gone."""
    if client.get(f"{names.KATA_CONFIGS}/{name}") is None:
        return None
    reason = ""
    for kind, kata_config in client.changes(names.KATA_CONFIGS, name, seconds):
        if kind == "DELETED":
            return None
        if (reason := read_kata_config(kata_config).reason) == BLOCKED:
            break
    return reason
