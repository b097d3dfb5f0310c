"""Evaluates Rego with regorus, the engine that Trustee and the Kata agent embed.

Trustee 0.3 to 1.0 and Kata up to 3.29 embed regorus 0.2, which takes Rego v0; Trustee 1.1 (regorus 0.5) and 1.2 (0.10)
take v1. The engine here is a newer regorus in the dialect that is asked for.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import regorus

from coco_azure.formats.shown import beginning

# Where RUST_BACKTRACE is set, an error would look up a stack trace: 50 ms for each rule that a policy does not have.
os.environ.setdefault("RUST_LIB_BACKTRACE", "0")

UNDEFINED: Final = object()
"""The value of a rule that holds for no reason; not null, which is a value."""

MISSING: Final = object()
"""The value of a rule that the policy does not have."""

_FILE = "policy.rego"
_SHOWN = 160
_ANY = 2**31 - 1
_WITHOUT_IMPORT = (
    "`{}` is a keyword of Rego v1, and this version's engine takes v0, for which it is a name like any other, so that "
    "rules come to hold in any case. Write after the package clause: import rego.v1"
)
_BLANKED = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')
_IMPORTS = re.compile(r"^[ \t]*import[ \t]+(?:rego\.v1|future\.keywords(?:\.(?:if|contains))?)[ \t]*$", re.MULTILINE)
_KEYWORD = re.compile(r"\bif\b|\bcontains\b(?=\s+[\w\"`\[{])")
_PLACE = re.compile(rf"--> {re.escape(_FILE)}:(?P<line>\d+):(?P<column>\d+)\n.*?\nerror: (?P<text>[^\n]*)", re.DOTALL)


class PolicyError(ValueError):
    """A policy does not compile, lacks what its enforcer reads, or fails when it is evaluated.

    Attributes:
        line, column: where, from 1; 0 where the engine names no place.
        source: that line of the policy.
    """

    def __init__(self, message: str, *, line: int = 0, column: int = 0, source: str = "") -> None:
        shown = beginning(source.strip(), _SHOWN)
        place = f"line {line}, column {column}: {message}; the line is: {shown}" if line else message
        super().__init__(place)
        self.line = line
        self.column = column
        self.source = source


@dataclass(frozen=True, kw_only=True)
class PolicyFacts:
    """What a policy is given beside its input.

    Attributes:
        data: JSON below ``data``.
        reference: answers of ``query_reference_value(name)``, or None where the enforcer has no such function.
    """

    data: Mapping[str, Any]
    reference: Mapping[str, Any] | None = None


def new_engine() -> Any:
    """Return an empty engine. Tests replace this to see which lines a policy's cases reach."""
    return regorus.Engine()


class Policy:
    """A compiled policy."""

    def __init__(self, text: str, *, v1: bool, limited: bool = False) -> None:
        """Compile ``text`` in Rego v1 or v0.

        Args:
            limited: whether the engine that it is for takes no more than 1024 columns, 20,000 lines and 1 MB.

        Raises:
            PolicyError: it does not compile, or is written in v1 for an engine of v0.
        """
        self._text = text
        # Of the evaluation before: its data, and an engine with them.
        self._data = ""
        self._analysed: Any = None
        self._engine = new_engine()
        self._engine.set_rego_v0(not v1)
        if not limited:
            self._engine.set_policy_length_config(max_col=_ANY, max_file_bytes=_ANY, max_lines=_ANY)
        if not v1 and (keyword := _v1_keyword(text)) is not None:
            raise self._at(keyword.start(), _WITHOUT_IMPORT.format(keyword[0]))
        try:
            self._engine.add_policy(_FILE, text)
        except RuntimeError as error:
            raise self._error(error) from error

    @property
    def package(self) -> str:
        """The name after ``package``."""
        return str(self._engine.get_packages()[0]).removeprefix("data.")

    def value(self, rule: str, document: Mapping[str, Any], facts: PolicyFacts) -> Any:
        """Return the value of ``<package>.<rule>`` for the input ``document``: JSON, UNDEFINED or MISSING.

        Raises:
            PolicyError: the evaluation fails.
        """
        try:
            engine = self._with(json.dumps(facts.data), analysed=facts.reference is None)
            if facts.reference is not None:
                engine.add_extension("query_reference_value", 1, facts.reference.get)
            engine.set_input_json(json.dumps(document))
            value = json.loads(engine.eval_rule_as_json(f"data.{rule}"))
        except RuntimeError as error:
            if str(error).startswith("not a valid rule path"):
                return MISSING
            raise self._error(error) from error
        return UNDEFINED if value == "<undefined>" else value

    def _with(self, data: str, *, analysed: bool) -> Any:
        """Return an engine with these data; where they are those of the evaluation before, it has analysed the policy.

        An engine does so when it evaluates for the first time, and its clones need not do it again.
        """
        if data != self._data or not analysed:
            self._data, self._analysed = data, None
            engine = self._engine.clone()
            engine.add_data_json(data)
            return engine
        if self._analysed is None:
            self._analysed = self._engine.clone()
            self._analysed.add_data_json(data)
            self._analysed.eval_query("1")
        return self._analysed.clone()

    def at_package(self, message: str) -> PolicyError:
        """Return an error about the policy as a whole, placed at its package clause."""
        lines = self._text.splitlines()
        number = next((at for at, line in enumerate(lines, 1) if line.lstrip().startswith("package")), 1)
        return PolicyError(message, line=number, column=1, source=lines[number - 1] if lines else "")

    def _at(self, offset: int, message: str) -> PolicyError:
        before = self._text[:offset]
        line, column = before.count("\n") + 1, offset - before.rfind("\n")
        return PolicyError(message, line=line, column=column, source=self._text.splitlines()[line - 1])

    def _error(self, error: RuntimeError) -> PolicyError:
        message = str(error).partition("\n\nStack backtrace")[0].strip()
        place = _PLACE.search(message)
        if place is None:
            return PolicyError(message)
        line = int(place["line"])
        lines = self._text.splitlines()
        source = lines[line - 1] if line <= len(lines) else ""
        return PolicyError(place["text"].strip(), line=line, column=int(place["column"]), source=source)


def _v1_keyword(text: str) -> "re.Match[str] | None":
    """Return the first keyword of Rego v1 in a policy that does not import any; None: there is none.

    regorus 0.2 takes ``allow if { ... }`` without the import for two rules, the first of which always holds.
    """
    # Texts and comments lose their words and keep their length.
    code = _BLANKED.sub(
        lambda match: " " * len(match[0]) if match[0][0] != "`" else re.sub(r"[^\n]", " ", match[0]), text
    )
    return None if _IMPORTS.search(code) else _KEYWORD.search(code)
