"""The command line of ``pulumi``: the only place that starts it, and what a stack is asked with it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coco_azure.clients import event_log, stack_history
from coco_azure.clients.engine_run import Run
from coco_azure.clients.stack_history import Update
from coco_azure.formats import one_line
from coco_azure.settings import schema, stack_config

_HISTORY = 20
_LOGGING = {"PULUMI_DEBUG_COMMANDS": "true"}
"""The option for event logs, which the Automation API uses too, is hidden without it."""
_ASKING = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # A field that somebody else owns now is a conflict otherwise, and ends the preview at the first one.
    "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
}
_LONGEST = 2000
_ENGINE_WAITS = 600.0
"""Seconds that an engine may take to end what it does, once it was asked to stop."""
_INTERRUPTED = 130


class EngineError(Exception):
    """``pulumi`` is not there, or fails; the message is its own."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """``pulumi`` for one stack.

    Attributes:
        stack: name of the stack; None: the selected one.
        options: further options of a preview, such as ``--config-file``.
        environment: all environment variables.
        program: the program: a path, or a name on PATH.
    """

    folder: Path
    stack: str | None = None
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    program: str = "pulumi"

    def start(self, *arguments: str, log: Path | None = None, **streams: Any) -> "subprocess.Popen[str]":
        """Start ``pulumi``, by default on the terminal of this process.

        Args:
            arguments: of the command line, but for the stack.
            log: where the event log is written, or None.
            streams: further arguments of ``subprocess.Popen``.

        Raises:
            EngineError: there is no ``pulumi``.
        """
        logging = ("--event-log", str(log)) if log is not None else ()
        environment = {**self.environment, **(_LOGGING if logging else {})}
        command = [self.program, arguments[0], *self._stack(), *logging, *arguments[1:]]
        return self._started(command, environment, **streams)

    def run(self, *arguments: str, log: Path | None = None, **streams: Any) -> int:
        """Run ``pulumi`` to its end and return its exit code; arguments and errors are those of ``start``."""
        process = self.start(*arguments, log=log, **streams)
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Ctrl-C has reached it as well: it cancels what it does and saves its state.
            return process.wait(_ENGINE_WAITS) or _INTERRUPTED

    def ask(self, *arguments: str) -> str:
        """Return what ``pulumi`` prints; raises EngineError where it fails."""
        done = self._asked(*arguments)
        if done.returncode != 0:
            raise EngineError(_reason(done))
        return done.stdout

    def name(self) -> str:
        """Return the name of the stack; raises EngineError where none is selected."""
        return self.stack or self.ask("stack", "--show-name").strip()

    def config(self) -> dict[str, Mapping[str, Any]]:
        """Return the stack's configuration, known also after ``destroy``; secrets have no value. Raises EngineError."""
        return dict(json.loads(self.ask("config", "--json") or "{}"))

    def settings(self) -> dict[str, Any]:
        """Return the settings by name, decoded and decrypted; raises EngineError."""
        entries = json.loads(self.ask("config", "--json", "--show-secrets") or "{}")
        return stack_config.decode({key: entry.get("value") for key, entry in entries.items()})

    def secrets(self) -> frozenset[str]:
        """Return the texts that the stack keeps encrypted, in its settings and its state; raises EngineError."""
        state = json.loads(self.ask("stack", "export", "--show-secrets") or "{}")
        return frozenset({*schema.secret_values(self.settings()), *_plain_texts(state)})

    def deployment(self) -> dict[str, Any]:
        """Return the stack's state (pulumi sdk/go/common/apitype/core.go), its secrets encrypted.

        ``resources``, each with ``urn`` and, where it is only read, ``external``; ``pending_operations``, which a run
        has begun and no run has ended. Raises EngineError.
        """
        return dict(json.loads(self.ask("stack", "export")).get("deployment") or {})

    def history(self) -> list[Update]:
        """Return the latest runs of the stack, the last one first; raises EngineError."""
        options = ("--json", "--page", "1", "--page-size", str(_HISTORY))
        return stack_history.read(json.loads(self.ask("stack", "history", *options) or "[]") or [])

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs as data, secret ones masked; raises EngineError."""
        return one_line.read_all(json.loads(self.ask("stack", "output", "--json") or "{}"))

    def graph(self, *options: str) -> str:
        """Return the dependency graph of what is deployed, as DOT; raises EngineError."""
        with tempfile.TemporaryDirectory(prefix="coco-azure-graph-") as folder:
            path = Path(folder) / "graph.dot"
            self.ask("stack", "graph", str(path), *options)
            return path.read_text(encoding="utf-8")

    def preview(self) -> Run:
        """Return what a ``pulumi preview --refresh`` reads and would do; it may have failed.

        Raises:
            EngineError: it wrote no event log.
        """
        with tempfile.TemporaryDirectory(prefix="coco-azure-drift-") as folder:
            log = Path(folder) / "events.json"
            done = self._asked(
                "preview", "--refresh", "--suppress-outputs", "--event-log", str(log), *self.options, **_LOGGING
            )
            try:
                return event_log.read_file(log)
            except (FileNotFoundError, event_log.NotALogError):
                raise EngineError(_reason(done)) from None

    def _stack(self) -> tuple[str, ...]:
        return ("--stack", self.stack) if self.stack else ()

    def _asked(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run ``pulumi`` and keep what it prints; nothing that is asked changes anything."""
        command = [self.program, *arguments, *self._stack(), "--non-interactive", "--color", "never"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = self._started(command, {**self.environment, **_ASKING, **variables}, **pipes)
        with process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _started(
        self, command: Sequence[str], environment: Mapping[str, str], **streams: Any
    ) -> "subprocess.Popen[str]":
        try:
            return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **streams)
        except FileNotFoundError as error:
            raise EngineError(
                "pulumi is not on PATH: https://www.pulumi.com/docs/install/; in a rehearsal: . .rehearsal/env"
            ) from error


def _plain_texts(value: Any) -> Iterator[str]:
    """Yield the texts in what a state has decrypted (pulumi sdk/go/common/apitype, ``SecretV1``)."""
    if isinstance(value, Mapping):
        if isinstance(plain := value.get("plaintext"), str):
            yield from _texts(json.loads(plain))
        for inner in value.values():
            yield from _plain_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _plain_texts(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    return (done.stderr.strip() or done.stdout.strip())[-_LONGEST:] or f"pulumi ended with {done.returncode}"
