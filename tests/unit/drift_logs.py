"""Event logs of the engine, as ``pulumi preview --refresh --event-log`` writes them, made of what a test says."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from coco_azure.cli.drift import command
from coco_azure.cli.drift.fields import Drift, DriftReport
from coco_azure.clients import event_log, stack_history
from coco_azure.clients.engine_run import Run

KINDS = {
    "map": "kubernetes:core/v1:ConfigMap",
    "map-patch": "kubernetes:core/v1:ConfigMapPatch",
    "secret": "kubernetes:core/v1:Secret",
    "kata": "kubernetes:kataconfiguration.openshift.io/v1:KataConfig",
    "gate": "kubernetes:operators.coreos.com/v1:OperatorPatch",
    "plan": "kubernetes:operators.coreos.com/v1alpha1:InstallPlan",
    "deployment": "kubernetes:apps/v1:DeploymentPatch",
    "job": "kubernetes:batch/v1:Job",
    "ingress": "kubernetes:config.openshift.io/v1:Ingress",
    "network": "coco-azure:index:AzureNetwork",
    "versions": "coco-azure:index:OperatorVersions",
    "provider": "pulumi:providers:kubernetes",
}
MASKED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def urn(kind: str, name: str) -> str:
    """Return the URN of a resource."""
    return f"urn:pulumi:test::coco-azure::coco-azure:index:Parent${KINDS[kind]}::{name}"


def managed(manager: str, fields: Mapping[str, Any], *, time: str = "2026-11-25T00:00:00Z", **more: Any) -> Any:
    """Return an entry of ``metadata.managedFields``."""
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


def state(
    content: Mapping[str, Any] | None,
    *,
    name: str = "one",
    namespace: str = "place",
    managers: Sequence[Any] = (),
    **live: Any,
) -> dict[str, Any]:
    """Return a resource of the state: these inputs, and outputs with what is beyond them."""
    metadata = {"name": name, "namespace": namespace}
    inputs = {} if content is None else {"metadata": metadata, **content}
    outputs = {**inputs, "metadata": {**metadata, "managedFields": list(managers)}, **live}
    return {"inputs": inputs, "outputs": outputs}


class LogOf:
    """An event log under construction."""

    def __init__(self, **settings: str) -> None:
        self.lines: list[dict[str, Any]] = [{"timestamp": 0, "preludeEvent": {"config": settings}}]

    def refreshed(self, kind: str, name: str, old: Any, new: Any, *changed: str) -> "LogOf":
        """Add a resource that was read."""
        step = {"op": "refresh", "urn": urn(kind, name), "type": KINDS[kind], "old": old, "new": new}
        diff = {path: {"diffKind": "update"} for path in changed} or None
        return self._add("resOutputsEvent", {**step, "detailedDiff": diff})

    def planned(self, operation: str, kind: str, name: str, *changed: str) -> "LogOf":
        """Add a step."""
        diff = {path: {"diffKind": "update"} for path in changed} or None
        step = {"op": operation, "urn": urn(kind, name), "type": KINDS[kind], "detailedDiff": diff}
        return self._add("resourcePreEvent", step)

    def component(self, kind: str, name: str, before: Any, after: Any) -> "LogOf":
        """Add a component; None: the program did not get to its outputs."""
        self.refreshed(kind, name, {"outputs": before}, {"outputs": before})
        for outputs in [before] if after is None else [before, after]:
            step = {"op": "same", "urn": urn(kind, name), "type": KINDS[kind], "new": {"outputs": outputs}}
            self._add("resOutputsEvent", step)
        return self

    def fails(self, message: str) -> "LogOf":
        """Add an error."""
        self.lines.append({"timestamp": 0, "diagnosticEvent": {"severity": "error", "message": message}})
        return self

    def read(self, result: str = "succeeded") -> Run:
        """Return the run as the check reads it."""
        ended = [*self.lines, {"timestamp": 0, "summaryEvent": {"result": result}}]
        return event_log.read([json.dumps(line) for line in ended])

    def _add(self, event: str, metadata: Any) -> "LogOf":
        self.lines.append({"timestamp": 0, event: {"metadata": metadata}})
        return self


def reported(log: LogOf, *history: Any, result: str = "succeeded", read_only: Collection[str] = ()) -> DriftReport:
    """Return what a check reports of the log."""
    return command.drift_report("test", log.read(result), stack_history.read(history), read_only)


def only(report: DriftReport) -> Drift:
    """Return the only finding."""
    assert len(report.findings) == 1, report
    return report.findings[0]


def looked(log: LogOf) -> LogOf:
    """Return the log with a look-up that found what the last run found."""
    return log.component("network", "network", {"region": "eastus"}, {"region": "eastus"})
