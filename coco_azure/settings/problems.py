"""The text that a user reads when the settings are wrong: what was found, what is needed, which command mends it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coco_azure.formats.pki import private_keys
from coco_azure.formats.shown import beginning
from coco_azure.settings import remedies
from coco_azure.settings.base import REMOVE, is_content

SECRET = frozenset(("clientSecrets", "adminPrivateKey", "privateKey", "registryCredentials", "clientSecret"))
"""Names of settings below which values are secret."""
_HIDDEN = (*SECRET, "credentials")
"""Where a mistake may have put a secret that belongs one level deeper."""
_TELLS = (*SECRET, "password", "PRIVATE KEY")
"""What a text says somewhere that may hold a secret: such a text is not shown, wherever in the settings it stands."""
_LONGEST = 80
_PATHS = ("File", "kubeconfig")
"""Settings that are told apart from the content of what they name in words of their own."""
_UNSHOWN = "..."
"""Stands for a name in a path that holds a private key."""
PRODUCTION = "environment is production, but "
"""What a problem begins with that a development stack does not have."""
_NO_PRODUCTION = (
    "Where this is no production stack, say so, and what begins with 'environment is production' is none: "
    "pulumi config set --path 'coco-azure:environment' development"
)
_NEEDED = {
    "string_type": "needed text",
    "bool_type": "needed true or false",
    "int_type": "needed a whole number",
    "int_from_float": "needed a whole number",
    "literal_error": "needed {expected}",
    "string_too_short": "needed some text",
    "greater_than_equal": "needed {ge} or more",
    "less_than_equal": "needed {le} or less",
    "string_pattern_mismatch": "needed text that matches {pattern}",
}

_INNER = {
    "model_type": ("needed an object of settings", ".NAME"),
    "dict_type": ("needed an object, name: value", ".NAME"),
    "tuple_type": ("needed a list, one value per item", "[0]"),
}
"""What is needed where a value stands in place of several, and where the first of them goes.

Pulumi sets nothing below a value ("expected an array"), so the value has to go first.
"""


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        steps: the steps to it in the settings that were checked.
        text: one line about it, with no secret in it.
        model_level: whether it is of a part of the settings as a whole, and so of several values.
    """

    steps: tuple[Any, ...]
    text: str
    model_level: bool


def located(error: ValidationError, config: object = None, model: type[BaseModel] | None = None) -> list[Problem]:
    """Return all problems in ``error``.

    Args:
        error: the problems.
        config: the settings that were checked; paths in the lines are then those that the user wrote.
        model: what they were checked by; an unknown setting is then told which known one is near.
    """
    errors = error.errors(include_url=False)
    return [
        Problem(
            steps=tuple(_parts(each["loc"], config)),
            text=_problem(each, config, model).replace("\n", " "),
            model_level=each["type"] == "value_error" and isinstance(each["input"], dict),
        )
        for each in errors
        if not _follows(each, errors)
    ]


def unfilled(steps: Sequence[Any], placeholder: str) -> str:
    """Return the line about a placeholder that was never filled in, in a value or as a name."""
    path = _path(steps)
    what = f"{path}: {placeholder} is a placeholder: write what it stands for. "
    if not isinstance(steps[-1], int) and placeholder in str(steps[-1]):
        return f"{what}Remove it, and set the right name: {_command('rm', path, steps)}"
    return f"{what}Change it: {_command('set', path, steps)}"


def headed(problems: Sequence[str]) -> str:
    """Return problems as one message with their number in front."""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    head = f"{count} in the settings of this stack (nothing was changed):"
    remediation = [_NO_PRODUCTION] if any(problem.startswith(PRODUCTION) for problem in problems) else []
    return "\n".join([head, *(f"  - {problem}" for problem in problems), *remediation])


