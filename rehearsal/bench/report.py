"""What the benchmark prints, and docs/benchmarks.md holds."""

import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.bench.everyday import Everyday, Previews
from rehearsal.bench.growth import Growth, Size
from rehearsal.bench.main_job import Case
from rehearsal.changes import COMPARED

_GIB = 1024**3
_GROWN = ("preview, s", "`up`, s", "`up`, state written once, s", "memory of a preview, MiB", "memory of `up`, MiB")


@dataclass(frozen=True)
class Spread:
    """Figures of the same thing, measured several times; at least one."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the middle one."""
        return statistics.median(self.values)

    def text(self, digits: int = 1) -> str:
        """Return the median and, with more than one, the smallest and the largest."""
        if len(self.values) == 1:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f} to {max(self.values):.{digits}f})"


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Return the ratios of figures that were measured in turn, pair by pair.

    Raises:
        ValueError: they are not pairs.
    """
    return Spread(tuple(a / b for a, b in zip(above, below, strict=True)))


def slope(sizes: Sequence[float], figures: Sequence[float]) -> float:
    """Return how much a figure grows with each further unit of size (least squares)."""
    return statistics.linear_regression(sizes, figures).slope


def growth(sizes: Sequence[float], figures: Sequence[float]) -> float:
    """Return how much steeper the last step of a growth is than the first: 1 is linear, below 1 flattens.

    Three sizes or more; a first step that grows by less than a hundredth, which is noise, counts as that.
    """
    first = (figures[1] - figures[0]) / (sizes[1] - sizes[0])
    last = (figures[-1] - figures[-2]) / (sizes[-1] - sizes[-2])
    least = figures[0] / 100 / (sizes[1] - sizes[0])
    return last / max(first, least)


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


def changed(seconds: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Yield the lines on changes of KataConfig."""
    yield "## Changes"
    yield ""
    yield from _head(("change", "`pulumi up`, s", "reboots", "reboots the chapter's way"))
    for name, run in COMPARED.items():
        yield _row(run.words, _text(seconds[name]), str(sum(run.reboots)), str(run.chapter))


def previews(measured: Previews) -> Iterator[str]:
    """Yield the lines on previews."""
    yield "## Previews"
    yield ""
    yield from _head(("stack", "preview, s", "empty stack with the same providers, s", "ratio"))
    for name, whole, empty in (
        ("nothing deployed", measured.whole, measured.empty),
        ("all deployed", measured.installed, measured.empty_too),
    ):
        yield _row(name, _text(whole), _text(empty), ratio(whole, empty).text(2))


def grown(cases: Sequence[Growth]) -> Iterator[str]:
    """Yield the lines on growth."""
    yield "## Growth"
    yield ""
    yield (
        "Steepness: the last step of a growth over the first, of medians; 1 is linear. A first step of less than a "
        "hundredth counts as one. In brackets: how much it grows in all, from the smallest size to the largest."
    )
    for case in cases:
        yield ""
        yield from _head((case.name, *_GROWN))
        measured = list(zip(*map(_figures, case.sizes), strict=True))
        for number, size in enumerate(case.sizes):
            texts = [column[number].text(0 if place > 2 else 1) for place, column in enumerate(measured)]  # noqa: PLR2004
            yield _row(str(size.count), *texts)
        counts = [size.count for size in case.sizes]
        medians = [[each.median for each in column] for column in measured]
        slopes = [slope(counts, each) for each in medians]
        yield _row(
            "each more", *(f"{each * 1000:.0f} ms" for each in slopes[:3]), *(f"{each:.2f} MiB" for each in slopes[3:])
        )
        yield _row("steepness", *(_steepness(counts, each) for each in medians))


def _steepness(counts: Sequence[int], medians: Sequence[float]) -> str:
    """Return it with the whole growth beside it: of what hardly grows, it tells little."""
    return f"{growth(counts, medians):.2f} ({medians[-1] / medians[0] - 1:.0%})"


def _figures(size: Size) -> tuple[Spread, ...]:
    """Return what the columns of a size say: three times in seconds, and twice the memory."""
    seconds = [Spread(tuple(run.seconds for run in runs)) for runs in (size.preview, size.up, size.unwritten)]
    memory = [Spread(tuple(run.memory for run in runs)) for runs in (size.preview, size.up)]
    return (*seconds, *memory)


def everyday(measured: Everyday) -> Iterator[str]:
    """Yield the lines on the runs of every day."""
    yield "## Every day"
    yield ""
    yield f"- `pulumi up` without a change: {_text(measured.unchanged)} s"
    yield f"- from a changed line of the resource policy to KBS answering by it: {_text(measured.answered)} s"
    yield f"- until that `pulumi up` has ended: {_text(measured.changed)} s"


def _head(columns: Sequence[str]) -> Iterator[str]:
    yield _row(*columns)
    yield _row(*("---" for _ in columns))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(figures: Sequence[float]) -> str:
    return Spread(tuple(figures)).text()


def _counts(counts: set[int]) -> str:
    return " or ".join(map(str, sorted(counts))) if counts else "-"
