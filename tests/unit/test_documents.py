"""What stands in documents and example files is true."""

import re
from pathlib import Path

import pytest
import yaml

import settings
from settings import table
from tests.unit.recording import ROOT

STACKS = sorted(path.name for path in ROOT.glob("Pulumi.*.yaml"))
REQUIREMENTS = ("requirements.txt", "requirements-rehearsal.txt", "requirements-dev.txt")
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def test_the_table_of_settings_is_that_of_the_models() -> None:
    found = (ROOT / "docs" / "settings.md").read_text()

    assert found == table.render(), "make it anew: python -m settings > docs/settings.md"


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_file_of_this_repository_is_valid(name: str) -> None:
    config = yaml.safe_load((ROOT / name).read_text())["config"]

    settings.parse({key.removeprefix("coco-azure:"): value for key, value in config.items()}, ROOT)


def test_every_setting_that_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    known = (ROOT / "docs" / "settings.md").read_text()
    named = re.findall(r"^\| `([a-zA-Z.]+)` \|", readme, re.MULTILINE)

    assert len(named) > 5
    for name in named:
        if not name.startswith("clientSecrets"):
            assert f"`{name}`" in known or f"`{name}." in known, name


def test_every_document_that_the_readme_points_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text()

    for path in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (ROOT / path).exists(), path


def test_the_requirements_pin_the_same_versions() -> None:
    program, rehearsal, dev = (dict(_PIN.findall((ROOT / name).read_text())) for name in REQUIREMENTS)

    assert program.items() <= rehearsal.items() <= dev.items()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_has_a_hash_and_no_registry_has_its_address_in_it(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_no_source_file_is_longer_than_300_lines() -> None:
    folders = ("components", "settings", "rendering", "rehearsal", "toolchain", "tests", "policies")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    assert [path for path in files if _lines(path) > 300] == []


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
