"""All problems of the settings at once: what is wrong is set aside, and the rest is judged without it.

A model is judged as a whole only when each of its fields is right, so that problems would come in waves. What a later
wave says of a setting that was set aside, or of its neighbours, follows from that and is not told.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from coco_azure.settings.problems import SECRET, located, unfilled

_PLACEHOLDER = re.compile(r"<[A-Za-z][^<>\n]*>")


def find_placeholders(
    values: Any, secrets: frozenset[str], steps: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield where a placeholder stands, as steps into ``values``, and the placeholder itself.

    Args:
        values: the settings by name, decoded.
        secrets: names of settings below which values are secret: only a value that is nothing else is taken for a
            placeholder there.
        steps: the steps to ``values``.
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            if match := _PLACEHOLDER.search(str(name)):
                yield (*steps, name), match[0]
            else:
                yield from find_placeholders(value, secrets, (*steps, name))
    elif isinstance(values, list | tuple):
        for number, value in enumerate(values):
            yield from find_placeholders(value, secrets, (*steps, number))
    elif isinstance(values, str) and "\n" not in values:
        secret = any(step in secrets for step in steps)
        if match := (_PLACEHOLDER.fullmatch if secret else _PLACEHOLDER.search)(values):
            yield steps, match[0]


M = TypeVar("M", bound=BaseModel)
_WAVES = 20
"""More than there are models within each other: each wave sets at least one value aside."""
_NEIGHBOURS = 2
"""Steps of a path that name a part of the settings, such as ``trustee.tls``."""


@dataclass(frozen=True)
class Findings(Generic[M]):
    """What became of the settings.

    Attributes:
        valid_settings: the settings without what is wrong with them; None where nothing can be set aside.
        problems: one line each.
        excluded_paths: the paths of what was set aside, as steps.
    """

    valid_settings: M | None
    problems: list[str]
    excluded_paths: tuple[tuple[Any, ...], ...]

    def with_problems(self, messages: Iterable[str]) -> "Findings[M]":
        """Return the same with what is found of the rest as a whole, if it does not follow from what was set aside."""
        own = [message for message in messages if not _follows(message, self.excluded_paths)]
        return Findings(self.valid_settings, list(dict.fromkeys([*self.problems, *own])), self.excluded_paths)


def judge(model: type[M], values: Mapping[str, Any], root: Path) -> Findings[M]:
    """Return every problem that the models find.

    Args:
        values: the settings by name, decoded.
        root: folder that the paths of files are relative to.
    """
    valid_settings = copy.deepcopy(dict(values))
    marks = list(find_placeholders(valid_settings, SECRET))
    findings: Findings[M] = Findings(None, [unfilled(steps, name) for steps, name in marks], ())
    excluded_paths = _set_aside(valid_settings, [steps for steps, _ in marks])
    for _ in range(_WAVES):
        findings = Findings(None, findings.problems, excluded_paths)
        try:
            return Findings(
                model.model_validate(valid_settings, context={"root": root}), findings.problems, excluded_paths
            )
        except ValidationError as error:
            problems = located(error, valid_settings, model)
        single = [each.text for each in problems if not each.model_level and not _is_aside(each.steps, excluded_paths)]
        findings = Findings(None, [*findings.problems, *single], excluded_paths)
        findings = findings.with_problems(each.text for each in problems if each.model_level)
        more = _set_aside(valid_settings, [each.steps for each in problems])
        if not more:
            break
        excluded_paths = (*excluded_paths, *more)
    return findings


def _set_aside(values: dict[str, Any], places: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """Remove what stands at these places, and return them; of a list all of it, so that no other entry moves."""
    removed = []
    for steps in places:
        inner: Any = values
        for depth, step in enumerate(steps):
            if not isinstance(inner, dict) or step not in inner:
                break
            last = depth + 1 == len(steps) or not isinstance(inner[step], dict)
            if last:
                del inner[step]
                removed.append(steps[: depth + 1])
                break
            inner = inner[step]
    return tuple(removed)


def _is_aside(steps: tuple[Any, ...], excluded_paths: Sequence[tuple[Any, ...]]) -> bool:
    """Return whether a value was set aside, or something in it, so that it is missing now."""
    return any(steps[: len(each)] == each or each[: len(steps)] == steps for each in excluded_paths)


def _follows(message: str, excluded_paths: Sequence[tuple[Any, ...]]) -> bool:
    """Return whether a message speaks of a part of the settings of which something was set aside."""
    parts = {".".join(map(str, steps[:_NEIGHBOURS])) for steps in excluded_paths}
    if any(part.startswith("clientSecrets") for part in parts) and "client secret" in message:
        return True
    return any(re.search(rf"(?<![\w.]){re.escape(part)}(?![\w-])", message) for part in parts)
