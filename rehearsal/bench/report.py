"""What the benchmark prints, and docs/benchmarks.md holds."""

import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from rehearsal.bench.everyday import Everyday, Growth, Previews
from rehearsal.bench.main_job import Case
from rehearsal.bench.measured import Spread, growth, ratio, slope

_GIB = 1024**3


def machine() -> str:
    """Return the machine in words: processors, memory, system, Python."""
    models = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return (
        f"{len(os.sched_getaffinity(0))} processors ({models[0] if models else platform.machine()}), "
        f"{memory:.0f} GiB of memory, Linux {platform.release()}, Python {platform.python_version()}"
    )


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def main_job(cases: Sequence[Case], speed: float) -> Iterator[str]:
    """Yield the lines on the main job."""
    yield "## The main job"
    yield ""
    yield f"One second stands for {speed:g} of the real world. All figures are seconds or ratios of them."
    yield ""
    columns = (
        "cluster",
        "critical path",
        "engine's own",
        "`pulumi up`",
        "over path and engine",
        "step by step",
        "over step by step",
        "reboots",
        "reboots step by step",
    )
    yield from _head(columns)
    for case in cases:
        yield _row(
            case.name,
            f"{case.floor:.1f}",
            _text(case.engine),
            _text(case.program),
            ratio(case.program, case.least()).text(2),
            _text(case.chapter) if case.chapter else "-",
            ratio(case.program, case.chapter).text(2) if case.chapter else "-",
            _counts(case.reboots),
            _counts(case.chapter_reboots),
        )


def previews(found: Previews) -> Iterator[str]:
    """Yield the lines on previews."""
    yield "## Previews"
    yield ""
    yield from _head(("stack", "preview, s", "empty stack with the same providers, s", "ratio"))
    for name, whole, empty in (
        ("nothing deployed", found.whole, found.empty),
        ("all deployed", found.installed, found.empty_too),
    ):
        yield _row(name, _text(whole), _text(empty), ratio(whole, empty).text(2))


def grown(cases: Sequence[Growth]) -> Iterator[str]:
    """Yield the lines on growth."""
    yield "## Growth"
    yield ""
    yield "Steepness: the last step of a growth over the first; 1 is linear."
    for case in cases:
        yield ""
        yield from _head((case.name, "preview, s", "`up`, s", "memory of a preview, MiB", "memory of `up`, MiB"))
        for size, preview, up in zip(case.sizes, case.preview, case.up, strict=True):
            figures = (f"{preview.seconds:.1f}", f"{up.seconds:.1f}", f"{preview.memory:.0f}", f"{up.memory:.0f}")
            yield _row(str(size), *figures)
        measured = [[each.seconds for each in case.preview], [each.seconds for each in case.up]]
        measured += [[each.memory for each in case.preview], [each.memory for each in case.up]]
        slopes = [slope(case.sizes, each) for each in measured]
        yield _row(
            "each more", *(f"{each * 1000:.0f} ms" for each in slopes[:2]), *(f"{each:.2f}" for each in slopes[2:])
        )
        yield _row("steepness", *(f"{growth(case.sizes, each):.2f}" for each in measured))


def everyday(found: Everyday) -> Iterator[str]:
    """Yield the lines on the runs of every day."""
    yield "## Every day"
    yield ""
    yield f"- `pulumi up` without a change: {_text(found.unchanged)} s"
    yield f"- from a changed line of the resource policy to KBS answering by it: {_text(found.answered)} s"
    yield f"- until that `pulumi up` has ended: {_text(found.changed)} s"


def _head(columns: Sequence[str]) -> Iterator[str]:
    yield _row(*columns)
    yield _row(*("---" for _ in columns))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(figures: Sequence[float]) -> str:
    return Spread(tuple(figures)).text()


def _counts(found: set[int]) -> str:
    return " or ".join(map(str, sorted(found))) if found else "-"
