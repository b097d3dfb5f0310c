"""``./coco-azure workload status``: every peer pod of the cluster, with what KBS's log says."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from coco_azure.cli import main
from coco_azure.formats.workload import terms as formats
from tests.unit.formats.test_kbs_log import ENV_LOGGER
from tests.unit.workload_terms import ANNOTATION, terms

PODS, EVENTS = "/api/v1/pods", "/api/v1/namespaces/shop/events"
KBS = "/api/v1/namespaces/trustee-operator-system/pods"
PEER_PODS = "/apis/confidentialcontainers.org/v1alpha1/peerpods"
VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/podvm-shop-1-abcdefgh"


def _pod(name: str, runtime: str | None = "kata-remote", **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-12-01T02:00:00Z"}
    status = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    return {
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"runtimeClassName": runtime},
        "status": status,
    }


class _Cluster:
    def __init__(self, *pods: dict[str, Any], log: str | None = ENV_LOGGER) -> None:
        owner = {"ownerReferences": [{"uid": "shop-1"}]}
        self.lists: dict[str, Any] = {
            PODS: list(pods),
            PEER_PODS: [{"metadata": owner, "spec": {"instanceID": VM}}],
            KBS: [{"metadata": {"name": "trustee-1"}}],
        }
        self._log = log

    def items(self, path: str, **_: object) -> list[Any]:
        result = self.lists.get(path, [])
        if isinstance(result, Exception):
            raise result
        return list(result)

    def log(self, path: str, lines: int) -> str:
        assert (path, lines) == (f"{KBS}/trustee-1", 20000)
        if self._log is None:
            raise ConnectionError("forbidden")
        return self._log


@pytest.fixture
def published(tmp_path: Path) -> str:
    path = tmp_path / "terms.json"
    path.write_text(json.dumps({"shop": formats.to_dict(terms())}))
    return str(path)


def _run(cluster: _Cluster, *arguments: str) -> int:
    with mock.patch("coco_azure.clients.kubernetes.connect", return_value=cluster):
        return main(["workload", "status", *arguments])


def test_each_peer_pod_is_told_and_no_other_pod(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    check = _pod("check")
    check["metadata"]["labels"] = {"app": "attestation-check"}
    cluster = _Cluster(_pod("shop-1", **{ANNOTATION: terms().initdata}), _pod("plain", None), check)

    assert _run(cluster, "--from", published) == 0

    assert capsys.readouterr().out == (
        "shop/shop-1: attested\n"
        "  initdata of shop, current\n"
        "  podvm-shop-1-abcdefgh, Standard_DC2as_v5, Running\n"
        "  default/db/password given at 2026-12-01T02:00:03Z\n"
    )


def test_a_pod_with_old_initdata_ends_with_2(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_Cluster(_pod("shop-1", **{ANNOTATION: "old"})), "--from", published, "--json") == 2

    (state,) = json.loads(capsys.readouterr().out)["pods"]
    assert (state["initdata"], state["vm"]) == ("unknown", "podvm-shop-1-abcdefgh")


def test_where_the_log_cannot_be_read_the_rest_is_told_and_the_way_to_hand_it_over(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = _Cluster(_pod("shop-1", **{ANNOTATION: terms().initdata}), log=None)
    (tmp_path / "kbs.log").write_text(ENV_LOGGER)

    assert _run(cluster, "--from", published) == 0
    without = capsys.readouterr().out
    assert _run(cluster, "--from", published, "--kbs-log", str(tmp_path / "kbs.log")) == 0

    assert "note: KBS's log cannot be read (forbidden); hand its log over: --kbs-log FILE" in without
    assert "default/db/password given" in capsys.readouterr().out


def test_a_team_that_may_only_see_its_pods_is_told_what_cannot_be_told(
    published: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = _Cluster(_pod("shop-1", **{ANNOTATION: terms().initdata}))
    cluster.lists |= {PEER_PODS: PermissionError("forbidden"), EVENTS: PermissionError("forbidden")}

    assert _run(cluster, "--from", published) == 0

    printed = capsys.readouterr().out
    assert "VM not known" in printed
    assert "note: VMs cannot be told (forbidden); events cannot be told (forbidden)\n" in printed


def test_no_peer_pods_are_said_to_be_none(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_Cluster(), "--from", published, "--namespace", "shop") == 0
    assert capsys.readouterr().out.startswith("no peer pods\n")


def test_a_cluster_that_does_not_answer_ends_with_1(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch("coco_azure.clients.kubernetes.connect", side_effect=ConnectionError("refused")):
        assert main(["workload", "status", "--from", published]) == 1
    assert "does not answer (refused)" in capsys.readouterr().err
