"""The place of the pod VMs on clusters of each form, and what is said where it is not exactly one."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.azure import description, subscription
from tests.engine.conftest import start
from tests.engine.harness import Stack

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/"
ARO_VNET = f"{SUBSCRIPTION}network-rg/providers/Microsoft.Network/virtualNetworks/aro-vnet"
OTHER = "22222222-3333-4444-5555-666666666666"
UPI = {
    "extends": "ipi",
    # User-provisioned: the network is of the user's own templates, and cloud-conf names another subnet.
    "cluster": {"subnetName": "rehearsal-x7k2p-not-there"},
    "workerSubnet": "compute",
    "resourceGroups": ["rehearsal-x7k2p-rg", "mine"],
    "virtualNetworks": [
        {
            "name": "rehearsal-x7k2p-vnet",
            "subnets": [
                {
                    "name": "compute",
                    "addressPrefix": "10.1.0.0/24",
                    "networkSecurityGroup": "own-nsg",
                    "natGateway": "rehearsal-x7k2p-nat",
                },
                {"name": "other", "addressPrefix": "10.1.1.0/24", "natGateway": "rehearsal-x7k2p-nat"},
            ],
        },
    ],
    "networkSecurityGroups": [{"name": "own-nsg", "resourceGroup": "rehearsal-x7k2p-rg"}],
}


@pytest.fixture(scope="module")
def aro(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    yield from start(tmp_path_factory.mktemp("aro"), tools, {"COCO_REHEARSAL_AZURE": "aro"})


@pytest.fixture(scope="module")
def upi(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("upi")
    (root / "upi.yaml").write_text(yaml.safe_dump(UPI))
    yield from start(root, tools, {"COCO_REHEARSAL_AZURE": str(root / "upi.yaml")})


@pytest.fixture(autouse=True)
def _settings_and_azure_as_before(request: pytest.FixtureRequest) -> Iterator[None]:
    stack: Stack = request.getfixturevalue("aro" if "aro" in request.fixturenames else "upi")
    described = stack.cluster.kubeconfig.with_name(subscription.COPY)
    before = described.read_text()
    yield
    described.write_text(before)
    stack.configure({})


def _refused(stack: Stack) -> str:
    """Return what a preview prints that fails."""
    done = stack.run("preview", "--stack", "rehearsal", "--suppress-progress", check=False)
    assert done.code != 0, done.output
    return done.output


def _planned(stack: Stack) -> tuple[Mapping[str, str], str]:
    """Return the data of peer-pods-cm that a preview shows, and its warnings."""
    text = stack.run("preview", "--stack", "rehearsal", "--json").output
    document = json.loads(text[text.index("{") :])
    result = next(step["newState"] for step in document["steps"] if step["urn"].endswith("::peer-pods-cm"))
    warned = [each["message"] for each in document.get("diagnostics", ()) if each["severity"] == "warning"]
    return result["inputs"]["data"], "\n".join(warned)


def _change(stack: Stack, change: Mapping[str, Any]) -> None:
    """Change what there is in Azure."""
    path = stack.cluster.kubeconfig.with_name(subscription.COPY)
    path.write_text(yaml.safe_dump(description.merge(yaml.safe_load(path.read_text()), change)))


def test_on_aro_the_network_is_found_in_its_own_resource_group(aro: Stack) -> None:
    data, warned = _planned(aro)

    group = f"{SUBSCRIPTION}aro-rehearsal-x7k2p/providers/Microsoft.Network/networkSecurityGroups"
    assert data["AZURE_RESOURCE_GROUP"] == "aro-rehearsal-x7k2p"
    assert data["AZURE_REGION"] == "eastus"
    assert data["AZURE_SUBNET_ID"] == f"{ARO_VNET}/subnets/worker-subnet"
    assert data["AZURE_NSG_ID"] == f"{group}/rehearsal-x7k2p-nsg"
    assert "the cluster's is" not in warned


def test_a_subnet_that_azure_does_not_have_ends_the_preview_with_those_that_it_has(aro: Stack) -> None:
    aro.configure({"azure": {"subnetName": "none-such"}})
    shown = _refused(aro)

    assert "error: VNet aro-vnet has no subnet none-such (Azure Resource Manager: Subnet: NotFound)" in shown
    assert "The subnets of aro-vnet are: master-subnet, worker-subnet." in shown
    assert "pulumi config set --path coco-azure:azure.subnetName NAME" in shown
    assert "Namespace" not in shown, "nothing was registered"


def test_with_every_azure_value_set_and_no_pre_flight_nothing_is_asked_of_azure(aro: Stack) -> None:
    scope = f"{SUBSCRIPTION}mine/providers/Microsoft.Network"
    values = {
        "resourceGroup": "mine",
        "region": "westeurope",
        "subnetId": f"{scope}/virtualNetworks/vnet/subnets/subnet",
        "nsgId": f"{scope}/networkSecurityGroups/nsg",
    }
    aro.configure({"azure": values, "preflight": {"mode": "off"}})
    shown = aro.run("preview", "--stack", "rehearsal", "--suppress-progress").output

    assert "azure-native" not in shown
    assert re.search(r'region +: "westeurope"', shown)
    aro.configure({"azure": values, "preflight": {"mode": "warn"}})
    assert "error: resource group mine has no VNet vnet" in _refused(aro), "otherwise it is verified"


def test_a_network_in_another_subscription_is_looked_up_there(aro: Stack) -> None:
    _change(aro, {"virtualNetworks": [{"name": "aro-vnet", "subscriptionId": OTHER}]})
    aro.configure({"azure": {"subscriptionId": OTHER}, "preflight": {"mode": "warn"}})
    data, warned = _planned(aro)

    assert data["AZURE_SUBNET_ID"].startswith(f"/subscriptions/{OTHER}/resourceGroups/network-rg/")
    assert data["AZURE_NSG_ID"].startswith(f"{SUBSCRIPTION}aro-rehearsal-x7k2p/")
    assert "sharingScope is not Tenant" in warned


def test_where_cloud_conf_does_not_fit_the_workers_nics_decide(upi: Stack) -> None:
    data, warned = _planned(upi)

    assert data["AZURE_SUBNET_ID"].endswith("/virtualNetworks/rehearsal-x7k2p-vnet/subnets/compute")
    assert data["AZURE_NSG_ID"].endswith("/networkSecurityGroups/own-nsg")
    assert "own-nsg, which is that of their subnet; the cluster's is rehearsal-x7k2p-nsg" in warned
    assert "pulumi config set --path coco-azure:azure.nsgName rehearsal-x7k2p-nsg" in warned


def test_workers_in_two_subnets_do_not_decide(upi: Stack) -> None:
    several = {"worker-eastus1": "compute", "worker-eastus2": "other", "worker-eastus3": "compute"}
    _change(upi, {"workerSubnet": several})
    shown = _refused(upi)

    assert "error: VNet rehearsal-x7k2p-vnet has no subnet rehearsal-x7k2p-not-there, as cloud-conf names it" in shown
    assert re.search(r"The worker nodes are in \S+/subnets/compute, \S+/subnets/other\.", shown)
    upi.configure({"azure": {"subnetName": "compute"}})
    assert _planned(upi)[0]["AZURE_SUBNET_ID"].endswith("/subnets/compute"), "what the error names is the way out"


def test_a_region_or_group_that_does_not_fit_is_an_error(upi: Stack) -> None:
    upi.configure({"azure": {"region": "westeurope"}})
    assert "error: coco-azure:azure.region is westeurope, and VNet rehearsal-x7k2p-vnet is in eastus" in _refused(upi)
    upi.configure({"azure": {"resourceGroup": "none-such"}})
    assert "has no resource group none-such" in _refused(upi)
    upi.configure({"azure": {"resourceGroup": "mine"}})
    assert _planned(upi)[0]["AZURE_RESOURCE_GROUP"] == "mine"
