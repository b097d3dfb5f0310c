"""Makes a confidential workload out of a plain manifest: runtime class, initdata, VM size, sealed references."""

import base64
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from coco_azure.formats.shown import beginning
from coco_azure.formats.workload import editing, reading
from coco_azure.formats.workload.editing import Path
from coco_azure.formats.workload.reading import ManifestError, template_path
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import POD_VM_SIZE

_SEALED = "sealed."
_NOT_SHOWN = "(not shown)"
_LONGEST = 100


@dataclass(frozen=True, kw_only=True)
class ManifestObject:
    """An object of a manifest.

    Attributes:
        path: the way to it.
    """

    path: tuple[str | int, ...]
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Kind and name, ``Deployment/shop``."""
        return f"{self.content['kind']}/{reading.object_of(self.content, 'metadata').get('name', '')}"


def prepare(text: str, terms: Terms, *, size: str | None = None, only: Collection[str] = ()) -> str:
    """Return the manifest with what the pods of a workload need; what has it already is returned as it is.

    Args:
        terms: what they need.
        size: VM size that the pods ask for; None: what the manifest says, or the stack's default.
        only: the objects whose pods are meant, as KIND/NAME; none: all with a pod template.

    Raises:
        ManifestError: the text is no manifest, has no pod template or none of a name in ``only``, or the stack does not
            offer the size.
    """
    if size is not None and size not in terms.sizes:
        raise ManifestError(f"size {size} is none that pods may ask for; name one of {', '.join(terms.sizes)}")
    templates = _templates(text, only)
    wanted = {terms.annotation: terms.initdata, **({POD_VM_SIZE: size} if size is not None else {})}
    for path, _ in templates:
        text = editing.put(text, (*path, "spec", "runtimeClassName"), terms.runtime_class)
        for key, value in wanted.items():
            text = editing.put(text, (*path, "metadata", "annotations", key), value)
    return _sealed(text, terms, templates)


def diff(before: str, after: str, name: str) -> str:
    """Return what has changed, line by line: values of Secrets are not shown, and long lines are cut."""
    one, other = (_for_people(text).splitlines() for text in (before, after))
    lines = difflib.unified_diff(one, other, name, f"{name} (prepared)", n=2, lineterm="")
    cut = (beginning(line, _LONGEST, f"... ({len(line)} characters)") for line in lines)
    return "".join(f"{line}\n" for line in cut)


def manifest_objects(text: str) -> list[ManifestObject]:
    """Return every object of a manifest, those in lists as well; raises ManifestError."""
    reading.load(text)  # judges the text
    documents = enumerate(yaml.safe_load_all(text))
    return [place for at, document in documents for place in _flat(document, (at,)) if document is not None]


def _flat(document: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[ManifestObject]:
    items = document.get("items") if document and str(document["kind"]).endswith("List") else None
    if not isinstance(items, list):
        yield ManifestObject(path=path, content=document)
        return
    for at, item in enumerate(items):
        yield from _flat(item, (*path, "items", at))


def _templates(text: str, only: Collection[str]) -> list[tuple[Path, ManifestObject]]:
    """Return the way to each pod template that is meant, and the object that it is in."""
    made: list[tuple[Path, ManifestObject]] = [
        ((*place.path, *path), place)
        for place in manifest_objects(text)
        if (path := template_path(place.content)) is not None
    ]
    names = [place.name for _, place in made]
    if missing := [name for name in only if name not in names]:
        raise ManifestError(f"no pod template in {', '.join(missing)}; named can be {', '.join(names) or 'nothing'}")
    if not made:
        raise ManifestError(
            "no pod template in it; name the file with the workload's Pod, Deployment, StatefulSet, DaemonSet, Job or "
            "CronJob"
        )
    return [(path, place) for path, place in made if not only or place.name in only]


def _sealed(text: str, terms: Terms, templates: Sequence[tuple[Path, ManifestObject]]) -> str:
    """Return the manifest with sealed references where its pods read Secrets that KBS serves."""
    present, wanted = set[str](), _read_secrets(templates)
    # Only what these pods read: a sealed reference is worth nothing to others.
    sealed = {name: keys for name, keys in _by_secret(terms.sealed).items() if name in {each for _, each in wanted}}
    for place in manifest_objects(text):
        if place.content["kind"] != "Secret":
            continue
        name = str(reading.object_of(place.content, "metadata").get("name"))
        present.add(name)
        for section in ("data", "stringData"):
            for key in reading.object_of(place.content, section):
                if (reference := sealed.get(name, {}).get(key)) is not None:
                    value = base64.b64encode(reference.encode()).decode() if section == "data" else reference
                    text = editing.put(text, (*place.path, section, key), value)
    for namespace, name in wanted:
        if name in sealed and name not in present and f"{namespace}/{name}" not in terms.given:
            present.add(name)
            text = editing.append(text, _secret(namespace, name, sealed[name]))
    return text


def _by_secret(sealed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return sealed references by secret and key, from those by path (``default/SECRET/KEY``)."""
    secrets: dict[str, dict[str, str]] = {}
    for path, reference in sorted(sealed.items()):
        _, secret, key = path.split("/", 2)
        secrets.setdefault(secret, {})[key] = reference
    return secrets


def _secret(namespace: str, name: str, references: Mapping[str, str]) -> str:
    lines = ["# No values: where KBS has them, for attested pods.", "apiVersion: v1", "kind: Secret", "metadata:"]
    lines += [f"  name: {name}", *([f"  namespace: {namespace}"] if namespace else []), "stringData:"]
    return "".join(f"{line}\n" for line in [*lines, *(f"  {key}: {text}" for key, text in references.items())])


def _read_secrets(templates: Sequence[tuple[Path, ManifestObject]]) -> list[tuple[str, str]]:
    """Return namespace (empty where none is named) and name of each Secret that the pods read."""
    names: dict[tuple[str, str], None] = {}
    for path, place in templates:
        spec = place.content
        for step in path[len(place.path) :]:
            spec = spec[str(step)]
        spec = reading.object_of(spec, "spec")
        namespace = str(reading.object_of(place.content, "metadata").get("namespace") or "")
        for container in (*reading.objects(spec, "initContainers"), *reading.objects(spec, "containers")):
            references = [reading.object_of(each, "secretRef") for each in reading.objects(container, "envFrom")]
            references += [
                reading.object_of(each, "valueFrom", "secretKeyRef") for each in reading.objects(container, "env")
            ]
            names |= {(namespace, str(each["name"])): None for each in references if each.get("name")}
        for volume in reading.objects(spec, "volumes"):
            if name := reading.object_of(volume, "secret").get("secretName"):
                names[namespace, str(name)] = None
    return list(names)


def _for_people(text: str) -> str:
    for place in manifest_objects(text):
        if place.content["kind"] == "Secret":
            for section in ("data", "stringData"):
                for key, value in reading.object_of(place.content, section).items():
                    if not _is_sealed(value, section):
                        text = editing.put(text, (*place.path, section, key), _NOT_SHOWN)
    return text


def _is_sealed(value: object, section: str) -> bool:
    start = base64.b64encode(_SEALED.encode()).decode()[:8] if section == "data" else _SEALED
    return str(value).startswith(start)
