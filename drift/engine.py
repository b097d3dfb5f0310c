"""The engine, asked with the command line that is on PATH; nothing that is started here changes anything."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drift import events
from drift.events import Log

_HISTORY = 20
_VARIABLES = {
    # The option for event logs, which the Automation API uses too, is hidden without it.
    "PULUMI_DEBUG_COMMANDS": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # A field that somebody else owns now is a conflict otherwise, and ends the preview at the first one.
    "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
}
_SAID = 2000


class EngineError(Exception):
    """``pulumi`` is not there, or does not answer; the message says what it said."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """``pulumi`` for one stack.

    Attributes:
        stack: name of the stack; None: the selected one.
        options: further options of ``pulumi preview``, such as ``--config-file``.
        folder: folder of the project.
        variables: further environment variables.
    """

    stack: str | None
    options: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def name(self) -> str:
        """Return the name of the stack; raises EngineError where none is selected."""
        return self.stack or self._run("stack", "--show-name").stdout.strip()

    def interrupted(self) -> int:
        """Return how many operations a run has begun that no run has ended; raises EngineError."""
        exported = json.loads(self._run("stack", "export", *self._stack()).stdout)
        return len((exported.get("deployment") or {}).get("pending_operations") or ())

    def history(self) -> list[Mapping[str, Any]]:
        """Return the latest runs of the stack, the last one first; raises EngineError."""
        options = ("--json", "--page", "1", "--page-size", str(_HISTORY))
        return list(json.loads(self._run("stack", "history", *options, *self._stack()).stdout or "[]") or [])

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs, secret ones masked; raises EngineError."""
        return dict(json.loads(self._run("stack", "output", "--json", *self._stack()).stdout or "{}"))

    def graph(self, *options: str) -> str:
        """Return the dependency graph of what is deployed, as DOT; raises EngineError."""
        with tempfile.TemporaryDirectory(prefix="coco-azure-graph-") as folder:
            path = Path(folder) / "graph.dot"
            self._run("stack", "graph", str(path), *options, *self._stack())
            return path.read_text(encoding="utf-8")

    def preview(self) -> Log:
        """Return what a ``pulumi preview --refresh`` reads and would do.

        Its event log may end with an error, which is part of the answer.

        Raises:
            EngineError: it wrote no event log.
        """
        with tempfile.TemporaryDirectory(prefix="coco-azure-drift-") as folder:
            path = Path(folder) / "events.json"
            options = ("--refresh", "--suppress-outputs", "--event-log", str(path))
            done = self._run("preview", *options, *self._stack(), *self.options, check=False)
            if not path.exists():
                raise EngineError(_said(done))
            with path.open(encoding="utf-8") as lines:
                return events.read(lines)

    def _stack(self) -> tuple[str, ...]:
        return ("--stack", self.stack) if self.stack else ()

    def _run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self.variables, **_VARIABLES}
        try:
            done = subprocess.run(
                ["pulumi", *arguments, "--non-interactive", "--color", "never"],
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise EngineError(
                "pulumi is not on PATH: https://www.pulumi.com/docs/install/; in a rehearsal: . .rehearsal/env"
            ) from error
        if check and done.returncode != 0:
            raise EngineError(_said(done))
        return done


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    return (done.stderr.strip() or done.stdout.strip())[-_SAID:] or f"pulumi ended with {done.returncode}"
