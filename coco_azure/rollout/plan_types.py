"""What a plan says of a run, apart from how it is decided; and which changes keep the KataConfig that is there.

What the operator does by itself (openshift/sandboxed-containers-operator ``controllers``, the same in d0632e58 and
00ef4c71): it labels joining nodes and unlabels leaving ones at every reconcile (``updateNodeLabels``),
writes another log level into its ContainerRuntimeConfig (``processLogLevel``), follows the gate
(``handleFeatureConfidential``), and builds an image while none is named (``imageCreateJobRunner``). Its MachineConfigs
do not depend on the gate.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coco_azure import names
from coco_azure.rollout import choice, desired_kata_config, drain
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.desired_kata_config import Applied, DesiredKataConfig
from coco_azure.rollout.drain import Blocker, Loss
from coco_azure.rollout.facts import FoundKataConfig, KataPod, Pool, RolloutFacts

Action = Literal["nothing", "wait", "create", "update", "replace", "adopt", "recreate", "blocked"]

_MAKING: frozenset[Action] = frozenset({"create", "replace", "recreate"})
DELETING: frozenset[Action] = frozenset({"replace", "recreate"})
_CHANGING: frozenset[Action] = frozenset({"update", "adopt", "wait"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done.

    Attributes:
        action: ``nothing``; ``wait`` for a roll-out that an earlier run began; ``create``; ``update`` the stack's own
            in place, or ``replace`` it; ``adopt`` one that is not the stack's, in place where it differs, or
            ``recreate`` it; ``blocked``: the run must not begin.
        applied: what its annotation will say.
        why: what makes the action necessary, or impossible.
        joining: nodes that get kata, each of which reboots.
        leaving: nodes that kata is removed from, each of which reboots.
        updating: nodes that keep kata and get another configuration, each of which reboots.
        selected: nodes that the selector matches now, whether they reboot or not.
        kept_out: nodes that the selector matches, too, and that never get kata because of the pools that they are in.
        left_out: Windows workers that the selector would match, had it not been made narrower for them.
        windows: Windows workers that it does match: they never get kata, and KataConfig counts them.
        pods: pods that keep the deletion waiting.
        blockers: pods that keep a node from being drained.
        losses: what drains take away for good.
        pools: pools whose nodes are to be updated, and that are degraded or paused.
        bystanders: degraded pools of other nodes.
        rounds: how many reboots there are one after another.
        drift: how the spec differs from what the stack asked for, although it asks for nothing new.
        builds: whether the operator builds a pod VM image.
        daemon_set: whether no node reboots for any of it (``DesiredKataConfig.daemon_set``).
    """

    action: Action
    name: str
    applied: Applied
    why: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    updating: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    left_out: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    pods: tuple[KataPod, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    losses: tuple[Loss, ...] = ()
    pools: tuple[Pool, ...] = ()
    bystanders: tuple[Pool, ...] = ()
    rounds: int = 0
    drift: tuple[str, ...] = ()
    builds: bool = False
    daemon_set: bool = False

    @property
    def reboots(self) -> bool:
        """Whether a KataConfig is made or deleted, or nodes reboot for one that stays; all of it needs approval."""
        return (self.action in _MAKING and not self.daemon_set) or bool(self.counts)

    @property
    def makes(self) -> bool:
        """Whether a KataConfig is made."""
        return self.action in _MAKING

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each node reboots that does, where machine configs are what updates nodes."""
        touched = [] if self.daemon_set else [*self.joining, *self.leaving, *self.updating]
        return dict(sorted(Counter(touched).items()))

    @property
    def in_place(self) -> bool:
        """Whether the object that is there may get another spec, from this run or from one that was broken off."""
        return self.action in _CHANGING

    @property
    def deletes(self) -> bool:
        """Whether a KataConfig is deleted."""
        return self.action in DELETING


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a KataConfig is, and what is to become of it.

    Attributes:
        action: ``update`` or ``adopt``.
        was: what its annotation says, or would say.
        built: the gate that its image was built under; None: not known.
    """

    action: Action
    was: Applied
    why: Sequence[str]
    built: bool | None

    @property
    def moves(self) -> bool:
        """Whether nodes join or leave. Those that are still to follow an old selector do so with or without a run."""
        return any(each.startswith(desired_kata_config.SELECTOR) for each in self.why)

    @property
    def level(self) -> bool:
        """Whether the log level is another one."""
        return any(each.startswith(desired_kata_config.LOG_LEVEL) for each in self.why)

    def builds(self, desired: DesiredKataConfig) -> bool:
        """Return whether the operator has to build an image."""
        rebuilt = self.action == "update" and (desired.settings.rebuild_image or "") not in ("", self.was.rebuild)
        switched = any(each.startswith(desired_kata_config.GATE) for each in self.why)
        other_kind = switched if self.built is None else not desired.fits(self.built)
        return not desired.settings.own_image and (rebuilt or other_kind)


def possible(kata_config: FoundKataConfig) -> bool:
    """Return whether the operator carries out what is wanted while the object stays."""
    return not kata_config.deleting and bool(kata_config.spec.get("enablePeerPods"))


def change(
    facts: RolloutFacts, desired: DesiredKataConfig, kata_config: FoundKataConfig, difference: Difference
) -> Plan:
    """Return the plan of a KataConfig that is changed in place."""
    chosen, present = choice.choose(facts, desired), choice.updated_nodes(facts)
    joining = [node for node in chosen.selected if difference.moves and node not in present]
    leaving = [node for node in present if difference.moves and node not in chosen.selected]
    updating = [node for node in present if difference.level and node not in leaving]
    touched = set() if desired.daemon_set else {*joining, *leaving, *updating}
    linux_only = chosen.linux_only(desired) if difference.moves else difference.was.linux_only
    in_the_way, bystanders = choice.unhealthy_pools(facts, chosen.kept_out) if touched else ((), ())
    rounds = (
        choice.rounds(facts, len(leaving), names.WORKER_POOL),
        choice.rounds(facts, len(joining + updating), names.KATA_POOL),
    )
    return Plan(
        action=difference.action,
        name=kata_config.name,
        applied=_applied(facts, desired, kata_config, difference, linux_only=linux_only),
        why=tuple(difference.why),
        joining=tuple(joining),
        leaving=tuple(leaving),
        updating=tuple(updating),
        selected=chosen.selected,
        kept_out=chosen.kept_out,
        left_out=chosen.windows if linux_only else (),
        windows=() if linux_only else chosen.windows,
        blockers=() if facts.without_machine_config else drain.blockers(touched, facts.drains),
        losses=() if facts.without_machine_config else drain.losses(touched, facts.drains),
        pools=in_the_way,
        bystanders=bystanders,
        # Two pools go side by side.
        rounds=max(rounds) if touched else 0,
        builds=difference.builds(desired),
        daemon_set=desired.daemon_set,
    )


def _applied(
    facts: RolloutFacts,
    desired: DesiredKataConfig,
    kata_config: FoundKataConfig,
    difference: Difference,
    *,
    linux_only: bool,
) -> Applied:
    was, gate = difference.was, desired.settings.confidential
    made = was.confidential if was.made_confidential is None else was.made_confidential
    rebuild = (desired.settings.rebuild_image or "") or was.rebuild
    image = was.image
    if difference.builds(desired):
        image = desired_kata_config.new_image(kata_config.uid, was.image, confidential=gate, rebuild=rebuild)
    return dataclasses.replace(
        was,
        confidential=gate,
        log_level=desired.settings.kata_config.log_level,
        pool_selector=desired.settings.kata_config.pool_labels,
        linux_only=linux_only,
        made_confidential=None if made == gate else made,
        rebuild=rebuild,
        image=image,
        before=choice.configuration(facts) if difference.level else was.before,
    )
