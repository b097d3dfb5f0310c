"""The interpreter of the engine tests behaves as one that was started anew."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, time
print(sys.argv[1:], os.environ["MARK"], os.getcwd(), sys.stdin.read())
if sys.argv[1] == "wait":
    sys.stdout.flush()
    time.sleep(60)
os.write(int(sys.argv[2]), b"to the pipe")
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_has_the_clients_arguments_environment_folder_and_descriptors(
    tools: dict[str, Path], script: Path, code: int
) -> None:
    reading, writing = os.pipe()
    done = subprocess.run(
        [str(tools["python"]), "-u", str(script), str(code), str(writing)],
        env={**os.environ, "MARK": "mark"},
        cwd=script.parent,
        input="to standard input",
        text=True,
        capture_output=True,
        check=False,
        pass_fds=[writing],
    )
    os.close(writing)

    assert done.stdout == f"['{code}', '{writing}'] mark {script.parent} to standard input\n"
    assert (done.returncode, done.stderr) == (code, "")
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"to the pipe"


def test_a_run_that_is_told_to_end_ends_as_its_client_does(tools: dict[str, Path], script: Path) -> None:
    command = [str(tools["python"]), str(script), "wait"]
    environment = {**os.environ, "MARK": "mark"}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()

        assert process.wait(10) == -signal.SIGTERM


def test_nothing_goes_on_where_a_client_was_killed(tools: dict[str, Path], script: Path) -> None:
    command = [str(tools["python"]), str(script), "wait"]
    environment = {**os.environ, "MARK": "mark"}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()

        # The run holds the other end of the pipe as long as it lives.
        assert process.stdout.read() == b""


def test_an_error_is_shown_as_an_interpreter_shows_it(tools: dict[str, Path], tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text("raise ValueError('what is wrong')")
    done = subprocess.run([str(tools["python"]), str(script)], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "ValueError: what is wrong" in done.stderr


def test_a_module_is_run_by_its_name(tools: dict[str, Path]) -> None:
    command = [str(tools["python"]), "-m", "json.tool", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, "usage" in done.stdout) == (0, True), sys.version


def test_an_unbuffered_run_keeps_nothing_back(tools: dict[str, Path], tmp_path: Path) -> None:
    script = tmp_path / "port.py"
    script.write_text("import sys, time\nsys.stdout.buffer.write(b'4000\\n')\ntime.sleep(60)\n")
    with subprocess.Popen([str(tools["python"]), "-u", str(script)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None

        assert process.stdout.readline() == b"4000\n"
        process.kill()
