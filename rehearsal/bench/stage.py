"""A rehearsal cluster on which runs of ``pulumi`` are measured."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import toolchain
from rehearsal.azure.description import merge
from rehearsal.beside import Beside
from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.control_plane import TOOLS
from rehearsal.fault_bench.strikes import descendants
from rehearsal.rest import ApiServer
from rehearsal.workplace import STACK, Prepared, Workplace

_LOOK = 0.2
_NOTHING: Mapping[str, str] = {}
_LAST_WORDS = 3000
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


class BenchError(RuntimeError):
    """A run that was to be measured failed; the message has what it printed."""


@dataclass(frozen=True)
class Run:
    """A run: wall time in seconds, and the most memory that it and its children had at once, in MiB."""

    seconds: float
    memory: float


class Stage:
    """A cluster and a stack on it."""

    def __init__(self, root: Path, cluster: Cluster, prepared: Prepared) -> None:
        self.server = ApiServer(cluster.kubeconfig)
        self._root = root
        self._cluster = cluster
        self._prepared = prepared
        self._program = CHECKOUT
        self._made: set[Path] = set()

    def configure(self, changes: Mapping[str, Any], program: Path = CHECKOUT) -> None:
        """Decide what the next runs are of: settings over those of the rehearsal, or another program without any."""
        said: dict[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.rehearsal.yaml").read_text())
        self._program = program
        said["config"] = merge(said["config"], changes) if program == CHECKOUT else dict(changes)
        (self._root / "stack.yaml").write_text(yaml.safe_dump(said))

    def run(self, command: str, *options: str, environment: Mapping[str, str] = _NOTHING) -> Run:
        """Measure ``up``, ``preview`` or ``destroy`` of the stack.

        Args:
            command: which.
            options: options of ``pulumi``.
            environment: variables beside those of every run.

        Raises:
            BenchError: it fails.
        """
        if self._program not in self._made:
            self._call("stack", "init", STACK)
            self._made.add(self._program)
        yes = ["--yes", "--skip-preview"] if command != "preview" else []
        return self._call(
            command,
            *yes,
            *options,
            "--stack",
            STACK,
            "--config-file",
            str(self._root / "stack.yaml"),
            "--suppress-progress",
            environment=environment,
        )

    def pace(self, speed: float) -> None:
        """Let the documented durations be divided by another speed from now on."""
        os.environ["COCO_REHEARSAL_SPEED"] = str(speed)
        self._cluster.restart("operators")

    def state(self) -> list[Mapping[str, Any]]:
        """Return the resources of the stack, secrets in plain."""
        self._call("stack", "export", "--show-secrets", "--stack", STACK, "--file", str(self._root / "state.json"))
        text = (self._root / "state.json").read_text()
        (self._root / "state.json").unlink()
        return list(json.loads(text)["deployment"]["resources"])

    def reboots(self) -> int:
        """Return how many reboots of nodes there have been on this cluster."""
        events = self.server.get("/api/v1/events")["items"]
        return sum(int(each.get("count") or 1) for each in events if each["reason"] == "NodeDone")

    def nodes(self) -> int:
        """Return how many workers the cluster has."""
        nodes = self.server.get("/api/v1/nodes")["items"]
        return sum("node-role.kubernetes.io/worker" in each["metadata"]["labels"] for each in nodes)

    def _call(self, *arguments: str, environment: Mapping[str, str] = _NOTHING) -> Run:
        log = self._root / "run.log"
        began = time.monotonic()
        with log.open("w") as out:
            process = subprocess.Popen(
                [str(self._prepared.pulumi), *arguments, "--non-interactive"],
                cwd=self._program,
                env={**self._prepared.environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
            with _Memory(process.pid) as memory:
                code = process.wait()
        if code != 0:
            said = log.read_text()
            # Behind the diagnosis come the outputs, which may be long.
            begin = said.find("Diagnostics:") if "Diagnostics:" in said else -_LAST_WORDS
            words = said[begin:][:_LAST_WORDS]
            raise BenchError(f"`pulumi {' '.join(arguments[:2])}` ended with code {code}:\n{words}")
        return Run(time.monotonic() - began, memory.most / _MIB)


class _Memory(Beside):
    """Looks at the memory of a process and its children while they run."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.most = 0.0
        self._pid = pid

    def work(self) -> None:
        """Look at it again and again."""
        while not self.over.wait(_LOOK):
            family = [self._pid, *(each.pid for each in descendants(self._pid))]
            self.most = max(self.most, sum(map(_resident, family)))


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0.0


@contextmanager
def stage(root: Path, speed: float) -> Iterator[Stage]:
    """Yield a stage on a new cluster, whose documented durations are divided by ``speed``; it is removed afterwards."""
    shutil.rmtree(root, ignore_errors=True)
    place = Workplace(root)
    before = os.environ.get("COCO_REHEARSAL_SPEED")
    os.environ["COCO_REHEARSAL_SPEED"] = str(speed)
    try:
        tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, _quiet).items()}
        prepared = place.prepare(_quiet)
        with Cluster.start(place.cluster, tools) as cluster:
            yield Stage(root, cluster, prepared)
    finally:
        if before is None:
            del os.environ["COCO_REHEARSAL_SPEED"]
        else:
            os.environ["COCO_REHEARSAL_SPEED"] = before
        shutil.rmtree(root, ignore_errors=True)


def _quiet(_: str) -> None:
    """Say nothing: what is set up is no part of what is measured."""


def settings(**said: Any) -> dict[str, Any]:
    """Return settings as the stack's file has them."""
    return {f"coco-azure:{name}": value for name, value in said.items()}
