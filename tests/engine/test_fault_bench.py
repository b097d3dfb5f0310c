"""The fault bench in short: a few kill points on each kind of run; `make faults` has all of them."""

from pathlib import Path

import pytest

from rehearsal.fault_bench import plan, report, strikes
from rehearsal.fault_bench.__main__ import run

# Those that leave the most behind: a lock, an operation under way, objects that the state does not know.
FAULTS = (strikes.ENGINE_KILLED, strikes.PROVIDER_KILLED, strikes.API_SERVER_AWAY, strikes.DISK_FULL)


# `make faults` has the others, too. Each leads to where the next begins.
RUNS = ("up", "select", "level", "gate", "image", "replace", "open", "destroy")

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("warm_bench")]


def test_whatever_kills_a_run_the_next_one_goes_on_and_nothing_is_lost_or_leaked(tmp_path: Path) -> None:
    results = run(tmp_path / "bench", plan.points(3, len(RUNS), FAULTS, RUNS), 60)

    assert len(results) == len(RUNS)
    assert all(result.good for result in results), report.table(results, len(RUNS), 3, 0)
