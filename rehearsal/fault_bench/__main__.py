"""``python -m rehearsal.fault_bench --points 108 --seed 1``: strike, repeat, count; 1 if anything is wrong."""

import argparse
import shutil
import sys
import time
from pathlib import Path

import toolchain
from rehearsal.cluster import Cluster
from rehearsal.control_plane import TOOLS
from rehearsal.fault_bench import plan, report
from rehearsal.fault_bench.bench import Bench, Result, speed_up
from rehearsal.workplace import Workplace

_SPEED = "600"


def run(root: Path, points: list[plan.KillPoint], minutes: float) -> list[Result]:
    """Carry out the points on a new cluster in ``root``, for so many minutes at most, and return how they ended."""
    deadline = time.monotonic() + minutes * 60
    speed_up(_SPEED)
    shutil.rmtree(root, ignore_errors=True)
    place = Workplace(root)
    tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, _say).items()}
    results: list[Result] = []
    prepared = place.prepare(_say)
    _say(f"Kubernetes provider: {prepared.provider}")
    with Cluster.start(place.cluster, tools) as cluster:
        bench = Bench(place, prepared, cluster)
        bench.begin(_say)
        for point in points:
            if time.monotonic() > deadline:
                break
            results.append(bench.strike(point))
            _say(report.line(results[-1]))
            if not results[-1].converged:  # what follows would begin where nobody knows
                break
    return results


def main() -> int:
    """Carry out the bench and print its table."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.fault_bench", description=__doc__)
    parser.add_argument("--points", type=int, default=108, help="how many kill points (default 108)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--first", type=int, default=1, help="begin with the cycle of this point, to see one again")
    parser.add_argument("--minutes", type=float, default=240, help="begin no point after this time (default 240)")
    said = parser.parse_args()
    began = time.monotonic()
    points = plan.points(said.seed, said.points)[(said.first - 1) // len(plan.RUNS) * len(plan.RUNS) :]
    results = run(Workplace.by_hand().root / "fault-bench", points, said.minutes)
    _say(report.table(results, len(points), said.seed, time.monotonic() - began))
    return 0 if len(results) == len(points) and all(result.good for result in results) else 1


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