def _follows(problem: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is too short only because entries of it are wrong, which is told of each of them."""
    steps = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(steps) and other["loc"][: len(steps)] == steps for other in errors
    )


def _problem(problem: ErrorDetails, config: object, model: type[BaseModel] | None) -> str:
    parts = _parts(problem["loc"], config)
    path, kind = _path(parts), problem["type"]
    if kind == "extra_forbidden":
        return _unknown(problem, path, parts, model)
    if kind in ("missing", "too_short", *_INNER):
        return _missing(problem, path, parts, model)
    known = _NEEDED.get(kind)
    needed = problem["msg"].removeprefix("Value error, ") if known is None else known.format_map(problem.get("ctx", {}))
    if (key := _private_key(problem, needed)) is not None:
        needed = f"found {key}, and this setting is for what is public. {REMOVE}"
    if not problem["loc"] or (isinstance(problem["input"], dict) and kind == "value_error"):
        return f"{path + ': ' if path else ''}{needed}"
    if problem["loc"][-1] == "[key]":
        # It is the name that is wrong, and no value of it would do.
        return f"{path}: {_given(problem)}{needed}. Remove it, and set the right name: {_command('rm', path, parts)}"
    shown, value = _given(problem), ""
    if shown and (literal := remedies.literal(problem, needed)) is not None:
        needed, value = f"{needed}{literal.words}", literal.argument
    return f"{path}: {shown}{needed}. Change it: {_command('set', path, parts, value)}"


def _unknown(problem: ErrorDetails, path: str, parts: Sequence[Any], model: type[BaseModel] | None) -> str:
    """Return the line about a name that is no setting."""
    if len(parts) == 1 and model is not None and remedies.begins_path(model, parts[0]):
        meant = _command("set", parts[0], parts[0].split("."))
        return (
            f"{path}: one name with dots in it, as pulumi config set makes it without --path. Remove it, and set "
            f"what is meant: {_command('rm', path, parts)}; {meant}"
        )
    near = remedies.nearest_setting(model, problem["loc"], _path(parts[:-1])) if model is not None else ""
    return (
        f"{path}: no such setting{f'; the nearest is {near}' if near else ''} (docs/settings.md has all). "
        f"Remove it: {_command('rm', path, parts)}"
    )


def _missing(problem: ErrorDetails, path: str, parts: Sequence[Any], model: type[BaseModel] | None) -> str:
    """Return the line about what is not set, is empty, or is one value in place of several."""
    kind = problem["type"]
    if kind == "missing":
        first = remedies.first_value(model, problem["loc"]) if model is not None else ""
        return f"{path}: needed, and not set. Set it: {_command('set', path + first, parts)}"
    if kind == "too_short":
        least, first = problem["ctx"]["min_length"], ".NAME" if isinstance(problem["input"], dict) else "[0]"
        return (
            f"{path}: {_given(problem)}needed at least {least} of them. Set it: {_command('set', path + first, parts)}"
        )
    needed, first = _INNER[kind]
    return (
        f"{path}: {_given(problem)}{needed}. Remove it, and set one after the other: "
        f"{_command('rm', path, parts)}; {_command('set', path + first, parts)}"
    )


def _private_key(problem: ErrorDetails, message: str) -> private_keys.PrivateKey | None:
    """Return a private key in the value of a setting that is no secret, or in what a validator says of it."""
    value, steps = problem["input"], problem["loc"]
    is_public = isinstance(value, str) and not any(part in _HIDDEN or str(part).endswith(_PATHS) for part in steps)
    return (private_keys.find(value) if is_public else None) or private_keys.find(message)


def _given(problem: ErrorDetails) -> str:
    value = problem["input"]
    text = json.dumps(value, default=str, ensure_ascii=False)
    if any(part in _HIDDEN for part in problem["loc"]) or any(word in text for word in _TELLS):
        return ""
    if private_keys.find(text) is not None or (isinstance(value, str) and is_content(value)):
        return ""
    return f"found {beginning(text, _LONGEST)}; "


def _parts(location: Sequence[Any], config: object) -> list[Any]:
    """Return the steps to a setting as the user wrote it: one rule may stand where a list of them may."""
    parts = []
    for part in location:
        if part == "[key]" or (isinstance(part, int) and isinstance(config, Mapping)):
            continue
        parts.append(part)
        if isinstance(config, Mapping):
            config = config.get(part)
        elif isinstance(config, Sequence) and isinstance(part, int) and part < len(config):
            config = config[part]
    return parts


def _path(parts: Sequence[Any]) -> str:
    return "".join(map(_step, parts)).lstrip(".")


def _step(part: Any) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if private_keys.find(part) is not None:
        part = _UNSHOWN
    if part.replace("-", "").isalnum():
        return f".{part}"
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'


def _command(verb: str, path: str, parts: Sequence[Any], value: str = "") -> str:
    """Return a command; ``value`` is what it sets, options before it."""
    *options, value = value.split(" ") if value else ["VALUE"]
    options += ["--secret"] if verb == "set" and any(part in SECRET for part in parts) else []
    key = f"coco-azure:{path}".replace("'", "'\"'\"'")  # as a shell reads it
    words = ["pulumi config", verb, "--path", *options, f"'{key}'", *([value] if verb == "set" else [])]
    return " ".join(words)
