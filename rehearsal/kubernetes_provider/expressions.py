"""The language of ``pulumi.com/waitFor``, and whether an object fulfils what it says.

``jsonpath={.path}``, ``jsonpath={.path}=value``, ``condition=Type``, ``condition=Type=Status``, or a JSON array of them
as text (``metadata/overrides.go``). The part in braces is RFC 9535, but for the ``$`` (``jsonpath/jsonpath.go``).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonpath_rfc9535
from jsonpath_rfc9535 import JSONPathError, JSONPathQuery

from rehearsal.kubernetes_provider import dialect
from rehearsal.kubernetes_provider.notes import Note
from rehearsal.kubernetes_provider.objects import dig, integer, text

_BRACES = re.compile(r"\{\s*(.*?)\s*\}")
# Stands for "==" while the rest is split at "=".
_EQUALS = "\ufffd"


class ExpressionError(ValueError):
    """The annotation cannot be read."""


class UnfitValueError(ValueError):
    """The path leads to a map or a list, and a value was asked for."""


@dataclass(frozen=True)
class Outcome:
    """What one look at an object gave."""

    met: bool
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class JsonPath:
    """Wait until a path exists, or has a value.

    Attributes:
        path: the path as the user wrote it, with braces.
        value: the wanted value as text, or "" for any.
        query: the parsed path.
    """

    path: str
    value: str
    query: JSONPathQuery = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.path}={self.value}" if self.value else self.path

    def look(self, seen: Mapping[str, Any]) -> Outcome:
        """Return whether the object fulfils this.

        Raises:
            UnfitValueError: there is a map or a list, which cannot be compared.
        """
        if _outdated(seen):
            return Outcome(met=False)
        found = self.query.find_one(dict(seen))
        if found is None:
            return Outcome(met=False, notes=(Note.info(f"{self.path} selected nothing"),))
        if isinstance(found.value, dict | list):
            if self.value:
                raise UnfitValueError(f'"{self.path}" has a non-primitive value ({_in_go(found.value)})')
            return Outcome(met=True, notes=(Note.info(f"Found {self}"),))
        printed = _in_go(found.value)
        if not self.value or self.value == printed:
            return Outcome(met=True, notes=(Note.info(f"Found {self}"),))
        suffix = f' (found "{printed}")' if printed else ""
        return Outcome(met=False, notes=(Note.info(f"Waiting for {self}{suffix}"),))


@dataclass(frozen=True)
class Condition:
    """Wait until a condition of the object's status has a status; upper and lower case are the same."""

    type: str
    status: str = "True"

    def look(self, seen: Mapping[str, Any]) -> Outcome:
        """Return whether the object fulfils this (``condition/kubectl.go``)."""
        conditions = dig(seen, "status", "conditions")
        if not isinstance(conditions, list):
            return Outcome(met=False, notes=(Note.warning("Has no .status.conditions"),))
        for condition in conditions:
            if text(condition, "type").casefold() != self.type.casefold():
                continue
            return self._judge(seen, condition)
        return Outcome(met=False)

    def _judge(self, seen: Mapping[str, Any], condition: Mapping[str, Any]) -> Outcome:
        wanted = integer(seen, "metadata", "generation")
        observed = integer(condition, "observedGeneration")
        if observed is None:
            observed = integer(seen, "status", "observedGeneration")
        if wanted is not None and observed is not None and observed < wanted:
            return Outcome(met=False, notes=(Note.info(f"Generation {observed} is less than expected {wanted}"),))
        status = text(condition, "status")
        if status.casefold() == self.status.casefold():
            return Outcome(met=True)
        complaint = f"Resource has condition {self.type}={status} (want {self.status})"
        return Outcome(met=False, notes=(Note.info(complaint),))


Expression = JsonPath | Condition


def parse(annotation: str) -> list[Expression]:
    """Return what the annotation asks for; all of it has to hold at once.

    Raises:
        ExpressionError: it cannot be read; the message is the real provider's.
    """
    texts = _texts(annotation)
    if not texts:
        raise ExpressionError("at least one condition must be specified")
    return [_parse_one(one) for one in texts]


def _texts(annotation: str) -> list[str]:
    try:
        values = json.loads(annotation)
    except ValueError:
        return [annotation]
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return values
    return [annotation]


def _parse_one(expression: str) -> Expression:
    if expression.startswith("jsonpath="):
        return _json_path(expression.removeprefix("jsonpath="))
    if expression.startswith("condition="):
        kind, equals, status = expression.removeprefix("condition=").partition("=")
        return Condition(kind, status if equals else "True")
    raise ExpressionError(f'expected a "jsonpath=" or "condition=" prefix, got {json.dumps(expression)}')


def _json_path(raw: str) -> JsonPath:
    parts = [part.replace(_EQUALS, "==") for part in raw.replace("==", _EQUALS).split("=")]
    path, value = parts[0], "".join(parts[1:2])
    if len(parts) > 2:  # noqa: PLR2004 - a path and its value
        raise ExpressionError(f"format should be {{.path}}=value or {{.path}}, got {json.dumps(raw)}")
    if len(parts) > 1 and not value:
        raise ExpressionError(f"{path}= requires a value")
    if path.startswith("'") and path.endswith("'"):
        raise ExpressionError(f"{path} should omit shell quotes")
    inner = _BRACES.search(path)
    if inner is None:
        raise ExpressionError(f"{path} should be wrapped in brackets {{ ... }}")
    query = inner[1] if inner[1].startswith("$") else f"${inner[1]}"
    try:
        compiled = jsonpath_rfc9535.compile(query)
        dialect.check(query)
    except (JSONPathError, dialect.DialectError) as error:
        raise ExpressionError(f"parsing {json.dumps(path)}: {error}") from error
    return JsonPath(path, value, compiled)


def _outdated(seen: Mapping[str, Any]) -> bool:
    wanted, observed = integer(seen, "metadata", "generation"), integer(seen, "status", "observedGeneration")
    return wanted is not None and observed is not None and observed < wanted


def _in_go(value: Any) -> str:
    """Return a JSON value as Go's ``fmt.Sprint`` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_in_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_in_go(item) for item in value) + "]"
    return str(value)
