"""A node that does not come back, an Azure without capacity: the run waits, says so, and goes on once it is healed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack

KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    yield from start(tmp_path_factory.mktemp("faults"), tools)


def test_a_degraded_node_is_reported_and_holds_kataconfig(stack: Stack) -> None:
    stack.ask_for_fault("node-degraded", "worker-eastus1")
    stack.configure({"peerPods": {"kataConfig": {"timeout": "15s"}}})
    done = stack.up(check=False)
    status = stack.get(KATA_CONFIG)["status"]

    assert done.code != 0
    assert "peer-pods-kata-installed" in done.output
    assert "node worker-eastus1 is Degraded" in done.output
    assert status["kataNodes"]["failedToInstall"] == ["worker-eastus1"]
    assert status["conditions"][0]["reason"] == "Failed"


def test_without_capacity_in_azure_no_pod_vm_starts(stack: Stack) -> None:
    stack.ask_for_fault("node-degraded", None)
    stack.ask_for_fault("pod-vm-fails", "SkuNotAvailable")
    stack.configure({"attestationCheck": {"timeout": "15s"}})
    done = stack.up(check=False)
    events = stack.get("/api/v1/namespaces/coco-attestation-check/events")["items"]

    assert done.code != 0
    assert any("SkuNotAvailable" in event["message"] for event in events)


def test_once_both_are_healed_the_next_run_attests(stack: Stack) -> None:
    stack.ask_for_fault("pod-vm-fails", None)
    stack.configure({})
    stack.up()

    assert stack.outputs()["attested"] is True
