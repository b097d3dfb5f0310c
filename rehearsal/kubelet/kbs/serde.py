"""A small model of how Rust's serde reads a configuration: structures, defaults, tagged variants, error texts.

``loose`` is how the ``config`` crate gives values to a structure directly: it turns ``"true"``, ``1`` and numbers into
what is asked for. Inside anything tagged or flattened serde has buffered the values, and they must have the very type.
Keys are compared as they are written.
"""

from collections.abc import Mapping
from typing import Any, Protocol

_TRUE, _FALSE = ("true", "on", "yes", "1"), ("false", "off", "no", "0")
_REQUIRED = object()
_FEW = 2


class SchemaError(Exception):
    """A value does not fit; the message is serde's."""


class Kind(Protocol):
    """What a value may be."""

    def __call__(self, value: Any, *, loose: bool) -> Any:
        """Return the value with defaults filled in; raises SchemaError."""


def string(value: Any, *, loose: bool) -> str:
    """Read a text."""
    if isinstance(value, str):
        return value
    if loose and isinstance(value, bool):
        return "true" if value else "false"
    if loose and isinstance(value, int | float):
        return str(value)
    raise _wrong(value, "a string")


def boolean(value: Any, *, loose: bool) -> bool:
    """Read a boolean."""
    if isinstance(value, bool):
        return value
    if loose and isinstance(value, int | float):
        return value != 0
    if loose and isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
        return value.lower() in _TRUE
    raise _wrong(value, "a boolean")


def integer(value: Any, *, loose: bool) -> int:
    """Read a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if loose and isinstance(value, bool | float):
        return round(value)
    if loose and isinstance(value, str):
        word = value.lower()
        if word in _TRUE or word in _FALSE:
            return int(word in _TRUE)
        if word.lstrip("-").isdigit():
            return int(word)
    raise _wrong(value, "an integer" if loose else "i64")


def anything(value: Any, *, loose: bool) -> Any:  # noqa: ARG001 - as every kind
    """Read a value of any kind."""
    return value


def sequence(kind: Kind) -> Kind:
    """Return the kind of a list of ``kind``."""

    def read(value: Any, *, loose: bool) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(value, "a sequence")
        return [kind(each, loose=loose) for each in value]

    return read


def one_of(*names: str) -> Kind:
    """Return the kind of an enumeration without content."""

    def read(value: Any, *, loose: bool) -> str:  # noqa: ARG001 - as every kind
        if not isinstance(value, str):
            raise _wrong(value, "string or map")
        if value not in names:
            raise SchemaError(f"unknown variant `{value}`, expected {_quoted(names)}")
        return value

    return read


class Field:
    """One field of a structure: its kind, and what it is where it is not said."""

    def __init__(self, kind: Kind, default: Any = _REQUIRED) -> None:
        self.kind, self.default = kind, default

    def absent(self, name: str) -> Any:
        """Return the default; raises SchemaError where there is none."""
        if self.default is _REQUIRED:
            raise SchemaError(f"missing field `{name}`")
        return self.default


def optional(kind: Kind) -> Field:
    """Return a field that may be left out."""
    return Field(kind, None)


def struct(fields: Mapping[str, Field], *, closed: bool = False, flat: Kind | None = None) -> Kind:
    """Return the kind of a structure.

    Args:
        fields: by name.
        closed: whether unknown keys are refused (``deny_unknown_fields``).
        flat: a kind that takes all the other keys as its own (``flatten``); its fields join the result.
    """

    def read(value: Any, *, loose: bool) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(value, "a map")
        for key in value:
            if closed and key not in fields:
                known = f"expected {_quoted(tuple(fields))}" if fields else "there are no fields"
                raise SchemaError(f"unknown field `{key}`, {known}")
        values = {name: _read(field, name, value, loose=loose) for name, field in fields.items()}
        others = {key: each for key, each in value.items() if key not in fields}
        return {**(flat(others, loose=False) if flat else {}), **values}

    return read


def tagged(tag: str, variants: Mapping[str, Kind], aliases: Mapping[str, str] | None = None) -> Kind:
    """Return the kind of an internally tagged enumeration; the tag stays in the result, under its proper name."""
    names: dict[str, str] = {}
    for variant in variants:
        names |= {variant: variant} | {alias: name for alias, name in (aliases or {}).items() if name == variant}

    def read(value: Any, *, loose: bool) -> dict[str, Any]:  # noqa: ARG001 - as every kind
        if not isinstance(value, Mapping):
            raise _wrong(value, "internally tagged enum")
        if tag not in value:
            raise SchemaError(f"missing field `{tag}`")
        name = string(value[tag], loose=False)
        if name not in names:
            raise SchemaError(f"unknown variant `{name}`, expected {_quoted(tuple(names))}")
        content = {key: each for key, each in value.items() if key != tag}
        return {**variants[names[name]](content, loose=False), tag: names[name]}

    return read


def _read(field: Field, name: str, value: Mapping[str, Any], *, loose: bool) -> Any:
    if name not in value:
        return field.absent(name)
    return field.kind(value[name], loose=loose)


def _wrong(value: Any, expected: str) -> SchemaError:
    return SchemaError(f"invalid type: {_shown(value)}, expected {expected}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f'string "{value}"'
    return "map" if isinstance(value, Mapping) else "sequence"


def _quoted(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " or ".join(quoted) if len(quoted) <= _FEW else f"one of {', '.join(quoted)}"
