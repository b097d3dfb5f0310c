"""The history of a stack: which runs there were, of which commit, how they ended; and what the last one put out.

The format is that of ``pulumi stack history --json`` (pulumi pkg/cmd/pulumi/stack, ``updateInfoJSON``): the latest run
first, each with ``version``, ``kind``, ``result``, ``startTime``, ``config``, and ``environment``, whose keys are in
pkg/backend/updates.go. Previews are not in it.

Not by a StackReference: while the engine writes a state file, a reader may find it empty ("failed to load checkpoint:
EOF"), and a resource that cannot be read ends the run. A function that fails can be called again.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pulumi

from coco_azure.clients.engine_run import Run
from coco_azure.formats import one_line
from coco_azure.settings import stack_config

_NEAR = 120.0
"""Seconds by which the start in the history and that of the event log may differ."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """One run of a stack.

    Attributes:
        number: the engine's number of it, from 1; 0 where it says none.
        kind: ``update``, ``destroy``, ``refresh``, ``import``, ``rename`` ...
        started: when, in UTC.
        succeeded: whether it came to its end.
        commit: hexadecimal id of its commit; empty where it was run outside of git.
        dirty: whether files differed from the commit.
        message: what it was called; by default the commit's first line.
        engine: version of pulumi.
        pipeline: which CI system ran it, and its address there; empty where none did.
        config: the configuration that it had, see ``stack_config.decode_entries``.
    """

    number: int = 0
    kind: str = "update"
    started: str = ""
    succeeded: bool = False
    commit: str = ""
    dirty: bool = False
    message: str = ""
    engine: str = ""
    pipeline: str = ""
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def began(self) -> float:
        """When it began, in seconds since the epoch; 0 where that is not known."""
        try:
            return datetime.fromisoformat(self.started).timestamp()
        except ValueError:
            return 0.0

    @property
    def attested(self) -> bool:
        """Whether a pod has proven itself at its end: a run with the check succeeds only then."""
        return self.succeeded and checks(stack_config.decode_entries(self.config))

    @property
    def title(self) -> str:
        """The run in words, with its number where its backend has one."""
        return f"run {self.number}: {self.described}" if self.number else f"the run of {self.described}"

    @property
    def described(self) -> str:
        """The run in words."""
        result = "attested" if self.attested else "came to its end" if self.succeeded else "failed"
        return f"{self.started}, commit {self.commit[:12] or 'unknown'} ({self.message}), {result}"


def read(history: Iterable[Mapping[str, Any]]) -> list[Update]:
    """Return the runs in a history, the latest first."""
    return [_update(entry) for entry in history]


def deployments(updates: Iterable[Update]) -> list[Update]:
    """Return the updates, the latest first: what refreshed or imported is left out, and what was before a destroy."""
    deployed = []
    for update in updates:
        if update.kind == "destroy":
            break  # what was deployed before is gone
        if update.kind == "update":
            deployed.append(update)
    return deployed


def last_finished(updates: Iterable[Update]) -> Update | None:
    """Return the last update that came to its end, whose outputs are the stack's; None without one."""
    return next((update for update in deployments(updates) if update.succeeded), None)


def of_run(updates: Sequence[Update], run: Run) -> Update | None:
    """Return the entry of a run that has an event log; None for a preview, and where there is none."""
    away = {abs(update.began - run.began): update for update in updates}
    nearest = min(away, default=_NEAR)
    return None if run.preview or nearest >= _NEAR else away[nearest]


def _update(entry: Mapping[str, Any]) -> Update:
    environment = entry.get("environment") or {}
    pipeline = (environment.get("ci.system"), environment.get("ci.build.url") or environment.get("ci.build.number"))
    return Update(
        number=int(entry.get("version") or 0),
        kind=str(entry.get("kind", "update")),
        started=str(entry.get("startTime", "")),
        succeeded=entry.get("result") == "succeeded",
        commit=str(environment.get("git.head", "")),
        dirty=environment.get("git.dirty") == "true",
        message=str(entry.get("message") or "").partition("\n")[0],
        engine=str(environment.get("pulumi.version", "")),
        pipeline=" ".join(str(part) for part in pipeline if part),
        config=entry.get("config") or {},
    )


def checks(settings: Mapping[str, Any]) -> bool:
    """Return whether a run with these settings ends with the attestation check, see ``Settings.checks``."""
    defaults = (
        ("attestationCheck", "enabled", True),
        ("peerPods", "enabled", True),
        ("trustee", "allowProtocolGap", False),
    )
    for part, name, default in defaults:
        values = settings.get(part, {})
        # What cannot be read is no proof.
        if not isinstance(values, Mapping) or values.get(name, default) is not default:
            return False
    return True


_TRIES, _PAUSE = 20, 0.25


def own_outputs() -> Mapping[str, Any]:
    """Return the outputs by name, as data; none where no run has come to its end."""
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for _ in range(_TRIES - 1):
        try:
            return _outputs(own)
        except Exception as error:  # noqa: BLE001 - pulumi raises nothing more precise
            pulumi.log.debug(f"the outputs of {own} cannot be read yet: {error}")
            time.sleep(_PAUSE)
    return _outputs(own)


def _outputs(stack: str) -> Mapping[str, Any]:
    answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    return one_line.read_all((answer.value or {}).get("outputs") or {})
