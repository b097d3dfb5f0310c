"""Which run is struck, by what, and when: decided by a seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal import changes
from rehearsal.fault_bench.strikes import FAULTS

_LINGER = 3.0
RUNS = tuple(changes.RUNS)


@dataclass(frozen=True)
class KillPoint:
    """One moment of one run.

    Attributes:
        number: from 1.
        run: one of RUNS.
        fault: one of FAULTS.
        when: share of the way that this run goes undisturbed, between 0 and 1.
        linger: seconds after that moment, so that waits are struck in their middle, too.
    """

    number: int
    run: str
    fault: str
    when: float
    linger: float


def points(seed: int, count: int, faults: Sequence[str] = tuple(FAULTS), runs: Sequence[str] = RUNS) -> list[KillPoint]:
    """Return so many points; every fault meets every kind of run equally often, as far as the count allows.

    The moments of a kind of run are spread: each lies in a slot of its own.
    """
    source = random.Random(seed)  # noqa: S311 - not for cryptography
    each = -(-count // len(runs))
    struck, moments = {}, {}
    for run in runs:
        rounds = -(-each // len(faults))
        struck[run] = [fault for _ in range(rounds) for fault in source.sample(faults, len(faults))]
        moments[run] = [(slot + source.random()) / each for slot in source.sample(range(each), each)]
    chosen = []
    for number in range(count):
        run, turn = runs[number % len(runs)], number // len(runs)
        chosen.append(KillPoint(number + 1, run, struck[run][turn], moments[run][turn], source.uniform(0, _LINGER)))
    return chosen
