"""``./coco-azure report``: how it runs and asks the engine, where the report goes, and its exit codes."""

import json
from pathlib import Path

import pytest

from coco_azure import run_marks as marks
from coco_azure.cli import CommandContext, main
from tests.unit.cli.test_report_page import PROOF, Page
from tests.unit.programs import on_path, script
from tests.unit.report_runs import LogOf, dot_of, urn

_PULUMI = """#!/bin/sh
echo "$@" >> {folder}/asked
case "$1 $2" in
"stack output") cat {folder}/outputs ;;
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
    script(tmp_path, "pulumi", _PULUMI.format(folder=tmp_path))
    on_path(monkeypatch, tmp_path, "dot", "#!/bin/sh\necho 'dot 12.1.2<svg id=\"x\"/>'\n")
    (tmp_path / "history").write_text("[]")
    (tmp_path / "outputs").write_text('{"attested": true}')
    (tmp_path / "code").write_text("0")
    (tmp_path / "graph").write_text(dot_of({urn("map", "b"): [urn("map", "a")]}))
    lines = LogOf().step(0, 1, "map", "a").step(1, 3, "map", "b").summary(4, create=2).lines
    (tmp_path / "events").write_text("\n".join(lines))
    return tmp_path


def _page(pulumi: Path) -> str:
    """Return the page of a run that is over."""
    out = pulumi / "out.html"
    assert main(["report", "--stack", "prod", "--events", str(pulumi / "events"), "--out", str(out)]) == 0
    return out.read_text()


def test_an_event_log_becomes_a_report_with_the_stacks_graph_and_outputs(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _page(pulumi)

    assert "✓" in text
    assert '<svg role="img"' in text
    assert capsys.readouterr().err == f"report: {pulumi / 'out.html'}\n"
    assert "--stack prod" in (pulumi / "asked").read_text()


def test_a_run_is_carried_out_with_the_options_and_its_code_is_returned(pulumi: Path) -> None:
    (pulumi / "code").write_text("7")
    out = pulumi / "out.html"

    assert main(["report", "--run", "up", "--stack", "prod", "--out", str(out), "--", "--yes", "--target", "x"]) == 7
    asked = (pulumi / "asked").read_text()
    assert "up --stack prod --event-log " in asked
    assert "--yes --target x\n" in asked
    assert (pulumi / "environment").read_text() == "PULUMI_DEBUG_COMMANDS=true\n"
    assert out.exists()


def test_the_selected_stack_names_the_report_in_the_projects_folder(pulumi: Path) -> None:
    assert main(["report", "--run", "preview"], CommandContext(project=pulumi)) == 0
    assert (pulumi / "report-chosen.html").exists()


def test_a_run_that_wrote_no_event_log_leaves_no_report_and_an_error(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pulumi / "events").unlink()

    assert main(["report", "--run", "up", "--stack", "prod", "--out", str(pulumi / "out.html")]) == 1
    assert "no report: pulumi wrote no event log" in capsys.readouterr().err
    assert not (pulumi / "out.html").exists()


@pytest.mark.parametrize(
    ("name", "message"), [("history", "error: this is no event log of pulumi"), ("nothing", "error: ")]
)
def test_another_file_and_one_that_is_not_there_are_refused(
    pulumi: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    assert main(["report", "--stack", "prod", "--events", str(pulumi / name)]) == 1
    assert message in capsys.readouterr().err


def test_without_graph_and_graphviz_there_is_a_report_all_the_same(
    pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pulumi / "dot").write_text(
        "#!/bin/sh\n[ \"$1\" = -V ] && echo 12.1.2 && exit 0\necho 'syntax error' >&2; exit 1\n"
    )
    _page(pulumi)
    assert "no picture of the dependency graph" in capsys.readouterr().err
    (pulumi / "graph").unlink()
    assert "The engine has no graph" in _page(pulumi)


def test_what_the_history_says_of_the_run_stands_in_the_header(pulumi: Path) -> None:
    (pulumi / "history").write_text(
        '[{"startTime": "2027-01-15T08:00:05.000Z", "message": "Rotate\\nmore", '
        '"environment": {"git.head": "0123456789abcdef", "git.dirty": "true", "pulumi.version": "v3.259.0"}}]'
    )
    text = _page(pulumi)

    assert "0123456789 and changes that are not committed" in text
    assert "<dd>Rotate</dd>" in text
    assert "v3.259.0" in text


def test_the_top_of_the_page_says_for_what_and_by_whom_a_run_was(pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogOf(**{"coco-azure:environment": "production"}).mark(marks.CLUSTER, {"openshift": "4.22.15"})
    status = {"infrastructureName": "prod-x7k2p", "apiServerURL": "https://api.prod.contoso.com:6443"}
    (pulumi / "events").write_text("\n".join(log.reads("infrastructure", {"status": status}).summary(4).lines))
    monkeypatch.setenv("GITHUB_ACTOR", "somebody")
    out = pulumi / "out.html"
    main(["report", "--stack", "prod", "--run", "up", "--out", str(out)])
    text = Page(out.read_text()).text

    assert "Environment production Cluster prod-x7k2p https://api.prod.contoso.com:6443 OpenShift 4.22.15" in text
    assert "Run by somebody" in text


def test_of_a_run_that_is_over_the_history_says_which_pipeline_ran_it(pulumi: Path) -> None:
    environment = {"ci.system": "GitHub", "ci.build.url": "https://github.com/o/r/actions/runs/7"}
    entry = {"startTime": "2027-01-15T08:00:05.000Z", "kind": "update", "result": "succeeded"}
    (pulumi / "history").write_text(json.dumps([{**entry, "environment": environment}]))
    assert "Run by GitHub https://github.com/o/r/actions/runs/7" in Page(_page(pulumi)).text


@pytest.mark.parametrize("failed", ["this", "later", "earlier"])
def test_the_proof_is_this_runs_or_told_with_the_run_that_it_is_of(pulumi: Path, failed: str) -> None:
    """A run of the log, and another one that the outputs are of unless this one succeeded last."""
    lines = LogOf().step(0, 1, "map", "a").summary(4, "failed" if failed == "this" else "succeeded", create=1).lines
    (pulumi / "events").write_text("\n".join(lines))
    this = {"version": 2, "kind": "update", "startTime": "2027-01-15T08:00:00.000Z"}
    before = {"version": 1, "kind": "update", "startTime": "2027-01-14T08:00:00.000Z", "result": "succeeded"}
    after = {**this, "version": 3, "startTime": "2027-01-16T08:00:00.000Z"}
    history = {
        "this": [{**this, "result": "failed"}, before],
        "later": [{**after, "result": "failed"}, {**this, "result": "succeeded"}],
        "earlier": [{**after, "result": "succeeded"}, {**this, "result": "succeeded"}, {**before, "result": "failed"}],
    }[failed]
    (pulumi / "history").write_text(json.dumps(history))
    (pulumi / "outputs").write_text(json.dumps({"attested": True, "proof": PROOF}))
    text = Page(_page(pulumi)).text

    label = {
        "this": "This run proves nothing: it did not come to its end. What follows is the proof of run 1: 2027-01-14",
        "earlier": "The stack has the proof of a later run. What follows is the proof of run 3: 2027-01-16",
    }.get(failed)
    assert ("What follows is the proof of" in text) == (label is not None)
    assert label is None or label in text
    assert f"test {'failed not attested' if failed == 'this' else 'succeeded attested'} " in text


def test_a_history_of_another_run_is_left_out(pulumi: Path) -> None:
    (pulumi / "history").write_text(
        '[{"startTime": "2026-01-15T08:00:05.000Z", "message": "Rotate", "environment": {}}]'
    )
    assert "Rotate" not in _page(pulumi)


@pytest.mark.parametrize("arguments", [[], ["--events", "x", "--run", "up"], ["--run", "refresh"]])
def test_either_a_log_or_a_run_is_asked_for(arguments: list[str]) -> None:
    assert main(["report", *arguments]) == 2
