"""Processes that this project starts: told apart from strangers, ended with their starter, and ended only once.

Linux only. What the processes are, and in which order they go, is the business of the callers.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class ProcessId:
    """A process, and not another one that got its number later.

    Attributes:
        pid: process number.
        started: start time in clock ticks since boot (``/proc/PID/stat``, field 22, see proc(5)).
        boot: identity of the boot that the ticks count from (``/proc/sys/kernel/random/boot_id``).
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Identity of a running process.

        Raises:
            ProcessLookupError: there is no such process, or it has ended and was not waited for yet.
        """
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError) as error:
            raise ProcessLookupError(f"no process {pid}") from error
        # The name in parentheses may hold spaces and parentheses itself: only what follows the last one is regular.
        fields = stat.rpartition(")")[2].split()
        if fields[0] in ("Z", "X"):
            raise ProcessLookupError(f"process {pid} has ended")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return cls(pid, int(fields[19]), boot)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ProcessId":
        """The inverse of ``dataclasses.asdict``."""
        return cls(int(value["pid"]), int(value["started"]), str(value["boot"]))

    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        try:
            return ProcessId.of(self.pid) == self
        except ProcessLookupError:
            return False

    def end(self, grace: float) -> bool:
        """Ask this process to end, and force it after ``grace`` seconds; True if there was one to end.

        The process is held by a file descriptor before it is compared, so its number cannot change hands in between.
        """
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive():
                return False
            for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
                if _readable(descriptor, seconds):
                    break
        finally:
            os.close(descriptor)
        return True


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """One process of ours in a session of its own, with its output in a log file.

    A terminal's Ctrl-C does not reach it, and it does not outlive the thread that started it, not even when that is
    killed. Start it from a thread that lives as long as it should.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(environment)
        self._process = self._start()
        self.identity = ProcessId.of(self._process.pid) if self.exit_code() is None else None

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only calls prctl
            )

    def exit_code(self) -> int | None:
        """Exit code, negative for a signal, or None while it runs."""
        if self._process.returncode is not None:
            return self._process.returncode
        # It is not reaped here: as long as it is a zombie nobody else can get its number, and stop() needs that.
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def stop(self, grace: float) -> None:
        """SIGTERM, then after ``grace`` seconds SIGKILL to what is left of its process group; does nothing twice."""
        if self._process.returncode is not None:
            return
        os.kill(self._process.pid, signal.SIGTERM)
        descriptor = os.pidfd_open(self._process.pid)
        try:
            _readable(descriptor, grace)
        finally:
            os.close(descriptor)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def descendants(pid: int) -> list[ProcessId]:
    """Return the children of a process, and theirs."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    children, left = [], [pid]
    while left:
        for child in parents.get(left.pop(), []):
            left.append(child)
            with suppress(ProcessLookupError):
                children.append(ProcessId.of(child))
    return children


def command_line(pid: int) -> str:
    """Return the command line of a process, its words with a space between; empty where there is none."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def free_port(wanted: int = 0) -> int:
    """Return a port of loopback that nobody uses now, if possible the wanted one."""
    for port in (wanted, 0):
        with closing(socket.socket()) as listener, suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise OSError("no free port on 127.0.0.1: `ss -tln` shows who listens; end what is not needed")


def listens(port: int) -> bool:
    """Return whether somebody takes connections on a port of loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _readable(descriptor: int, seconds: float) -> bool:
    """Return whether there is something to read within that time; unlike select(), for descriptors of any number."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
