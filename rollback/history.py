"""Which run to go back to, by the history of a stack.

The format is that of ``pulumi stack history --json`` (pulumi pkg/cmd/pulumi/stack, ``updateInfoJSON``): the latest run
first, each with ``kind``, ``result``, ``startTime``, ``config``, and ``environment``, in which ``git.head`` is the
commit and ``git.dirty`` tells whether files differed from it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CHECK = "coco-azure:attestationCheck"


class NoWayBackError(Exception):
    """There is no run to go back to; the message says what was found and what can be done."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One ``pulumi up`` of the stack.

    Attributes:
        started: when, in UTC.
        commit: hexadecimal id of its commit; empty where it was run outside of git.
        dirty: whether files differed from the commit.
        succeeded: whether it came to its end.
        checked: whether it ended with the attestation check.
        message: what it was called; by default the commit's first line.
    """

    started: str
    commit: str
    dirty: bool
    succeeded: bool
    checked: bool
    message: str

    @property
    def attested(self) -> bool:
        """Return whether a pod has proven itself at its end: a run with the check succeeds only then."""
        return self.succeeded and self.checked

    def described(self) -> str:
        """Return the run in words."""
        said = "attested" if self.attested else "came to its end" if self.succeeded else "failed"
        return f"{self.started}, commit {self.commit[:12] or 'unknown'} ({self.message}), {said}"


def runs(history: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Return the updates in the history, the latest first; what refreshed, renamed or imported is left out."""
    found = []
    for each in history:
        if each.get("kind") == "destroy":
            break  # what was deployed before is gone
        if each.get("kind") == "update":
            found.append(_run(each))
    return found


def target(found: Sequence[Run]) -> Run:
    """Return the run to go back to.

    After a run that failed it is the last one that attested; after one that attested, the last one before it with
    another commit.

    Raises:
        NoWayBackError: there is none, or its settings cannot be had from its commit.
    """
    latest = found[0] if found else None
    for run in found:
        if not run.attested or (latest is not None and latest.attested and run.commit == latest.commit):
            continue
        if not run.commit:
            raise NoWayBackError(
                f"the last attested run was not made of a git commit ({run.described()}); put its program and settings "
                "back by hand, and run `pulumi up`"
            )
        if run.dirty:
            raise NoWayBackError(
                f"the last attested run had changes that are not committed ({run.described()}), so git does not have "
                "its settings. Name a commit: --to COMMIT; and commit before `pulumi up` from now on"
            )
        return run
    raise NoWayBackError(
        "the history has no attested run with another commit than the present one"
        + (f"; the latest is {latest.described()}" if latest is not None else "")
        + ". Name a commit: --to COMMIT"
    )


def _run(said: Mapping[str, Any]) -> Run:
    environment = said.get("environment") or {}
    return Run(
        started=str(said.get("startTime", "")),
        commit=str(environment.get("git.head", "")),
        dirty=environment.get("git.dirty") == "true",
        succeeded=said.get("result") == "succeeded",
        checked=_checked(said.get("config") or {}),
        message=str(said.get("message") or "").partition("\n")[0],
    )


def _checked(config: Mapping[str, Any]) -> bool:
    try:
        check = json.loads((config.get(_CHECK) or {}).get("value") or "{}")
    except ValueError:
        return False
    return not isinstance(check, Mapping) or check.get("enabled", True) is not False
