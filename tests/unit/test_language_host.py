"""Pulumi's language host for Python: when it ends."""

import subprocess
import sys
import time

from rehearsal.processes import ProcessId
from toolchain import language_host


def test_the_language_host_ends_when_its_engine_was_killed() -> None:
    host = str(language_host.__file__)
    # The shell stands for the engine: it has started the host, and is killed.
    engine = subprocess.Popen(
        ["sh", "-c", '"$0" "$1" 127.0.0.1:1 & echo $!; wait', sys.executable, host],
        stdout=subprocess.PIPE,
        text=True,
    )
    with engine:
        assert engine.stdout is not None
        started = ProcessId.of(int(engine.stdout.readline()))
        assert int(engine.stdout.readline()) > 0  # its port: it serves
        engine.kill()
    deadline = time.monotonic() + 30
    while started.alive() and time.monotonic() < deadline:
        time.sleep(0.1)

    assert not started.alive()
