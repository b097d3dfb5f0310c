"""Differences between an object in the state and the same object in the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from coco_azure import names
from coco_azure.cli.drift import fields
from coco_azure.cli.drift.fields import MISSING, Drift, Path, What, get
from coco_azure.clients.engine_run import Step, kind_of, name_of
from coco_azure.formats.shown import beginning

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


_SECRET = "(secret)"  # noqa: S105 - stands for one
_LONG = 240
_AROUND = 60


def compare_step(refreshed: Step, planned: Step | None) -> list[Drift]:
    """Return what has drifted of one object.

    Args:
        refreshed: the object, in the state and as it is.
        planned: what would be done to it, or None.
    """
    if not is_object(refreshed.urn) or of_olm(refreshed.urn):
        return []
    drift = partial(
        _drift,
        refreshed,
        operation=planned.operation if planned is not None else "",
        reboots=planned is not None and reboots(planned),
    )
    if not refreshed.new:
        return [drift("missing")]
    changed = [
        drift(what, field=fields.text(path), stack=stack, actual=actual, owner=_owner(refreshed, path, what))
        for path, what, stack, actual in _changes(refreshed)
    ]
    return [*changed, *_extras(refreshed)]


def _drift(refreshed: Step, what: What, advice: Sequence[str] = (), **details: Any) -> Drift:
    name = title(refreshed.urn, refreshed.old)
    effects = (*advice, *repair(refreshed.urn, name))
    return Drift(side="cluster", object=name, resource=refreshed.name, what=what, effects=effects, **details)


def marks(refreshed: Step) -> list[str]:
    """Return the marks of the stack that an operator's object has lost; no drift, and yet the next run sets them."""
    if not refreshed.new:
        return []
    return [
        f"{title(refreshed.urn, refreshed.old)}: its mark {path[-1]} is gone or another one; whoever made or "
        "wrote the object anew has taken it away, and `pulumi up --refresh` sets it again"
        for path in _paths(refreshed)
        if is_mark(refreshed.urn, path)
    ]


def _changes(refreshed: Step) -> Iterator[tuple[Path, What, str, str]]:
    old, new = refreshed.old.get("inputs") or {}, (refreshed.new or {}).get("inputs") or {}
    for path in _paths(refreshed):
        if is_nobodys(refreshed.urn, refreshed.old, path) or is_mark(refreshed.urn, path):
            continue
        if fields.hidden(old, path) or fields.hidden(new, path):
            yield path, "changed", _SECRET, _SECRET
            continue
        before, after = fields.get(old, path), fields.get(new, path)
        what: What = "removed" if after is MISSING else "added" if before is MISSING else "changed"
        stack, actual = shown(before, after)
        yield path, what, stack, actual


def _paths(refreshed: Step) -> list[Path]:
    """Return the paths of what differs, down to single fields: of a lost object the engine gives only the top."""
    old, new = refreshed.old.get("inputs") or {}, (refreshed.new or {}).get("inputs") or {}
    paths: dict[Path, None] = {}
    for changed in refreshed.changed:
        path = fields.parse(changed)
        parts = {**fields.leaves(fields.get(old, path), path), **fields.leaves(fields.get(new, path), path)}
        differ = [part for part in parts if fields.get(old, part) != fields.get(new, part)]
        # Of a secret only the engine knows whether it differs.
        paths.update(dict.fromkeys(differ or [path]))
    return list(paths)


def _extras(refreshed: Step) -> list[Drift]:
    """Return the fields that somebody has added to an object which is the stack's as a whole."""
    if not may_have_extras(refreshed.urn) or not refreshed.new:
        return []
    ours, live = refreshed.old.get("inputs") or {}, refreshed.new.get("outputs") or {}
    # Of a secret the engine hides its keys as well; one that it reports as changed is told already.
    known = {fields.text(changed) for changed in _paths(refreshed)}
    made = []
    for path, by in fields.foreign(metadata(refreshed.new), CONTENT):
        masked = fields.hidden(ours, path) or fields.hidden(live, path)
        value, field = fields.get(live, path), fields.text(path)
        if field in known or fields.get(ours, path) is not MISSING or (value is MISSING and not masked):
            continue
        advice = (
            "it is not among the stack's fields, so `pulumi up` may leave it; to take it out: "
            + removal(title(refreshed.urn, refreshed.old), path),
        )
        actual = _SECRET if masked else shown(MISSING, value)[1]
        made.append(_drift(refreshed, "added", advice, field=field, actual=actual, owner=by))
    return made


def _owner(refreshed: Step, path: Path, what: What) -> fields.Owner | None:
    live = metadata(refreshed.new)
    return fields.last_writer(live) if what == "removed" else fields.owner(live, path) or fields.last_writer(live)


def shown(before: Any, after: Any) -> tuple[str, str]:
    """Return two values for people; of long texts the first lines, or the first characters, that differ."""
    if not (isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _LONG):
        return _short(before), _short(after)
    one, other = before.splitlines(), after.splitlines()
    if max(len(one), len(other)) == 1:
        at = _first(before, after)
        return _from(before, at), _from(after, at)
    at = _first(one, other)
    return _line(one, at), _line(other, at)


def _first(one: Sequence[str], other: Sequence[str]) -> int:
    differ = (at for at, both in enumerate(zip(one, other, strict=False)) if both[0] != both[1])
    return next(differ, min(len(one), len(other)))


def _from(text: str, at: int) -> str:
    return f"from character {at + 1} of {len(text)}: {text[at : at + _AROUND]}"


def _line(lines: list[str], at: int) -> str:
    return f"line {at + 1} of {len(lines)}: {_short(lines[at])}" if at < len(lines) else f"ends after line {len(lines)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return ""
    text = str(value) if not isinstance(value, Mapping) else str(dict(value))
    text = text.replace("\n", "\\n")
    return beginning(text, _LONG, f"... ({len(text)} characters)")
