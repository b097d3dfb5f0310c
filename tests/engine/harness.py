"""A rehearsal cluster with a stack, and what tests ask of both."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.rest import ApiServer
from rehearsal.workplace import STACK, Prepared, Workplace

REHEARSAL: Mapping[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.rehearsal.yaml").read_text())
_TIMEOUT = 300.0
_LOOK = 0.1


@dataclass(frozen=True)
class Change:
    """What a preview says of one resource.

    Attributes:
        operation: ``create``, ``update``, ``replace``, ``delete``.
        name: the resource's name in the program.
        kind: the last part of its type.
        reasons: properties that differ, or that make it a replacement.
    """

    operation: str
    name: str
    kind: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """A request that the API server carried out.

    Attributes:
        verb: ``create``, ``patch``, ``update``, ``delete``.
        kind: plural of the kind, with a subresource after a slash.
        name: name of the object.
        user: who sent it.
    """

    verb: str
    kind: str
    name: str
    user: str


@dataclass(frozen=True)
class Done:
    """A run of ``pulumi``: exit code and everything that it printed."""

    code: int
    output: str


class Stack:
    """One stack of this project on one rehearsal cluster, worked on with the command line as a user does."""

    def __init__(self, root: Path, cluster: Cluster, prepared: Prepared) -> None:
        self.cluster = cluster
        self.provider = prepared.provider
        self._root = root
        self._prepared = prepared
        self._server = ApiServer(cluster.kubeconfig)
        self._config = root / "Pulumi.yaml"
        self.configure({})
        self.run("stack", "init", STACK)

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Write the stack's file: that of the rehearsal, with ``changes`` merged over it."""
        config = _merged(REHEARSAL["config"], {f"coco-azure:{name}": value for name, value in changes.items()})
        self._config.write_text(yaml.safe_dump({**REHEARSAL, "config": config}))

    def run(self, *arguments: str, check: bool = True) -> Done:
        """Run ``pulumi``; an exit code other than 0 fails the test, unless ``check`` is off."""
        with self.started(*arguments) as process:
            out, _ = process.communicate(timeout=_TIMEOUT)
        if check:
            assert process.returncode == 0, out
        return Done(process.returncode, out)

    def started(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``pulumi`` in a process group of its own."""
        command = [str(self._prepared.pulumi), *arguments, "--non-interactive", "--config-file", str(self._config)]
        if arguments[0] == "stack":
            command = [str(self._prepared.pulumi), *arguments, "--non-interactive"]
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=self._prepared.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *arguments: str, check: bool = True) -> Done:
        """Run ``pulumi up``."""
        return self.run("up", "--stack", STACK, "--yes", "--skip-preview", *arguments, check=check)

    def destroy(self) -> Done:
        """Run ``pulumi destroy``."""
        return self.run("destroy", "--stack", STACK, "--yes", "--skip-preview")

    def preview(self, changes: Mapping[str, Any] | None = None) -> list[Change]:
        """Return what ``pulumi preview`` would change with this configuration; the stack's own file stays."""
        before = self._config.read_text()
        if changes is not None:
            self.configure(changes)
        try:
            done = self.run("preview", "--stack", STACK, "--json")
        finally:
            self._config.write_text(before)
        steps = json.loads(done.output[done.output.index("{") :])["steps"]
        return [_change(step) for step in steps if step["op"] not in ("same", "read", "read-discard", "refresh")]

    def outputs(self) -> Any:
        """Return the stack's outputs."""
        return json.loads(self.run("stack", "output", "--stack", STACK, "--json").output)

    def state(self, *arguments: str) -> list[Mapping[str, Any]]:
        """Return the resources in the stack's state."""
        deployment = json.loads(self.run("stack", "export", "--stack", STACK, *arguments).output)["deployment"]
        return list(deployment.get("resources", []))

    def get(self, path: str) -> Any:
        """Return an object or list of the API server, or None."""
        return self._server.get(path)

    def api(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """Send a request to the API server."""
        return self._server.request(method, path, body, kind)

    def ask_for_fault(self, name: str, value: str | None) -> None:
        """Have something go wrong, or heal it with None."""
        path = "/api/v1/namespaces/rehearsal/configmaps"
        if self.get(f"{path}/faults") is None:
            self.api("POST", path, {"metadata": {"name": "faults"}})
        self.api("PATCH", f"{path}/faults", {"data": {name: value}}, "application/merge-patch+json")

    def requests(self, since: int = 0, user: str = "rehearsal-admin") -> list[Request]:
        """Return the user's requests that changed something, in the order in which the API server began them."""
        found = []
        for line in self._audit()[since:]:
            event = json.loads(line)
            status = event.get("responseStatus", {}).get("code", 200)
            reference = event.get("objectRef", {})
            if event["user"]["username"] != user or status >= 400 or "dryRun=All" in event["requestURI"]:
                continue
            kind = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
            request = Request(event["verb"], kind, reference.get("name", ""), event["user"]["username"])
            found.append((event["requestReceivedTimestamp"], request))
        return [request for _, request in sorted(found, key=lambda pair: pair[0])]

    def mark(self) -> int:
        """Return a place in the record of requests, for ``requests(since=...)``."""
        return len(self._audit())

    def _audit(self) -> list[str]:
        return self.cluster.audit_log.read_text().splitlines()

    def wait_for(self, what: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Return the first true answer of ``what``; an assertion fails after ``seconds``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if answer := what():
                return answer
            time.sleep(_LOOK)
        raise AssertionError(f"not true within {seconds} s")


def interrupt(process: "subprocess.Popen[str]") -> Done:
    """Press Ctrl-C on a run of ``pulumi`` and return how it ended."""
    os.killpg(process.pid, signal.SIGINT)
    with process:
        out, _ = process.communicate(timeout=_TIMEOUT)
    return Done(process.returncode, out)


def prepare(root: Path, tools: Mapping[str, Path]) -> tuple[Cluster, Prepared]:
    """Start a cluster in ``root`` and place the engine."""
    place = Workplace(root)
    prepared = place.prepare(print)
    return Cluster.start(place.cluster, tools), prepared


def remove(root: Path) -> None:
    """Remove what a cluster left on disk, but for its logs."""
    for folder in ("cluster/etcd", "pulumi", "bin"):
        shutil.rmtree(root / folder, ignore_errors=True)


def names(changes: Sequence[Change], operation: str) -> set[str]:
    """Return the names of the resources that a preview would create, update, replace or delete."""
    return {change.name for change in changes if change.operation == operation}


def _change(step: Mapping[str, Any]) -> Change:
    types, name = str(step["urn"]).rsplit("::", 2)[1:]
    reasons = (*step.get("replaceReasons", ()), *step.get("diffReasons", ()))
    return Change(step["op"], name, types.rpartition(":")[2], tuple(dict.fromkeys(reasons)))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
