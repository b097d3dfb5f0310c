"""What a run will do to KataConfig, and so to nodes; the ticket that approves it, and the record that it leaves.

The engine decides by its state, which no program can ask. The plan decides by the cluster: whose KataConfig is there,
and what it was made for. Both come to the same because everything that makes the engine replace the object is written
on it (``coco_azure.rollout.desired_kata_config``).

A ticket is a hash of what is to be done and of the roll-out that was completed last. It stays the same while the
roll-out is interrupted and resumed, and is worth nothing once it has been completed.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coco_azure import names
from coco_azure.rollout import choice, desired_kata_config, drain, plan_types
from coco_azure.rollout.desired_kata_config import Applied, DesiredKataConfig
from coco_azure.rollout.facts import FoundKataConfig, RolloutFacts
from coco_azure.rollout.plan_types import DELETING, Action, Difference, Plan
from coco_azure.settings.peer_pods import Existing

__all__ = ["Action", "Plan", "decide"]


def decide(facts: RolloutFacts, desired: DesiredKataConfig, existing: Existing) -> Plan:
    """Return what a run with these settings does."""
    if len(facts.kata_configs) > 1:
        title = ", ".join(sorted(each.name for each in facts.kata_configs))
        why = (
            f"the cluster has {len(facts.kata_configs)} KataConfigs ({title}), and the operator works with one; delete "
            "those that are not needed: oc delete kataconfig NAME"
        )
        return Plan(
            action="blocked", name=names.KATA_CONFIG, applied=desired_kata_config.make_applied(desired, ""), why=(why,)
        )
    after = facts.last.uid if facts.last else ""
    if not facts.kata_configs:
        return _rolling(facts, desired, "create", names.KATA_CONFIG, after)
    kata_config = facts.kata_configs[0]
    if kata_config.owner == facts.stack or (facts.last is not None and facts.last.uid == kata_config.uid):
        return _own(facts, desired, kata_config, after)
    return _foreign(facts, desired, kata_config, existing)


def _own(facts: RolloutFacts, desired: DesiredKataConfig, kata_config: FoundKataConfig, after: str) -> Plan:
    if kata_config.applied is not None:
        why = kata_config.applied.differences(desired)
        same = kata_config.applied
    else:
        same = desired_kata_config.make_applied(
            desired, "", linux_only=desired_kata_config.is_linux_only(kata_config.spec, desired)
        )
        same = dataclasses.replace(same, confidential=bool(facts.gate))
        why = [*_misfits(kata_config, desired, linux_only=same.linux_only), *_gate(facts, desired)]
    if kata_config.deleting:
        why = [f"KataConfig {kata_config.name} is being deleted", *why]
    if why and (desired.recreate or not plan_types.possible(kata_config)):
        return _rolling(facts, desired, "replace", kata_config.name, after, why=why)
    if why:
        built = facts.image.confidential
        if built is None and kata_config.applied is not None:
            built = kata_config.applied.confidential
        return plan_types.change(
            facts, desired, kata_config, Difference(action="update", was=same, why=why, built=built)
        )
    done = facts.last is not None and facts.last.completed(kata_config)
    return _staying(facts, desired, "nothing" if done else "wait", kata_config, same)


def _staying(
    facts: RolloutFacts, desired: DesiredKataConfig, action: Action, kata_config: FoundKataConfig, applied: Applied
) -> Plan:
    """Return the plan of a KataConfig that is left as it is."""
    chosen = choice.choose(facts, desired)
    return Plan(
        action=action,
        name=kata_config.name,
        applied=applied,
        selected=chosen.selected,
        kept_out=chosen.kept_out,
        left_out=chosen.windows if applied.linux_only else (),
        windows=() if applied.linux_only else chosen.windows,
        drift=tuple(_misfits(kata_config, desired, linux_only=applied.linux_only)) if action != "adopt" else (),
    )


def _foreign(facts: RolloutFacts, desired: DesiredKataConfig, kata_config: FoundKataConfig, existing: Existing) -> Plan:
    applied = desired_kata_config.make_applied(
        desired, "", linux_only=desired_kata_config.is_linux_only(kata_config.spec, desired)
    )
    if kata_config.owner is not None:
        why = (
            f"KataConfig {kata_config.name} was made by stack {kata_config.owner}. A cluster has one; give it up there "
            f"first (pulumi state delete, or pulumi destroy), or take off its mark: oc annotate kataconfig "
            f"{kata_config.name} {names.STACK}-"
        )
        return Plan(action="blocked", name=kata_config.name, applied=applied, why=(why,))
    if existing == "recreate":
        return _rolling(facts, desired, "recreate", kata_config.name, "")
    misfits = _misfits_of_adoption(facts, desired, kata_config)
    if existing == "adopt" and not misfits:
        return _staying(facts, desired, "adopt", kata_config, applied)
    if existing == "adopt" and plan_types.possible(kata_config):
        return plan_types.change(
            facts,
            desired,
            kata_config,
            Difference(action="adopt", was=applied, why=misfits, built=facts.image.confidential),
        )
    return Plan(
        action="blocked", name=kata_config.name, applied=applied, why=(_ways_out(kata_config, existing, misfits),)
    )


def _misfits_of_adoption(facts: RolloutFacts, desired: DesiredKataConfig, kata_config: FoundKataConfig) -> list[str]:
    linux_only = desired_kata_config.is_linux_only(kata_config.spec, desired)
    why = [*_misfits(kata_config, desired, linux_only=linux_only), *_gate(facts, desired)]
    if kata_config.deleting:
        why.append("it is being deleted")
    if (
        not desired.settings.own_image
        and facts.image.confidential is not None
        and not desired.fits(facts.image.confidential)
    ):
        image_is, now = ("", "not ") if facts.image.confidential else ("not ", "")
        why.append(f"its pod VM image was built {image_is}confidential, and {now}confidential is wanted")
    return why


def _misfits(kata_config: FoundKataConfig, desired: DesiredKataConfig, *, linux_only: bool) -> list[str]:
    settings = desired.settings.kata_config
    return desired_kata_config.misfits(
        kata_config.spec, settings.log_level, settings.pool_labels, linux_only=linux_only
    )


def _gate(facts: RolloutFacts, desired: DesiredKataConfig) -> list[str]:
    current = facts.gate if facts.gate is not None else False
    if current == desired.settings.confidential:
        return []
    return [f"{desired_kata_config.GATE}: {str(current).lower()} -> {str(desired.settings.confidential).lower()}"]


def _ways_out(kata_config: FoundKataConfig, existing: Existing, misfits: Sequence[str]) -> str:
    set_it = "pulumi config set --path 'coco-azure:peerPods.kataConfig.existing'"
    recreate = f"{set_it} recreate - deletes it and makes a new one, which reboots its nodes and needs approval"
    differs = "; ".join(misfits)
    if existing == "adopt":
        return (
            f"KataConfig {kata_config.name} cannot be changed in place ({differs}): it needs enablePeerPods, and "
            f"what is being deleted is going. Change that, or wait, or:\n  {recreate}"
        )
    adopt = f"{set_it} adopt - takes it over as it is; no node reboots"
    if misfits:
        adopt = f"{set_it} adopt - takes it over, and changes it in place ({differs})"
    by_hand = f"oc delete kataconfig {kata_config.name} - in a maintenance window; its nodes reboot"
    return (
        f"the cluster has KataConfig {kata_config.name}, which was not made by this stack, and there can be only one. "
        f"Options:\n  {adopt}\n  {recreate}\n  {by_hand}"
    )


def _rolling(
    facts: RolloutFacts, desired: DesiredKataConfig, action: Action, name: str, after: str, *, why: Sequence[str] = ()
) -> Plan:
    chosen = choice.choose(facts, desired)
    linux_only = chosen.linux_only(desired)
    leaving = choice.kata_nodes(facts) if action in DELETING else ()
    in_the_way, bystanders = choice.unhealthy_pools(facts, chosen.kept_out)
    touched = set() if desired.daemon_set else {*chosen.selected, *leaving}
    rounds = choice.rounds(facts, len(leaving), names.WORKER_POOL) + choice.rounds(
        facts, len(chosen.selected), names.KATA_POOL
    )
    return Plan(
        action=action,
        name=name,
        applied=desired_kata_config.make_applied(desired, after, linux_only=linux_only),
        why=tuple(why),
        joining=chosen.selected,
        leaving=leaving,
        selected=chosen.selected,
        kept_out=chosen.kept_out,
        left_out=chosen.windows if linux_only else (),
        windows=() if linux_only else chosen.windows,
        pods=facts.pods if action in DELETING else (),
        blockers=() if facts.without_machine_config else drain.blockers(touched, facts.drains),
        losses=() if facts.without_machine_config else drain.losses(touched, facts.drains),
        pools=in_the_way,
        bystanders=bystanders,
        rounds=rounds if touched else 0,
        builds=not desired.settings.own_image,
        daemon_set=desired.daemon_set,
    )


_SHOWN = 10


def ticket(plan: Plan, facts: RolloutFacts, existing: Existing, *, recreate: bool = False) -> str:
    """Return the ticket of a plan.

    Of the nodes it takes those that the last roll-out was for and those that the selector matches: the label of those
    that are being rebooted comes and goes on the way. A ticket for a change in place approves no ``recreate``.
    """
    last = facts.last
    content: dict[str, object] = {
        "stack": facts.stack,
        "applied": [plan.applied.confidential, plan.applied.log_level, plan.applied.pool_selector],
        "existing": existing,
        "nodes": sorted({*plan.selected, *(last.nodes if last else ())}),
        "last": last.uid if last else "",
    }
    if last is not None and last.count:  # a KataConfig that is changed in place keeps its uid
        content["count"] = last.count
    if recreate:
        content["change"] = "recreate"
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"roll-{digest[:_SHOWN]}"


def approved(plan: Plan, ticket_of_plan: str, allowed: bool | str) -> bool:  # noqa: FBT001 - what the setting says
    """Return whether the plan may be carried out with this value of ``peerPods.kataConfig.allowReboot``."""
    return plan.action != "blocked" and (not plan.reboots or allowed is True or allowed == ticket_of_plan)


def record(plan: Plan, facts: RolloutFacts, text: str, *, approved: bool) -> Mapping[str, Any]:
    """Return the plan as JSON-compatible data.

    Returns:
        ``action``, ``name``, ``why``, ``reboots`` (node to number of times), ``spared`` (nodes of the selector that do
        not reboot), ``others`` (how many nodes the plan leaves alone beside those), ``pods``, ``drains`` (pod that
        keeps its node from being drained, to the reason), ``losses`` (pod to what a drain deletes for good), ``pools``
        (name to what is wrong), ``approved``, ``text``.
    """
    # Where nodes are not managed by machine config pools, nothing reboots.
    reboots = {} if facts.without_machine_config else dict(plan.counts)
    spared = sorted(set(plan.selected) - set(reboots))
    return {
        "action": plan.action,
        "name": plan.name,
        "why": list(plan.why),
        "reboots": reboots,
        "spared": spared,
        "others": len({node.name for node in facts.nodes} - set(reboots) - set(spared)),
        "pods": [f"{pod.namespace}/{pod.name}" for pod in plan.pods],
        "drains": {blocker.pod: blocker.why for blocker in plan.blockers},
        "losses": {loss.pod: loss.what for loss in plan.losses},
        "pools": {pool.name: "; ".join(_wrong(pool.degraded, paused=pool.paused)) for pool in plan.pools},
        "approved": approved,
        "text": text,
    }


def _wrong(degraded: str | None, *, paused: bool) -> Iterable[str]:
    if degraded is not None:
        yield f"degraded: {degraded}"
    if paused:
        yield "paused"
