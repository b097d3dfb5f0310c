"""Every described Azure of the rehearsal, looked up as the program does: each form of a cluster has one place."""

from typing import Any

import pulumi
import pytest

from coco_azure.inventory import network_lookup as azure_lookup
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.settings import Settings
from rehearsal.azure import description, documents, views
from rehearsal.azure.subscription import Subscription
from tests.unit.azure_lookups import cluster_at
from tests.unit.fake_azure import FakeAzure

NAMES = description.names()
DESCRIBED = {name: description.load(description.path_of(name)) for name in NAMES}
HERE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/"
UNTOLD = [name for name in NAMES if "lookup" in DESCRIBED[name].get("expect", {})]
TOLD = [name for name in NAMES if name not in UNTOLD]
FORMS = {
    "ipi": ("rehearsal-x7k2p-rg", "rehearsal-x7k2p-vnet", "rehearsal-x7k2p-worker-subnet", "rehearsal-x7k2p-rg"),
    "aro": ("network-rg", "aro-vnet", "worker-subnet", "aro-rehearsal-x7k2p"),
    "upi": ("ocp-prod", "vnet-ocp-prod", "snet-nodes", "ocp-prod"),
    "shared-vnet": ("platform-network", "vnet-platform", "snet-x7k2p-workers", "rehearsal-x7k2p-rg"),
}
"""Group of the VNet, VNet, subnet, group of the cluster and of its network security group."""


def _looked_up(values: Any, monkeypatch: pytest.MonkeyPatch) -> PodVmTarget:
    every = Subscription(values).resources()
    azure = FakeAzure({key: views.whole(each, every) for key, each in every.items()}, list(values["resourceGroups"]))
    azure.installed(monkeypatch)
    conf = {"subscriptionId": values["subscriptionId"], "tenantId": values["tenantId"], **values["cluster"]}
    vms = {node: documents.vm_id(values, node) for node in values["nodes"]["worker"]}
    cluster = cluster_at(conf, vms, {"resourceGroupName": values["cluster"]["resourceGroup"]})
    return azure_lookup.look_up(Settings.model_validate({}), cluster)


@pytest.mark.parametrize("name", FORMS)
def test_each_form_of_a_cluster_has_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, vnet, subnet, group = FORMS[name]
    place = _looked_up(DESCRIBED[name], monkeypatch)

    assert place.vnet_id == f"{HERE}{network}/providers/Microsoft.Network/virtualNetworks/{vnet}"
    assert place.subnet_id == place.workers_id == f"{place.vnet_id}/subnets/{subnet}"
    assert place.resource_group == group
    assert place.nsg_id.startswith(f"{HERE}{group}/providers/Microsoft.Network/networkSecurityGroups/")
    assert place.region == DESCRIBED[name]["location"]


@pytest.mark.parametrize("name", TOLD)
def test_every_other_fault_of_azure_is_left_to_the_pre_flight(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _looked_up(DESCRIBED[name], monkeypatch).subnet_id


@pytest.mark.parametrize("name", UNTOLD)
def test_what_is_not_exactly_one_is_told_with_the_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = DESCRIBED[name]["expect"]["lookup"]

    with pytest.raises(
        pulumi.RunError, match=rf"(?s)worker.*worker.*pulumi config set --path coco-azure:azure.{setting} "
    ):
        _looked_up(DESCRIBED[name], monkeypatch)


@pytest.mark.parametrize("name", UNTOLD)
def test_the_nics_of_the_workers_decide_between_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**DESCRIBED[name], "workerSubnet": "rehearsal-x7k2p-worker-subnet-2"}

    assert _looked_up(values, monkeypatch).subnet_id.endswith("/rehearsal-x7k2p-worker-subnet-2")
