"""Figures of several runs, and what is said of them: medians with their spread, and ratios pair by pair."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


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
