"""Which objects and fields are the stack's, how they are called, and what follows when one is changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from coco_azure import names
from coco_azure.cli.drift.fields import Path, get
from coco_azure.clients.engine_run import Step, kind_of, name_of

KATA_CONFIG = "KataConfig"
_KBS_RESTART = (
    "KBS may have started with it, and reads it again only when it restarts; once it is put back: "
    f"oc -n {names.TRUSTEE_NAMESPACE} delete pods -l app=kbs"
)
_CAA_RESTART = (
    "CAA may have started with it; once it is put back, and the version does not restart CAA itself: "
    f"oc -n {names.OSC_NAMESPACE} delete pods -l name={names.CAA}, which peer pods that run do not survive"
)
_MARKS = (names.PROVIDER_MARKS, names.MARKS)
_OPERATORS_OWN = {(names.PEER_PODS_CM, ("data", "DISABLECVM"))}
"""The operator writes it at every reconcile, after the feature gate; the gate itself is compared."""
_MADE_BY_OLM = ("InstallPlan",)
"""OLM makes them, and clears old ones away; the stack only approves."""
_NO_EXTRAS = ("Namespace", "Job", *_MADE_BY_OLM)
"""Kinds whose controllers fill in fields of their own."""
CONTENT = ("data", "binaryData", "stringData", "spec")


def kind(urn: str) -> str:
    """Return the kind of an object, that of a patched one too."""
    return kind_of(urn).rpartition(":")[2].removesuffix("Patch")


def is_object(urn: str) -> bool:
    """Return whether the resource is an object of a cluster."""
    return kind_of(urn).startswith("kubernetes:")


def is_patch(urn: str) -> bool:
    """Return whether the stack owns only some fields of the object."""
    return kind_of(urn).endswith("Patch")


def title(urn: str, properties: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of an object; the resource's name where these are not known."""
    # That of the object first: the provider gives patches of cluster-wide kinds a namespace.
    metadata = get(properties, ("outputs", "metadata"))
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        metadata = get(properties, ("inputs", "metadata"))
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return f"{kind(urn)} ({name_of(urn)})"
    return f"{kind(urn)} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"


def metadata(properties: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the live metadata of an object."""
    live = get(properties or {}, ("outputs", "metadata"))
    return live if isinstance(live, Mapping) else {}


def of_olm(urn: str) -> bool:
    """Return whether an object is OLM's, so that its coming and going is no drift."""
    return kind(urn) in _MADE_BY_OLM


def may_have_extras(urn: str) -> bool:
    """Return whether a field that somebody adds to the object is one that counts."""
    return not is_patch(urn) and kind(urn) not in _NO_EXTRAS


def is_nobodys(urn: str, properties: Mapping[str, Any], path: Path) -> bool:
    """Return whether a difference of this field is the operator's business and no drift."""
    name = get(properties, ("inputs", "metadata", "name"))
    return of_olm(urn) or (name, path) in _OPERATORS_OWN


def is_mark(urn: str, path: Path) -> bool:
    """Return whether the field is only a mark that the stack has put on an operator's object."""
    return is_patch(urn) and "annotations" in path and str(path[-1]).startswith(_MARKS)


def reboots(step: Step) -> bool:
    """Return whether a step reboots nodes: KataConfig comes, goes, or gets another spec."""
    if kind_of(step.urn).rpartition(":")[2] != KATA_CONFIG:
        return False
    touches_spec = any(path.startswith("spec") for path in step.changed)
    return step.operation in ("create", "replace", "delete") or (step.operation == "update" and touches_spec)


def nodes(properties: Mapping[str, Any]) -> list[str]:
    """Return the nodes that KataConfig says it is installed on."""
    nodes = get(properties, ("outputs", "status", "kataNodes", "installed"))
    return [str(node) for node in nodes] if isinstance(nodes, Sequence) and not isinstance(nodes, str) else []


def consequence(step: Step, properties: Mapping[str, Any]) -> str:
    """Return what a step does beyond the object itself; empty where there is nothing to say."""
    what = kind(step.urn)
    if reboots(step):
        rebooting = nodes(properties)
        return f"reboots nodes: {', '.join(rebooting) if rebooting else 'those of its selector'}"
    if what == "KbsConfig":
        return "restarts KBS"
    if what == "Job":
        return "proves the chain again"
    if what == "DaemonSet" and names.CAA in title(step.urn, properties):
        return "restarts CAA where the version does not do it itself; peer pods that run may be lost"
    return ""


def repair(urn: str, name: str) -> tuple[str, ...]:
    """Return what has to be done once the content of an object has been put back: who reads it only at start.

    Args:
        urn: the resource.
        name: what ``title`` says of the object.
    """
    if kind(urn) in ("ConfigMap", "Secret") and f" {names.TRUSTEE_NAMESPACE}/" in name:
        return (_KBS_RESTART,)
    if name == f"ConfigMap {names.OSC_NAMESPACE}/{names.PEER_PODS_CM}":
        return (_CAA_RESTART,)
    if name == f"ConfigMap {names.OSC_NAMESPACE}/{names.FEATURE_GATES}":
        return ("the gate decides which pod VM image is built when KataConfig is made; the image that is there stays",)
    return ()


def removal(name: str, path: Path) -> str:
    """Return the command that takes a field out of an object."""
    what, _, place = name.partition(" ")
    namespace, _, one = place.rpartition("/")
    pointer = "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)
    where = f"-n {namespace} " if namespace else ""
    return f'oc {where}patch {what.lower()} {one} --type json -p \'[{{"op":"remove","path":"{pointer}"}}]\''
