"""The reference value provider service (RVPS): what the file says of each claim, in the format of each version.

Sources: openshift/trustee ``rvps/src/{native,reference_value}.rs`` and ``storage`` (v0.3.0), ``rvps/src/lib.rs``
(v1.0.0, v1.1.0), ``deps/key-value-storage`` (v1.2.0). The file is read anew for every attestation.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rehearsal.kubelet.kbs.disk import Disk, DiskError
from rehearsal.kubelet.kbs.versions import Version

Now = Callable[[], datetime]

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class UnreadableError(Exception):
    """The reference values cannot be read."""


class References:
    """Reference values where the configuration says that they lie."""

    def __init__(self, config: Mapping[str, Any], version: Version, disk: Disk, now: Now) -> None:
        """Take the whole configuration of KBS."""
        self._version, self._disk, self._now = version, disk, now
        rvps = config["attestation_service"]["rvps_config"]
        self._remote = rvps["type"] == "GrpcRemote"
        self._storage, self._path = _place(config, rvps, version)

    def table(self) -> dict[str, Any]:
        """Return the values by name, without those that have expired (until 1.0); raises UnreadableError."""
        by_name = {}
        for entry in self._entries():
            expires = _expiration(entry)
            value = self._value(entry)
            if self._now() <= expires:
                by_name[entry["name"]] = value
        return by_name

    def ask(self, name: str) -> Any:
        """Return one value, or None where there is none (from 1.1); it does not matter whether it has expired.

        Raises:
            UnreadableError: the values cannot be read.
        """
        if not self._version.has_storage:
            for entry in self._entries():
                if entry["name"] == name:
                    return entry["value"]
            return None
        text = self._stored(name)
        if text is None:
            return None
        entry = _json(text, "reference value")
        self._checked(entry)
        return entry["value"]

    def _entries(self) -> list[Mapping[str, Any]]:
        if self._remote:
            raise UnreadableError("no remote RVPS answers")
        if self._storage != "LocalJson":
            return []  # LocalFs is a database of its own, which nobody has filled
        try:
            entries = _json(self._disk.read(self._path), self._path)
        except DiskError as error:
            raise UnreadableError(f"{self._path}: {error}") from error
        if not isinstance(entries, list):
            raise UnreadableError(f"{self._path}: invalid type, expected a sequence")
        for entry in entries:
            self._checked(entry)
        return entries

    def _checked(self, entry: Any) -> None:
        """Raise UnreadableError unless the entry is what this version reads."""
        if not isinstance(entry, Mapping):
            raise UnreadableError("invalid type, expected struct ReferenceValue")
        for name in ("name", "expiration", self._field()):
            if name not in entry:
                raise UnreadableError(f"missing field `{name}`")
        if not isinstance(entry["name"], str) or not isinstance(entry.get("version", ""), str):
            raise UnreadableError("invalid type, expected a string")
        _expiration(entry)
        self._value(entry)

    def _field(self) -> str:
        return "value" if self._version.any_reference_value else "hash-value"

    def _value(self, entry: Mapping[str, Any]) -> Any:
        value = entry[self._field()]
        if self._version.any_reference_value:
            return value
        pairs = value if isinstance(value, list) else None
        if pairs is None or not all(_is_hash(each) for each in pairs):
            raise UnreadableError("invalid hash-value, expected a list of alg and value")
        return [each["value"] for each in pairs]

    def _stored(self, name: str) -> str | None:
        """Return what the storage of 1.2 holds under a name."""
        if self._remote:
            raise UnreadableError("no remote RVPS answers")
        try:
            if self._storage == "LocalFs":
                path = f"{self._path}/{name}"
                return self._disk.read(path) if self._disk.exists(path) else None
            if self._storage != "LocalJson":
                return None
            items = _json(self._disk.read(self._path), self._path)
        except DiskError as error:
            raise UnreadableError(f"failed to read the file: {error}") from error
        if not isinstance(items, Mapping) or not all(isinstance(each, str) for each in items.values()):
            raise UnreadableError("failed to deserialize the file: invalid type, expected a map of strings")
        return None if name not in items else _decoded(items[name])


def _place(config: Mapping[str, Any], rvps: Mapping[str, Any], version: Version) -> tuple[str, str]:
    """Return kind and path of the storage; the kind of a remote one does not matter."""
    if rvps["type"] == "GrpcRemote":
        return "", ""
    if not version.has_storage:
        return str(rvps["storage"]["type"]), str(rvps["storage"]["file_path"])
    kind = rvps["storage_type"] or config["attestation_service"]["storage_type"]
    return storage(config, kind, "reference_value")


def storage(config: Mapping[str, Any], kind: str | None, namespace: str) -> tuple[str, str]:
    """Return kind (``LocalFs``, ``LocalJson``, ...) and path of one part of the key-value storage of 1.2.

    Args:
        config: the whole configuration of KBS.
        kind: kind that this part has of its own, or None.
        namespace: name of the part.
    """
    names = {"localfs": "LocalFs", "localjson": "LocalJson", "memory": "Memory"}
    proper = names[str(kind or config["storage_backend"]["storage_type"]).replace("_", "").lower()]
    backends = config["storage_backend"]["backends"]
    field, folder = {"LocalFs": ("local_fs", "dir_path"), "LocalJson": ("local_json", "file_dir_path")}.get(
        proper, ("", "")
    )
    backend = backends.get(field)
    return proper, f"{backend[folder]}/{namespace}" if backend else ""


def _expiration(entry: Mapping[str, Any]) -> datetime:
    try:
        return datetime.strptime(entry["expiration"], _FORMAT).replace(tzinfo=UTC)
    except (ValueError, TypeError) as error:
        raise UnreadableError(f"expiration {entry['expiration']!r} is not of the form {_FORMAT}") from error


def _is_hash(pair: Any) -> bool:
    return isinstance(pair, Mapping) and all(isinstance(pair.get(name), str) for name in ("alg", "value"))


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UnreadableError(f"{what}: {error}") from error


def _decoded(text: str) -> str:
    try:
        decoded = base64.urlsafe_b64decode(text)
        content = decoded.decode()
    except ValueError as error:
        raise UnreadableError(f"failed to base64 decode the content inside json: {error}") from error
    if base64.urlsafe_b64encode(decoded).decode() != text:  # Python passes over what Rust refuses
        raise UnreadableError("failed to base64 decode the content inside json: Invalid symbol or padding")
    return content
