"""A real etcd, kube-apiserver and kube-controller-manager on loopback, as children of this process.

No scheduler and no kubelet: the simulated nodes bind and run pods. No CRDs and no objects: see ``rehearsal.operators``.
Everything lies in one folder: ``etcd/`` data, ``pki/``, ``kubeconfig``, ``audit.log``, ``logs/<process>.log``,
``ports.json``. A folder that was used before is used again, with its data and, where they are free, its ports.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import yaml

from rehearsal import pki
from rehearsal.processes import Child, free_port, listens
from rehearsal.rest import ApiError, ApiServer

TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager")
"""The programs that are needed, by the names under which they are handed over."""

_READY_TIMEOUT = 60.0
_STOP_GRACE = {"operators": 3.0, "kube-controller-manager": 2.0, "kube-apiserver": 5.0, "etcd": 5.0}
_PORT_ATTEMPTS = 5
_PORTS: Mapping[str, tuple[str, ...]] = {"etcd": ("etcd", "etcd-peer"), "kube-apiserver": ("api",)}
"""Ports that each process listens on, by the names under which they are kept."""
_OPTIONS = Path(__file__).with_name("control-plane.yaml")


class ClusterError(RuntimeError):
    """A part of the cluster does not start or has ended; the message says what to do."""


OnChange = Callable[["ControlPlane"], None]
"""Told whenever processes or ports have changed."""


class ControlPlane:
    """The three processes. Make it with ``start``; leave it with ``stop`` or a ``with`` block."""

    processes: tuple[str, ...] = TOOLS
    """In the order in which they are started."""

    def __init__(self, directory: Path, tools: Mapping[str, Path], on_change: OnChange) -> None:
        self.directory = directory
        self.children: list[Child] = []
        self.ports: dict[str, int] = {}
        self._tools = tools
        self._on_change = on_change

    @classmethod
    def start(
        cls,
        directory: Path,
        tools: Mapping[str, Path],
        on_change: OnChange = lambda _: None,
        *,
        fresh: bool = False,
    ) -> Self:
        """Start everything and return once it is ready.

        Call it from a thread that lives as long as the cluster should: the processes end with that thread.

        Args:
            directory: folder of the cluster; made if missing, used again with its data if not.
            tools: paths of ``etcd``, ``kube-apiserver`` and ``kube-controller-manager``.
            on_change: called whenever ``children`` or ``ports`` have changed.
            fresh: remove what an earlier cluster left in the folder first.

        Raises:
            ClusterError: a process ended or did not get ready; nothing is left running.
        """
        cluster = cls(directory, tools, on_change)
        try:
            cluster._take_folder(fresh=fresh)
            cluster._start()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of the user ``rehearsal-admin``."""
        return self.directory / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """JSON lines, one for each completed request that changes something (audit.k8s.io/v1 Event, Metadata)."""
        return self.directory / "audit.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes, last started first; does nothing twice."""
        while self.children:
            child = self.children[-1]
            child.stop(_STOP_GRACE[child.name])
            self.children.pop()
            self._on_change(self)

    def restart(self, name: str, pause: float = 0.0) -> None:
        """Kill a process, as a crash would, and start it again; call it from the thread that called ``start``.

        Args:
            name: name of the process.
            pause: seconds without it.

        Raises:
            ClusterError: it does not come back.
        """
        place, child = next(numbered for numbered in enumerate(self.children) if numbered[1].name == name)
        child.stop(0)
        time.sleep(pause)
        self.children[place] = self._launch(name)
        self._on_change(self)
        self._await(self.children[place], self._ready(name))

    def _ready(self, name: str) -> Callable[[], bool]:
        """Return what tells whether a process does its work."""
        known = {"etcd": lambda: listens(self.ports["etcd"]), "kube-apiserver": self._api_server_ready}
        return known.get(name, lambda: True)

    def check(self) -> None:
        """Raise ClusterError if one of the processes has ended."""
        for child in self.children:
            if (code := child.exit_code()) is not None:
                raise ClusterError(_epitaph(child, code))

    def _take_folder(self, *, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        pki.ensure(self.directory)
        wanted: dict[str, int] = {}
        with suppress(OSError, ValueError):
            wanted = json.loads((self.directory / "ports.json").read_text(encoding="ascii"))
        for name in self.processes:
            self._start_on_free_ports(name, wanted)
            # The operators look there for the API server.
            pki.write_private(self.directory / "ports.json", json.dumps({**wanted, **self.ports}))
        self._on_change(self)

    def _start_on_free_ports(self, name: str, wanted: Mapping[str, int]) -> None:
        for attempt in range(_PORT_ATTEMPTS):
            # The first try takes the ports of last time, so that kubeconfigs and stacks of the user stay true.
            ports = _PORTS.get(name, ())
            self.ports.update({port: free_port(wanted.get(port, 0) if attempt == 0 else 0) for port in ports})
            if name == "kube-apiserver":
                pki.write_kubeconfigs(self.directory, self.ports["api"])
            log = self.directory / "logs" / f"{name}.log"
            seen = log.stat().st_size if log.exists() else 0
            child = self._launch(name)
            self.children.append(child)
            self._on_change(self)
            try:
                self._await(child, self._ready(name))
            except ClusterError:
                # Somebody may take a port between our look and the start of the process.
                output = log.read_bytes()[seen:]
                if b"address already in use" not in output or attempt == _PORT_ATTEMPTS - 1:
                    raise
                self.children.remove(child)
                child.stop(0)
            else:
                return

    def _launch(self, name: str) -> Child:
        options = yaml.safe_load(_OPTIONS.read_text(encoding="utf-8"))[name]
        arguments = [each.format(folder=self.directory, rehearsal=_OPTIONS.parent, **self.ports) for each in options]
        environment = {"PATH": os.defpath, "HOME": str(self.directory), "LANG": "C"}
        log = self.directory / "logs" / f"{name}.log"
        return Child(name, [str(self._tools[name]), *arguments], log, environment)

    def _await(self, child: Child, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{child.name} runs but was not ready within {_READY_TIMEOUT:.0f} s; the end of {child.log}:\n"
                    f"{child.last_words()}\nIf the machine is very busy, try again when it is less so."
                )
            time.sleep(0.05)

    def _api_server_ready(self) -> bool:
        try:
            return bool(ApiServer(self.kubeconfig, timeout=5).request("GET", "/readyz") == "ok")
        except (OSError, ApiError):
            return False


def _epitaph(child: Child, code: int) -> str:
    words = child.last_words()
    if "no space left" in words.lower():
        advice = "The disk is full: free some space (`df -h`), then try again."
    elif "error while loading shared libraries" in words or "exec format error" in words.lower():
        advice = f"{child.command[0]} does not fit this machine: remove it from PATH or from the cache, then try again."
    elif "address already in use" in words:
        advice = "A port was taken meanwhile: try again."
    else:
        advice = "If its data is damaged, `make rehearsal-clean` starts from nothing."
    return f"{child.name} ended with code {code}; the end of {child.log}:\n{words}\n{advice}"
