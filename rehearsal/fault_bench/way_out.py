"""What docs/recovery.md tells a user to do between two runs, done by the bench."""

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path

from rehearsal.rest import ApiError, ApiServer

_TRUSTEE = "namespaces/trustee-operator-system"
_KBS_CONFIGS = f"/apis/confidentialcontainers.org/v1alpha1/{_TRUSTEE}/kbsconfigs"
_DEPLOYMENT = f"/apis/apps/v1/{_TRUSTEE}/deployments/trustee-deployment"
_PATIENCE = 3.0
"""Seconds after which a deletion that has not gone on is stuck."""


def readable(state: Path) -> bool:
    """Return whether a file is whole JSON."""
    try:
        json.loads(state.read_text())
    except (OSError, ValueError):
        return False
    return True


def restore(state: Path, backups: Path) -> bool:
    """Put the newest copy of a state that can be read in its place, and return whether there was one."""
    old = sorted(backups.glob("*.json"), reverse=True)
    copies = [each for each in (state.with_name(f"{state.name}.bak"), *old) if readable(each)]
    if copies:
        shutil.copy(copies[0], state)
    return bool(copies)


def strip(state: Path) -> bool:
    """Remove a state's attributes if they are not whole, and return whether they were not."""
    attributes = state.with_name(f"{state.name}.attrs")
    broken = attributes.exists() and not readable(attributes)
    if broken:
        attributes.unlink()
    return broken


def free(server: ApiServer, patience: float = _PATIENCE) -> bool:
    """Take the finalizer of a KbsConfig away that its operator never takes away, and return whether one was stuck."""
    with suppress(OSError, ApiError):
        if names := _stuck(server):
            time.sleep(patience)  # the operator may be about to do it
            names = [name for name in names if name in _stuck(server)]
        for name in names:
            change = {"metadata": {"finalizers": None}}
            server.request("PATCH", f"{_KBS_CONFIGS}/{name}", change, "application/merge-patch+json")
        return bool(names)
    return False


def _stuck(server: ApiServer) -> list[str]:
    configs = server.get(_KBS_CONFIGS) or {"items": []}
    going = [each["metadata"]["name"] for each in configs["items"] if "deletionTimestamp" in each["metadata"]]
    return going if going and server.get(_DEPLOYMENT) is None else []
