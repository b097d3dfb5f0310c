"""The text that a user reads when the settings are wrong: what was found, what is needed, which command mends it."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_SECRET = ("clientSecrets", "adminPrivateKey")
_LONGEST = 80
_NEEDED = {
    "model_type": "needed an object of settings, as in: pulumi config set --path",
    "dict_type": "needed an object, name: value",
    "string_type": "needed text; quote true, false and numbers",
    "bool_type": "needed true or false, unquoted",
    "int_type": "needed a whole number, unquoted",
    "tuple_type": "needed a list, one value per item",
}


def describe(error: ValidationError) -> str:
    """Return all problems in ``error`` as one message; values of secrets are never part of it."""
    problems = error.errors(include_url=False)
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    head = f"{count} in the settings of this stack (nothing was changed):"
    return "\n".join([head, *(_problem(problem) for problem in problems)])


def _problem(problem: ErrorDetails) -> str:
    path = _path(problem["loc"])
    needed = _NEEDED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "extra_forbidden":
        return f"  - {path}: no such setting (README.md has the table). Remove it: {_command('rm', path)}"
    if not problem["loc"] or (isinstance(problem["input"], dict) and problem["type"] == "value_error"):
        return f"  - {path + ': ' if path else ''}{needed}"
    return f"  - {path}: {_found(problem)}{needed}. Change it: {_command('set', path)}"


def _found(problem: ErrorDetails) -> str:
    if any(part in _SECRET for part in problem["loc"]) or problem["type"] == "missing":
        return ""
    text = json.dumps(problem["input"], default=str)
    return f"found {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}; "


def _path(location: Sequence[Any]) -> str:
    parts = [part for part in location if part != "[key]"]
    return "".join(_step(part) for part in parts).lstrip(".")


def _step(part: Any) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f'["{part}"]' if "." in part else f".{part}"


def _command(verb: str, path: str) -> str:
    secret = " --secret" if verb == "set" and any(name in path for name in _SECRET) else ""
    return f"pulumi config {verb} --path{secret} 'coco-azure:{path}'" + (" VALUE" if verb == "set" else "")
