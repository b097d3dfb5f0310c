"""Which objects and fields are the stack's, how they are called, and what follows when one is changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from drift.events import Planned, Refreshed, kind_of, name_of
from drift.fields import Path, get

EXPECTS = "coco-azure/expects"
"""Annotation of the gate on an operator: the CSV that it waited for (``components.operators.olm_operator``)."""
PEER_PODS = "openshift-sandboxed-containers-operator"
TRUSTEE = "trustee-operator-system"
KATA_CONFIG = "KataConfig"
_CAA = "osc-caa-ds"
_KBS_RESTART = (
    "KBS may have started with it, and reads it again only when it restarts; once it is put back: "
    f"oc -n {TRUSTEE} delete pods -l app=kbs"
)
_CAA_RESTART = (
    "CAA may have started with it; once it is put back, and the version does not restart CAA itself: "
    f"oc -n {PEER_PODS} rollout restart daemonset/{_CAA}, which peer pods that run may not survive"
)
_MARKS = ("pulumi.com/", "coco-azure/")
_OPERATORS_OWN = {("peer-pods-cm", ("data", "DISABLECVM"))}
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


def is_read_only(found: Refreshed) -> bool:
    """Return whether the stack only reads the resource."""
    return not found.old.get("inputs")


def title(urn: str, properties: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of an object; the resource's name where these are not known."""
    # That of the object first: the provider gives patches of cluster-wide kinds a namespace.
    said = get(properties, ("outputs", "metadata"))
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        said = get(properties, ("inputs", "metadata"))
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        return f"{kind(urn)} ({name_of(urn)})"
    return f"{kind(urn)} {'/'.join(filter(None, (said.get('namespace'), said['name'])))}"


def metadata(properties: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the live metadata of an object."""
    said = get(properties or {}, ("outputs", "metadata"))
    return said if isinstance(said, Mapping) else {}


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


def reboots(step: Planned) -> bool:
    """Return whether a step reboots nodes: KataConfig comes, goes, or gets another spec."""
    if kind_of(step.urn).rpartition(":")[2] != KATA_CONFIG:
        return False
    touches_spec = any(path.startswith("spec") for path in step.changed)
    return step.operation in ("create", "replace", "delete") or (step.operation == "update" and touches_spec)


def nodes(properties: Mapping[str, Any]) -> list[str]:
    """Return the nodes that KataConfig says it is installed on."""
    found = get(properties, ("outputs", "status", "kataNodes", "installed"))
    return [str(node) for node in found] if isinstance(found, Sequence) and not isinstance(found, str) else []


def consequence(step: Planned, properties: Mapping[str, Any]) -> str:
    """Return what a step does beyond the object itself; empty where there is nothing to say."""
    what = kind(step.urn)
    if reboots(step):
        found = nodes(properties)
        return f"reboots nodes: {', '.join(found) if found else 'those of its selector'}"
    if what == "KbsConfig":
        return "restarts KBS"
    if what == "Job":
        return "proves the chain again"
    if what == "DaemonSet" and _CAA in title(step.urn, properties):
        return "restarts CAA where the version does not do it itself; peer pods that run may be lost"
    return ""


def repair(urn: str, name: str) -> tuple[str, ...]:
    """Return what has to be done once the content of an object has been put back: who reads it only at start.

    Args:
        urn: the resource.
        name: what ``title`` says of the object.
    """
    if kind(urn) in ("ConfigMap", "Secret") and f" {TRUSTEE}/" in name:
        return (_KBS_RESTART,)
    if name == f"ConfigMap {PEER_PODS}/peer-pods-cm":
        return (_CAA_RESTART,)
    if name == f"ConfigMap {PEER_PODS}/osc-feature-gates":
        return ("the gate decides which pod VM image is built when KataConfig is made; the image that is there stays",)
    return ()


def removal(name: str, path: Path) -> str:
    """Return the command that takes a field out of an object."""
    what, _, place = name.partition(" ")
    namespace, _, one = place.rpartition("/")
    pointer = "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)
    where = f"-n {namespace} " if namespace else ""
    return f'oc {where}patch {what.lower()} {one} --type json -p \'[{{"op":"remove","path":"{pointer}"}}]\''
