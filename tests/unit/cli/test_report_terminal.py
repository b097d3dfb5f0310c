"""A report of a run on a terminal is that of the same run through a pipe: a real engine, and a small program."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from coco_azure import run_marks as marks
from rehearsal.cluster import CHECKOUT
from rehearsal.toolchain import plugins, tools
from tests.unit.cli.test_report_page import PLAN, Page
from tests.unit.terminal import on_terminal

_PROJECT = "name: coco-azure\nruntime:\n  name: python\n"
_PROGRAM = """import pulumi
pulumi.log.debug({rollout!r})
pulumi.log.debug({preflight!r})
pulumi.log.warn("mind <this>")
pulumi.log.info("1 of 3 nodes", pulumi.Stash("kept", input="value"))
"""
_COMMAND = "import sys; from pathlib import Path; from coco_azure.cli import CommandContext, main; "
_FINDING = {"check": "quota", "level": "warning", "found": "8 vCPUs", "needed": "16", "fix": "az quota update"}
_TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\b\d+ (?:s|%)|second \d+ to \d+|, unchanged")


@pytest.fixture
def stack(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A project with a new stack, and the environment in which ``pulumi`` runs it."""
    pulumi = tools.find("pulumi")
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache")
    folders = plugins.path_folders(Path(sys.executable), tmp_path / "bin", pulumi)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
        "PYTHONPATH": str(CHECKOUT),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    (tmp_path / "state").mkdir()
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(_PROJECT)
    rollout, preflight = marks.line(marks.ROLLOUT, PLAN), marks.line(marks.PREFLIGHT, [_FINDING])
    (project / "__main__.py").write_text(_PROGRAM.format(rollout=rollout, preflight=preflight))
    subprocess.run(["pulumi", "stack", "init", "test"], cwd=project, env=environment, check=True, capture_output=True)
    return project, environment


def _command(out: Path, verb: str, *options: str) -> list[str]:
    own = ["report", "--run", verb, "--stack", "test", "--out", str(out), "--", *options]
    return [sys.executable, "-c", f"{_COMMAND}sys.exit(main({own!r}, CommandContext(project=Path.cwd())))"]


def _words(out: Path) -> str:
    return _TIMES.sub("", Page(out.read_text(encoding="utf-8")).text)


@pytest.mark.parametrize("columns", [100, 250])
def test_a_preview_on_a_terminal_has_the_same_report_as_through_a_pipe(
    stack: tuple[Path, dict[str, str]], columns: int
) -> None:
    project, environment = stack
    piped, seen = project / "piped.html", project / "seen.html"
    subprocess.run(_command(piped, "preview"), cwd=project, env=environment, check=True, capture_output=True)
    screen = on_terminal(_command(seen, "preview"), project, environment, columns=columns)

    assert "\x1b[" in screen, "it is a terminal, with colours"
    assert _words(seen) == _words(piped)
    assert "2 nodes would reboot" in _words(seen)
    assert "warning mind <this>" in _words(seen)
    assert "! warning pre-flight: quota" in _words(seen)
    assert "<{%" not in _words(seen)


def test_a_run_on_a_terminal_has_what_its_resources_said(stack: tuple[Path, dict[str, str]]) -> None:
    project, environment = stack
    out = project / "report.html"
    on_terminal(_command(out, "up", "--yes", "--skip-preview"), project, environment, columns=100)
    words = _words(out)

    assert re.search(r"kept Stash .*1 message", words)
    assert "1 of 3 nodes" in words
    assert "worker-1" in words
    assert "<{%" not in words
