"""Address ranges: what holds, overlaps and is free."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.preflight import spans

VNET = "10.0.0.0/16"
LENGTHS = st.integers(min_value=20, max_value=29)


@st.composite
def subnets(draw: st.DrawFn) -> str:
    """Return a range inside the VNet."""
    length = draw(LENGTHS)
    inner = IPv4Network(VNET)
    index = draw(st.integers(min_value=0, max_value=2 ** (length - inner.prefixlen) - 1))
    return f"{inner.network_address + index * 2 ** (32 - length)}/{length}"


@pytest.mark.parametrize(("prefix", "addresses"), [("10.0.0.0/24", 251), ("10.0.0.0/29", 3), ("10.0.0.0/31", 0)])
def test_azure_keeps_five_addresses_of_a_subnet(prefix: str, addresses: int) -> None:
    assert spans.usable([prefix]) == addresses


def test_several_ranges_of_a_subnet_are_added_up_and_ipv6_does_not_count() -> None:
    assert spans.usable(["10.0.0.0/29", "10.0.1.0/29", "fd00::/64"]) == 6


def test_a_range_of_ipv6_or_nonsense_holds_and_overlaps_nothing() -> None:
    assert not spans.holds(["fd00::/8", "x"], "10.0.0.0/24")
    assert not spans.overlap("fd00::/8", "10.0.0.0/24")
    assert not spans.holds([VNET], "x")


@given(taken=st.lists(subnets(), max_size=12), length=LENGTHS)
def test_what_is_free_is_inside_and_meets_nothing(taken: list[str], length: int) -> None:
    result = spans.free([VNET], taken, length)

    if result is None:
        every = IPv4Network(VNET).subnets(new_prefix=length)
        assert all(any(each.overlaps(IPv4Network(one)) for one in taken) for each in every)
    else:
        assert spans.holds([VNET], result)
        assert IPv4Network(result).prefixlen == length
        assert not any(spans.overlap(result, each) for each in taken)


@given(one=subnets(), other=subnets())
def test_ranges_overlap_when_one_holds_the_other_and_never_otherwise(one: str, other: str) -> None:
    assert spans.overlap(one, other) == (spans.holds([one], other) or spans.holds([other], one))


def test_the_second_range_of_a_vnet_is_used_when_the_first_is_full() -> None:
    assert spans.free(["10.0.0.0/24", "10.1.0.0/16"], ["10.0.0.0/24"], 24) == "10.1.0.0/24"


def test_a_small_range_in_a_large_vnet_is_found_at_once() -> None:
    assert spans.free(["10.0.0.0/8"], ["10.0.0.0/9", "10.128.0.0/10"], 29) == "10.192.0.0/29"
