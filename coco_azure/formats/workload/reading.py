"""Takes values out of a manifest: what has another type than the API server takes is a problem that names its place.

Stricter than YAML where the API server is: a key that stands twice is an error, since readers differ in which they
take.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

_TEMPLATE = re.compile(r"\{\{")
_CHART = re.compile(r"\{\{-?\s*(\.(Values|Release|Chart|Capabilities)|include|template|toYaml|if|range|with|end)\b")


class ManifestError(ValueError):
    """The file is no manifest; the message names the line, counted from 1."""


_TEMPLATED = (
    "line {line}: this belongs to a chart's template, which is no manifest yet; render it, and name the result: "
    "helm template RELEASE CHART > FILE"
)


class _Loader(yaml.SafeLoader):
    """YAML without keys that stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        keys = set[str]()
        for key, _ in node.value:
            name = str(key.value)
            if name in keys and name != "<<":
                line = key.start_mark.line + 1
                raise ManifestError(f"line {line}: {name} stands twice in one object; remove one of them")
            keys.add(name)
        return super().construct_mapping(node, deep)


def load(text: str) -> list[Mapping[str, Any]]:
    """Return every object of a manifest, those in lists as well.

    Args:
        text: one or several YAML documents; JSON is YAML.

    Raises:
        ManifestError: it is no YAML, a chart's template, or has a document that is no object.
    """
    if (chart := _line(_CHART, text)) is not None:
        raise ManifestError(_TEMPLATED.format(line=chart))
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        raise ManifestError(_malformed(error, text)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"no YAML: {' '.join(str(error).split())}") from None
    return [item for at, document in enumerate(documents, 1) for item in _flat(document, f"document {at}")]


def _malformed(error: yaml.MarkedYAMLError, text: str) -> str:
    if (templated := _line(_TEMPLATE, text)) is not None:
        return _TEMPLATED.format(line=templated)
    mark = error.problem_mark or error.context_mark
    position = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return f"{position}no YAML: {error.problem or error.context}"


def _line(pattern: re.Pattern[str], text: str) -> int | None:
    return next((at for at, line in enumerate(text.splitlines(), 1) if pattern.search(line)), None)


def _flat(document: Any, label: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
        raise ManifestError(f"{label}: no object of Kubernetes (apiVersion, kind, metadata)")
    items = document.get("items")
    if not document["kind"].endswith("List") or not isinstance(items, list):
        yield document
        return
    for at, item in enumerate(items, 1):
        yield from _flat(item, f"{label}, item {at}")


_Value = TypeVar("_Value", str, bool, int)
_NAMES: Mapping[type, str] = {
    str: "text (quote numbers, dates, true and false)",
    bool: "true or false",
    int: "a number",
}


def shown(value: object) -> str:
    """Return a value of YAML or JSON on one line as a user writes it: null, not None; a date without quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...")


def optional(within: Mapping[str, Any], key: str, kind: type[_Value]) -> _Value | None:
    """Return the value of a key, or None where it is left out or null.

    Raises:
        ManifestError: it is of another type.
    """
    value = within.get(key)
    if value is not None and type(value) is not kind:
        raise ManifestError(f"{key} is {shown(value)}, needed {_NAMES[kind]}")
    return value


def texts(within: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts, empty where it is left out; raises as ``optional`` does."""
    value = within.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ManifestError(f"{key} is {shown(value)}, needed a list of texts (quote numbers, true and false)")
    return list(value)


def objects(within: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects, empty where it is left out; raises as ``optional`` does."""
    value = within.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ManifestError(f"{key} is {shown(value)}, needed a list of objects")
    return value


def object_of(within: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path, empty where any step of it is left out; raises as ``optional`` does."""
    for key in path:
        value = within.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise ManifestError(f"{key} is {shown(value)}, needed an object")
        within = value
    return within


_SEALED = "sealed."
_PLACES = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


@dataclass(frozen=True, kw_only=True)
class Template:
    """One pod template.

    Attributes:
        label: kind and name of its object, for messages: ``Deployment shop``.
        kind: kind of its object; ``Pod`` where the pod stands for itself.
        name: name of its object; None where the API server makes one up.
        namespace: namespace, or None where it is left to whoever applies the manifest.
        claims: names of the volumes that a StatefulSet's ``volumeClaimTemplates`` add.
        configs: data of the manifest's ConfigMaps, by name.
        secrets: data of the manifest's Secrets, by name: sealed ones as they are, None for all others, which are not
            for a policy that everybody can read.
    """

    label: str
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
    manifest = load(text)
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
    within = object_of(each, *path)
    outer, inner = object_of(each, "metadata"), object_of(within, "metadata")
    name = optional(outer, "name", str)
    namespace = optional(outer, "namespace", str)
    claims = objects(object_of(each, "spec"), "volumeClaimTemplates")
    return Template(
        label=f"{kind} {name or outer.get('generateName', 'without a name')}",
        kind=kind,
        name=name,
        namespace=namespace,
        metadata=inner,
        spec=object_of(within, "spec"),
        claims=frozenset(str(object_of(claim, "metadata").get("name")) for claim in claims),
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
        metadata = object_of(each, "metadata")
        if each["kind"] == kind and metadata.get("namespace") in {None, namespace}:
            data: dict[str, Any] = dict(object_of(each, "data"))
            if kind == "Secret":
                data = {key: _decoded(value) for key, value in data.items()}
                data |= object_of(each, "stringData")
                data = {key: value if str(value).startswith(_SEALED) else None for key, value in data.items()}
            values[str(metadata.get("name"))] = data
    return values


def _decoded(value: Any) -> str | None:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
