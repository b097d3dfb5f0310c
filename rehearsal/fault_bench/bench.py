"""Strikes runs of ``pulumi``, repeats each until it succeeds, and looks at what is there then."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.fault_bench import inventory, leaks, strikes, way_out
from rehearsal.fault_bench.inventory import Difference, Item, Title
from rehearsal.fault_bench.plan import KillPoint
from rehearsal.rest import ApiError, ApiServer
from rehearsal.workplace import STACK, Prepared, Workplace

_REPEATS = 6
_LIMIT = 150.0
_SLOW = 15.0
_LOOK = 0.05
# What a run prints when it is over, all at once.
_SUMMARY = re.compile(r"^(?:Diagnostics|Outputs|Resources):", re.MULTILINE)
_LOCKED = "currently locked"
_CANCELLED = "received; cancelling"
_LOG_LEVELS = ("info", "debug")


@dataclass(frozen=True)
class Result:
    """How one kill point ended.

    Attributes:
        point: which one.
        struck: whether the fault made the run fail.
        converged: whether a later run succeeded.
        repeats: how many more runs it took; 0 where the fault did no harm.
        cancelled: whether `pulumi cancel` was needed before the next run.
        restored: whether the state could not be read, and its last copy was put in its place.
        stripped: whether its file of attributes could not be read, and was removed.
        claimed: whether the run was cancelled, and ended all the same with exit code 0.
        freed: whether KbsConfig kept a finalizer that its operator never takes away, and it was taken away by hand.
        difference: what is wrong in the cluster or the state.
        leaks: secrets that were seen where none may be.
        seconds: how long all of it took.
        last_words: the end of what the last run printed, where it did not converge.
    """

    point: KillPoint
    struck: bool
    converged: bool
    repeats: int
    cancelled: bool
    restored: bool
    stripped: bool
    claimed: bool
    freed: bool
    difference: Difference
    leaks: tuple[str, ...]
    seconds: float
    last_words: str = ""

    @property
    def good(self) -> bool:
        """Whether everything is as after an undisturbed run."""
        return self.converged and not self.difference and not self.leaks


@dataclass
class Bench:
    """One stack on one cluster, which goes through up, replace and destroy again and again."""

    place: Workplace
    prepared: Prepared
    cluster: Cluster
    lines: dict[str, int] = field(default_factory=dict)
    """Lines that an undisturbed run of each kind prints: a run's progress, which a busy machine does not change."""
    wanted: dict[str, dict[Title, Item]] = field(default_factory=dict)
    """What an undisturbed run of each kind ends with."""
    needles: dict[str, str] = field(default_factory=dict)
    level: int = 0

    def begin(self, say: Callable[[str], None]) -> None:
        """Make the stack and carry out each kind of run once, undisturbed; raises RuntimeError where one fails."""
        self._run(["stack", "init", STACK])
        for run in ("up", "replace", "destroy"):
            began = time.monotonic()
            self._prepare(run)
            code, said = self._run(self._command(run))
            if code != 0:
                raise RuntimeError(f"undisturbed, `pulumi {run}` fails:\n{said}")
            self.lines[run] = len(_SUMMARY.split(said)[0].splitlines())
            self.wanted[run] = inventory.taken(self._server)
            say(f"undisturbed {run}: {time.monotonic() - began:.0f} s, {len(self.wanted[run])} objects")

    def strike(self, point: KillPoint) -> Result:
        """Carry out one point of the plan."""
        began = time.monotonic()
        self._prepare(point.run)
        with leaks.Arguments() as arguments:
            code, said = self._struck(point)
            claimed = claims_success(code, said)
            code = 1 if claimed else code
            struck, cancelled, restored, stripped, freed, repeats = code != 0, False, False, False, False, 0
            before = inventory.taken(self._server)
            for _ in range(_REPEATS):
                if code == 0:
                    break
                if _LOCKED in said:
                    cancelled = self._run(["cancel", "--yes", "--stack", STACK])[0] == 0 or cancelled
                stripped = way_out.strip(self._state) or stripped
                if not way_out.readable(self._state):
                    restored = way_out.restore(self._state, self._backups)
                freed = way_out.free(self._server) or freed
                code, said = self._run(self._command(point.run))
                # The first of them only meets the lock of a run that was killed; a user sees that, too.
                repeats += _LOCKED not in said
        difference = self._difference(point.run, before) if code == 0 else Difference()
        return Result(
            point,
            struck=struck,
            converged=code == 0,
            repeats=repeats,
            cancelled=cancelled,
            restored=restored,
            stripped=stripped,
            claimed=claimed,
            freed=freed,
            difference=difference,
            leaks=tuple(self._leaks(arguments.seen)),
            seconds=time.monotonic() - began,
            last_words="" if code == 0 else said[-1500:],
        )

    @property
    def _server(self) -> ApiServer:
        return ApiServer(self.cluster.kubeconfig)

    @property
    def _state(self) -> Path:
        return self.place.state / ".pulumi" / "stacks" / "coco-azure" / f"{STACK}.json"

    @property
    def _backups(self) -> Path:
        return self.place.state / ".pulumi" / "backups" / "coco-azure" / STACK

    @property
    def _logs(self) -> Path:
        return self.place.root / "runs"

    def _prepare(self, run: str) -> None:
        """Write the stack's file; a replacement has another log level, which asks for a new KataConfig."""
        if run == "replace":
            self.level = 1 - self.level
        said: dict[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.rehearsal.yaml").read_text())
        said["config"]["coco-azure:peerPods"]["kataConfig"]["logLevel"] = _LOG_LEVELS[self.level]
        (self.place.root / "stack.yaml").write_text(yaml.safe_dump(said))

    def _command(self, run: str) -> list[str]:
        return ["destroy" if run == "destroy" else "up", "--yes", "--skip-preview", "--stack", STACK]

    def _struck(self, point: KillPoint) -> tuple[int, str]:
        """Start a run, strike it at its moment, and return its exit code and what it printed."""
        log = self._log()
        process = self._started(self._command(point.run), log)
        family = []
        while process.poll() is None and log.read_bytes().count(b"\n") < point.when * self.lines[point.run]:
            time.sleep(_LOOK)
        with suppress(subprocess.TimeoutExpired):
            process.wait(point.linger)
        if process.poll() is None:
            family = strikes.descendants(process.pid)
            strikes.strike(point.fault, process, self.cluster)
        code = _ended(process)
        # Plugins of an engine that was killed end by themselves, in minutes; a later point is not to meet them.
        for child in family:
            child.end(0)
        return code, log.read_text(errors="replace")

    def _run(self, arguments: Sequence[str]) -> tuple[int, str]:
        log = self._log()
        process = self._started(arguments, log)
        code = _ended(process)
        return code, log.read_text(errors="replace")

    def _started(self, arguments: Sequence[str], log: Path) -> "subprocess.Popen[str]":
        file = [] if arguments[0] in ("stack", "cancel") else ["--config-file", str(self.place.root / "stack.yaml")]
        command = [str(self.prepared.pulumi), *arguments, *file, "--non-interactive"]
        with log.open("w") as out:
            return subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=self.prepared.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def _log(self) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._logs / f"{len(list(self._logs.iterdir())) + 1:04}.log"

    def _difference(self, run: str, before: Mapping[Title, Item]) -> Difference:
        deadline = time.monotonic() + _SLOW
        while True:
            found = inventory.compare(self.wanted[run], before, inventory.taken(self._server), run)
            if not found or time.monotonic() > deadline:
                break
            time.sleep(1)
        twice = inventory.doubled(self._export())
        return Difference(found.lost, (*found.doubled, *twice), found.left)

    def _export(self, *arguments: str) -> Mapping[str, Any]:
        command = [str(self.prepared.pulumi), "stack", "export", "--stack", STACK, *arguments]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=self.prepared.environment(), capture_output=True, text=True, check=False
        )
        return dict(json.loads(done.stdout)["deployment"]) if done.returncode == 0 else {}

    def _leaks(self, arguments: set[str]) -> list[str]:
        """Return what of the secrets of this and of every earlier run is to be seen."""
        try:
            served = leaks.served(self._server)
        except (OSError, ApiError):
            served = set()
        self.needles |= leaks.needles(leaks.values(self._export("--show-secrets")) | served)
        folders = (self.place.state, self._logs, self.cluster.directory / "logs")
        found = leaks.in_files(folders, self.needles)
        found += leaks.in_text(self.cluster.audit_log.read_text(errors="replace"), self.needles)
        return found + [
            f"{what}: arguments of a process" for text in arguments for what in leaks.in_text(text, self.needles)
        ]


def claims_success(code: int, said: str) -> bool:
    """Return whether a run was cancelled and ended with exit code 0 all the same; docs/recovery.md has more."""
    return code == 0 and _CANCELLED in said


def _ended(process: "subprocess.Popen[str]") -> int:
    """Return the exit code of a run; one that hangs is interrupted, as its user would do, and then killed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LIMIT)
        process.send_signal(number)
    return process.wait()


def speed_up(speed: str) -> None:
    """Set the speed of the simulation, unless the environment says another."""
    os.environ.setdefault("COCO_REHEARSAL_SPEED", speed)
