"""The main job against the shortest time there is and against the chapter step by step, with the reboots of each.

A roll-out cannot but take the documented durations of the simulated parts along its critical path: the longest chain of
things that need each other, from ``rehearsal.timings``; what goes on beside it does not count.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.bench import chapter
from rehearsal.bench.chapter import OSC, TRUSTEE, Chapter, Object
from rehearsal.bench.stage import Stage, settings, stage
from rehearsal.timings import CATALOG_RESOLUTION, CSV_INSTALL, IMAGE_JOB, IMAGE_PULL, NODE_REBOOT, POD_VM_START
from rehearsal.toolchain.cache import Say

_OPERATOR = CATALOG_RESOLUTION + CSV_INSTALL
INSTANT = 1e5
"""A speed at which the documented durations take no time: what is left is the engine's own."""
_BY_HAND = "by-hand"


@dataclass
class Case:
    """One case: figures of each round, in seconds; reboots of each way, the same in every round.

    Attributes:
        name: what it is.
        floor: critical path of the documented durations, at the speed of the rehearsal.
        program: wall time of ``pulumi up``.
        engine: wall time of the same where the documented durations take no time.
        chapter: wall time of the chapter, step by step; empty where it has no such way.
        reboots: reboots by the program.
        chapter_reboots: reboots by the chapter.
    """

    name: str
    floor: float
    program: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    chapter: list[float] = field(default_factory=list)
    reboots: set[int] = field(default_factory=set)
    chapter_reboots: set[int] = field(default_factory=set)

    def least(self) -> list[float]:
        """Return for each round what the program cannot go below: the critical path and the engine's own seconds."""
        return [self.floor + own for own in self.engine]


def measure(root: Path, rounds: int, speed: float, say: Say) -> list[Case]:
    """Return the cases; each round has every way once, one after the other."""
    fresh, recreate, adopt = (
        Case(name, 0.0) for name in ("fresh cluster", "existing KataConfig, recreated", "adopted")
    )
    made: list[Object] = []
    for number in range(rounds):
        say(f"main job, round {number + 1} of {rounds}")
        with stage(root, speed) as place:
            nodes = place.nodes()
            fresh.program.append(_up(place))
            fresh.reboots.add(place.reboots())
            made = made or chapter.objects(place.state("--show-secrets")["resources"])
        fresh.floor, recreate.floor = floor_of_fresh(nodes) / speed, floor_of_recreate(nodes) / speed
        adopt.floor = floor_of_adopt() / speed
        with stage(root, INSTANT) as place:
            fresh.engine.append(_up(place))
        with stage(root, speed) as place:
            fresh.chapter.append(_timed(on_fresh, Chapter(place.server, made)))
            fresh.chapter_reboots.add(place.reboots())
        for case, existing in ((recreate, "recreate"), (adopt, "adopt")):
            _existing(root, case, existing, made, speed)
        with stage(root, INSTANT) as place:
            _by_hand(place, made, speed)
            before = place.reboots()
            recreate.chapter.append(_timed(_on_existing, Chapter(place.server, made)))
            recreate.chapter_reboots.add(place.reboots() - before)
    return [fresh, recreate, adopt]


def _existing(root: Path, case: Case, existing: str, made: Sequence[Object], speed: float) -> None:
    config = settings(peerPods={"kataConfig": {"existing": existing}})
    for pace, figures in ((speed, case.program), (INSTANT, case.engine)):
        with stage(root, INSTANT) as place:
            _by_hand(place, made, pace)
            before = place.reboots()
            figures.append(_up(place, config))
            case.reboots.add(place.reboots() - before)


def _up(place: Stage, config: dict[str, object] | None = None) -> float:
    place.configure(config or {})
    return place.run("up").seconds


def _by_hand(place: Stage, made: Sequence[Object], speed: float) -> None:
    """Have the operator and a KataConfig on the cluster, as the guide's chapters before this one leave it."""
    mine = [_foreign(each) if each["kind"] == "KataConfig" else each for each in made]
    steps = Chapter(place.server, mine)
    steps.operator(OSC)
    steps.gate_and_config()
    steps.kata_config()
    place.pace(speed)


def _foreign(kata_config: Object) -> Object:
    return {**kata_config, "metadata": {"name": _BY_HAND}}


def on_fresh(steps: Chapter) -> None:
    """Carry out the chapter on a cluster without any of it."""
    steps.operator(OSC)
    steps.operator(TRUSTEE)
    steps.gate_and_config()
    steps.kata_config()
    steps.trustee()
    steps.verification()


def _on_existing(steps: Chapter) -> None:
    steps.operator(TRUSTEE)
    steps.gate_and_config()
    steps.delete_kata_config()
    steps.kata_config()
    steps.trustee()
    steps.verification()


def _timed(way: Callable[[Chapter], None], steps: Chapter) -> float:
    began = time.monotonic()
    way(steps)
    return time.monotonic() - began


def floor_of_fresh(nodes: int) -> float:
    """Return the shortest time, in seconds of the real world, for a cluster without any of it.

    Operator, nodes, image job, CAA, the check's pod VM.
    """
    return _OPERATOR + nodes * NODE_REBOOT + IMAGE_JOB + IMAGE_PULL + POD_VM_START


def floor_of_recreate(nodes: int) -> float:
    """Return it for a cluster with a KataConfig that has to go first.

    Its nodes reboot out of kata, the image's deletion job (as long as a pod VM's start) runs, and then all is as on a
    fresh one, but that the operator is there already.
    """
    return nodes * NODE_REBOOT + POD_VM_START + floor_of_fresh(nodes) - _OPERATOR


def floor_of_adopt() -> float:
    """Return it for a cluster whose KataConfig is kept: Trustee's operator, KBS, and the check's pod VM."""
    return _OPERATOR + IMAGE_PULL + POD_VM_START
