"""The rooms of the house: imports run down, as CONTRIBUTING.md draws them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stack_files import ROOT

ROOMS = (
    "versions",
    "formats",
    "settings",
    "clients",
    "inventory",
    "rollout",
    "trust",
    "preflight",
    "cli",
)
"""Rooms of the library from the ground up."""
MAY_BE_HIGHER = {
    # What a catalog offers is judged by profiles and chosen by settings; profiles themselves need neither.
    ("versions", "settings"),
    ("versions", "clients"),
    # A machine config pool is read as a roll-out needs it.
    ("inventory", "rollout"),
}
SOURCES = sorted(path for folder in ("coco_azure", "components", "policies") for path in (ROOT / folder).rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "coco_azure" and len(parts) > 1 and parts[1] in ROOMS else None


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nothing_of_the_product_imports_the_rehearsal_or_the_tests(path: Path) -> None:
    assert [each for each in _imported(path) if each.split(".")[0] in ("rehearsal", "tests")] == []


@pytest.mark.parametrize("path", [each for each in SOURCES if _name(each).startswith("coco_azure")], ids=_name)
def test_a_room_of_the_library_imports_only_rooms_below_it(path: Path) -> None:
    own = path.relative_to(ROOT).parts[1]
    if own not in ROOMS:
        return
    rooms = {room for room in map(_room, _imported(path)) if room}
    higher = {room for room in rooms if ROOMS.index(room) > ROOMS.index(own) and (own, room) not in MAY_BE_HIGHER}
    outside = {each.split(".")[0] for each in _imported(path)} & {"components", "policies"}

    assert (higher, outside) == (set(), set())


def test_profiles_of_versions_need_nothing_of_the_library() -> None:
    for name in ("profiles", "profile_types", "osc_profiles"):
        imported = _imported(ROOT / "coco_azure" / "versions" / f"{name}.py")
        assert {_room(each) for each in imported} <= {None, "versions"}


def test_the_house_on_the_contributors_page_has_every_room() -> None:
    drawn = re.findall(r"^  (\w+)/ ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)

    rooms = [each.name for each in (ROOT / "coco_azure").iterdir() if (each / "__init__.py").exists()]
    assert sorted(drawn) == sorted(rooms) == sorted(ROOMS)
