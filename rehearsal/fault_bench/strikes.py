"""How each fault is done to a run of ``pulumi`` and its cluster."""

import os
import resource
import secrets
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from rehearsal import pki
from rehearsal.cluster import Cluster
from rehearsal.fault_bench import plan
from rehearsal.processes import descendants

_AWAY = 2.0
_ROOM = 4096
"""Bytes that a file may have once the disk is full; a state has more."""
_USER = "rehearsal-admin"
_SIGNALS = {
    plan.ENGINE_INTERRUPTED: signal.SIGINT,
    plan.ENGINE_TERMINATED: signal.SIGTERM,
    plan.ENGINE_KILLED: signal.SIGKILL,
}
_PLUGINS = {
    plan.PROVIDER_KILLED: ("pulumi-resource-kubernetes",),
    plan.LANGUAGE_HOST_KILLED: ("language_host.py", "pulumi-language-python"),
}

Run = subprocess.Popen[str]


def strike(fault: str, process: Run, cluster: Cluster) -> None:
    """Do it; a process that has ended already, or has not begun, is left alone."""
    if fault in _SIGNALS:
        with suppress(ProcessLookupError):
            os.kill(process.pid, _SIGNALS[fault])
    elif fault in _PLUGINS:
        for child in descendants(process.pid):
            if any(name in _command(child.pid) for name in _PLUGINS[fault]):
                child.end(0)
    elif fault == plan.API_SERVER_AWAY:
        cluster.restart("kube-apiserver", _AWAY)
    elif fault == plan.OPERATORS_CRASHED:
        cluster.restart("operators", _AWAY)
    elif fault == plan.TOKEN_EXPIRED:
        _expire_token(cluster)
    elif fault == plan.DISK_FULL:
        # Every file that the engine writes from now on ends there, as on a disk that is full.
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_ROOM, _ROOM))
    else:
        raise ValueError(f"fault {fault!r} is not known; known are {', '.join(plan.FAULTS)}")


def _expire_token(cluster: Cluster) -> None:
    """Have the API server refuse the token that the run has; the kubeconfig gets the new one, for the next run."""
    old, new = pki.tokens(cluster.directory)[_USER], secrets.token_hex(32)
    for path in (cluster.directory / "pki" / "tokens.csv", cluster.kubeconfig):
        pki.write_private(path, path.read_text().replace(old, new))
    cluster.restart("kube-apiserver")


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""
