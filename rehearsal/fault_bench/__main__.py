"""``python -m rehearsal.fault_bench --points 126 --seed 1``: strike, repeat, count; 1 if anything is wrong."""

import argparse
import os
import sys
import time
from pathlib import Path

from rehearsal.bench.stage import cluster
from rehearsal.fault_bench import plan, report
from rehearsal.fault_bench.bench import Bench, Result
from rehearsal.workplace import Workplace

_SPEED = "600"


def run(root: Path, points: list[plan.KillPoint], minutes: float) -> list[Result]:
    """Carry out the points on a new cluster in ``root``, for so many minutes at most, and return how they ended."""
    deadline = time.monotonic() + minutes * 60
    results: list[Result] = []
    with cluster(root, os.environ.get("COCO_REHEARSAL_SPEED", _SPEED), _say) as (place, started, prepared):
        _say(f"Kubernetes provider: {prepared.provider}")
        bench = Bench(place, started, prepared)
        bench.begin(tuple(dict.fromkeys(point.run for point in points)), _say)
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
    parser.add_argument("--points", type=int, default=126, help="how many kill points (default 126)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--first", type=int, default=1, help="begin with the cycle of this point, to see one again")
    parser.add_argument("--minutes", type=float, default=240, help="begin no point after this time (default 240)")
    options = parser.parse_args()
    began = time.monotonic()
    points = plan.points(options.seed, options.points)[(options.first - 1) // len(plan.RUNS) * len(plan.RUNS) :]
    results = run(Workplace.by_hand().root / "fault-bench", points, options.minutes)
    _say(report.table(results, len(points), options.seed, time.monotonic() - began))
    return 0 if len(results) == len(points) and all(result.good for result in results) else 1


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
