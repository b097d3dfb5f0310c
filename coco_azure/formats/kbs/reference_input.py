"""What a user's file of reference values says, checked entry by entry before anything is deployed.

Knows how claims are written (openshift/trustee v0.3.0 ``deps/verifier/src/az_snp_vtpm``, ``az_tdx_vtpm``): digests as
lower-case hex, the SNP launch measurement as base64, everything else as plain text. Does not know a version's names.

A JSON array of entries; the object of Trustee 1.2 (openshift/trustee v1.2.0 ``deps/key-value-storage/src/local_json``),
from name to base64 of an entry; and a ConfigMap with either of them, as veritas writes it and ``oc get -o yaml`` shows.
"""

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

_NEEDED = "needed a JSON array of reference values, or the ConfigMap that has it"


def read(text: str) -> list[Any]:
    """Return the entries of a file, none of them checked; raises ValueError where it has none of these forms."""
    content = _parsed(text)
    if isinstance(content, Mapping) and content.get("kind") == "ConfigMap":
        return _config_map(content)
    return _entries(content)


def json_kind(value: object) -> str:
    """Return what a value is called in JSON."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds: Mapping[type, str] = {dict: "an object", list: "an array", str: "a text"}
    return kinds.get(type(value), "a number")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = error
    try:
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError:
        documents = []
    if len(documents) == 1 and isinstance(documents[0], Mapping) and documents[0].get("kind") == "ConfigMap":
        return documents[0]
    raise ValueError(f"not JSON: {problem}")


def _config_map(config_map: Mapping[str, Any]) -> list[Any]:
    data = config_map.get("data")
    if not isinstance(data, Mapping) or len(data) != 1:
        keys = ", ".join(map(str, data)) if isinstance(data, Mapping) else "none"
        raise ValueError(f"found a ConfigMap with the keys {keys}, needed one key with the reference values")
    ((key, content),) = data.items()
    try:
        return _entries(json.loads(str(content)))
    except ValueError as error:
        raise ValueError(f"key {key} of the ConfigMap: {error}") from None


def _entries(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    if isinstance(content, Mapping) and content and all(isinstance(each, str) for each in content.values()):
        return [_decoded(str(name), encoded) for name, encoded in content.items()]
    raise ValueError(f"found {json_kind(content)}, {_NEEDED}")


def _decoded(name: str, encoded: str) -> Any:
    """Return an entry of Trustee 1.2; the operator's own migration writes the other alphabet, and some no padding."""
    text = encoded.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{name} is no base64 of a reference value") from None


_EXPIRATION = "%Y-%m-%dT%H:%M:%SZ"
_DIGEST = re.compile(r"pcr|rtmr|mr_|digest|^init_data$")
_HEX = re.compile(r"(?:0x)?([0-9a-f]+)")
_SNP_MEASUREMENT = 48
_DIGEST_SIZES = (64, 96, 128)


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
    """Return the reference values of a user's file, in any of the forms above.

    Digests come back as lower-case hex without ``0x``, and ``measurement`` as base64, as claims have them.

    Raises:
        ValueError: the text has none of these forms, or entries are wrong; every problem is named.
    """
    document = read(text)
    problems: list[str] = []
    checked = [_entry(index, item, problems) for index, item in enumerate(document)]
    names = [entry.name for entry in checked]
    problems.extend(
        f"{name} stands in {names.count(name)} entries, needed one; put its values into one list"
        for name in dict.fromkeys(filter(None, names))
        if names.count(name) > 1
    )
    if problems:
        raise ValueError("; ".join(problems))
    return checked


def _entry(index: int, entry: object, problems: list[str]) -> ReferenceValue:
    if not isinstance(entry, dict):
        problems.append(f"entry {index} is {json_kind(entry)}, needed an object")
        return ReferenceValue(name="", values=(), expires=datetime.max.replace(tzinfo=UTC))
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        problems.append(f"entry {index} has no name (for example snp_pcr08, or azsnpvtpm.tpm.pcr08 at Trustee 0.3)")
        name = ""
    where = f"entry {index} ({name})" if name else f"entry {index}"
    return ReferenceValue(
        name=name, values=_values(where, name, entry, problems), expires=_expiration(where, entry, problems)
    )


def _expiration(where: str, entry: dict[str, Any], problems: list[str]) -> datetime:
    stamp = entry.get("expiration")
    try:
        return datetime.strptime(str(stamp), _EXPIRATION).replace(tzinfo=UTC)
    except ValueError:
        given = "no expiration" if stamp is None else f"expiration {json.dumps(stamp)}"
        problems.append(f"{where} has {given}, needed UTC like 2027-01-31T00:00:00Z")
        return datetime.max.replace(tzinfo=UTC)


def _values(where: str, name: str, entry: dict[str, Any], problems: list[str]) -> tuple[str, ...]:
    raw = _raw(entry)
    if not raw:
        problems.append(
            f'{where} has no values, needed "hash-value": [{{"alg": "sha256", "value": "..."}}] or "value": [...]'
        )
        return ()
    values = []
    for each in raw:
        try:
            values.append(_value(name, each))
        except ValueError as error:
            problems.append(f"{where}: {error}")
    return tuple(dict.fromkeys(values))


def _raw(entry: dict[str, Any]) -> list[Any]:
    """Return the values of an entry as they stand there; empty where there are none or they have another form."""
    if "hash-value" in entry:
        hashes = entry["hash-value"]
        if not isinstance(hashes, list) or not all(isinstance(item, dict) and "value" in item for item in hashes):
            return []
        return [item["value"] for item in hashes]
    value = entry.get("value")
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _value(name: str, raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or raw == "":
        raise ValueError(f"found {json.dumps(raw)}, needed a text or a number")
    text = str(raw).strip()
    if name.endswith("measurement"):
        return _measurement(text)
    if _DIGEST.search(name):
        return _digest(name, text)
    return text


def _digest(name: str, text: str) -> str:
    sizes = (64,) if "pcr" in name else _DIGEST_SIZES
    match = _HEX.fullmatch(text.lower())
    if match is None:
        raise ValueError(f"found {text!r}, needed a digest in hex")
    if len(match[1]) not in sizes:
        raise ValueError(f"found {len(match[1])} hex digits, needed {' or '.join(map(str, sizes))}")
    return match[1]


def _measurement(text: str) -> str:
    """Return the base64 of a launch measurement, which may be given in hex as tools print it."""
    size = 0
    # 64 hex digits are base64 of 48 bytes as well, but who gives them means a digest of 32.
    if match := _HEX.fullmatch(text.lower()):
        if len(match[1]) == _SNP_MEASUREMENT * 2:
            return base64.b64encode(bytes.fromhex(match[1])).decode()
    else:
        with contextlib.suppress(binascii.Error):
            size = len(base64.b64decode(text, validate=True))
    if size != _SNP_MEASUREMENT:
        raise ValueError(f"found {text!r}, needed {_SNP_MEASUREMENT} bytes in base64 or hex")
    return text
