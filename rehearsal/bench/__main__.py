"""``python -m rehearsal.bench``: measure, print, and with ``--write`` put the figures into docs/benchmarks.md."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rehearsal.bench import everyday, growth, main_job, report
from rehearsal.bench.stage import BenchError
from rehearsal.cluster import CHECKOUT
from rehearsal.workplace import Workplace

PAGE = CHECKOUT / "docs" / "benchmarks.md"
BEGIN = "<!-- what `make bench` writes begins here -->"
SPEED = 20.0
"""Slower than a rehearsal, so that the engine's own seconds are a small part, as they are in the real world."""
PARTS = ("main", "changes", "previews", "growth", "everyday")


def main() -> int:
    """Carry out the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--speed", type=float, default=SPEED, help="of the main job's clusters (default 20)")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part only; may be said more than once")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    options = parser.parse_args()
    try:
        for text in _sections(options.only or PARTS, options.rounds, options.speed):
            sys.stdout.write(f"\n{text}")
            sys.stdout.flush()
            if options.write:
                write(text)
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def write(section: str, page: Path = PAGE) -> None:
    """Put a section of figures into the page, in the place of the one with its title, or at the end."""
    words, begin, figures = page.read_text(encoding="utf-8").partition(BEGIN)
    title = section.partition("\n")[0]
    sections = [f"## {each.strip()}\n" for each in figures.split("\n## ")[1:]]
    places = [number for number, each in enumerate(sections) if each.partition("\n")[0] == title]
    if places:
        sections[places[0]] = section
    else:
        sections.append(section)
    page.write_text(words + begin + "".join(f"\n\n{each.strip()}" for each in sections) + "\n", encoding="utf-8")


def _sections(parts: list[str] | tuple[str, ...], rounds: int, speed: float) -> Iterator[str]:
    """Yield a section as soon as it is measured, so that a later one that fails takes nothing away."""
    root = Workplace.by_hand().root / "bench"
    measures: dict[str, Callable[[], Iterator[str]]] = {
        "main": lambda: report.main_job(main_job.measure(root, rounds, speed, _say), speed),
        "changes": lambda: report.changed(everyday.changed(root, rounds, speed, _say)),
        "previews": lambda: report.previews(everyday.previews(root, rounds, _say)),
        "growth": lambda: report.grown(growth.growth(root, rounds, _say)),
        "everyday": lambda: report.everyday(everyday.everyday(root, rounds, _say)),
    }
    for part in PARTS:
        if part in parts:
            began = time.monotonic()
            title, *lines = measures[part]()
            took = f"{rounds} rounds in {(time.monotonic() - began) / 60:.0f} minutes, on {report.machine()}."
            yield "\n".join([title, "", took, *lines, ""])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
