"""The table of all settings in ``docs/settings.md``, made from the models so that it cannot fall behind them."""

import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from coco_azure.settings import Settings
from coco_azure.settings.base import Model

_KEYS = {"workloads": "NAME", "registries": "HOST"}
"""What stands for the user's own names, by the map that has them."""
_TOP_KEYS = {"clientSecrets": ".SECRET.KEY", "sealedSecrets": ".NAMESPACE.SECRET.KEY"}
_HEAD = """# Settings

Every setting is optional. Set one with `pulumi config set --path 'coco-azure:PATH' VALUE`, and a secret with `--secret`
besides. An unknown setting or a wrong value is an error that lists all problems at once, before anything is changed.
A file is text in UTF-8, or in UTF-16 with its mark. Of a file with certificates or public keys these are taken, and
written anew; anything else in it is an error, and so is a private key, in whatever form, in any setting that is not
secret: what such settings name ends in initdata, ConfigMaps and outputs, where everybody can read it.
Names in capitals (`NAME`, `HOST`, `SECRET`, `KEY`) are yours; one with dots is written as `["quay.io"]`. Defaults are
YAML.
This page is made from the models in `coco_azure/settings/`: `./coco-azure settings > docs/settings.md`. Editors get the
same from [settings.schema.json](settings.schema.json), which stack files name in their first line (for the YAML
language server, in VS Code and others): completion, descriptions, and what is wrong in its form while you write.
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
        if inner:
            yield f"{_first_line(inner.__doc__)}\n"
        yield "| setting | values | what it decides |\n| --- | --- | --- |"
        for leaf, leaf_field in _leaves(f"{path}.", inner) if inner else [(f"{path}{_TOP_KEYS.get(path, '')}", field)]:
            values = "text" if path in _TOP_KEYS else _values(leaf_field)
            yield f"| `{leaf}` | {values} | {_cell(leaf_field.description)} |"
        yield ""


def _leaves(prefix: str, model: type[Model]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = _model(field.annotation)
        if inner is not None:
            yield from _leaves(f"{path}.", inner)
        elif (entry := _entry(field.annotation)) is not None:
            yield from _leaves(f"{path}.{_KEYS[str(field.alias or name)]}.", entry)
        else:
            yield path, field


def _entry(annotation: Any) -> type[Model] | None:
    """Return the model of a map's values; None of what is no map of models."""
    if get_origin(annotation) is not dict:
        return None
    _, value = get_args(annotation)
    return value if isinstance(value, type) and issubclass(value, Model) else None


def _model(annotation: Any) -> type[Model] | None:
    options = [annotation, *(() if get_origin(annotation) is dict else get_args(annotation))]
    return next((option for option in options if isinstance(option, type) and issubclass(option, Model)), None)


def _values(field: FieldInfo) -> str:
    kind = _kind(field.annotation, field.alias or "")
    if field.default in (None, (), {}) or field.is_required() or field.default_factory is not None:
        return kind
    shown = field.default if isinstance(field.default, str) else json.dumps(field.default)
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
