"""The command: how it asks the engine, its exit codes, and what it says when the engine does not answer."""

import json
from pathlib import Path

import pytest

from coco_azure.cli import main
from tests.unit.drift_logs import LogOf, state, urn
from tests.unit.programs import on_path

_PULUMI = """#!/bin/sh
echo "$@" >> {folder}/asked
case "$1 $2" in
"stack export") cat {folder}/export ;;
"stack history") echo '[]' ;;
"stack --show-name") echo chosen ;;
preview*) env | grep PULUMI_K8S > {folder}/environment
    while [ $# -gt 0 ]; do [ "$1" = --event-log ] && log=$2; shift; done
    if [ -e {folder}/events ]; then cp {folder}/events "$log"; else echo 'error: no such stack' >&2; fi; exit 1 ;;
esac
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ``pulumi`` that answers what lies beside it, first on PATH."""
    on_path(monkeypatch, tmp_path, "pulumi", _PULUMI.format(folder=tmp_path))
    (tmp_path / "export").write_text(json.dumps({"deployment": {"resources": []}}))
    return tmp_path


def _answers(folder: Path, log: LogOf) -> None:
    (folder / "events").write_text(
        "\n".join(map(json.dumps, [*log.lines, {"timestamp": 0, "summaryEvent": {"result": "succeeded"}}]))
    )


def test_it_asks_for_a_preview_with_refresh_of_the_stack_and_ends_with_the_code_of_the_report(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = {"region": "eastus"}
    log = LogOf().component("network", "network", same, same).refreshed("map", "gone", state({"data": {}}), None)
    _answers(pulumi, log)
    code = main(["drift", "--stack", "prod", "--config-file", "settings.yaml", "--json"])
    asked = (pulumi / "asked").read_text().splitlines()

    assert code == 2
    assert json.loads(capsys.readouterr().out)["findings"][0]["resource"] == "gone"
    preview = next(line for line in asked if line.startswith("preview"))
    assert "--refresh" in preview
    assert preview.count("--stack prod") == 1
    assert "--config-file settings.yaml" in preview
    assert {line.split()[0] for line in asked} == {"preview", "stack"}, "nothing that changes anything"
    assert (pulumi / "environment").read_text() == "PULUMI_K8S_ENABLE_PATCH_FORCE=true\n"


def test_what_the_state_says_is_only_read_is_no_drift(pulumi: Path) -> None:
    same = {"region": "eastus"}
    log = LogOf().component("network", "network", same, same).refreshed("ingress", "read", state({"spec": {}}), None)
    _answers(pulumi, log)
    resource = {"urn": urn("ingress", "read"), "external": True}

    assert main(["drift", "--stack", "prod"]) == 2
    (pulumi / "export").write_text(json.dumps({"deployment": {"resources": [resource]}}))
    assert main(["drift", "--stack", "prod"]) == 0


def test_without_a_name_it_is_the_selected_stack(pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = {"region": "eastus"}
    _answers(pulumi, LogOf().component("network", "network", same, same))

    assert main(["drift"]) == 0
    assert capsys.readouterr().out == "no drift of stack chosen\n"


def test_a_run_that_is_interrupted_or_under_way_cannot_be_told(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pulumi / "export").write_text(json.dumps({"deployment": {"pending_operations": [{}]}}))

    assert main(["drift", "--stack", "prod"]) == 1
    assert "let `pulumi up` go on where it stopped" in capsys.readouterr().out
    assert "preview" not in (pulumi / "asked").read_text()


def test_an_engine_that_writes_nothing_cannot_be_told(pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not (pulumi / "events").exists()
    assert main(["drift", "--stack", "prod"]) == 1
    assert "error: no such stack" in capsys.readouterr().out


def test_without_pulumi_it_says_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/none")

    assert main(["drift", "--stack", "prod"]) == 1
    assert "pulumi is not on PATH" in capsys.readouterr().out
