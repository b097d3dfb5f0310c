"""What the stack keeps of its subnet for drift checks, and the described subscription of a rehearsal by its path."""

from pathlib import Path

import pytest

from coco_azure.inventory.network_lookup import facts_of
from rehearsal.azure import subscription
from rehearsal.azure.subscription import Subscription
from tests.unit.recording import run_program


def test_of_the_subnet_it_keeps_what_pod_vms_need_and_no_more() -> None:
    answer = {
        "id": "/subnet",
        "etag": "changes at every write",
        "natGateway": {"id": "/nat"},
        "networkSecurityGroup": {"id": "/nsg", "location": "eastus"},
        "addressPrefixes": ["10.0.0.0/17", "10.1.0.0/17"],
    }

    assert facts_of(answer) == {
        "natGateway": "/nat",
        "networkSecurityGroup": "/nsg",
        "routeTable": "",
        "addressPrefix": "",
        "addressPrefixes": "10.0.0.0/17, 10.1.0.0/17",
    }


def test_the_program_keeps_them_in_the_component_that_looks_them_up() -> None:
    outputs = run_program({}).component_outputs["network"]

    assert "subnet" in outputs


def test_a_described_subscription_may_be_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(subscription.__file__).with_name("ipi.yaml").read_text().replace("eastus", "westeurope")
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setenv("COCO_REHEARSAL_AZURE", str(tmp_path / "mine.yaml"))

    assert Subscription.described().location == "westeurope"
