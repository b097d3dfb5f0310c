"""The process that has a rehearsal cluster that was left running: ``python -m rehearsal.supervisor DIRECTORY``.

It says what it is and what it started in ``supervisor.json``, so that ``make rehearsal-down`` ends exactly that. When
it is killed, the kernel ends its children.
"""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rehearsal import toolchain
from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.control_plane import TOOLS, ClusterError, ControlPlane
from rehearsal.pki import write_private
from rehearsal.processes import Child, ProcessId

_STATE = "supervisor.json"
_START_TIMEOUT = 180.0
_STOP_GRACE = 30.0
_LOOK = 0.1


def state(directory: Path) -> dict[str, Any] | None:
    """Return what the supervisor of the folder last said, or None where there is none."""
    with suppress(OSError, ValueError):
        return dict(json.loads((directory / _STATE).read_text(encoding="utf-8")))
    return None


def running(directory: Path) -> bool:
    """Return whether the folder's supervisor runs."""
    current = state(directory)
    return current is not None and ProcessId.from_json(current["supervisor"]).alive()


def start(directory: Path) -> None:
    """Start a cluster that outlives this process, and return once it is ready; one that runs already will do.

    Raises:
        ClusterError: it does not start; the message says what to do.
    """
    if running(directory) and (state(directory) or {}).get("phase") == "ready":
        return
    (directory / "logs").mkdir(parents=True, exist_ok=True)
    (directory / _STATE).unlink(missing_ok=True)
    with (directory / "logs" / "supervisor.log").open("ab") as log:
        command = [sys.executable, "-m", "rehearsal.supervisor", str(directory)]
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        current = state(directory) or {}
        if current.get("phase") == "ready":
            return
        if process.poll() is not None:
            raise ClusterError(
                current.get("error") or f"the rehearsal ended; see {directory / 'logs' / 'supervisor.log'}"
            )
        time.sleep(_LOOK)
    process.terminate()
    raise ClusterError(f"the rehearsal was not ready within {_START_TIMEOUT:.0f} s; see {directory / 'logs'}")


def stop(directory: Path) -> bool:
    """End the supervisor of the folder and what it started; True if anything was running."""
    current = state(directory)
    if current is None:
        return False
    ended = ProcessId.from_json(current["supervisor"]).end(_STOP_GRACE)
    # Children of a supervisor that was killed end with it; one that is left for whatever reason is ended here.
    for child in current["children"]:
        ended = ProcessId.from_json(child["process"]).end(1.0) or ended
    (directory / _STATE).unlink(missing_ok=True)
    return ended


class Supervisor:
    """One cluster, until a signal ends it or one of its processes ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: list[Child] = []
        self._phase, self._error = "starting", ""
        self._stopping = False

    def run(self) -> int:
        """Run the cluster; return 1 if it ended by itself."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._write()
        try:
            tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}
            with Cluster.start(self._directory, tools, self._changed) as cluster:
                self._phase = "ready"
                self._write()
                while not self._stopping:
                    cluster.check()
                    time.sleep(_LOOK)
        except (ClusterError, toolchain.ToolchainError) as error:
            self._phase, self._error = "failed", str(error)
            self._write()
            return 1
        except KeyboardInterrupt:
            return 0
        return 0

    def _on_signal(self, *_: object) -> None:
        if self._phase == "starting":  # the start is given up, and what was started is ended
            raise KeyboardInterrupt
        self._stopping = True

    def _changed(self, cluster: ControlPlane) -> None:
        self._children = cluster.children
        self._write()

    def _write(self) -> None:
        content = {
            "supervisor": asdict(ProcessId.of(_own_pid())),
            "phase": self._phase,
            "error": self._error,
            "children": [
                {"name": child.name, "process": asdict(child.identity)} for child in self._children if child.identity
            ],
        }
        write_private(self._directory / _STATE, json.dumps(content))


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


if __name__ == "__main__":
    sys.exit(Supervisor(Path(sys.argv[1])).run())
