"""An identifier says what the value is: words that would fit anything are none."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stack_files import ROOT

WORDS = re.compile(
    r"(?:^|_)(said|found|told|here|there|foresee|conclude|judged|elsewhere|presented|make_way|spare|net)(?:_|$)"
)
KEPT = {
    # HTTP's 404, and the finding of a check, whose parts are what was found, what is needed and the fix.
    "not_found",
    "found",
}
PLACES = ("coco_azure", "components", "policies", "rehearsal")
SOURCES = sorted(path for folder in PLACES for path in (ROOT / folder).rglob("*.py"))


def _identifiers(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_identifier_says_what_the_value_is(path: Path) -> None:
    findings = path.is_relative_to(ROOT / "coco_azure" / "preflight")
    kept = KEPT if findings else KEPT - {"found"}

    names = {name.lower().strip("_") for name in _identifiers(path)}
    assert {name for name in names if WORDS.search(name)} - kept == set()
