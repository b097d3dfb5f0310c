"""A rehearsal cluster on which runs of ``pulumi`` are measured, or struck (``rehearsal.fault_bench``)."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from coco_azure.clients.pulumi_cli import EngineError
from rehearsal import changes, toolchain
from rehearsal.azure.description import merge
from rehearsal.background import BackgroundThread
from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.control_plane import TOOLS
from rehearsal.processes import descendants
from rehearsal.rest import ApiServer
from rehearsal.toolchain.cache import Say
from rehearsal.workplace import STACK, Prepared, Workplace

_LOOK = 0.2
_SPEED = "COCO_REHEARSAL_SPEED"
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
    """A cluster and a stack on it, whose settings are those of the rehearsal with changes."""

    def __init__(self, place: Workplace, cluster: Cluster, prepared: Prepared) -> None:
        self.place, self.cluster = place, cluster
        self._prepared = prepared
        self._program = CHECKOUT
        self._made: set[Path] = set()

    @property
    def server(self) -> ApiServer:
        """The API server, by the token that the user has now."""
        return ApiServer(self.cluster.kubeconfig)

    def configure(self, settings: Mapping[str, Any], program: Path = CHECKOUT) -> None:
        """Decide what the next runs are of: settings over those of the rehearsal, or another program without any."""
        stack_file: dict[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.rehearsal.yaml").read_text())
        self._program = program
        stack_file["config"] = merge(stack_file["config"], settings) if program == CHECKOUT else dict(settings)
        (self.place.root / "stack.yaml").write_text(yaml.safe_dump(stack_file))

    def start(
        self, arguments: Sequence[str], log: Path, environment: Mapping[str, str] = _NOTHING, **options: Any
    ) -> "subprocess.Popen[str]":
        """Start ``pulumi`` for the stack.

        Args:
            arguments: of its command line, but for the stack and its file.
            log: where it prints.
            environment: variables beside those of every run.
            options: further arguments of ``subprocess.Popen``.
        """
        engine = self._prepared.engine(folder=self._program)
        engine = replace(engine, environment={**engine.environment, **environment})
        name = ["--stack", STACK] if arguments[:2] != ("stack", "init") else [STACK]
        file = [] if arguments[0] in ("stack", "cancel") else ["--config-file", str(self.place.root / "stack.yaml")]
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        with log.open("w") as out:
            return engine.start(*arguments, *name, *file, "--non-interactive", stdout=out, **streams, **options)

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
            self._measure(("stack", "init"))
            self._made.add(self._program)
        yes = ("--yes", "--skip-preview") if command != "preview" else ()
        return self._measure((command, *yes, *options, "--suppress-progress"), environment)

    def _measure(self, arguments: Sequence[str], environment: Mapping[str, str] = _NOTHING) -> Run:
        log = self.place.root / "run.log"
        began = time.monotonic()
        process = self.start(arguments, log, environment)
        with _Memory(process.pid) as memory:
            code = process.wait()
        if code != 0:
            text = log.read_text()
            # Behind the diagnosis come the outputs, which may be long.
            begin = text.find("Diagnostics:") if "Diagnostics:" in text else -_LAST_WORDS
            words = text[begin:][:_LAST_WORDS]
            raise BenchError(f"`pulumi {' '.join(arguments[:2])}` ended with code {code}:\n{words}")
        return Run(time.monotonic() - began, memory.most / _MIB)

    def pace(self, speed: float) -> None:
        """Let the documented durations be divided by another speed from now on."""
        os.environ[_SPEED] = str(speed)
        self.cluster.restart("operators")

    def state(self, *options: str) -> Mapping[str, Any]:
        """Return the stack's state as ``pulumi stack export`` has it; empty where it cannot be read."""
        try:
            engine = self._prepared.engine(STACK, self._program)
            return dict(json.loads(engine.ask("stack", "export", *options))["deployment"])
        except EngineError:
            return {}

    def reboots(self) -> int:
        """Return how many reboots of workers there have been on this cluster."""
        return sum(changes.reboots(self.server).values())

    def nodes(self) -> int:
        """Return how many workers the cluster has."""
        return len(changes.reboots(self.server))


class _Memory(BackgroundThread):
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


def quiet(_: str) -> None:
    """Say nothing: what is set up is no part of what is measured."""


@contextmanager
def cluster(root: Path, speed: float | str, say: Say = quiet) -> Iterator[tuple[Workplace, Cluster, Prepared]]:
    """Yield a new cluster in a folder, whose documented durations are divided by ``speed``."""
    shutil.rmtree(root, ignore_errors=True)
    place, before = Workplace(root), os.environ.get(_SPEED)
    os.environ[_SPEED] = str(speed)
    try:
        tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, say).items()}
        prepared = place.prepare(say)
        with Cluster.start(place.cluster, tools) as started:
            yield place, started, prepared
    finally:
        os.environ.pop(_SPEED)
        if before is not None:
            os.environ[_SPEED] = before


@contextmanager
def stage(root: Path, speed: float) -> Iterator[Stage]:
    """Yield a stage on a new cluster, which is removed afterwards."""
    try:
        with cluster(root, speed) as parts:
            yield Stage(*parts)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def settings(**values: Any) -> dict[str, Any]:
    """Return settings as the stack's file has them."""
    return {f"coco-azure:{name}": value for name, value in values.items()}
