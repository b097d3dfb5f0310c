"""What a plan says of a run, apart from how it is decided."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coco_azure.rollout.drain import Blocker, Loss
from coco_azure.rollout.facts import KataPod, Pool
from coco_azure.rollout.pools import KeptOut
from coco_azure.rollout.wanted import Applied

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
        name: name of the KataConfig.
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
        daemon_set: whether no node reboots for any of it (``WantedKataConfig.daemon_set``).
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
