"""``python -m report``: how it runs and asks the engine, where the report goes, and its exit codes."""

import os
from pathlib import Path

import pytest

from report.__main__ import main
from tests.unit.report_runs import LogOf, dot_of, urn

_PULUMI = """#!/bin/sh
echo "$@" >> {folder}/asked
case "$1 $2" in
"stack output") echo '{{"attested": true}}' ;;
"stack history") cat {folder}/history ;;
"stack graph") [ -e {folder}/graph ] && cp {folder}/graph "$3" || exit 1 ;;
"stack --show-name") echo organization/chosen ;;
up*|preview*|destroy*) env | grep PULUMI_DEBUG > {folder}/environment
    while [ $# -gt 0 ]; do [ "$1" = --event-log ] && log=$2; [ "$1" = --save-plan ] && plan=$2; shift; done
    [ -n "$plan" ] && [ -e {folder}/plan ] && cp {folder}/plan "$plan" && stat -c %a "${{plan%/*}}" > {folder}/mode
    [ -e {folder}/events ] && cp {folder}/events "$log"; exit $(cat {folder}/code) ;;
esac
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ``pulumi`` that answers what lies beside it, and a ``dot`` that draws nothing, first on PATH."""
    for name, text in {
        "pulumi": _PULUMI.format(folder=tmp_path),
        "dot": "#!/bin/sh\necho 'dot 12.1.2<svg id=\"x\"/>'\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "history").write_text("[]")
    (tmp_path / "code").write_text("0")
    (tmp_path / "graph").write_text(dot_of({urn("map", "b"): [urn("map", "a")]}))
    lines = LogOf().step(0, 1, "map", "a").step(1, 3, "map", "b").summary(4, create=2).lines
    (tmp_path / "events").write_text("\n".join(lines))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_an_event_log_becomes_a_report_with_the_stacks_graph_and_outputs(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pulumi / "out.html"
    code = main(["--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)])
    text = out.read_text()

    assert code == 0
    assert "✓" in text
    assert '<svg role="img"' in text
    assert capsys.readouterr().err == f"report: {out}\n"
    assert "--stack prod" in (pulumi / "asked").read_text()


def test_a_run_is_carried_out_with_the_options_and_its_code_is_returned(pulumi: Path) -> None:
    (pulumi / "code").write_text("7")
    out = pulumi / "out.html"

    assert main(["--run", "up", "--stack", "prod", "--out", str(out), "--", "--yes", "--target", "x"]) == 7
    asked = (pulumi / "asked").read_text()
    assert "up --stack prod --event-log " in asked
    assert "--yes --target x\n" in asked
    assert (pulumi / "environment").read_text() == "PULUMI_DEBUG_COMMANDS=true\n"
    assert out.exists()


def test_the_selected_stack_names_the_report_in_the_projects_folder(pulumi: Path) -> None:
    assert main(["--run", "preview"], project=pulumi) == 0
    assert (pulumi / "report-chosen.html").exists()


def test_a_run_that_wrote_no_event_log_leaves_no_report_and_an_error(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pulumi / "events").unlink()

    assert main(["--run", "up", "--stack", "prod", "--out", str(pulumi / "out.html")]) == 1
    assert "no report: pulumi wrote no event log" in capsys.readouterr().err
    assert not (pulumi / "out.html").exists()


def test_another_file_is_refused_with_the_command_that_makes_an_event_log(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stack", "prod", "--events", str(pulumi / "history")]) == 1
    assert "error: this is no event log of pulumi" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_an_error(pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "prod", "--events", str(pulumi / "nothing")]) == 1
    assert "error: " in capsys.readouterr().err


def test_without_graph_and_graphviz_there_is_a_report_all_the_same(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pulumi / "dot").write_text(
        "#!/bin/sh\n[ \"$1\" = -V ] && echo 12.1.2 && exit 0\necho 'syntax error' >&2; exit 1\n"
    )
    out = pulumi / "out.html"

    assert main(["--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)]) == 0
    assert "no picture of the dependency graph" in capsys.readouterr().err
    (pulumi / "graph").unlink()
    assert main(["--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)]) == 0
    assert "The engine has no graph" in out.read_text()


def test_what_the_history_says_of_the_run_stands_in_the_header(pulumi: Path) -> None:
    (pulumi / "history").write_text(
        '[{"startTime": "2027-01-15T08:00:05.000Z", "message": "Rotate\\nmore", '
        '"environment": {"git.head": "0123456789abcdef", "git.dirty": "true", "pulumi.version": "v3.259.0"}}]'
    )
    out = pulumi / "out.html"
    main(["--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)])
    text = out.read_text()

    assert "0123456789 and changes that are not committed" in text
    assert "<dd>Rotate</dd>" in text
    assert "v3.259.0" in text


def test_a_history_of_another_run_is_left_out(pulumi: Path) -> None:
    (pulumi / "history").write_text(
        '[{"startTime": "2026-01-15T08:00:05.000Z", "message": "Rotate", "environment": {}}]'
    )
    out = pulumi / "out.html"
    main(["--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)])

    assert "Rotate" not in out.read_text()


@pytest.mark.parametrize("arguments", [[], ["--events", "x", "--run", "up"], ["--run", "refresh"]])
def test_either_a_log_or_a_run_is_asked_for(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
