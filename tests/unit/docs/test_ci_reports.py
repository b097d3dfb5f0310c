"""Every run of a pipeline leaves its report: by which variables and steps, also where it fails or has no event log."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit import workflows
from tests.unit.stack_files import ROOT
from tests.unit.workflows import DEPLOYING, WORKFLOWS

LOG = "${{ runner.temp }}/events.json"
MAKES = "./examples/ci/report"
_COMMAND = '#!/bin/sh\necho "$@" > asked\nexit "$(cat code)"\n'


def _runs(job: dict[str, Any]) -> list[int]:
    """Return the places of the steps that change something."""
    return [
        place for place, step in enumerate(job["steps"]) if step.get("with", {}).get("command", "preview") != "preview"
    ]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_run_of_up_has_an_event_log_and_leaves_a_report_whatever_came_of_it(name: str) -> None:
    for title, job in workflows.workflow(name)["jobs"].items():
        for place in _runs(job):
            run, report = job["steps"][place : place + 2]

            assert run["env"] == {"PULUMI_DEBUG_COMMANDS": "true", "PULUMI_OPTION_EVENT_LOG": LOG}, title
            assert report["uses"] == MAKES, title
            assert report["with"]["stack"] == run["with"]["stack-name"], title
            assert report["if"].startswith("${{ always() && "), title
            assert f"steps.{run['id']}.outcome != 'skipped'" in report["if"], title
            assert report["continue-on-error"] is True, title


def test_the_workflows_that_run_up_are_known() -> None:
    values = {name for name in WORKFLOWS for job in workflows.workflow(name)["jobs"].values() if _runs(job)}

    assert values == {*DEPLOYING, "fleet.yaml"}


def test_reports_of_a_workflow_have_names_of_their_own() -> None:
    for name in WORKFLOWS:
        names = [
            step["with"]["name"] for step in workflows.steps(name) if "report" in step.get("with", {}).get("name", "")
        ]
        assert len(names) == len(set(names)), name


@pytest.mark.parametrize("name", DEPLOYING)
@pytest.mark.parametrize("title", ["preview", "plan"])
def test_a_preview_leaves_one_too_and_is_not_run_by_the_action_which_keeps_its_event_log(name: str, title: str) -> None:
    steps = workflows.workflow(name)["jobs"][title]["steps"]
    place = next(place for place, step in enumerate(steps) if step.get("id") == "preview")
    preview, upload = steps[place : place + 2]

    assert "./coco-azure report --run preview " in preview["run"]
    assert "--out report.html " in preview["run"]
    assert preview["shell"] == "bash"
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["with"]["path"] == "report.html"
    assert upload["if"] == "${{ !cancelled() && steps.preview.outcome != 'skipped' }}"
    assert not any("command" in step.get("with", {}) for step in steps)


def test_a_report_is_kept_for_a_time_and_each_attempt_has_its_own() -> None:
    uploads = [step for step in workflows.action("report") if "upload" in step.get("uses", "")]
    uploads += [step for name in DEPLOYING for step in workflows.steps(name) if _uploads(step)]

    assert len(uploads) == 5
    for step in uploads:
        assert 0 < step["with"]["retention-days"] <= 90
        assert step["with"]["name"].endswith("-${{ github.run_attempt }}")
        assert step["with"]["if-no-files-found"] == "ignore"


def _uploads(step: dict[str, Any]) -> bool:
    return bool(step.get("with", {}).get("path") == "report.html")


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A runner's folder with a command that notes what it is asked."""
    command = tmp_path / "coco-azure"
    command.write_text(_COMMAND)
    command.chmod(0o755)
    (tmp_path / "code").write_text("0")
    (tmp_path / "temp").mkdir()
    return tmp_path


def _make(runner: Path) -> "subprocess.CompletedProcess[str]":
    variables = {"RUNNER_TEMP": str(runner / "temp"), "STACK": "organization/coco-azure/prod", "PATH": "/usr/bin:/bin"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", workflows.action("report")[0]["run"]]
    return subprocess.run(command, cwd=runner, env=variables, capture_output=True, text=True, check=False)


def test_the_report_is_made_of_the_event_log(runner: Path) -> None:
    (runner / "temp" / "events.json").write_text("{}\n")

    assert _make(runner).returncode == 0
    log = runner / "temp" / "events.json"
    expected = f"report --events {log} --stack organization/coco-azure/prod --out report.html\n"
    assert (runner / "asked").read_text() == expected


@pytest.mark.parametrize("empty", [True, False])
def test_a_run_that_ended_before_its_event_log_has_no_report_and_its_failure_stays_the_only_one(
    runner: Path, *, empty: bool
) -> None:
    if empty:
        (runner / "temp" / "events.json").touch()
    done = _make(runner)

    assert done.returncode == 0
    assert "::notice title=No report::The run ended before pulumi began its event log" in done.stdout
    assert not (runner / "asked").exists()


def test_a_report_that_cannot_be_made_is_told(runner: Path) -> None:
    (runner / "temp" / "events.json").write_text("{}\n")
    (runner / "code").write_text("1")

    assert _make(runner).returncode == 1


def test_jobs_have_what_reports_are_made_with() -> None:
    text = workflows.action("setup")[1]["run"]
    file = text.split(" -r ")[1].strip()

    lines = (ROOT / file).read_text().splitlines()
    assert [line for line in lines if line.startswith("jinja2==")]
    # And all of the program's, in the same versions.
    own = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert own <= set(lines)
