"""Address ranges: what holds what, what overlaps, what is free. Ranges are IPv4 in CIDR form, such as ``10.0.64.0/24``.

A range that cannot be read, or is IPv6, holds and overlaps nothing.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

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
