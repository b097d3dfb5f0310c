"""A real etcd, kube-apiserver and kube-controller-manager on loopback, as children of this process.

No scheduler and no kubelet: the simulated nodes bind and run pods. No CRDs and no objects: see ``rehearsal.operators``.
Everything lies in one folder: ``etcd/`` data, ``pki/``, ``kubeconfig``, ``audit.log``, ``logs/<process>.log``,
``ports.json``. A folder that was used before is used again, with its data and, where they are free, its ports.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rehearsal import pki
from rehearsal.processes import Child
from rehearsal.rest import ApiError, ApiServer

TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager")
"""The programs that are needed, by the names under which they are handed over."""

_READY_TIMEOUT = 60.0
_STOP_GRACE = {"kube-controller-manager": 2.0, "kube-apiserver": 5.0, "etcd": 5.0}
_PORT_ATTEMPTS = 5

# Only what changes something, and not the chatter of leases and events.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}, {"group": "events.k8s.io"}]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "Metadata"},
    ],
}

_CONTROLLERS = (
    "garbage-collector-controller,namespace-controller,deployment-controller,replicaset-controller,"
    "statefulset-controller,daemonset-controller,job-controller,endpoints-controller,endpointslice-controller,"
    "ttl-after-finished-controller,clusterrole-aggregation-controller,validatingadmissionpolicy-status-controller"
)


class ControlPlaneError(RuntimeError):
    """A part of the control plane does not start or has ended; the message says what to do."""


class ControlPlane:
    """The three processes. Make it with ``start``; leave it with ``stop`` or a ``with`` block."""

    def __init__(self, directory: Path, tools: Mapping[str, Path], on_change: Callable[[], None]) -> None:
        missing = [name for name in TOOLS if name not in tools]
        if missing:
            raise ControlPlaneError(f"no path given for {', '.join(missing)}; needed are {', '.join(TOOLS)}")
        self.directory = directory
        self.children: list[Child] = []
        self.ports: dict[str, int] = {}
        self._tools = tools
        self._on_change = on_change

    @classmethod
    def start(
        cls, directory: Path, tools: Mapping[str, Path], on_change: Callable[[], None] = lambda: None
    ) -> "ControlPlane":
        """Start everything and return once the API server is ready.

        Call it from a thread that lives as long as the cluster should: the processes end with that thread.

        Args:
            directory: folder of the cluster; made if missing, used again with its data if not.
            tools: paths of ``etcd``, ``kube-apiserver`` and ``kube-controller-manager``.
            on_change: called whenever ``children`` or ``ports`` have changed.

        Raises:
            ControlPlaneError: a process ended or did not get ready; nothing is left running.
        """
        plane = cls(directory, tools, on_change)
        try:
            plane._start()
        except BaseException:
            plane.stop()
            raise
        return plane

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of the user ``rehearsal-admin``."""
        return self.directory / "kubeconfig"

    @property
    def operators_kubeconfig(self) -> Path:
        """Kubeconfig for the simulated operators and nodes, so that the audit log tells them from the user."""
        return self.directory / pki.USERS["rehearsal-operators"]

    @property
    def audit_log(self) -> Path:
        """JSON lines, one for each completed request that changes something (audit.k8s.io/v1 Event, Metadata)."""
        return self.directory / "audit.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes, last started first; does nothing twice."""
        while self.children:
            child = self.children[-1]
            child.stop(_STOP_GRACE[child.name])
            self.children.pop()
            self._on_change()

    def restart(self, name: str, pause: float) -> None:
        """Kill a process and start it again after ``pause`` seconds; call it from the thread that called ``start``."""
        place, child = next(found for found in enumerate(self.children) if found[1].name == name)
        child.stop(0)
        time.sleep(pause)
        self.children[place] = child.restarted()
        ready = {"etcd": self._etcd_answers, "kube-apiserver": self._api_server_ready}
        self._await(self.children[place], ready.get(name, lambda: True))
        self._on_change()

    def check(self) -> None:
        """Raise ControlPlaneError if one of the processes has ended."""
        for child in self.children:
            if (code := child.exit_code()) is not None:
                raise ControlPlaneError(_epitaph(child, code))

    def _start(self) -> None:
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        pki.ensure(self.directory)
        pki.write_private(self.directory / "pki" / "audit-policy.json", json.dumps(_AUDIT_POLICY))
        wanted: dict[str, int] = {}
        with suppress(OSError, ValueError):
            wanted = json.loads((self.directory / "ports.json").read_text(encoding="ascii"))
        self._start_on_free_ports("etcd", wanted, ("etcd", "etcd-peer"), self._etcd, self._etcd_answers)
        self._start_on_free_ports("kube-apiserver", wanted, ("api",), self._api_server, self._api_server_ready)
        self._start_child("kube-controller-manager", self._controller_manager())
        pki.write_private(self.directory / "ports.json", json.dumps(self.ports))
        self._on_change()

    def _start_on_free_ports(
        self,
        name: str,
        wanted: Mapping[str, int],
        ports: tuple[str, ...],
        command: Callable[[], list[str]],
        ready: Callable[[], bool],
    ) -> None:
        for attempt in range(_PORT_ATTEMPTS):
            # The first try takes the ports of last time, so that kubeconfigs and stacks of the user stay true.
            self.ports.update({port: _free_port(wanted.get(port, 0) if attempt == 0 else 0) for port in ports})
            if name == "kube-apiserver":
                pki.write_kubeconfigs(self.directory, self.ports["api"])
            log = self.directory / "logs" / f"{name}.log"
            seen = log.stat().st_size if log.exists() else 0
            child = self._start_child(name, command())
            try:
                self._await(child, ready)
            except ControlPlaneError:
                # Somebody may take a port between our look and the start of the process.
                said = log.read_bytes()[seen:]
                if b"address already in use" not in said or attempt == _PORT_ATTEMPTS - 1:
                    raise
                self.children.remove(child)
                child.stop(0)
            else:
                return

    def _start_child(self, name: str, arguments: list[str]) -> Child:
        environment = {"PATH": os.defpath, "HOME": str(self.directory), "LANG": "C"}
        log = self.directory / "logs" / f"{name}.log"
        child = Child(name, [str(self._tools[name]), *arguments], log, environment)
        self.children.append(child)
        self._on_change()
        return child

    def _await(self, child: Child, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ControlPlaneError(
                    f"{child.name} runs but was not ready within {_READY_TIMEOUT:.0f} s; the end of {child.log}:\n"
                    f"{child.last_words()}\nIf the machine is very busy, try again when it is less so."
                )
            time.sleep(0.05)

    def _etcd_answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports["etcd"]), timeout=1):
                return True
        except OSError:
            return False

    def _api_server_ready(self) -> bool:
        try:
            return bool(ApiServer(self.kubeconfig, timeout=5).request("GET", "/readyz") == "ok")
        except (OSError, ApiError):
            return False

    def _etcd(self) -> list[str]:
        pki_folder = self.directory / "pki"
        clients, peers = (f"https://127.0.0.1:{self.ports[port]}" for port in ("etcd", "etcd-peer"))
        certificates = [
            f"--{prefix}{flag}={pki_folder / file}"
            for prefix in ("", "peer-")
            for flag, file in (("cert-file", "server.crt"), ("key-file", "server.key"), ("trusted-ca-file", "ca.crt"))
        ]
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            *certificates,
            "--client-cert-auth",
            "--peer-client-cert-auth",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_server(self) -> list[str]:
        pki_folder = self.directory / "pki"
        return [
            f"--etcd-servers=https://127.0.0.1:{self.ports['etcd']}",
            f"--etcd-cafile={pki_folder / 'ca.crt'}",
            f"--etcd-certfile={pki_folder / 'server.crt'}",
            f"--etcd-keyfile={pki_folder / 'server.key'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports['api']}",
            # It refuses loopback here and finds nothing on a machine without a network: a documentation address
            # (RFC 5737). Nobody connects to it, as no endpoints are published.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={pki_folder / 'server.crt'}",
            f"--tls-private-key-file={pki_folder / 'server.key'}",
            f"--token-auth-file={pki_folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            # Nothing here issues tokens for service accounts, and no node lifecycle controller runs that would take the
            # taint of a new node off again.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki_folder / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki_folder / 'service-account.key'}",
            f"--audit-policy-file={pki_folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str]:
        return [
            f"--kubeconfig={self.directory / pki.USERS['system:kube-controller-manager']}",
            "--secure-port=0",
            "--leader-elect=false",
            f"--controllers={_CONTROLLERS}",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--concurrent-namespace-syncs=20",
            "--concurrent-daemonset-syncs=5",
        ]


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with closing(socket.socket()) as listener, suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise ControlPlaneError("no free port on 127.0.0.1: `ss -tln` shows who listens; end what is not needed")


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
