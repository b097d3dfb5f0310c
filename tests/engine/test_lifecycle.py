"""A rehearsal starts once, and ends exactly what it started: on demand, on Ctrl-C, and after a crash."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import supervisor
from rehearsal.cluster import CHECKOUT
from rehearsal.processes import ProcessId

PROGRAMS = {"etcd", "kube-apiserver", "kube-controller-manager", "operators"}


class Commands:
    """``python -m rehearsal`` in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {**os.environ, "COCO_REHEARSAL_DIRECTORY": str(root), "COCO_REHEARSAL_SPEED": "300"}

    def run(self, command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Carry out one command."""
        return subprocess.run(
            [sys.executable, "-m", "rehearsal", command],
            cwd=CHECKOUT,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def processes(self) -> dict[str, ProcessId]:
        """Return what the supervisor says that it started."""
        result = supervisor.state(self.root / "cluster") or {"children": []}
        return {child["name"]: ProcessId.from_json(child["process"]) for child in result["children"]}


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    made = Commands(tmp_path)
    yield made
    made.run("down")


def _soon(what: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return False


def _of(root: Path) -> list[int]:
    """Return every process whose command line names the folder, but for this one's own."""
    items = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{root}/" in line or f"COCO_REHEARSAL_DIRECTORY={root}" in environment:
            items.append(int(folder.name))
    return [pid for pid in items if pid != os.getpid()]


def test_up_leaves_a_cluster_running_and_down_ends_exactly_that(commands: Commands) -> None:
    assert commands.run("status").returncode == 3
    up = commands.run("up")
    assert up.returncode == 0, up.stderr
    started = commands.processes()
    assert started.keys() == PROGRAMS
    assert all(process.alive() for process in started.values())
    status = commands.run("status")
    assert status.returncode == 0
    assert all(name in status.stdout for name in PROGRAMS)
    assert "export KUBECONFIG=" in (commands.root / "env").read_text()

    # Up once more keeps what runs.
    assert commands.run("up").returncode == 0
    assert commands.processes() == started

    assert commands.run("down").stdout.strip() == "ended"
    assert _of(commands.root) == []
    assert commands.run("down").stdout.strip() == "nothing was running"


def test_after_a_crash_of_the_supervisor_nothing_goes_on(commands: Commands) -> None:
    commands.run("up")
    state = supervisor.state(commands.root / "cluster")
    assert state is not None
    started = commands.processes()

    os.kill(state["supervisor"]["pid"], signal.SIGKILL)

    assert _soon(lambda: not any(process.alive() for process in started.values()))
    # And the next one starts on the same data.
    assert commands.run("up").returncode == 0
    assert all(process.alive() for process in commands.processes().values())


def test_a_part_that_ends_takes_the_rest_with_it(commands: Commands) -> None:
    commands.run("up")
    started = commands.processes()

    os.kill(started["etcd"].pid, signal.SIGKILL)

    assert _soon(lambda: not any(process.alive() for process in started.values()))
    assert _soon(lambda: (supervisor.state(commands.root / "cluster") or {}).get("phase") == "failed")
    assert "etcd ended" in (supervisor.state(commands.root / "cluster") or {})["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "crash"])
def test_a_main_job_that_is_broken_off_leaves_no_process(commands: Commands, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "run"],
        cwd=CHECKOUT,
        env=commands.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    kubeconfig = commands.root / "rehearse" / "cluster" / "kubeconfig"
    assert _soon((kubeconfig.parent / "operators.ready").exists, 60)

    if number is signal.SIGKILL:
        os.kill(process.pid, number)
    else:
        os.killpg(process.pid, number)
    process.wait(60)

    # A pulumi of a job that was killed ends when it finds no cluster; the cluster itself is gone at once.
    servers = [f"{kubeconfig.parent}/etcd", f"{kubeconfig.parent}/pki"]
    assert _soon(lambda: not any(_names(pid, servers) for pid in _of(commands.root)))


def _names(pid: int, paths: list[str]) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return any(path in line for path in paths)


def test_two_main_jobs_in_one_checkout_do_not_spoil_each_other(commands: Commands) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "run"],
        cwd=CHECKOUT,
        env=commands.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ready = commands.root / "rehearse" / "cluster" / "operators.ready"
    assert _soon(ready.exists, 60)

    second = commands.run("run")

    assert second.returncode == 1
    assert "a rehearsal runs in" in second.stderr
    out, _ = first.communicate(timeout=200)
    assert out.rstrip().endswith("attested"), out
    for name in ("preview", "report"):
        left = commands.root / "rehearse" / f"{name}.html"
        assert f"report: {left}\n" in out
        assert f"For a browser: {left}\n" in out or name == "preview"
        assert '<svg role="img"' in left.read_text() or name == "preview"


@pytest.mark.parametrize("speed", ["0", "-1", "fast"])
def test_a_speed_that_is_no_speed_is_refused(commands: Commands, speed: str) -> None:
    done = commands.run("up", COCO_REHEARSAL_SPEED=speed)

    assert done.returncode == 1
    assert "COCO_REHEARSAL_SPEED" in done.stderr


def test_an_azure_that_nobody_described_is_refused(commands: Commands) -> None:
    done = commands.run("up", COCO_REHEARSAL_AZURE="moon")

    assert done.returncode == 1
    assert "ipi" in done.stderr
