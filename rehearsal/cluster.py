"""A rehearsal cluster: the control plane and the simulated operators, as children of this process.

Everything of it lies in one folder; see ``control_plane`` for what is in it. One process at a time has a folder.
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rehearsal.azure import description, subscription
from rehearsal.control_plane import ControlPlane, ControlPlaneError
from rehearsal.operators import olm_catalog
from rehearsal.processes import Child
from rehearsal.timings import DEFAULT_SPEED

CHECKOUT = Path(__file__).resolve().parent.parent
SETTINGS = ("COCO_REHEARSAL_AZURE", "COCO_REHEARSAL_SPEED", *olm_catalog.SETTINGS)
"""Environment variables that decide what is simulated."""

_READY_TIMEOUT = 60.0
_STOP_GRACE = 3.0


OnChange = Callable[["Cluster"], None]
"""Told whenever the processes of the cluster have changed."""


class ClusterError(RuntimeError):
    """The cluster does not start or has ended; the message says what to do."""


class Cluster:
    """The running cluster. Make it with ``start``; leave it with ``stop`` or a ``with`` block."""

    def __init__(self, directory: Path, on_change: OnChange) -> None:
        self.directory = directory
        self._on_change = on_change
        self._lock: IO[str] | None = None
        self._plane: ControlPlane | None = None
        self._operators: Child | None = None

    @classmethod
    def start(
        cls, directory: Path, tools: Mapping[str, Path], on_change: OnChange = lambda _: None, *, fresh: bool = False
    ) -> "Cluster":
        """Start everything and return once the simulated operators watch.

        Call it from a thread that lives as long as the cluster should: the processes end with that thread.

        Args:
            directory: folder of the cluster.
            tools: paths of the programs, see ``control_plane.TOOLS``.
            on_change: called whenever the processes have changed.
            fresh: remove what an earlier cluster left in the folder first.

        Raises:
            ClusterError: a part did not start, or another process has the folder; nothing is left running.
        """
        check_settings()
        cluster = cls(directory, on_change)
        try:
            cluster._lock_folder()
            if fresh:
                shutil.rmtree(directory, ignore_errors=True)
            cluster._start(tools)
        except ControlPlaneError as error:
            cluster.stop()
            raise ClusterError(str(error)) from error
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig for the user."""
        return self.directory / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """What the API server saw (JSON lines of audit.k8s.io/v1 Events)."""
        return self.directory / "audit.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def children(self) -> list[Child]:
        """Return every process of the cluster."""
        plane = self._plane.children if self._plane else []
        return [*plane, *([self._operators] if self._operators else [])]

    def check(self) -> None:
        """Raise ClusterError if a process has ended."""
        try:
            if self._plane is not None:
                self._plane.check()
        except ControlPlaneError as error:
            raise ClusterError(str(error)) from error
        if self._operators is not None and (code := self._operators.exit_code()) is not None:
            raise ClusterError(
                f"the simulated operators ended with code {code}; the end of {self._operators.log}:\n"
                f"{self._operators.last_words()}"
            )

    def restart(self, name: str, pause: float = 0.0) -> None:
        """Kill one of the processes, as a crash would, and start it again after ``pause`` seconds.

        Args:
            name: ``etcd``, ``kube-apiserver``, ``kube-controller-manager`` or ``operators``.
            pause: seconds without it.

        Raises:
            ClusterError: it does not come back.
        """
        if self._plane is None or self._operators is None:
            raise ClusterError("the cluster does not run: start it before one of its processes is restarted")
        if name == self._operators.name:
            self._operators.stop(0)
            time.sleep(pause)
            self._operators = self._start_operators(self._plane)
            self._on_change(self)
            self._await_operators()
            return
        try:
            self._plane.restart(name, pause)
        except ControlPlaneError as error:
            raise ClusterError(str(error)) from error

    def stop(self) -> None:
        """End every process, last started first; does nothing twice."""
        if self._operators is not None:
            self._operators.stop(_STOP_GRACE)
            self._operators = None
            self._on_change(self)
        if self._plane is not None:
            self._plane.stop()
            self._plane = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _lock_folder(self) -> None:
        # Beside the folder, so that who starts afresh does not remove the lock of another one.
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.directory.with_name(f".{self.directory.name}.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(
                f"a rehearsal runs in {self.directory} already. `make rehearsal-down` ends one that was left running; "
                "a `make rehearse` ends by itself"
            ) from None

    def _start(self, tools: Mapping[str, Path]) -> None:
        if (problem := subscription.moved(self.directory)) is not None:
            raise ClusterError(problem)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._plane = ControlPlane.start(self.directory, tools, lambda: self._on_change(self))
        self._operators = self._start_operators(self._plane)
        self._on_change(self)
        self._await_operators()

    def _await_operators(self) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while not (self.directory / "operators.ready").exists():
            self.check()
            if time.monotonic() > deadline:
                log = self.directory / "logs" / "operators.log"
                raise ClusterError(f"the simulated operators were not ready within {_READY_TIMEOUT:.0f} s; see {log}")
            time.sleep(0.05)

    def _start_operators(self, plane: ControlPlane) -> Child:
        (self.directory / "operators.ready").unlink(missing_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            "KUBECONFIG": str(plane.operators_kubeconfig),
            "COCO_REHEARSAL_DIRECTORY": str(self.directory),
            **{name: os.environ[name] for name in SETTINGS if name in os.environ},
        }
        command = [sys.executable, "-m", "rehearsal.operators"]
        return Child("operators", command, self.directory / "logs" / "operators.log", environment)


def check_settings() -> None:
    """Raise ClusterError where an environment variable asks for something that there is not."""
    try:
        olm_catalog.chosen(os.environ)
        description.load(description.path_of(description.chosen()))
    except (ValueError, FileNotFoundError) as error:
        raise ClusterError(str(error)) from error
    said = os.environ.get("COCO_REHEARSAL_SPEED", str(DEFAULT_SPEED))
    try:
        fits = float(said) > 0
    except ValueError:
        fits = False
    if not fits:
        raise ClusterError(
            f"COCO_REHEARSAL_SPEED is {said!r}; allowed is a number above 0, by which documented durations are divided "
            f"(default {DEFAULT_SPEED:g})"
        )
