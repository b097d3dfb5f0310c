"""Reference values: what the claims of a good pod VM are, until when, in the file format of each version of RVPS.

Formats (openshift/trustee ``rvps/src/reference_value.rs``): ``hash-value``, v0.3.0 and v0.4.0, a JSON array of
``{"name", "expiration", "hash-value": [{"alg", "value"}]}``; ``value``, v1.0.0 and v1.1.0, the same with
``"value": [...]``; ``local-json``, v1.2.0, an object from name to base64 of such an entry, its own name included
(``deps/key-value-storage/src/local_json/mod.rs``, URL-safe alphabet). ``expiration`` is UTC in exactly
``%Y-%m-%dT%H:%M:%SZ``.

From 1.1 on RVPS hands out values that have expired as well (``rvps/src/lib.rs`` query_reference_value). Whoever wants
the expiry to mean something there leaves out what ``expired`` returns.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from coco_azure.formats.kbs import reference_input
from coco_azure.versions.profiles import TrusteeProfile

_ALGORITHMS = {64: "sha256", 96: "sha384", 128: "sha512"}


@dataclass(frozen=True, kw_only=True)
class ReferenceValue:
    """What one claim may be.

    Attributes:
        name: name that the attestation policy asks for; unique in a file.
        values: values that are accepted; during a change the old and the new one.
        expires: when they stop being accepted; with a time zone.
    """

    name: str
    values: tuple[str, ...]
    expires: datetime

    def __post_init__(self) -> None:
        """Refuse a time without a zone, which would expire at another moment on another machine."""
        if self.expires.tzinfo is None:
            raise ValueError(f"{self.name} expires at {self.expires} without a time zone; needed UTC")


def parse(text: str) -> list[ReferenceValue]:
    """Return the entries of a user's file in any form that ``reference_input`` reads.

    Digests come back as lower-case hex without ``0x``, and ``measurement`` as base64, as claims have them.

    Raises:
        ValueError: not JSON, not an array, or entries that are wrong; every problem is named.
    """
    return [
        ReferenceValue(name=entry.name, values=entry.values, expires=entry.expires)
        for entry in reference_input.entries(text)
    ]


def render(values: Sequence[ReferenceValue], profile: TrusteeProfile) -> str:
    """Return the file for a version of Trustee.

    An empty one is the chapter's default. With Simple tokens it accepts the measurements of any genuine TEE; with EAR
    tokens none.
    """
    if profile.reference_format == "local-json":
        document: Any = {value.name: _encoded(value) for value in values}
    elif profile.reference_format == "value":
        document = [_entry(value) for value in values]
    else:
        document = [_hash_entry(value) for value in values]
    return json.dumps(document, indent=2) + "\n"


def expired(values: Iterable[ReferenceValue], now: datetime) -> list[ReferenceValue]:
    """Return those that no longer count at ``now`` (RVPS: strictly after the moment)."""
    return [value for value in values if now > value.expires]


def expiring(values: Iterable[ReferenceValue], now: datetime, within: timedelta) -> list[ReferenceValue]:
    """Return those that still count at ``now`` and no longer will after ``within``."""
    return [value for value in values if now <= value.expires < now + within]


def merge(*parts: Iterable[ReferenceValue]) -> list[ReferenceValue]:
    """Return one entry for each name: all its values, and the earliest of its expiries.

    RVPS keeps one entry of a name (0.3 to 1.0 the last, 1.1 the first), so two of them would lose one's values.
    """
    merged: dict[str, ReferenceValue] = {}
    for value in (value for part in parts for value in part):
        known = merged.get(value.name)
        if known is None:
            merged[value.name] = value
            continue
        values = tuple(dict.fromkeys((*known.values, *value.values)))
        merged[value.name] = replace(known, values=values, expires=min(known.expires, value.expires))
    return list(merged.values())


def _entry(value: ReferenceValue) -> dict[str, Any]:
    return {"name": value.name, "expiration": _stamp(value.expires), "value": list(value.values)}


def _hash_entry(value: ReferenceValue) -> dict[str, Any]:
    # KBS reads the value and never the algorithm; it is there for people.
    hashes = [{"alg": _ALGORITHMS.get(len(each), "sha256"), "value": each} for each in value.values]
    return {"name": value.name, "expiration": _stamp(value.expires), "hash-value": hashes}


def _encoded(value: ReferenceValue) -> str:
    # The operator's own migration writes the standard alphabet (v1.2.1 migration.go), which KBS refuses where the two
    # alphabets differ.
    return base64.urlsafe_b64encode(json.dumps(_entry(value), separators=(",", ":")).encode()).decode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
