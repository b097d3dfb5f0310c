"""A rehearsal cluster with a stack, and what tests ask of both."""

import http
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from coco_azure.formats import one_line
from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.rest import ApiServer
from rehearsal.workplace import STACK, Prepared, Workplace

REHEARSAL: Mapping[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.rehearsal.yaml").read_text())
WORKLOADS: Mapping[str, Any] = REHEARSAL["config"]["coco-azure:initdata"].pop("workloads")
"""Of the rehearsal's stack; that of tests has none unless they ask for it, since each adds a document."""
_SHOW_SECRETS = "--show-secrets"
_TIMEOUT = 300.0
_STREAMS: Mapping[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.STDOUT,
    "start_new_session": True,
}
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
    """One stack of a project on one rehearsal cluster, worked on with the command line as a user does.

    The project is this one, or a smaller program of the tests in a folder of its own.
    """

    def __init__(
        self, root: Path, cluster: Cluster, prepared: Prepared, program: Path = CHECKOUT, name: str = STACK
    ) -> None:
        self.cluster = cluster
        self.log: list[str] = []
        """What every run of ``pulumi`` printed, but for those that were to show secrets."""
        self._root = root
        self._prepared = prepared
        self._program = program
        self._server = ApiServer(cluster.kubeconfig)
        self.name = name
        self._config = root / ("Pulumi.yaml" if name == STACK else f"project/Pulumi.{name}.yaml")
        self._config.parent.mkdir(exist_ok=True)
        self.configure({})
        self.run("stack", "init", name, *self._elsewhere())

    def beside(self, name: str) -> "Stack":
        """Return another new stack of the same project on the same cluster."""
        return Stack(self._root, self.cluster, self._prepared, self._program, name)

    def _elsewhere(self) -> list[str]:
        """Return options that keep the file of a second stack out of the program's folder."""
        if self.name == STACK:
            return []
        shutil.copy(self._program / "Pulumi.yaml", self._config.parent)
        return ["--cwd", str(self._config.parent)]

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Write the stack's file: ``changes`` over that of the rehearsal, or over nothing for a small program."""
        project = yaml.safe_load((self._program / "Pulumi.yaml").read_text())["name"]
        base = REHEARSAL["config"] if self._program == CHECKOUT else {}
        config = _merged(base, {f"{project}:{name}": value for name, value in changes.items()})
        self._config.write_text(yaml.safe_dump({**REHEARSAL, "config": config}))

    def run(self, *arguments: str, check: bool = True) -> Done:
        """Run ``pulumi``; an exit code other than 0 fails the test, unless ``check`` is off."""
        with self.started(*arguments) as process:
            out, _ = process.communicate(timeout=_TIMEOUT)
        if _SHOW_SECRETS not in arguments:
            self.log.append(out)
        if check:
            assert process.returncode == 0, out
        return Done(process.returncode, out)

    def started(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``pulumi`` in a process group of its own."""
        file = [] if arguments[0] in ("stack", "cancel", "state") else ["--config-file", str(self._config)]
        engine = self._prepared.engine(folder=self._program)
        return engine.start(*arguments, "--non-interactive", *file, **_STREAMS)

    def make(self, *arguments: str) -> Done:
        """Run ``make`` in the project's folder: what it runs finds the stack's file there, not that of the tests."""
        command = ["make", "--no-print-directory", *arguments]
        environment = self._prepared.environment()
        with subprocess.Popen(command, cwd=self._program, env=environment, text=True, **_STREAMS) as process:
            out, _ = process.communicate(timeout=_TIMEOUT)
        self.log.append(out)
        return Done(process.returncode, out)

    def up(self, *arguments: str, check: bool = True) -> Done:
        """Run ``pulumi up``."""
        # With "--diff" a change that nobody expected says which property it is about.
        options = ["--diff"] if "--expect-no-changes" in arguments else []
        return self.run("up", "--stack", self.name, "--yes", "--skip-preview", *options, *arguments, check=check)

    def destroy(self) -> Done:
        """Run ``pulumi destroy``."""
        return self.run("destroy", "--stack", self.name, "--yes", "--skip-preview")

    def preview(self, changes: Mapping[str, Any] | None = None) -> list[Change]:
        """Return what ``pulumi preview`` would change with this configuration; the stack's own file stays."""
        before = self._config.read_text()
        if changes is not None:
            self.configure(changes)
        try:
            done = self.run("preview", "--stack", self.name, "--json")
        finally:
            self._config.write_text(before)
        steps = json.loads(done.output[done.output.index("{") :])["steps"]
        return [_change(step) for step in steps if step["op"] not in ("same", "read", "read-discard", "refresh")]

    def outputs(self) -> Any:
        """Return the stack's outputs as data."""
        return one_line.read_all(json.loads(self.run("stack", "output", "--stack", self.name, "--json").output))

    def state(self, *arguments: str) -> list[Mapping[str, Any]]:
        """Return the resources in the stack's state."""
        deployment = json.loads(self.run("stack", "export", "--stack", self.name, *arguments).output)["deployment"]
        return list(deployment.get("resources", []))

    def shown_secrets(self) -> list[Any]:
        """Return every value that the stack's state holds encrypted, decrypted."""
        exported = json.loads(self.run("stack", "export", "--stack", STACK, _SHOW_SECRETS).output)
        return list(_plain_texts(exported))

    def files(self) -> dict[Path, str]:
        """Return everything that Pulumi has written to its backend: the state, its backups and the history."""
        leaf = [path for path in Workplace(self._root).state.rglob("*") if path.is_file()]
        return {path: path.read_text(errors="replace") for path in leaf}

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
        leaf = []
        for line in self._audit()[since:]:
            event = json.loads(line)
            status = event.get("responseStatus", {}).get("code", 200)
            reference = event.get("objectRef", {})
            if event["user"]["username"] != user or status >= 400 or "dryRun=All" in event["requestURI"]:
                continue
            kind = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
            # What is applied onto nothing is a creation, too: the API server answers with Created.
            verb = "create" if status == http.HTTPStatus.CREATED else event["verb"]
            request = Request(verb, kind, reference.get("name", ""), event["user"]["username"])
            leaf.append((event["requestReceivedTimestamp"], request))
        return [request for _, request in sorted(leaf, key=lambda pair: pair[0])]

    def mark(self) -> int:
        """Return a place in the record of requests, for ``requests(since=...)``."""
        return len(self._audit())

    def _audit(self) -> list[str]:
        return self.cluster.audit_log.read_text().splitlines()

    def wait_for(self, what: Callable[[], Any], seconds: float = 180.0) -> Any:
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
    prepared = place.prepare(print, tools["python"])
    # The engine keeps a compressed, encrypted log of each run, for a third of its CPU time: not where that is a file.
    (root / "pulumi" / "logs").touch()
    return Cluster.start(place.cluster, tools), prepared


def remove(root: Path) -> None:
    """Remove what a cluster left on disk, but for its logs."""
    for folder in ("cluster/etcd", "pulumi", "bin"):
        shutil.rmtree(root / folder, ignore_errors=True)


def names(changes: Sequence[Change], operation: str) -> set[str]:
    """Return the names of the resources that a preview would create, update, replace or delete."""
    return {change.name for change in changes if change.operation == operation}


def index(requests: Sequence[Request], verb: str, kind: str, name: str) -> int:
    """Return the place of the first of these requests that does this to the object."""
    items = [place for place, each in enumerate(requests) if (each.verb, each.kind, each.name) == (verb, kind, name)]
    assert items, f"no {verb} of {kind} {name} in {requests}"
    return items[0]


def _plain_texts(leaf: Any) -> Iterator[Any]:
    if isinstance(leaf, Mapping):
        if "plaintext" in leaf:
            yield json.loads(leaf["plaintext"])
        for value in leaf.values():
            yield from _plain_texts(value)
    elif isinstance(leaf, list):
        for value in leaf:
            yield from _plain_texts(value)


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
