"""The configuration of KBS, read as each version's structures read it.

Sources, at each tag of openshift/trustee: ``kbs/src/config.rs``, ``kbs/src/{admin,token,policy_engine,plugins}``,
``kbs/src/attestation``, ``attestation-service/src``, ``rvps/src``, ``deps/key-value-storage``. Known are the
variants that a stack of the program can have: the built-in attestation service, secrets and reference values in files
or in memory; no database, no Vault, no key service of a cloud.
"""

import ipaddress
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.kubelet.kbs import versions
from rehearsal.kubelet.kbs.model import StartError
from rehearsal.kubelet.kbs.serde import (
    Field,
    Kind,
    SchemaError,
    anything,
    boolean,
    integer,
    one_of,
    optional,
    sequence,
    string,
    struct,
    tagged,
)
from rehearsal.kubelet.kbs.versions import Version

_PORTS = range(65536)


def parse(path: str, text: str, version: Version) -> Mapping[str, Any]:
    """Return the configuration with every default filled in.

    Raises:
        StartError: it is refused, with the message that this version ends with.
    """
    try:
        document = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise StartError(_refused(path, version, str(error), syntax=True)) from error
    try:
        return dict(_kind("kbs", version)(_with_defaults(document, version), loose=True))
    except SchemaError as error:
        raise StartError(_refused(path, version, str(error), syntax=False)) from error


def _refused(path: str, version: Version, message: str, *, syntax: bool) -> str:
    if version.has_storage:
        return f"failed to load configuration file {path}: {message}"
    return f"{message} in {path}" if syntax else f"invalid config: {message}"


def _with_defaults(config: Mapping[str, Any], version: Version) -> Mapping[str, Any]:
    """Return what is said with what the loader sets before it reads (``set_default``, until 1.0)."""
    if not version.has_simple_token:
        return config
    preset: Mapping[str, Mapping[str, Any]] = {
        "admin": {},
        "http_server": {},
        "attestation_service": {"policy_ids": []},
    }
    sections = {
        name: {**content, **config.get(name, {})}
        for name, content in preset.items()
        if isinstance(config.get(name, {}), Mapping)
    }
    return {**config, **sections}


@cache
def _definitions() -> Mapping[str, Any]:
    """Return what ``schema.yaml`` defines."""
    content: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("schema.yaml").read_text(encoding="utf-8"))
    return content


def _kind(spec: Any, version: Version) -> Kind:
    """Return a kind in the form of ``schema.yaml``, or one of its definitions by name, as a version has it."""
    basic: Mapping[str, Kind] = {each.__name__: each for each in (string, boolean, integer, anything)}
    if isinstance(spec, str):
        return _socket if spec == "socket" else basic.get(spec) or _kind(_definitions()[spec], version)
    if isinstance(spec, list):
        return _kind([each for each in spec if versions.fits(each, version.number)][-1], version)
    if "list" in spec:
        return sequence(_kind(spec["list"], version))
    if "one_of" in spec:
        return one_of(*spec["one_of"])
    if "tag" in spec:
        variants = {name: _kind(each, version) for name, each in spec["variants"].items()}
        return tagged(spec["tag"], variants, spec.get("aliases"))
    fields = {
        name: _field(each, version)
        for name, each in spec["fields"].items()
        if isinstance(each, str) or versions.fits(each, version.number)
    }
    flat = _kind(spec["flat"], version) if "flat" in spec else None
    return struct(fields, closed=spec.get("closed", False), flat=flat)


def _field(spec: Any, version: Version) -> Field:
    if isinstance(spec, str):
        return Field(_kind(spec, version))
    kind = _kind(spec["is"], version)
    if "of" in spec:
        return Field(kind, kind(spec["of"], loose=True))
    if "default" in spec:
        return Field(kind, spec["default"])
    return optional(kind) if spec.get("optional") else Field(kind)


def _socket(value: Any, *, loose: bool) -> str:
    text = string(value, loose=loose)
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError as error:
        raise SchemaError("invalid socket address syntax") from error
    if not port.isdigit() or int(port) not in _PORTS:
        raise SchemaError("invalid socket address syntax")
    return text
