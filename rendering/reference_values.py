"""Reference values of RVPS, as Trustee 0.3 reads them from ``reference-values.json``.

Format: a JSON array of ``{"name", "expiration", "hash-value": [{"alg", "value"}]}`` (openshift/trustee v0.3.0
``rvps/src/reference_value.rs``); ``version`` is optional, ``expiration`` is UTC in exactly ``%Y-%m-%dT%H:%M:%SZ``.
"""

import json
from datetime import UTC, datetime
from typing import Any

FILE = "reference-values.json"
_EXPIRATION = "%Y-%m-%dT%H:%M:%SZ"


def render(values: list[dict[str, Any]]) -> str:
    """Return the file; an empty list is the chapter's default and accepts the measurements of any genuine TEE."""
    return json.dumps(values, indent=2) + "\n"


def render_checked(text: str) -> str:
    """Return a user's file in the form that is deployed; raises as ``parse`` does."""
    return render(parse(text))


def parse(text: str) -> list[dict[str, Any]]:
    """Return the entries of a user's file.

    Raises:
        ValueError: not JSON, not a list, or an entry that KBS 0.3 would refuse; every problem is named.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(values, list):
        raise ValueError(f"found {type(values).__name__}, needed a JSON array of reference values")  # noqa: TRY004 - a user's data
    problems = [problem for index, value in enumerate(values) for problem in _problems(index, value)]
    if problems:
        raise ValueError("; ".join(problems))
    return values


def _problems(index: int, value: object) -> list[str]:
    if not isinstance(value, dict):
        return [f"entry {index} is {type(value).__name__}, needed an object"]
    found = []
    if not isinstance(value.get("name"), str) or not value["name"]:
        found.append(f"entry {index} has no name (for example az-snp-vtpm.tpm.pcr08)")
    try:
        datetime.strptime(str(value.get("expiration")), _EXPIRATION).replace(tzinfo=UTC)
    except ValueError:
        found.append(f"entry {index} has expiration {value.get('expiration')!r}, needed UTC like 2027-01-31T00:00:00Z")
    hashes = value.get("hash-value")
    if not isinstance(hashes, list) or not all(_is_hash(item) for item in hashes):
        found.append(f'entry {index} needs "hash-value": [{{"alg": "sha256", "value": "<value>"}}]')
    return found


def _is_hash(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("alg"), str) and isinstance(item.get("value"), str)
