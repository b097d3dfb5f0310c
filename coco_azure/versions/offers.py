"""Which of the versions that catalogs offer have no profile; those before the first one that has are left out."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from coco_azure.versions import profiles
from coco_azure.versions.channels import age, version_of


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A version that a catalog offers.

    Attributes:
        package: name of the package.
        csv: name of the CSV.
        channel: the channel that has it.
        source: the catalog, or the file that it was read from.
    """

    package: str
    csv: str
    channel: str
    source: str


def unknown(offers: Iterable[Offer]) -> list[Offer]:
    """Return the offers without a profile that are newer than the oldest version with one, in order of version."""
    unknown_offers = [
        each
        for each in set(offers)
        if not profiles.known(each.package, each.csv) and age(each.csv)[:2] > _oldest(each.package)
    ]
    return sorted(unknown_offers, key=lambda each: (each.package, age(each.csv), each.source, each.channel))


def to_text(unknown_offers: Sequence[Offer], known: int) -> str:
    """Return what people read.

    Args:
        unknown_offers: offers without a profile.
        known: number of offers that were looked at.
    """
    if not unknown_offers:
        return f"every version has a profile or is older than all that have one ({known} offers)\n"
    lines = [
        f"{each.package} {version_of(each.csv)} has no profile: channel {each.channel} of {each.source}; the newest "
        f"that has one is {profiles.newest(each.package)}"
        for each in unknown_offers
    ]
    return "\n".join([*lines, "What stacks do meanwhile: docs/versions.md"]) + "\n"


def to_dict(unknown_offers: Sequence[Offer]) -> dict[str, Any]:
    """Return the same as JSON-compatible data."""
    return {"unknown": [{**asdict(each), "version": version_of(each.csv)} for each in unknown_offers]}


def _oldest(package: str) -> tuple[int, ...]:
    return age(f"{package}.v{profiles.oldest(package)}.0")[:2]
