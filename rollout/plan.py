"""What a run will do to KataConfig, and so to nodes.

The engine decides by its state, which no program can ask. The plan decides by the cluster: whose KataConfig is there,
and what it was made for. Both come to the same because everything that makes the engine replace the object is written
on it (``rollout.wanted``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rollout import wanted as wishes
from rollout.facts import KATA_OC, MASTER, OWNER, WORKER, Facts, FoundKataConfig, KataPod, Pool
from rollout.wanted import Applied, Wanted

Existing = Literal["fail", "adopt", "recreate"]
Action = Literal["nothing", "wait", "create", "replace", "adopt", "recreate", "blocked"]

DEFAULT_NAME = "example-kataconfig"
"""Name of a KataConfig that the stack makes: the chapter's."""
_MAKING: frozenset[Action] = frozenset({"create", "replace", "recreate"})
_DELETING: frozenset[Action] = frozenset({"replace", "recreate"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done.

    Attributes:
        action: ``nothing``; ``wait`` for a roll-out that an earlier run began; ``create``; ``replace`` the stack's own;
            ``adopt`` or ``recreate`` one that is not the stack's; ``blocked``: the run must not begin.
        name: name of the KataConfig.
        applied: what its annotation will say.
        why: what makes the action necessary, or impossible.
        joining: nodes that get kata, each of which reboots.
        leaving: nodes that kata is removed from, each of which reboots.
        selected: nodes that the selector matches now, whether they reboot or not.
        pods: pods that keep the deletion waiting.
        pools: pools whose nodes are to be updated, and that are degraded or paused.
        rounds: how many reboots there are one after another.
        drift: how the spec differs from what the stack asked for, although it asks for nothing new.
    """

    action: Action
    name: str
    applied: Applied
    why: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    pods: tuple[KataPod, ...] = ()
    pools: tuple[Pool, ...] = ()
    rounds: int = 0
    drift: tuple[str, ...] = ()

    @property
    def reboots(self) -> bool:
        """Whether a KataConfig is made or deleted, which needs approval."""
        return self.action in _MAKING

    @property
    def deletes(self) -> bool:
        """Whether a KataConfig is deleted."""
        return self.action in _DELETING


def decide(facts: Facts, wanted: Wanted, existing: Existing) -> Plan:
    """Return what a run with these settings does."""
    if len(facts.kata_configs) > 1:
        names = ", ".join(sorted(each.name for each in facts.kata_configs))
        why = (
            f"the cluster has {len(facts.kata_configs)} KataConfigs ({names}), and the operator works with one; delete "
            "those that are not needed: oc delete kataconfig NAME"
        )
        return Plan(action="blocked", name=DEFAULT_NAME, applied=wishes.of(wanted, ""), why=(why,))
    after = facts.last.uid if facts.last else ""
    if not facts.kata_configs:
        return _rolling(facts, wanted, "create", DEFAULT_NAME, wishes.of(wanted, after))
    found = facts.kata_configs[0]
    if found.owner == facts.stack or (facts.last is not None and facts.last.uid == found.uid):
        return _own(facts, wanted, found, after)
    return _foreign(facts, wanted, found, existing)


def _own(facts: Facts, wanted: Wanted, found: FoundKataConfig, after: str) -> Plan:
    if found.applied is not None:
        why = found.applied.differences(wanted)
        same = wishes.of(wanted, found.applied.after)
    else:
        why = [*wishes.misfits(found.spec, wanted), *_gate(facts, wanted)]
        same = wishes.of(wanted, "")
    if found.deleting:
        why = [f"KataConfig {found.name} is being deleted", *why]
    if why:
        return _rolling(facts, wanted, "replace", found.name, wishes.of(wanted, after), why=why)
    done = facts.last is not None and facts.last.uid == found.uid
    return Plan(
        action="nothing" if done else "wait",
        name=found.name,
        applied=same,
        selected=selected(facts, wanted),
        drift=tuple(wishes.misfits(found.spec, wanted)),
    )


def _foreign(facts: Facts, wanted: Wanted, found: FoundKataConfig, existing: Existing) -> Plan:
    applied = wishes.of(wanted, "")
    if found.owner is not None:
        why = (
            f"KataConfig {found.name} was made by stack {found.owner}. A cluster has one; give it up there first "
            f"(pulumi state delete, or pulumi destroy), or take off its mark: oc annotate kataconfig {found.name} "
            f"{OWNER}-"
        )
        return Plan(action="blocked", name=found.name, applied=applied, why=(why,))
    if existing == "recreate":
        return _rolling(facts, wanted, "recreate", found.name, applied)
    misfits = _misfits_of_adoption(facts, wanted, found)
    if existing == "adopt" and not misfits:
        return Plan(action="adopt", name=found.name, applied=applied, selected=selected(facts, wanted))
    return Plan(action="blocked", name=found.name, applied=applied, why=(_ways_out(found, existing, misfits),))


def _misfits_of_adoption(facts: Facts, wanted: Wanted, found: FoundKataConfig) -> list[str]:
    why = [*wishes.misfits(found.spec, wanted), *_gate(facts, wanted)]
    if found.deleting:
        why.append("it is being deleted")
    if (
        not wanted.own_image
        and facts.image.confidential is not None
        and facts.image.confidential != wanted.confidential
    ):
        there, now = ("", "not ") if facts.image.confidential else ("not ", "")
        why.append(f"its pod VM image was built {there}confidential, and {now}confidential is wanted")
    return why


def _gate(facts: Facts, wanted: Wanted) -> list[str]:
    there = facts.gate if facts.gate is not None else False
    if there == wanted.confidential:
        return []
    return [f"feature gate confidential: {str(there).lower()} -> {str(wanted.confidential).lower()}"]


def _ways_out(found: FoundKataConfig, existing: Existing, misfits: Sequence[str]) -> str:
    set_it = "pulumi config set --path 'coco-azure:peerPods.kataConfig.existing'"
    recreate = f"{set_it} recreate - deletes it and makes a new one, which reboots its nodes and needs approval"
    differs = "; ".join(misfits)
    if existing == "adopt":
        return (
            f"KataConfig {found.name} cannot be adopted without a reboot ({differs}). Change the settings to what is "
            f"there, or:\n  {recreate}"
        )
    adopt = f"{set_it} adopt - takes it over as it is; no node reboots"
    if misfits:
        adopt += f" (not as things are: {differs})"
    by_hand = f"oc delete kataconfig {found.name} - in a maintenance window; its nodes reboot"
    return (
        f"the cluster has KataConfig {found.name}, which was not made by this stack, and there can be only one. "
        f"Ways out:\n  {adopt}\n  {recreate}\n  {by_hand}"
    )


def _rolling(
    facts: Facts, wanted: Wanted, action: Action, name: str, applied: Applied, *, why: Sequence[str] = ()
) -> Plan:
    joining = selected(facts, wanted)
    leaving = _kata_nodes(facts) if action in _DELETING else ()
    used = {"master"} if facts.converged else {"worker", "kata-oc"}
    return Plan(
        action=action,
        name=name,
        applied=applied,
        why=tuple(why),
        joining=joining,
        leaving=leaving,
        selected=joining,
        pods=facts.pods if action in _DELETING else (),
        pools=tuple(each for each in facts.pools if each.name in used and (each.paused or each.degraded)),
        rounds=_rounds(facts, len(leaving), "worker") + _rounds(facts, len(joining), "kata-oc"),
    )


def selected(facts: Facts, wanted: Wanted) -> tuple[str, ...]:
    """Return the nodes that get kata, as the operator chooses them (``updateNodeLabels``)."""
    if facts.converged:  # there the selector is not looked at
        return tuple(sorted(node.name for node in facts.nodes if MASTER in node.labels))
    labels = {} if wanted.pool_selector is None else wanted.pool_selector
    return tuple(
        sorted(
            node.name
            for node in facts.nodes
            if WORKER in node.labels and all(node.labels.get(key) == value for key, value in labels.items())
        )
    )


def _kata_nodes(facts: Facts) -> tuple[str, ...]:
    label = MASTER if facts.converged else KATA_OC
    return tuple(sorted(node.name for node in facts.nodes if label in node.labels))


def _rounds(facts: Facts, nodes: int, pool: str) -> int:
    """Return how many reboots follow each other in a pool that updates so many nodes at once."""
    if not facts.pools:
        return 0
    said = next((each.at_once for each in facts.pools if each.name == ("master" if facts.converged else pool)), 1)
    text = str(said)
    at_once = nodes * int(text[:-1]) // 100 if text.endswith("%") else int(text)
    return -(-nodes // max(1, at_once))
