"""``./coco-azure proof``: the whole proof, and never for a run that it is not of."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from coco_azure.cli import main
from tests.unit.cli.test_report_page import PROOF
from tests.unit.programs import on_path

Stack = Callable[..., None]
_VERSION = {"package": "trustee-operator", "csv": "trustee-operator.v1.1.0", "profile": "1.1", "protocol": "0.4.0"}
WHOLE = {**PROOF, "versions": [_VERSION]}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Sets what a ``pulumi`` on PATH answers: the outputs of the stack, and its history, the latest run first."""

    def answers(outputs: Mapping[str, Any], *history: Mapping[str, Any]) -> None:
        (tmp_path / "outputs").write_text(json.dumps(outputs))
        (tmp_path / "history").write_text(json.dumps(history))

    text = f'#!/bin/sh\n[ "$2" = output ] && cat {tmp_path}/outputs || cat {tmp_path}/history\n'
    on_path(monkeypatch, tmp_path, "pulumi", text)
    return answers


def _run(number: int, result: str = "succeeded", **more: Any) -> Mapping[str, Any]:
    entry = {"version": number, "kind": "update", "result": result, "startTime": f"2026-11-25T00:00:0{number}.000Z"}
    return {**entry, "message": f"change {number}", "environment": {"git.head": str(number) * 40}, **more}


def test_it_prints_all_of_it_and_the_run_that_it_is_of(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack({"proof": WHOLE, "attested": True}, _run(2), _run(1))

    assert main(["proof"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Of run 2: 2026-11-25T00:00:02.000Z, commit 222222222222 (change 2), attested\n")
    assert "latest run" not in text
    assert "Proof of a production deployment" in text
    assert "cd" * 32 in text


def test_after_a_run_that_failed_it_says_that_it_is_an_older_runs(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack({"proof": WHOLE, "attested": True}, _run(3, "failed"), _run(2))

    assert main(["proof"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Of run 2: ")
    assert lines[1].startswith("It does not speak for the latest run, which failed: run 3: ")


def test_where_the_backend_numbers_no_runs_none_is_said(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack({"proof": WHOLE, "attested": True}, {**_run(2), "version": 0})

    assert main(["proof"]) == 0
    assert capsys.readouterr().out.startswith("Of the run of 2026-11-25T00:00:02.000Z, commit 2222")


def test_a_run_whose_check_is_off_has_not_attested(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    off = {"coco-azure:attestationCheck": {"value": '{"enabled": false}'}}
    stack({"proof": WHOLE}, _run(2, config=off))

    assert main(["proof"]) == 2
    assert "came to its end" in capsys.readouterr().out


def test_a_refresh_after_the_run_changes_nothing_about_the_proof(stack: Stack) -> None:
    stack({"proof": WHOLE, "attested": True}, _run(3, kind="refresh"), _run(2))

    assert main(["proof"]) == 0


@pytest.mark.parametrize(("history", "latest"), [([_run(2)], True), ([_run(3, "failed"), _run(2)], False)])
def test_the_same_as_json(
    stack: Stack, capsys: pytest.CaptureFixture[str], history: list[Mapping[str, Any]], *, latest: bool
) -> None:
    stack({"proof": WHOLE}, *history)
    main(["proof", "--json"])
    shown = json.loads(capsys.readouterr().out)

    assert shown["proof"] == WHOLE
    assert shown["run"] == {"number": 2, "started": "2026-11-25T00:00:02.000Z", "commit": "2" * 40}
    assert (shown["latest"], shown["attested"]) == (latest, latest)


def test_without_a_proof_it_says_why(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack({}, _run(1, "failed"))

    assert main(["proof"]) == 1
    assert "no run with a trust chain has come to its end" in capsys.readouterr().err
