"""A KataConfig that is changed while it stays: which nodes reboot for that, and whether a new image is built.

What the operator does by itself (openshift/sandboxed-containers-operator ``controllers``, the same in d0632e58 and
00ef4c71): it labels joining nodes and unlabels leaving ones at every reconcile (``updateNodeLabels``),
writes another log level into its ContainerRuntimeConfig (``processLogLevel``), follows the gate
(``handleFeatureConfidential``), and builds an image while none is named (``imageCreateJobRunner``). Its MachineConfigs
do not depend on the gate.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.rollout import choice, drain, image_request
from coco_azure.rollout import wanted as wishes
from coco_azure.rollout.facts import FoundKataConfig, RolloutFacts
from coco_azure.rollout.plan_types import Action, Plan
from coco_azure.rollout.wanted import Applied, WantedKataConfig


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a KataConfig is, and what is to become of it.

    Attributes:
        action: ``update`` or ``adopt``.
        was: what its annotation says, or would say.
        why: what differs.
        built: the gate that its image was built under; None: not known.
    """

    action: Action
    was: Applied
    why: Sequence[str]
    built: bool | None

    @property
    def moves(self) -> bool:
        """Whether nodes join or leave. Those that are still to follow an old selector do so with or without a run."""
        return any(each.startswith(wishes.SELECTOR) for each in self.why)

    @property
    def level(self) -> bool:
        """Whether the log level is another one."""
        return any(each.startswith(wishes.LOG_LEVEL) for each in self.why)

    def builds(self, wanted: WantedKataConfig) -> bool:
        """Return whether the operator has to build an image."""
        rebuilt = self.action == "update" and (wanted.settings.rebuild_image or "") not in ("", self.was.rebuild)
        switched = any(each.startswith(wishes.GATE) for each in self.why)
        other_kind = switched if self.built is None else not wanted.fits(self.built)
        return not wanted.settings.own_image and (rebuilt or other_kind)


def possible(kata_config: FoundKataConfig) -> bool:
    """Return whether the operator carries out what is wanted while the object stays."""
    return not kata_config.deleting and bool(kata_config.spec.get("enablePeerPods"))


def change(facts: RolloutFacts, wanted: WantedKataConfig, kata_config: FoundKataConfig, difference: Difference) -> Plan:
    """Return the plan of a KataConfig that is changed in place."""
    chosen, present = choice.choose(facts, wanted), choice.updated_nodes(facts)
    joining = [node for node in chosen.selected if difference.moves and node not in present]
    leaving = [node for node in present if difference.moves and node not in chosen.selected]
    updating = [node for node in present if difference.level and node not in leaving]
    touched = set() if wanted.daemon_set else {*joining, *leaving, *updating}
    linux_only = chosen.linux_only(wanted) if difference.moves else difference.was.linux_only
    in_the_way, bystanders = choice.ailing(facts, chosen.kept_out) if touched else ((), ())
    rounds = (
        choice.rounds(facts, len(leaving), names.WORKER_POOL),
        choice.rounds(facts, len(joining + updating), names.KATA_POOL),
    )
    return Plan(
        action=difference.action,
        name=kata_config.name,
        applied=_applied(facts, wanted, kata_config, difference, linux_only=linux_only),
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
        builds=difference.builds(wanted),
        daemon_set=wanted.daemon_set,
    )


def _applied(
    facts: RolloutFacts,
    wanted: WantedKataConfig,
    kata_config: FoundKataConfig,
    difference: Difference,
    *,
    linux_only: bool,
) -> Applied:
    was, gate = difference.was, wanted.settings.confidential
    made = was.confidential if was.made_confidential is None else was.made_confidential
    rebuild = (wanted.settings.rebuild_image or "") or was.rebuild
    image = was.image
    if difference.builds(wanted):
        image = image_request.new(kata_config.uid, was.image, confidential=gate, rebuild=rebuild)
    return dataclasses.replace(
        was,
        confidential=gate,
        log_level=wanted.settings.kata_config.log_level,
        pool_selector=wanted.settings.kata_config.pool_labels,
        linux_only=linux_only,
        made_confidential=None if made == gate else made,
        rebuild=rebuild,
        image=image,
        before=choice.configuration(facts) if difference.level else was.before,
    )
