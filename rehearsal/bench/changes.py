"""What each change of KataConfig takes and reboots, held to the table of docs/reboots.md."""

from collections.abc import Mapping
from pathlib import Path

from rehearsal import changes
from rehearsal.bench.stage import BenchError, Stage, stage
from rehearsal.toolchain.cache import Say


def measure(root: Path, rounds: int, speed: float, say: Say) -> dict[str, list[float]]:
    """Carry out the changes one after the other, and return the wall times of ``up`` by kind of change.

    Raises:
        BenchError: a run fails, or other nodes reboot than the table says.
    """
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        say(f"changes of KataConfig, round {number + 1} of {rounds}")
        with stage(root, speed) as place:
            changes.select(place.server)
            for run in ("up", *changes.CHAPTER):
                before = changes.reboots(place.server)
                place.configure(changes.settings(run))
                seconds.setdefault(run, []).append(place.run("up").seconds)
                _hold(place, run, before)
    return seconds


def _hold(place: Stage, run: str, before: Mapping[str, int]) -> None:
    rebooted = {name: count - before[name] for name, count in changes.reboots(place.server).items()}
    if tuple(sorted(rebooted.values())) != changes.REBOOTS[run]:
        raise BenchError(f"`{run}` rebooted {rebooted}, needed {changes.REBOOTS[run]}")
