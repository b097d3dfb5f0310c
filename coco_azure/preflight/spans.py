"""Ranges of numbers: IPv4 addresses and ports as pairs of first and last, and boxes of them.

A range that cannot be read, or is IPv6, holds and overlaps nothing.
"""

import ipaddress
import math
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network

Span = tuple[int, int]
"""First and last number of a range."""
Box = tuple[Span, ...]
"""One range for each dimension: all points whose coordinates are in them."""

ADDRESSES: Span = (0, 2**32 - 1)
PORTS: Span = (0, 65535)


def of_address(text: str) -> Span | None:
    """Return the IPv4 range of a prefix, an address, or ``first-last``; None for IPv6 and for what is none of them."""
    first, dash, last = text.partition("-")
    try:
        if dash:
            return int(ipaddress.IPv4Address(first.strip())), int(ipaddress.IPv4Address(last.strip()))
        network = ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError:
        return None
    return int(network.network_address), int(network.broadcast_address)


def of_port(text: str) -> Span | None:
    """Return the range of a port, of ports ``first-last``, or of ``*``; None for anything else."""
    if text.strip() == "*":
        return PORTS
    first, dash, last = text.partition("-")
    try:
        return int(first), int(last if dash else first)
    except ValueError:
        return None


def of_prefixes(prefixes: Iterable[str]) -> list[Span]:
    """Return the IPv4 ranges of some prefixes, without those of IPv6."""
    return merged(span for span in map(of_address, prefixes) if span is not None)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same numbers as ranges that neither overlap nor touch, in order."""
    joined: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return the numbers of ``spans`` that are in none of the holes."""
    remaining = merged(spans)
    for hole in holes:
        remaining = [part[0] for span in remaining for part in outside((span,), (hole,))]
    return remaining


def size(box: Box) -> int:
    """Return how many points a box has."""
    return math.prod(last - first + 1 for first, last in box)


def both(one: Box, other: Box) -> Box | None:
    """Return what two boxes have in common; None for nothing."""
    overlap = tuple((max(left[0], right[0]), min(left[1], right[1])) for left, right in zip(one, other, strict=True))
    return overlap if all(first <= last for first, last in overlap) else None


def outside(box: Box, hole: Box) -> Iterator[Box]:
    """Yield boxes that together have the points of ``box`` that are not in ``hole``, each once."""
    common = both(box, hole)
    if common is None:
        yield box
        return
    for at, ((first, last), (low, high)) in enumerate(zip(box, common, strict=True)):
        if first < low:
            yield (*common[:at], (first, low - 1), *box[at + 1 :])
        if high < last:
            yield (*common[:at], (high + 1, last), *box[at + 1 :])


def divide(boxes: Sequence[Box], by: Sequence[Box]) -> tuple[list[Box], list[Box]]:
    """Return the parts of ``boxes`` that are in one of ``by``, and those that are in none."""
    inside: list[Box] = []
    rest = list(boxes)
    for hole in by:
        left: list[Box] = []
        for box in rest:
            if (common := both(box, hole)) is None:
                left.append(box)
                continue
            inside.append(common)
            left += outside(box, hole)
        rest = left
    return inside, rest


RESERVED = 5
"""Addresses of each subnet that Azure keeps: the first four and the last (learn.microsoft.com, "Azure Virtual Network
FAQ")."""


def usable(prefixes: Iterable[str]) -> int:
    """Return how many addresses Azure gives out in a subnet with these ranges."""
    return sum(max(0, network.num_addresses - RESERVED) for network in _networks(prefixes))


def holds(prefixes: Iterable[str], wanted: str) -> bool:
    """Return whether one of the ranges holds the whole of another."""
    inner = next(_networks([wanted]), None)
    return inner is not None and any(inner.subnet_of(outer) for outer in _networks(prefixes))


def overlap(one: str, other: str) -> bool:
    """Return whether two ranges have an address in common."""
    return any(mine.overlaps(theirs) for mine in _networks([one]) for theirs in _networks([other]))


def free(prefixes: Iterable[str], taken: Iterable[str], length: int) -> str | None:
    """Return the first range of this prefix length inside ``prefixes`` that meets none of ``taken``; None: none."""
    away = list(_networks(taken))
    for outer in sorted(_networks(prefixes)):
        if outer.prefixlen <= length and (free_range := _first(outer, away, length)) is not None:
            return str(free_range)
    return None


def _first(outer: IPv4Network, taken: list[IPv4Network], length: int) -> IPv4Network | None:
    # Halves instead of one candidate after the other: a /8 has half a million ranges of /27.
    meets = [each for each in taken if each.overlaps(outer)]
    if any(outer.subnet_of(each) for each in meets):
        return None
    if outer.prefixlen == length:
        return None if meets else outer
    if not meets:
        return next(outer.subnets(new_prefix=length))
    return next(
        (free_range for half in outer.subnets() if (free_range := _first(half, meets, length)) is not None), None
    )


def _networks(prefixes: Iterable[str]) -> Iterator[IPv4Network]:
    for prefix in prefixes:
        try:
            yield IPv4Network(prefix, strict=False)
        except ValueError:
            continue
