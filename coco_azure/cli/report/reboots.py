"""When each node was drained, updated and rebooted, as the operator said it while the run waited."""

from dataclasses import dataclass

from coco_azure.clients.engine_run import Run


@dataclass(frozen=True, kw_only=True)
class Reboot:
    """One update of a node.

    Attributes:
        began: seconds after the start of the run.
        seconds: how long it took; None where the run ended before it did.
    """

    began: float
    seconds: float | None


def of(run: Run) -> dict[str, tuple[Reboot, ...]]:
    """Return the updates of each node, in their order; none where the run did not see any."""
    reboots: dict[str, list[Reboot]] = {}
    open_since: dict[str, float] = {}
    for at, names in run.node_updates:
        for name in [each for each in open_since if each not in names]:
            began = open_since.pop(name)
            reboots.setdefault(name, []).append(Reboot(began=began - run.began, seconds=at - began))
        for name in names:
            open_since.setdefault(name, at)
    for name, began in open_since.items():
        reboots.setdefault(name, []).append(Reboot(began=began - run.began, seconds=None))
    return {name: tuple(each) for name, each in reboots.items()}
