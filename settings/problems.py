"""The text that a user reads when the settings are wrong: what was found, what is needed, which command mends it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rendering.pki import private_keys
from settings.base import REMOVE, is_content

_SECRET = ("clientSecrets", "adminPrivateKey", "privateKey", "registryCredentials", "clientSecret")
_HIDDEN = (*_SECRET, "credentials")
"""Where a mistake may have put a secret that belongs one level deeper."""
_TELLS = (*_SECRET, "password", "PRIVATE KEY")
"""What a text says somewhere that may hold a secret: such a text is not shown, wherever in the settings it stands."""
_LONGEST = 80
_PATHS = ("File", "kubeconfig")
"""Settings that are told apart from the content of what they name in words of their own."""
_UNSHOWN = "..."
"""Stands for a name in a path that holds a private key."""
SEPARATOR = "\n"
"""Between problems that one validator found together."""
_NEEDED = {
    "string_type": "needed text; quote true, false and numbers",
    "bool_type": "needed true or false, unquoted",
    "int_type": "needed a whole number, unquoted",
    "int_from_float": "needed a whole number, unquoted",
    "literal_error": "needed {expected}",
    "too_short": "needed at least {min_length} of them",
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


def describe(error: ValidationError, said: object = None) -> str:
    """Return all problems in ``error`` as one message; values of secrets are never part of it.

    Args:
        error: the problems.
        said: the settings that were checked; paths in the message are then those that the user wrote.
    """
    problems: list[str] = []
    found = error.errors(include_url=False)
    for each in (each for each in found if not _follows(each, found)):
        text = _problem(each, said)
        # Only what the whole of the settings is judged by tells several problems at once.
        problems += [" ".join(text.split(SEPARATOR))] if each["loc"] else text.split(SEPARATOR)
    return headed(problems)


def headed(problems: Sequence[str]) -> str:
    """Return problems as one message with their number in front."""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    head = f"{count} in the settings of this stack (nothing was changed):"
    return "\n".join([head, *(f"  - {problem}" for problem in problems)])


def _follows(problem: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is too short only because entries of it are wrong, which is told of each of them."""
    place = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in found
    )


def _problem(problem: ErrorDetails, said: object) -> str:
    parts = _parts(problem["loc"], said)
    path, kind = "".join(map(_step, parts)).lstrip("."), problem["type"]
    if kind == "extra_forbidden":
        return f"{path}: no such setting (README.md has the table). Remove it: {_command('rm', path, parts)}"
    if kind == "missing":
        return f"{path}: needed, and not set. Set it: {_command('set', path, parts)}"
    if kind in _INNER:
        needed, inner = _INNER[kind]
        return (
            f"{path}: {_found(problem)}{needed}. Remove it, and set one after the other: "
            f"{_command('rm', path, parts)}; {_command('set', path + inner, parts)}"
        )
    known = _NEEDED.get(kind)
    needed = problem["msg"].removeprefix("Value error, ") if known is None else known.format_map(problem.get("ctx", {}))
    if (key := _private_key(problem, needed)) is not None:
        needed = f"found {key}, and this setting is for what is public. {REMOVE}"
    if not problem["loc"] or (isinstance(problem["input"], dict) and kind == "value_error"):
        return f"{path + ': ' if path else ''}{needed}"
    if problem["loc"][-1] == "[key]":
        # It is the name that is wrong, and no value of it would do.
        return f"{path}: {_found(problem)}{needed}. Remove it, and set the right name: {_command('rm', path, parts)}"
    return f"{path}: {_found(problem)}{needed}. Change it: {_command('set', path, parts)}"


def _private_key(problem: ErrorDetails, message: str) -> private_keys.PrivateKey | None:
    """Return a private key in the value of a setting that is no secret, or in what a validator says of it."""
    value, place = problem["input"], problem["loc"]
    is_public = isinstance(value, str) and not any(part in _HIDDEN or str(part).endswith(_PATHS) for part in place)
    return (private_keys.find(value) if is_public else None) or private_keys.find(message)


def _found(problem: ErrorDetails) -> str:
    found = problem["input"]
    text = json.dumps(found, default=str, ensure_ascii=False)
    if any(part in _HIDDEN for part in problem["loc"]) or any(word in text for word in _TELLS):
        return ""
    if private_keys.find(text) is not None or (isinstance(found, str) and is_content(found)):
        return ""
    return f"found {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}; "


def _parts(location: Sequence[Any], said: object) -> list[Any]:
    """Return the steps to a setting as the user wrote it: one rule may stand where a list of them may."""
    parts = []
    for part in location:
        if part == "[key]" or (isinstance(part, int) and isinstance(said, Mapping)):
            continue
        parts.append(part)
        if isinstance(said, Mapping):
            said = said.get(part)
        elif isinstance(said, Sequence) and isinstance(part, int) and part < len(said):
            said = said[part]
    return parts


def _step(part: Any) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if private_keys.find(part) is not None:
        part = _UNSHOWN
    return f".{part}" if part.replace("-", "").isalnum() else f'["{part}"]'


def _command(verb: str, path: str, parts: Sequence[Any]) -> str:
    secret = " --secret" if verb == "set" and any(part in _SECRET for part in parts) else ""
    return f"pulumi config {verb} --path{secret} 'coco-azure:{path}'" + (" VALUE" if verb == "set" else "")
