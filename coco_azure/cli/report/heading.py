"""The top of a report: did the run attest, for which cluster, by whom; what it costs, which nodes it reboots."""

import getpass
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from coco_azure import run_marks as marks
from coco_azure.clients.engine_run import Run
from coco_azure.clients.stack_history import Update, checks
from coco_azure.settings import Settings, stack_config

Attestation = Literal["attested", "not attested", "not checked", ""]
_EXAMPLE = ".example.com"
"""Nobody's domain (RFC 2606, section 3), so no real cluster's: the rehearsal's API server says that it is there."""
_PIPELINES = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR")
"""Who started the pipeline, in the variables of GitHub, GitLab and Azure Pipelines."""


def attestation(run: Run, outputs: Mapping[str, Any], *, own: bool) -> Attestation:
    """Return whether a pod has proven itself at the end of this run; empty for a preview and a teardown.

    Args:
        own: whether they are this run's.
    """
    if run.preview or run.destroys:
        return ""
    if own:
        checked, passed = "attested" in outputs, outputs.get("attested") is True
    else:
        # A run with the check comes to its end only if that succeeds.
        checked, passed = checks(_settings(run)), run.result == "succeeded"
    return "not checked" if not checked else "attested" if passed else "not attested"


def is_rehearsal(run: Run) -> bool:
    """Return whether the run was on a simulated cluster."""
    return any((urlsplit(str(each.get("apiServerURL"))).hostname or "").endswith(_EXAMPLE) for each in _clusters(run))


def facts(run: Run, update: Update | None, user: str) -> Iterator[tuple[str, str]]:
    """Yield what the heading says, as pairs of title and text.

    Args:
        update: its entry in the stack's history; None for a preview.
        user: who ran it, as far as that is known otherwise; empty where it is not.
    """
    yield "Environment", str(_settings(run).get("environment", Settings.model_fields["environment"].default))
    for cluster in _clusters(run):
        yield "Cluster", " ".join(filter(None, (cluster.get("infrastructureName"), cluster.get("apiServerURL"))))
    if version := (run.marks.get(marks.CLUSTER) or {}).get("openshift"):
        yield "OpenShift", str(version)
    if by := (update.pipeline if update is not None else "") or user:
        yield "Run by", by
    if update is None:
        return
    if update.commit:
        yield "Commit", f"{update.commit[:10]}{' and changes that are not committed' if update.dirty else ''}"
    if update.message:
        yield "Message", update.message
    if update.engine:
        yield "Pulumi", update.engine


def user(environment: Mapping[str, str]) -> str:
    """Return who runs this process: who started the pipeline, or the user and the machine."""
    if by := next((environment[name] for name in _PIPELINES if environment.get(name)), ""):
        return by
    try:
        return f"{getpass.getuser()} on {platform.node()}"
    except (KeyError, OSError):  # a user without a name
        return ""


def _settings(run: Run) -> dict[str, Any]:
    return stack_config.decode(run.settings)


def _clusters(run: Run) -> list[Mapping[str, Any]]:
    """Return ``status`` of each cluster's Infrastructure that the run read, the peer pods' first."""
    statuses = {
        step.name: (step.properties.get("outputs") or {}).get("status")
        for step in run.resources
        if step.kind == "Infrastructure"
    }
    return [status for _, status in sorted(statuses.items()) if isinstance(status, Mapping)]


_ROWS = (
    ("natGateways", "NAT gateway of the stack's own subnet", "by the hour, and by the data that goes through it"),
    ("publicIPs", "public IP address of that gateway", "by the hour"),
    ("imageVersions", "pod VM image that the operator stores in a gallery", "by its size, as long as it is stored"),
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One thing that costs.

    Attributes:
        count: how many there are at most.
        sizes: sizes that each of them may have, the default one first; empty where there is no choice.
        charged: what Azure counts.
    """

    what: str
    count: int
    sizes: tuple[str, ...] = ()
    charged: str


def cost_rows(drivers: Mapping[str, Any]) -> tuple[Cost, ...]:
    """Return a row for each thing of which there may be one."""
    return tuple(row for row in _rows(drivers) if row.count > 0)


def _rows(drivers: Mapping[str, Any]) -> Iterator[Cost]:
    yield Cost(
        what=f"{'confidential ' if drivers.get('confidential') else ''}VM of a pod, with its OS disk",
        count=int(drivers.get("podVMs", 0)),
        sizes=tuple(map(str, drivers.get("sizes", ()))),
        charged="by the hour, as long as the pod is there",
    )
    for key, what, charged in _ROWS:
        yield Cost(what=what, count=int(drivers.get(key, 0)), charged=charged)


@dataclass(frozen=True, kw_only=True)
class Reboot:
    """One update of a node.

    Attributes:
        began: seconds after the start of the run.
        seconds: how long it took; None where the run ended before it did.
    """

    began: float
    seconds: float | None


def reboots_of(run: Run) -> dict[str, tuple[Reboot, ...]]:
    """Return the updates of each node, in their order; none where the run did not see any."""
    reboots: dict[str, list[Reboot]] = {}
    open_since: dict[str, float] = {}
    for at, names in run.node_updates:
        for name in [each for each in open_since if each not in names]:
            began = open_since.pop(name)
            reboots.setdefault(name, []).append(Reboot(began=began - run.began, seconds=at - began))
        for name in names:
            open_since.setdefault(name, at)
    for name, began in open_since.items():
        reboots.setdefault(name, []).append(Reboot(began=began - run.began, seconds=None))
    return {name: tuple(each) for name, each in reboots.items()}
