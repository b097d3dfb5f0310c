"""Reads what objects of this project hold: configuration of KBS, initdata, Secrets, the version of Trustee."""

import base64
import binascii
import gzip
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from policies.model import Resource, Stack, UnknownError
from rendering import profiles
from rendering.profiles import TRUSTEE_PACKAGE, TrusteeProfile
from rendering.trustee import kbs_config
from rendering.trustee.reference_values import ReferenceValue, parse

KBS_CONFIG, REFERENCE_VALUES = "kbs-config-cm", "rvps-reference-values"
PEER_PODS = "peer-pods-cm"
STASH = "pulumi:index:Stash"
EXPECTS = "coco-azure/expects"
"""Annotation of ``components.operators.olm_operator`` with the CSV that is to be installed."""
TREATED = "coco-azure/treated-as"
"""Annotation beside it with the minor version that it is deployed as, where it has no profile of its own."""
_WORKLOADS = "trust-chain-workload-initdata"
"""Name of the Stash in which ``components.trustee.chain`` shows initdata of workloads."""
_GZIP = b"\x1f\x8b"
# Both names of the annotation: CAA pkg/util/cloud.go, GetInitdataFromAnnotation.
_INITDATA = re.compile(r"io\.katacontainers\.config\.(runtime|hypervisor)\.cc_init_data")
AGENT_POLICY = "io.katacontainers.config.agent.policy"
_POD = {"Job": ("spec", "template"), "Deployment": ("spec", "template"), "DaemonSet": ("spec", "template"), "Pod": ()}


class UnreadableError(ValueError):
    """A document is not what it should be, so nothing can be said for it."""


def is_config_map(resource: Resource, name: str) -> bool:
    """Return whether it is the ConfigMap of that name, or a patch of it."""
    return resource.is_object and resource.object_kind == "ConfigMap" and resource.object_name == name


def toml(text: str) -> Mapping[str, Any]:
    """Return a TOML document.

    Raises:
        UnreadableError: it is none.
    """
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
        raw = base64.b64decode(encoded, validate=True)
        text = (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode()
    except (binascii.Error, OSError, EOFError, UnicodeDecodeError) as error:
        raise UnreadableError(f"initdata is no base64 of a document: {error}") from None
    found = toml(text).get("data")
    if not isinstance(found, Mapping):
        raise UnreadableError("initdata has no table data")
    return {str(name): str(value) for name, value in found.items()}


def annotations(resource: Resource) -> dict[str, str]:
    """Return the annotations of the pods that a workload makes."""
    if not resource.is_object or resource.object_kind not in _POD:
        return {}
    found = resource.at(*_POD[resource.object_kind], "metadata", "annotations")
    return {key: value for key, value in (found or {}).items() if isinstance(value, str)}


def initdata_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Return the encoded initdata documents in a resource, each with its place.

    Raises:
        UnknownError: one is not known yet.
    """
    if is_config_map(resource, PEER_PODS) and isinstance(said := resource.at("data", "INITDATA"), str):
        yield f"INITDATA of {resource}", said
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
    found = {}
    for key, value in (resource.props.get("data") or {}).items():
        if isinstance(value, str):
            try:
                found[key] = base64.b64decode(value, validate=True)
            except binascii.Error:
                continue
    plain = resource.props.get("stringData")
    if isinstance(plain, Mapping):
        found |= {key: value.encode() for key, value in plain.items() if isinstance(value, str)}
    return found


def trustee(stack: Stack) -> TrusteeProfile | None:
    """Return the version of the stack's Trustee; None where it has none.

    Raises:
        UnreadableError: no version, or one that the program does not know.
        UnknownError: it is not known yet.
    """
    if not stack.objects("ConfigMap", KBS_CONFIG):
        return None
    found = [each for each in stack.objects("Operator") if each.object_name.startswith(f"{TRUSTEE_PACKAGE}.")]
    said = found[0].at("metadata", "annotations", EXPECTS) if found else None
    if not isinstance(said, str):
        raise UnreadableError("which version of Trustee is deployed cannot be told")
    try:
        return profiles.trustee(said, found[0].at("metadata", "annotations", TREATED))
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
            found = json.loads(text)
            if isinstance(found, Mapping):  # 1.2: name to base64 of an entry
                found = [json.loads(base64.urlsafe_b64decode(entry)) for entry in found.values()]
            values += parse(json.dumps(found))
        except (ValueError, TypeError, AttributeError) as error:
            raise UnreadableError(f"{resource} holds no reference values: {error}") from None
    return values


def now() -> datetime:
    """Return the present; tests replace it."""
    return datetime.now(UTC)
