"""The table of rules in ``docs/policies.md`` and the schema of the pack's configuration, made from the rules.

``python -m policies.reference docs/policies.md`` writes the table into the page, and
``python -m policies.reference --schema > policies/config.schema.json`` the schema for editors.
"""

import json
import sys
from pathlib import Path
from typing import Any

from policies.model import Rule
from policies.rules import RULES

LEVELS = ("prod", "dev", "rehearsal")
"""The configurations that this folder has, each in a JSON file."""
ENFORCEMENT = ("advisory", "mandatory", "remediate", "disabled")
_BEGIN, _END = "<!-- table: rules -->", "<!-- end: rules -->"
_FOLDER = Path(__file__).resolve().parent


def configuration(name: str) -> dict[str, Any]:
    """Return one of the configurations."""
    configuration: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text())
    return configuration


def schema() -> dict[str, Any]:
    """Return the JSON schema of a file for ``--policy-pack-config``."""
    level = {
        "enum": list(ENFORCEMENT),
        "description": "advisory: a warning; mandatory: it ends the run; disabled: off.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the policy pack of coco-azure",
        "type": "object",
        "properties": {
            "all": {"anyOf": [level, {"type": "object"}]},
            **{rule.id: _entry(rule, level) for rule in RULES},
        },
        "additionalProperties": False,
    }


def _entry(rule: Rule, level: dict[str, Any]) -> dict[str, Any]:
    options = {
        name: {**option.schema, "default": option.default, "description": option.doc}
        for name, option in rule.options.items()
    }
    whole = {
        "type": "object",
        "properties": {"enforcementLevel": level, **options},
        "additionalProperties": False,
    }
    return {"description": f"{rule.title}. {rule.why}.", "anyOf": [level, whole]}


def table() -> str:
    """Return the tables of rules and of their options."""
    by_level = {name: configuration(name) for name in LEVELS}
    lines = ["| rule | what holds | otherwise | judged | prod | dev | rehearsal |", "| --- " * 7 + "|"]
    for rule in RULES:
        levels = [by_level[name][rule.id]["enforcementLevel"] for name in LEVELS]
        when = "before each resource" if rule.resource is not None else "the whole stack"
        lines.append(f"| `{rule.id}` | {rule.title} | {rule.why} | {when} | {' | '.join(levels)} |")
    lines += ["", "| rule | option | default | what it decides |", "| --- | --- | --- | --- |"]
    for rule in RULES:
        for name, option in rule.options.items():
            default = json.dumps(option.default)
            lines.append(f"| `{rule.id}` | `{name}` | `{default}` | {option.doc} |")
    return "\n".join(lines)


def updated(page: str) -> str:
    """Return the page with its tables made anew.

    Raises:
        ValueError: the marks around them are not in it, each exactly once.
    """
    if (page.count(_BEGIN), page.count(_END)) != (1, 1):
        raise ValueError(f"the page needs the lines {_BEGIN} and {_END}, each once")
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}\n\n{table()}\n\n{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    if sys.argv[1] == "--schema":
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
    else:
        _page = Path(sys.argv[1])
        _page.write_text(updated(_page.read_text(encoding="utf-8")), encoding="utf-8")
