"""A rehearsal cluster: the control plane and the simulated operators, as children of this process.

Everything of it lies in one folder; see ``control_plane`` for what is in it. One process at a time has a folder.
"""

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from rehearsal import pki
from rehearsal.azure import description, subscription
from rehearsal.control_plane import ClusterError, ControlPlane
from rehearsal.kubelet.registry import DISCONNECTED
from rehearsal.operators import olm_catalog
from rehearsal.processes import Child
from rehearsal.real import brought
from rehearsal.real.own_root import LIBRARIES
from rehearsal.timings import DEFAULT_SPEED

CHECKOUT = Path(__file__).resolve().parent.parent
SETTINGS = ("COCO_REHEARSAL_AZURE", "COCO_REHEARSAL_SPEED", DISCONNECTED, *olm_catalog.SETTINGS, *brought.SETTINGS)
"""Environment variables that decide what is simulated."""

_OPERATORS = "operators"


class Cluster(ControlPlane):
    """The running cluster, whose process ``operators`` is one more child."""

    processes = (*ControlPlane.processes, _OPERATORS)
    _lock: IO[str] | None = None

    def stop(self) -> None:
        """End every process, last started first; does nothing twice."""
        super().stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_folder(self, *, fresh: bool) -> None:
        check_settings()
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
        super()._take_folder(fresh=fresh)
        if (problem := subscription.moved(self.directory)) is not None:
            raise ClusterError(problem)

    def _ready(self, name: str) -> Callable[[], bool]:
        return (self.directory / "operators.ready").exists if name == _OPERATORS else super()._ready(name)

    def _launch(self, name: str) -> Child:
        if name != _OPERATORS:
            return super()._launch(name)
        (self.directory / "operators.ready").unlink(missing_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            # Of its own, so that the audit log tells the simulated operators and nodes from the user.
            "KUBECONFIG": str(self.directory / pki.USERS["rehearsal-operators"]),
            "COCO_REHEARSAL_DIRECTORY": str(self.directory),
            **{name: os.environ[name] for name in (*SETTINGS, LIBRARIES) if name in os.environ},
        }
        command = [sys.executable, "-m", "rehearsal.operators"]
        return Child(_OPERATORS, command, self.directory / "logs" / "operators.log", environment)


def check_settings() -> None:
    """Raise ClusterError where an environment variable asks for something that there is not."""
    try:
        olm_catalog.chosen(os.environ)
        description.load(description.path_of(description.chosen()))
        brought.check(os.environ)
    except (ValueError, FileNotFoundError) as error:
        raise ClusterError(str(error)) from error
    speed = os.environ.get("COCO_REHEARSAL_SPEED", str(DEFAULT_SPEED))
    try:
        fits = float(speed) > 0
    except ValueError:
        fits = False
    if not fits:
        raise ClusterError(
            f"COCO_REHEARSAL_SPEED is {speed!r}; allowed is a number above 0, by which documented durations are "
            f"divided (default {DEFAULT_SPEED:g})"
        )
