"""What is done between runs: what a kind of run begins with, beside what the run before has left, and the remediation.

The first is a KataConfig by hand, or a newer operator; the other what docs/recovery.md tells a user to do.
"""

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from coco_azure import names
from rehearsal import changes
from rehearsal.api import APPLY_PATCH
from rehearsal.kinds import CONFIG_MAP, KATA_CONFIG
from rehearsal.operators.olm_catalog import OSC, chosen, csv_name, move
from rehearsal.rest import ApiError, ApiServer

_TRUSTEE = "namespaces/trustee-operator-system"
_KBS_CONFIGS = f"/apis/confidentialcontainers.org/v1alpha1/{_TRUSTEE}/kbsconfigs"
_DEPLOYMENT = f"/apis/apps/v1/{_TRUSTEE}/deployments/trustee-deployment"
_PATIENCE = 3.0
"""Seconds after which a deletion that has not gone on is stuck."""
_SUBSCRIPTIONS = names.path(names.SUBSCRIPTIONS, namespace=names.OSC_NAMESPACE)
_LIMIT, _LOOK = 120.0, 0.5
"""Seconds: after which what is waited for is given up, and between two looks."""


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


def until(what: Callable[[], bool]) -> None:
    """Wait for something of the cluster, which may be away for a while; raises RuntimeError after some time."""
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        with suppress(OSError, ApiError):
            if what():
                return
        time.sleep(_LOOK)
    raise RuntimeError("the cluster does not come to what a run is to begin with")


def offer(server: ApiServer, *, patch: bool) -> None:
    """Have the catalog offer the operator of the rehearsal, or its next patch, and wait until OLM knows that."""
    base = chosen(os.environ)[OSC.name]
    minor, _, number = base.rpartition(".")
    patched = f"{minor}.{int(number) + 1}"
    package = dataclasses.replace(OSC, versions=(base, patched), unheard=())
    newest = patched if patch else base

    def moved() -> bool:
        move(server, package, newest)
        return not patch or _offered(server) == csv_name(OSC.name, newest)

    until(moved)


def _offered(server: ApiServer) -> str:
    (subscription,) = server.get(_SUBSCRIPTIONS)["items"]
    return str(subscription["status"]["currentCSV"])


def given_up(state: Mapping[str, Any]) -> list[str]:
    """Return the options of ``pulumi destroy`` for what is made by hand next: KataConfig, and the gates."""
    urns = [each["urn"] for each in state["resources"] if each["type"].endswith(":KataConfig") or _gates(each)]
    return [option for urn in urns for option in ("--target", urn)] + ["--target-dependents"]


def _gates(resource: Mapping[str, Any]) -> bool:
    metadata = resource.get("inputs", {}).get("metadata", {})
    return isinstance(metadata, Mapping) and metadata.get("name") == names.FEATURE_GATES


def by_hand(server: ApiServer) -> None:
    """Make a KataConfig as a person would, with another gate, selector and log level than the stack's, and wait for it.

    The stack has given up its own ones.
    """
    until(lambda: not server.get(KATA_CONFIG.path())["items"])
    gates = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"confidential": "false"}}
    path = f"{CONFIG_MAP.path(names.OSC_NAMESPACE, names.FEATURE_GATES)}?fieldManager=by-hand&force=true"
    server.request("PATCH", path, {**gates, "metadata": {"name": names.FEATURE_GATES}}, APPLY_PATCH)
    spec = {"enablePeerPods": True, "logLevel": "debug", "kataConfigPoolSelector": changes.SELECTOR}
    content = {"apiVersion": KATA_CONFIG.api_version, "kind": KATA_CONFIG.name, "metadata": {"name": "by-hand"}}
    server.request("POST", KATA_CONFIG.path(), {**content, "spec": spec})
    until(lambda: _ready(server.get(KATA_CONFIG.path(name="by-hand")).get("status", {})))


def _ready(status: Mapping[str, Any]) -> bool:
    idle = [each["status"] == "False" for each in status.get("conditions", [])]
    return "kata-remote" in status.get("runtimeClasses", []) and all(idle)
