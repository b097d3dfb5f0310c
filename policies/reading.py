"""Reads what objects of this project hold: configuration of KBS, initdata, Secrets, the version of Trustee."""

import base64
import binascii
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from coco_azure import names
from coco_azure.formats import initdata as formats_initdata
from coco_azure.formats.kbs import kbs_config
from coco_azure.formats.kbs.reference_input import ReferenceValue, parse
from coco_azure.versions import profiles
from coco_azure.versions.profiles import TrusteeProfile
from policies.model import Resource, Stack, UnknownError

STASH = "pulumi:index:Stash"
_WORKLOADS = "trust-chain-workload-initdata"
"""Name of the Stash in which ``components.trustee.chain`` shows initdata of workloads."""
# Both names of the annotation: CAA pkg/util/cloud.go, GetInitdataFromAnnotation.
_INITDATA = re.compile(r"io\.katacontainers\.config\.(runtime|hypervisor)\.cc_init_data")
_POD = {"Job": ("spec", "template"), "Deployment": ("spec", "template"), "DaemonSet": ("spec", "template"), "Pod": ()}


class UnreadableError(ValueError):
    """A document is not what it should be, so nothing can be said for it."""


def is_config_map(resource: Resource, name: str) -> bool:
    """Return whether it is the ConfigMap of that name, or a patch of it."""
    return resource.is_object and resource.object_kind == "ConfigMap" and resource.object_name == name


def toml(text: str) -> Mapping[str, Any]:
    """Return a TOML document; raises UnreadableError where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"no TOML: {error}") from None


def kbs(resource: Resource) -> Mapping[str, Any]:
    """Return the configuration that KBS starts with.

    Raises:
        UnreadableError: there is none.
        UnknownError: it is not known yet.
    """
    text = resource.at("data", kbs_config.TOML_KEY)
    if not isinstance(text, str):
        raise UnreadableError(f"there is no {kbs_config.TOML_KEY}, the file that KBS is started with")
    return toml(text)


def part(document: Any, *path: str) -> Any:
    """Return what stands at a path of a document, or None."""
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document


def initdata(encoded: str) -> Mapping[str, str]:
    """Return the files of an encoded initdata document: ``aa.toml``, ``cdh.toml``, ``policy.rego``.

    Raises:
        UnreadableError: it is none.
    """
    try:
        return formats_initdata.decode(encoded)
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def annotations(resource: Resource) -> dict[str, str]:
    """Return the annotations of the pods that a workload makes."""
    if not resource.is_object or resource.object_kind not in _POD:
        return {}
    metadata = resource.at(*_POD[resource.object_kind], "metadata", "annotations")
    return {key: value for key, value in (metadata or {}).items() if isinstance(value, str)}


def initdata_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Return the encoded initdata documents in a resource, each with its place.

    Raises:
        UnknownError: one is not known yet.
    """
    if is_config_map(resource, names.PEER_PODS_CM) and isinstance(encoded := resource.at("data", "INITDATA"), str):
        yield f"INITDATA of {resource}", encoded
    for key, value in annotations(resource).items():
        if _INITDATA.fullmatch(key):
            yield f"initdata of {resource}", value
    if resource.kind == STASH and resource.name == _WORKLOADS:
        # Not its output, which stays what it was when the engine made it.
        for name in resource.at("input") or {}:
            for key in resource.at("input", name) or {}:
                yield f"initdata.workloads.{name}", str(resource.at("input", name, key))


def secret_entries(resource: Resource) -> dict[str, bytes]:
    """Return what is known of the entries of a Secret."""
    if not resource.is_object or resource.object_kind != "Secret":
        return {}
    entries = {}
    for key, value in (resource.props.get("data") or {}).items():
        if isinstance(value, str):
            try:
                entries[key] = base64.b64decode(value, validate=True)
            except binascii.Error:
                continue
    plain = resource.props.get("stringData")
    if isinstance(plain, Mapping):
        entries |= {key: value.encode() for key, value in plain.items() if isinstance(value, str)}
    return entries


def trustee(stack: Stack) -> TrusteeProfile | None:
    """Return the version of the stack's Trustee; None where it has none.

    Raises:
        UnreadableError: no version, or one that the program does not know.
        UnknownError: it is not known yet.
    """
    if not stack.objects("ConfigMap", names.KBS_CONFIG_CM):
        return None
    operators = [each for each in stack.objects("Operator") if each.object_name.startswith(f"{names.TRUSTEE_PACKAGE}.")]
    csv = operators[0].at("metadata", "annotations", names.EXPECTS) if operators else None
    if not isinstance(csv, str):
        raise UnreadableError("which version of Trustee is deployed cannot be told")
    try:
        return profiles.trustee(csv, operators[0].at("metadata", "annotations", names.TREATED_AS))
    except profiles.VersionError as error:
        raise UnreadableError(str(error)) from None


def reference_values(resource: Resource) -> list[ReferenceValue]:
    """Return the reference values in the ConfigMap, in whichever version's format.

    Raises:
        UnreadableError: they are in none.
        UnknownError: they are not known yet.
    """
    data = resource.at("data")
    texts = [value for value in (data or {}).values() if isinstance(value, str)]
    if data and not texts:
        raise UnknownError(f"{resource}: data")
    values: list[ReferenceValue] = []
    for text in texts:
        try:
            entries = json.loads(text)
            if isinstance(entries, Mapping):  # 1.2: name to base64 of an entry
                entries = [json.loads(base64.urlsafe_b64decode(entry)) for entry in entries.values()]
            values += parse(json.dumps(entries))
        except (ValueError, TypeError, AttributeError) as error:
            raise UnreadableError(f"{resource} holds no reference values: {error}") from None
    return values


def now() -> datetime:
    """Return the present; tests replace it."""
    return datetime.now(UTC)
