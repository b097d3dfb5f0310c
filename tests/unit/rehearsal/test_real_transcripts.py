"""What an operator wrote, read from an audit log."""

import json
from pathlib import Path
from typing import Any

from rehearsal.real import transcript
from rehearsal.real.brought import OSC_OPERATOR, TRUSTEE_OPERATOR

OSC, TRUSTEE = "openshift-sandboxed-containers-operator", "trustee-operator-system"
REAL = "manager/v0.0.0 (linux/amd64) kubernetes/$Format"


def _event(verb: str, resource: str, name: str, namespace: str = "", agent: str = REAL, **others: Any) -> str:
    target = {"resource": resource, "name": name, **({"namespace": namespace} if namespace else {}), **others}
    uri = f"/api/{f'namespaces/{namespace}/' if namespace else ''}{resource}/{name}"
    event = {"verb": verb, "objectRef": target, "requestURI": uri, "userAgent": agent, "responseStatus": {"code": 200}}
    return json.dumps(event)


def _log(folder: Path, *events: str) -> Path:
    path = folder / "audit.log"
    path.write_text("\n".join(events))
    return path


def test_a_transcript_has_each_write_of_its_operator_once_and_in_order(tmp_path: Path) -> None:
    log = _log(
        tmp_path,
        _event("update", "namespaces", TRUSTEE, TRUSTEE),
        _event("create", "deployments", "trustee-deployment", TRUSTEE),
        _event("patch", "kbsconfigs", "kbsconfig", TRUSTEE),
        _event("patch", "kbsconfigs", "kbsconfig", TRUSTEE),
        _event("patch", "kbsconfigs", "kbsconfig", TRUSTEE, subresource="status"),
        _event("update", "deployments", "trustee-deployment", TRUSTEE),
        _event("create", "machineconfigpools", "kata-oc"),
        _event("create", "services", "kbs-service", TRUSTEE, agent="kubelet"),
        _event("delete", "deployments", "trustee-deployment", TRUSTEE),
    )

    assert transcript.of(log, TRUSTEE_OPERATOR, real=True) == [
        "update namespaces trustee-operator-system",
        "create deployments trustee-operator-system/trustee-deployment",
        "update kbsconfigs trustee-operator-system/kbsconfig",
        "delete deployments trustee-operator-system/trustee-deployment",
    ]
    assert transcript.of(log, OSC_OPERATOR, real=True) == ["create machineconfigpools kata-oc"]


def test_the_simulated_operator_is_read_by_its_own_name(tmp_path: Path) -> None:
    log = _log(
        tmp_path,
        _event("create", "jobs", "a", OSC),
        _event("create", "jobs", "b", OSC, "sandboxed-containers-operator"),
    )

    assert transcript.of(log, OSC_OPERATOR, real=False) == [f"create jobs {OSC}/b"]


def test_a_namespace_that_an_object_of_the_cluster_comes_with_counts_for_nothing(tmp_path: Path) -> None:
    placed = json.loads(_event("create", "machineconfigs", "50-kata", OSC)) | {"requestURI": "/apis/x/machineconfigs"}

    assert transcript.of(_log(tmp_path, json.dumps(placed)), OSC_OPERATOR, real=True) == [
        "create machineconfigs 50-kata"
    ]


def test_what_was_refused_is_left_out(tmp_path: Path) -> None:
    refused = json.loads(_event("create", "jobs", "a", OSC)) | {"responseStatus": {"code": 409}}

    assert transcript.of(_log(tmp_path, json.dumps(refused)), OSC_OPERATOR, real=True) == []
