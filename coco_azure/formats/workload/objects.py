"""Reads a manifest: YAML documents as the API server takes them, told apart from what is no manifest.

Stricter than YAML where the API server is: a key that stands twice is an error, since readers differ in which they
take.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return f"{place}no YAML: {error.problem or error.context}"


def _line(pattern: re.Pattern[str], text: str) -> int | None:
    return next((at for at, line in enumerate(text.splitlines(), 1) if pattern.search(line)), None)


def _flat(document: Any, place: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
        raise ManifestError(f"{place}: no object of Kubernetes (apiVersion, kind, metadata)")
    items = document.get("items")
    if not document["kind"].endswith("List") or not isinstance(items, list):
        yield document
        return
    for at, item in enumerate(items, 1):
        yield from _flat(item, f"{place}, item {at}")
