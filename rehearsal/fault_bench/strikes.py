"""The faults, and how each is done to a run of ``pulumi`` and its cluster."""

import os
import resource
import secrets
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from rehearsal import pki
from rehearsal.cluster import Cluster
from rehearsal.processes import command_line, descendants

_AWAY = 2.0
_ROOM = 4096
"""Bytes that a file may have once the disk is full; a state has more."""
_USER = "rehearsal-admin"
Run = subprocess.Popen[str]
Fault = Callable[[Run, Cluster], None]


def _sent(number: signal.Signals) -> Fault:
    def strike(process: Run, _: Cluster) -> None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)

    return strike


def _killed(*programs: str) -> Fault:
    def strike(process: Run, _: Cluster) -> None:
        for child in descendants(process.pid):
            if any(name in command_line(child.pid) for name in programs):
                child.end(0)

    return strike


def _away(name: str) -> Fault:
    return lambda _, cluster: cluster.restart(name, _AWAY)


def _expire_token(_: Run, cluster: Cluster) -> None:
    """Have the API server refuse the token that the run has; the kubeconfig gets the new one, for the next run."""
    old, new = pki.tokens(cluster.directory)[_USER], secrets.token_hex(32)
    for path in (cluster.directory / "pki" / "tokens.csv", cluster.kubeconfig):
        pki.write_private(path, path.read_text().replace(old, new))
    cluster.restart("kube-apiserver")


def _fill_disk(process: Run, _: Cluster) -> None:
    """Let every file that the engine writes from now on end there, as on a disk that is full."""
    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_ROOM, _ROOM))


ENGINE_KILLED, PROVIDER_KILLED = "engine, SIGKILL", "Kubernetes provider, SIGKILL"
API_SERVER_AWAY, DISK_FULL = "API server away for a while", "no room for the state"
FAULTS: Mapping[str, Fault] = {
    "engine, SIGINT": _sent(signal.SIGINT),
    "engine, SIGTERM": _sent(signal.SIGTERM),
    ENGINE_KILLED: _sent(signal.SIGKILL),
    PROVIDER_KILLED: _killed("pulumi-resource-kubernetes"),
    "language host, SIGKILL": _killed("language_host.py", "pulumi-language-python"),
    API_SERVER_AWAY: _away("kube-apiserver"),
    "operators crashed": _away("operators"),
    "token expired": _expire_token,
    DISK_FULL: _fill_disk,
}
"""What is done to a process of ``pulumi``, by its name; one that has ended, or has not begun, is left alone."""
