"""The table of all settings in ``docs/settings.md``, made from the models so that it cannot fall behind them."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from settings import Settings
from settings.base import Model

_HEAD = """# Settings

Every setting is optional. Set one with `pulumi config set --path 'coco-azure:PATH' VALUE`, and a secret with `--secret`
besides. An unknown setting or a wrong value is an error that lists all problems at once, before anything is changed.
A file is text in UTF-8, or in UTF-16 with its mark. Of a file with certificates or public keys these are taken, and
written anew; anything else in it is an error, and so is a private key, in whatever form, in any setting that is not
secret: what such settings name ends in initdata, ConfigMaps and outputs, where everybody can read it.
This page is made from the models in `settings/`: `python -m settings > docs/settings.md`. Editors get the same from
[settings.schema.json](settings.schema.json), which stack files name in their first line (for the YAML language
server, in VS Code and others): completion, descriptions, and what is wrong in its form while you write.
"""


def render() -> str:
    """Return ``docs/settings.md``."""
    return "\n".join([_HEAD, *_part("", Settings)]).rstrip("\n") + "\n"


def paths() -> list[str]:
    """Return the path of every setting, such as ``peerPods.kataConfig.allowReboot``."""
    return [path for path, _ in _leaves("", Settings)]


def _part(prefix: str, model: type[Model]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = _model(field.annotation)
        yield f"## coco-azure:{path}\n"
        yield f"{_first_line(inner.__doc__ if inner else field.description)}\n"
        if inner:
            yield "| setting | values | what it decides |\n| --- | --- | --- |"
            for leaf, found in _leaves(f"{path}.", inner):
                yield f"| `{leaf}` | {_values(found)} | {_cell(found.description)} |"
            yield ""


def _leaves(prefix: str, model: type[Model]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = _model(field.annotation)
        if inner is None:
            yield path, field
        else:
            yield from _leaves(f"{path}.", inner)


def _model(annotation: Any) -> type[Model] | None:
    options = [annotation, *get_args(annotation)]
    return next((option for option in options if isinstance(option, type) and issubclass(option, Model)), None)


def _values(field: FieldInfo) -> str:
    kind = _kind(field.annotation, field.alias or "")
    if field.default is None or field.is_required() or field.default_factory is not None:
        return kind
    shown = field.default if isinstance(field.default, str) else str(field.default).lower()
    return f"{kind}; default `{shown}`"


def _kind(annotation: Any, alias: str) -> str:
    origin = get_origin(annotation)
    if alias.endswith("File"):
        return "path of a file"
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin is Annotated:
        return _kind(get_args(annotation)[0], alias)
    if origin is types.UnionType or str(origin) == "typing.Union":
        return ", ".join(_kind(option, alias) for option in get_args(annotation) if option is not types.NoneType)
    return {bool: "`true`, `false`", int: "number", tuple: "list", dict: "object"}.get(origin or annotation, "text")


def _first_line(text: str | None) -> str:
    return _cell((text or "").split("\n\n")[0])


def _cell(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").replace("|", "\\|").split())
