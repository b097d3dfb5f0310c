"""Placeholders that were never filled in, such as ``<registry>``, in whichever setting they stand."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"<[A-Za-z][^<>\n]*>")


def find(values: Any, secrets: frozenset[str], place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield where a placeholder stands, as steps into ``values``, and the placeholder itself.

    Args:
        values: the settings by name, decoded.
        secrets: names of settings below which values are secret: only a value that is nothing else is taken for a
            placeholder there.
        place: the steps to ``values``.
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            if match := _PLACEHOLDER.search(str(name)):
                yield (*place, name), match[0]
            else:
                yield from find(value, secrets, (*place, name))
    elif isinstance(values, list | tuple):
        for number, value in enumerate(values):
            yield from find(value, secrets, (*place, number))
    elif isinstance(values, str) and "\n" not in values:
        secret = any(step in secrets for step in place)
        if match := (_PLACEHOLDER.fullmatch if secret else _PLACEHOLDER.search)(values):
            yield place, match[0]
