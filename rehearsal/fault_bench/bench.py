"""Strikes runs of ``pulumi``, repeats each until it succeeds, and looks at what is there then."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from coco_azure.settings.peer_pods import TICKET
from rehearsal import changes
from rehearsal.bench.stage import Stage
from rehearsal.cluster import Cluster
from rehearsal.fault_bench import inventory, leaks, peers, scenes
from rehearsal.fault_bench.inventory import Difference, Item, Title
from rehearsal.fault_bench.plan import KillPoint
from rehearsal.fault_bench.strikes import FAULTS
from rehearsal.processes import descendants
from rehearsal.rest import ApiError
from rehearsal.workplace import STACK, Prepared, Workplace

_REPEATS = 6
_LIMIT = 150.0
_SLOW = 15.0
_LOOK = 0.05
# What a run prints when it is over, all at once.
_SUMMARY = re.compile(r"^(?:Diagnostics|Outputs|Resources):", re.MULTILINE)
_LOCKED = "currently locked"
_CANCELLED = "received; cancelling"
CANCEL, RESTORE, STRIP, CLAIM, FREE = "cancel", "restore", "strip", "claim", "free"
MEANS = {
    CANCEL: ("needed `pulumi cancel`", "with `pulumi cancel`"),
    RESTORE: ("needed the last copy of the state", "with the last copy of the state"),
    STRIP: ("needed the state's attributes removed", "without its attributes"),
    CLAIM: ("cancelled, and ended with exit code 0", "cancelled with exit code 0"),
    FREE: ("needed KbsConfig's finalizer removed", "with KbsConfig's finalizer removed"),
}
"""What was needed before a run succeeded, and its words in the table and in a line: the state could not be read, its
file of attributes could not, the run was cancelled and ended all the same with exit code 0, KbsConfig kept a finalizer
that its operator never takes away."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one kill point ended.

    Attributes:
        point: which one.
        struck: whether the fault made the run fail.
        converged: whether a later run succeeded.
        repeats: how many more runs it took; 0 where the fault did no harm.
        means: what was needed between the runs, of ``MEANS``.
        difference: what is wrong in the cluster or the state.
        leaks: secrets that were seen where none may be.
        seconds: how long all of it took.
        last_words: the end of what the last run printed, where it did not converge.
    """

    point: KillPoint
    struck: bool
    converged: bool
    repeats: int
    means: frozenset[str] = frozenset()
    difference: Difference
    leaks: tuple[str, ...] = ()
    seconds: float
    last_words: str = ""

    @property
    def good(self) -> bool:
        """Whether everything is as after an undisturbed run."""
        return self.converged and not self.difference and not self.leaks


class Bench(Stage):
    """One stack on one cluster, which goes through all kinds of runs again and again.

    Attributes:
        lines: lines that an undisturbed run of each kind prints: its progress, which a busy machine does not change.
        wanted: what an undisturbed run of each kind ends with.
        planned: how often each node reboots by an undisturbed run of each kind.
        needles: secrets that there have been, and how each is told.
    """

    def __init__(self, place: Workplace, cluster: Cluster, prepared: Prepared) -> None:
        super().__init__(place, cluster, prepared)
        self.lines: dict[str, int] = {}
        self.wanted: dict[str, dict[Title, Item]] = {}
        self.planned: dict[str, Mapping[str, int]] = {}
        self.needles: dict[str, str] = {}

    def begin(self, runs: Sequence[str], say: Callable[[str], None]) -> None:
        """Make the stack and carry out each kind of run once, undisturbed; raises RuntimeError where one fails."""
        self._call(("stack", "init"))
        changes.select(self.server)
        for run in runs:
            began = time.monotonic()
            self._prepare(run)
            before = changes.reboots(self.server)
            with peers.Peers(lambda: self.server, run) as pods:
                code, output = self._call(_command(run))
                if code != 0 or (lost := pods.lost()):
                    raise RuntimeError(
                        f"undisturbed, `{run}` fails, or loses pods ({lost if code == 0 else '?'}):\n{output}"
                    )
            self.lines[run] = len(_SUMMARY.split(output)[0].splitlines())
            self.wanted[run] = inventory.taken(self.server)
            self.planned[run] = self._rebooted(before)
            if tuple(sorted(self.planned[run].values())) != changes.RUNS[run].reboots:
                raise RuntimeError(
                    f"undisturbed, `pulumi {run}` reboots {self.planned[run]}, needed {changes.RUNS[run].reboots}"
                )
            say(f"undisturbed {run}: {time.monotonic() - began:.0f} s, {len(self.wanted[run])} objects")

    def strike(self, point: KillPoint) -> Result:
        """Carry out one point of the plan."""
        began = time.monotonic()
        self._prepare(point.run)
        rebooted, began_with = changes.reboots(self.server), inventory.taken(self.server)
        with leaks.Arguments() as arguments, peers.Peers(lambda: self.server, point.run) as pods:
            code, output = self._struck(point)
            means = {CLAIM} if claims_success(code, output) else set[str]()
            code = 1 if means else code
            struck, repeats = code != 0, 0
            before = inventory.taken(self.server)
            for _ in range(_REPEATS):
                if code == 0:
                    break
                means |= self._mended(output)
                code, output = self._call(_command(point.run))
                # The first of them only meets the lock of a run that was killed; a user sees that, too.
                repeats += _LOCKED not in output
            lost = pods.lost()
        if RESTORE in means:
            before = inventory.known_to_both(began_with, before)
        difference = self._difference(point.run, before, rebooted) if code == 0 else Difference()
        return Result(
            point=point,
            struck=struck,
            converged=code == 0,
            repeats=repeats,
            means=frozenset(means),
            difference=replace(difference, lost=(*difference.lost, *lost)),
            leaks=tuple(self._leaks(arguments.seen)),
            seconds=time.monotonic() - began,
            last_words="" if code == 0 else output[-1500:],
        )

    def _prepare(self, run: str) -> None:
        """Bring about what a kind of run begins with, its settings last, and its approval with them."""
        if run in ("up", "patch"):
            scenes.offer(self.server, patch=run == "patch")
        if run == "adopt":
            given_up = scenes.given_up(self.state())
            code, output = self._call(("destroy", "--yes", "--skip-preview", *given_up))
            if code != 0:
                raise RuntimeError(f"KataConfig cannot be given up for one by hand:\n{output}")
            scenes.by_hand(self.server)
        kind = changes.RUNS[run]
        self.configure(kind.configuration(allowed=kind.open))
        if kind.approvable and not kind.open:
            output = self._call(("preview",))[1]
            tickets = set(re.findall(TICKET, output))
            if len(tickets) != 1:
                raise RuntimeError(f"the preview of `{run}` prints no ticket:\n{output}")
            self.configure(kind.configuration(allowed=tickets.pop()))

    def _mended(self, output: str) -> set[str]:
        """Do what has to be done before the next run, and return what it was."""
        done = {
            CANCEL: _LOCKED in output and self._call(("cancel", "--yes"))[0] == 0,
            STRIP: scenes.strip(self._file),
            RESTORE: not scenes.readable(self._file) and scenes.restore(self._file, self._backups),
            FREE: scenes.free(self.server),
        }
        return {means for means, used in done.items() if used}

    @property
    def _file(self) -> Path:
        return self.place.state / ".pulumi" / "stacks" / "coco-azure" / f"{STACK}.json"

    @property
    def _backups(self) -> Path:
        return self.place.state / ".pulumi" / "backups" / "coco-azure" / STACK

    @property
    def _logs(self) -> Path:
        return self.place.root / "runs"

    def _rebooted(self, before: Mapping[str, int]) -> dict[str, int]:
        return {name: count - before[name] for name, count in changes.reboots(self.server).items()}

    def _struck(self, point: KillPoint) -> tuple[int, str]:
        """Start a run, strike it at its moment, and return its exit code and what it printed."""
        log = self._log()
        process = self.start(_command(point.run), log, start_new_session=True)
        family = []
        while process.poll() is None and log.read_bytes().count(b"\n") < point.when * self.lines[point.run]:
            time.sleep(_LOOK)
        with suppress(subprocess.TimeoutExpired):
            process.wait(point.linger)
        if process.poll() is None:
            family = descendants(process.pid)
            FAULTS[point.fault](process, self.cluster)
        code = _ended(process)
        # Plugins of an engine that was killed end by themselves, in minutes; a later point is not to meet them.
        for child in family:
            child.end(0)
        return code, log.read_text(errors="replace")

    def _call(self, arguments: Sequence[str]) -> tuple[int, str]:
        log = self._log()
        return _ended(self.start(arguments, log, start_new_session=True)), log.read_text(errors="replace")

    def _log(self) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._logs / f"{len(list(self._logs.iterdir())) + 1:04}.log"

    def _difference(self, run: str, before: Mapping[Title, Item], rebooted: Mapping[str, int]) -> Difference:
        deadline = time.monotonic() + _SLOW
        while True:
            difference = inventory.compare(self.wanted[run], before, inventory.taken(self.server), run)
            if not difference or time.monotonic() > deadline:
                break
            time.sleep(1)
        twice = inventory.doubled(self.state())
        planned = self.planned[run]
        extra = (
            f"{name}: {n}, planned {planned[name]}" for name, n in self._rebooted(rebooted).items() if n > planned[name]
        )
        left = (*difference.left, *peers.left_behind(self.server))
        return Difference(difference.lost, (*difference.doubled, *twice), left, tuple(extra))

    def _leaks(self, arguments: set[str]) -> list[str]:
        """Return what of the secrets of this and of every earlier run is to be seen."""
        try:
            served = leaks.served(self.server)
        except (OSError, ApiError):
            served = set()
        self.needles |= leaks.needles(leaks.values(self.state("--show-secrets")) | served)
        folders = (self.place.state, self._logs, self.cluster.directory / "logs")
        places = leaks.in_files(folders, self.needles)
        places += leaks.in_text(self.cluster.audit_log.read_text(errors="replace"), self.needles)
        return places + [
            f"{what}: arguments of a process" for text in arguments for what in leaks.in_text(text, self.needles)
        ]


def _command(run: str) -> tuple[str, ...]:
    return ("destroy" if run == "destroy" else "up", "--yes", "--skip-preview")


def claims_success(code: int, output: str) -> bool:
    """Return whether a run was cancelled and ended with exit code 0 all the same; docs/recovery.md has more."""
    return code == 0 and _CANCELLED in output


def _ended(process: "subprocess.Popen[str]") -> int:
    """Return the exit code of a run; one that hangs is interrupted, as its user would do, and then killed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LIMIT)
        process.send_signal(number)
    return process.wait()
