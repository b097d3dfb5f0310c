"""What `make` says before something that takes long, and of what it was not told."""

import re
import subprocess
import tomllib

from tests.unit.stack_files import ROOT


def _make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_policies_of_no_stack_say_which_levels_they_take() -> None:
    commands = _make("--dry-run", "policy").stdout

    assert "levels of the rules: policies/prod.json; others: make policy LEVELS=NAME" in commands
    assert "with one of: dev prod rehearsal" in commands


def test_levels_that_are_not_there_are_an_error_with_those_that_are() -> None:
    done = _make("policy", "STACK=eu-1")

    assert done.returncode != 0
    assert "there is no policies/eu-1.json; make policy LEVELS=NAME with one of: dev prod rehearsal" in done.stderr


def test_all_tests_say_how_long_they_take_and_count_what_is_done() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    (recipe,) = re.findall(r"^test:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    suites = [line for line in recipe.splitlines() if "-m pytest tests/" in line]
    times = re.findall(r"echo .*about \d+ minutes on two cores", recipe)
    assert len(suites) == len(times) == 2
    assert options["console_output_style"] == "count"
