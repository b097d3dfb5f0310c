"""Sets single values in the text of a manifest, and leaves every other character as it is: comments, order, quotes.

PyYAML says where each value stands. A library that writes the whole document anew (ruamel.yaml keeps comments) would
indent lists and break lines its own way, and a diff would show lines that nobody changed.
"""

import json
import re
from collections.abc import Sequence

import yaml

from coco_azure.formats.workload.reading import ManifestError

Path = Sequence[str | int]
"""The way to a value: number of the document, then keys of objects and places in lists."""
_STEP = 2
_PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
"""How JSON writes a character beyond U+FFFF, such as an emoji; YAML takes it for two that do not exist."""


def put(text: str, path: Path, value: str) -> str:
    """Return the manifest with a text at a path; objects on the way to it that are not there are made.

    Args:
        text: a manifest that ``objects.load`` takes.
        path: where; every list on the way, with that place in it, has to be there.

    Raises:
        ManifestError: something else than an object or a list is on the way.
    """
    node = list(yaml.compose_all(text, yaml.SafeLoader))[int(path[0])]
    flow = False
    for at, step in enumerate(path[1:], 1):
        flow = flow or bool(getattr(node, "flow_style", False))
        child = _child(node, step, path)
        if child is None:
            return _inserted(text, node, path[at:], value, flow=flow)
        key, node = child
        if _is_null(node) and at < len(path) - 1:
            return _filled(text, key, node, path[at + 1 :], value, flow=flow)
    if not isinstance(node, yaml.ScalarNode):
        raise ManifestError(f"{_name(path)} is an object or a list, needed a text")
    if node.value == value and node.tag == "tag:yaml.org,2002:str":
        return text
    start, end = node.start_mark.index, node.end_mark.index
    written, space = _scalar(value, flow=flow), " " if text[start - 1] == ":" else ""
    return f"{text[:start]}{space}{written}{_line_end(text) if node.style in ('|', '>') else ''}{text[end:]}"


def append(text: str, document: str) -> str:
    """Return the manifest with one more document at its end.

    Raises:
        ManifestError: it is JSON, which has one document.
    """
    if text.lstrip().startswith("{"):
        raise ManifestError("the manifest is JSON, which has one document; needed YAML, to which a Secret can be added")
    end = _line_end(text)
    before = text if text.endswith("\n") else f"{text}{end}"
    return f"{before}---{end}{document.replace(chr(10), end)}"


def _child(node: yaml.Node, step: str | int, path: Path) -> tuple[yaml.Node, yaml.Node] | None:
    """Return key and value of a step; None where an object does not have it."""
    if isinstance(node, yaml.MappingNode) and isinstance(step, str):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step], node.value[step]
    raise ManifestError(f"{_name(path)}: {step} is looked for in something that is no object")


def _inserted(text: str, node: yaml.Node, missing: Path, value: str, *, flow: bool) -> str:
    """Return the text with a value that is missing in an object, as its first one."""
    start = node.start_mark.index
    if flow or not node.value:
        rest = ", " if node.value else ""
        return f"{text[: start + 1]}{_flow(missing, value)[1:-1]}{rest}{text[start + 1 :]}"
    first = node.value[0][0].start_mark
    end, indent = _line_end(text), " " * first.column
    return f"{text[: first.index]}{_block(missing, value, first.column, end)}{end}{indent}{text[first.index :]}"


def _filled(text: str, key: yaml.Node, node: yaml.Node, missing: Path, value: str, *, flow: bool) -> str:
    """Return the text with an object in place of a null."""
    colon = text.index(":", key.end_mark.index) + 1
    tail = text[max(node.end_mark.index, colon) :]
    if flow:
        return f"{text[:colon]} {_flow(missing, value)}{tail}"
    column, end = key.start_mark.column + _STEP, _line_end(text)
    return f"{text[:colon]}{end}{' ' * column}{_block(missing, value, column, end)}{tail}"


def _block(path: Path, value: str, column: int, end: str) -> str:
    """Return lines of block style; the first one without its indentation, the last one without its end."""
    key, *rest = path
    if not rest:
        return f"{_scalar(str(key), flow=False)}: {_scalar(value, flow=False)}"
    inner = column + _STEP
    return f"{_scalar(str(key), flow=False)}:{end}{' ' * inner}{_block(rest, value, inner, end)}"


def _flow(path: Path, value: str) -> str:
    document: object = value
    for key in reversed(path):
        document = {str(key): document}
    return _quoted(document)


def _quoted(document: object) -> str:
    """Return what JSON and YAML both read as this."""
    return _PAIR.sub(lambda pair: str(json.loads(f'"{pair[0]}"')), json.dumps(document))


def _scalar(text: str, *, flow: bool) -> str:
    """Return a text as YAML, in quotes where it would be something else without."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./+=-]*", text) and yaml.safe_load(text) == text
    return text if plain and not flow else _quoted(text)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.tag == "tag:yaml.org,2002:null")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _name(path: Path) -> str:
    return ".".join(map(str, path[1:]))
