"""Finds the pod templates of a manifest, and the objects beside them that their environment is taken from."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure.formats.workload import objects, reading
from coco_azure.formats.workload.objects import ManifestError

_SEALED = "sealed."
_PLACES = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


@dataclass(frozen=True, kw_only=True)
class Template:
    """One pod template.

    Attributes:
        place: kind and name of its object, for messages: ``Deployment shop``.
        kind: kind of its object; ``Pod`` where the pod stands for itself.
        name: name of its object; None where the API server makes one up.
        namespace: namespace, or None where it is left to whoever applies the manifest.
        metadata, spec: the template's own.
        claims: names of the volumes that a StatefulSet's ``volumeClaimTemplates`` add.
        configs: data of the manifest's ConfigMaps, by name.
        secrets: data of the manifest's Secrets, by name: sealed ones as they are, None for all others, which are not
            for a policy that everybody can read.
    """

    place: str
    kind: str
    name: str | None
    namespace: str | None
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    claims: frozenset[str] = frozenset()
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


def templates(text: str) -> list[Template]:
    """Return every pod template of a manifest, whatever the kind of the object that it is in.

    Raises:
        ManifestError: the text is no manifest, or has no pod template; the kinds that it has are named.
    """
    manifest = objects.load(text)
    made = [template for each in manifest if (template := _template(each, manifest)) is not None]
    if not made:
        kinds = ", ".join(sorted({str(each["kind"]) for each in manifest})) or "nothing"
        raise ManifestError(
            f"no pod template in it (found: {kinds}); name the file with the workload's Pod, Deployment, StatefulSet, "
            "DaemonSet, Job or CronJob"
        )
    return made


def _template(each: Mapping[str, Any], manifest: Sequence[Mapping[str, Any]]) -> Template | None:
    kind, path = str(each["kind"]), template_path(each)
    if path is None:
        return None
    within = reading.object_of(each, *path)
    outer, inner = reading.object_of(each, "metadata"), reading.object_of(within, "metadata")
    name = reading.optional(outer, "name", str)
    namespace = reading.optional(outer, "namespace", str)
    claims = reading.objects(reading.object_of(each, "spec"), "volumeClaimTemplates")
    return Template(
        place=f"{kind} {name or outer.get('generateName', 'without a name')}",
        kind=kind,
        name=name,
        namespace=namespace,
        metadata=inner,
        spec=reading.object_of(within, "spec"),
        claims=frozenset(str(reading.object_of(claim, "metadata").get("name")) for claim in claims),
        configs=_data(manifest, "ConfigMap", namespace),
        secrets=_data(manifest, "Secret", namespace),
    )


def template_path(each: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the way from an object to its pod template, which a Pod is itself; None where it has none."""
    if each["kind"] == "Pod":
        return ()
    return next((path for path in _PLACES if _is_template(_at(each, path))), None)


def _at(each: Any, path: Sequence[str]) -> Any:
    for key in path:
        each = each.get(key) if isinstance(each, Mapping) else None
    return each


def _is_template(within: Any) -> bool:
    return isinstance(within, Mapping) and isinstance(within.get("spec"), Mapping) and "containers" in within["spec"]


def _data(manifest: Sequence[Mapping[str, Any]], kind: str, namespace: str | None) -> dict[str, Any]:
    values = {}
    for each in manifest:
        metadata = reading.object_of(each, "metadata")
        if each["kind"] == kind and metadata.get("namespace") in {None, namespace}:
            data: dict[str, Any] = dict(reading.object_of(each, "data"))
            if kind == "Secret":
                data = {key: _decoded(value) for key, value in data.items()}
                data |= reading.object_of(each, "stringData")
                data = {key: value if str(value).startswith(_SEALED) else None for key, value in data.items()}
            values[str(metadata.get("name"))] = data
    return values


def _decoded(value: Any) -> str | None:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
