"""The command line of ``pulumi`` and what it writes: one client, one reader of each format."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coco_azure.clients.pulumi_cli import Engine, EngineError
from tests.unit.programs import script
from tests.unit.stack_files import ROOT

_PROGRAM = '#!/bin/sh\nprintf "%s|" "$@" > {folder}/asked\nenv > {folder}/environment\n{rest}\n'
_CLIENT = "coco_azure/clients/"


def _engine(folder: Path, rest: str = "", stack: str | None = "prod") -> Engine:
    program = script(folder, "pulumi", _PROGRAM.format(folder=folder, rest=rest))
    return Engine(folder=folder, stack=stack, program=str(program), environment={**os.environ, "OWN": "value"})


def _asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().split("|")[:-1]


def test_a_run_has_its_stack_its_log_and_the_users_options(tmp_path: Path) -> None:
    assert _engine(tmp_path, "exit 3").run("up", "--yes", log=tmp_path / "log") == 3
    assert _asked(tmp_path) == ["up", "--stack", "prod", "--event-log", str(tmp_path / "log"), "--yes"]
    variables = (tmp_path / "environment").read_text()
    assert "PULUMI_DEBUG_COMMANDS=true" in variables
    assert "OWN=value" in variables
    assert "PULUMI_K8S_ENABLE_PATCH_FORCE" not in variables, "a user's run takes no field back by itself"


def test_a_question_goes_to_the_selected_stack_where_none_is_named(tmp_path: Path) -> None:
    engine = _engine(tmp_path, """echo '{"a": 1}'""", stack=None)

    assert engine.outputs() == {"a": 1}
    assert _asked(tmp_path) == ["stack", "output", "--json", "--non-interactive", "--color", "never"]


@pytest.mark.parametrize(
    ("rest", "reason"), [("echo no such stack >&2; exit 255", "no such stack"), ("exit 7", "pulumi ended with 7")]
)
def test_a_question_that_fails_is_an_error_with_its_reason(tmp_path: Path, rest: str, reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        _engine(tmp_path, rest).history()


@pytest.mark.parametrize("log", ["", "touch {log}"], ids=["none", "empty"])
def test_a_preview_without_an_event_log_is_an_error_with_its_reason(tmp_path: Path, log: str) -> None:
    place = """while [ "$1" != --event-log ]; do shift; done; """ + log.replace("{log}", '"$2"')
    with pytest.raises(EngineError, match="no cluster"):
        _engine(tmp_path, f"{place}\necho no cluster >&2; exit 1").preview()


def test_without_pulumi_it_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="pulumi is not on PATH"):
        Engine(folder=tmp_path, program=str(tmp_path / "none")).run("up")


@pytest.mark.parametrize(("code", "returned"), [(0, 130), (255, 255)])
def test_after_ctrl_c_it_waits_for_the_engine_and_never_calls_it_a_success(
    tmp_path: Path, code: int, returned: int
) -> None:
    saving = f"sleep 0.3; touch {tmp_path}/saved; exit {code}"
    _engine(tmp_path, f"trap '{saving}' INT\ntouch {tmp_path}/ready\nwhile :; do sleep 0.05; done")
    script = (
        "import sys; from pathlib import Path; from coco_azure.clients.pulumi_cli import Engine; "
        f"folder = Path({str(tmp_path)!r}); sys.exit(Engine(folder=folder, program=str(folder / 'pulumi')).run('up'))"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(60) == returned
    assert (tmp_path / "saved").exists()


@pytest.mark.parametrize(
    ("format_of", "trace"),
    [
        ("event logs", '"resOutputsEvent"'),
        ("a stack's history", '"git.head"'),
        ("own outputs", "readStackOutputs"),
        ("the options of event logs", '"PULUMI_DEBUG_COMMANDS"'),
    ],
)
def test_there_is_one_reader_of_a_format(format_of: str, trace: str) -> None:
    folders = ("coco_azure", "components", "policies", "rehearsal")
    readers = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if trace in path.read_text(encoding="utf-8")
    ]

    assert len(readers) == 1, format_of
    assert readers[0].startswith(_CLIENT)
