"""A subnet of the stack's own, as the program registers it."""

from typing import Any

import pytest

from tests.unit.azure_stacks import BOTH, OWN, SUBNET, azure_resources
from tests.unit.fake_azure import NSG, VNET
from tests.unit.recording import Recorder, Run, run_program
from tests.unit.trust_stacks import changed

ROUTES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/to-firewall"
NAMES = ("peer-pod-subnet", "peer-pod-subnet-nat", "peer-pod-subnet-address")


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program(SUBNET)


def _own(**changes: Any) -> dict[str, Any]:
    return changed(SUBNET, azure__ownSubnet={**OWN, **changes})


def test_the_subnet_is_in_the_clusters_vnet_with_its_security_group_and_its_nat_gateway(run: Run) -> None:
    result = run.registrations["peer-pod-subnet"].inputs

    assert result == {
        "resourceGroupName": "network-rg",
        "virtualNetworkName": "demo-x7k2p-vnet",
        "subnetName": "coco-podvms",
        "addressPrefix": "10.1.64.0/24",
        "networkSecurityGroup": {"id": NSG},
        "natGateway": {"id": "peer-pod-subnet-nat-id"},
        "defaultOutboundAccess": False,
    }


def test_the_nat_gateway_is_in_the_vnets_resource_group_with_zone_idle_time_and_tags(run: Run) -> None:
    result = run.registrations["peer-pod-subnet-nat"].inputs

    assert result == {
        "resourceGroupName": "network-rg",
        "location": "eastus",
        "natGatewayName": "coco-podvms-nat-1-123",
        "sku": {"name": "Standard"},
        "idleTimeoutInMinutes": 10,
        "publicIpAddresses": [{"id": "peer-pod-subnet-address-id"}],
        "zones": ["1"],
        "tags": {"cost-centre": "4711", "coco-azure-stack": "coco-azure/test"},
    }


def test_the_address_is_a_standard_one_that_azure_may_write_its_gateway_into(run: Run) -> None:
    address = run.registrations["peer-pod-subnet-address"]

    assert address.inputs["sku"] == {"name": "Standard", "tier": "Regional"}
    assert address.inputs["publicIPAllocationMethod"] == "Static"
    assert address.inputs["zones"] == ["1", "2", "3"]
    assert list(address.request.ignoreChanges) == ["natGateway"]


def test_without_zones_none_are_said_and_names_are_plain() -> None:
    result = azure_resources(_own(natGateway={}))

    assert "zones" not in result["peer-pod-subnet-nat"].inputs
    assert "zones" not in result["peer-pod-subnet-address"].inputs
    assert result["peer-pod-subnet-nat"].inputs["natGatewayName"] == "coco-podvms-nat"
    assert result["peer-pod-subnet-address"].inputs["publicIpAddressName"] == "coco-podvms-ip"


def test_other_zones_are_a_new_pair_beside_the_old_one() -> None:
    for name in ("peer-pod-subnet-nat", "peer-pod-subnet-address"):
        one, other = (azure_resources(_own(natGateway={"zone": zone}))[name] for zone in "12")
        physical = "natGatewayName" if name.endswith("nat") else "publicIpAddressName"
        assert one.inputs[physical] != other.inputs[physical]
        assert not one.request.deleteBeforeReplace
        assert one.request.deleteBeforeReplaceDefined


def test_with_a_route_table_alone_there_is_no_nat_gateway() -> None:
    result = azure_resources(_own(natGateway={"enabled": False}, routeTableId=ROUTES))

    assert list(result) == ["peer-pod-subnet"]
    assert result["peer-pod-subnet"].inputs["routeTable"] == {"id": ROUTES}
    assert "natGateway" not in result["peer-pod-subnet"].inputs


def test_pod_vms_are_made_in_it_and_a_preview_of_the_first_run_knows_its_id(run: Run) -> None:
    subnet = f"{VNET}/subnets/coco-podvms"

    config = run.objects()["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"]

    assert config["data"]["AZURE_SUBNET_ID"] == subnet
    assert run.exports["subnetId"] == subnet
    assert "outboundAddress" in run.exports
    preview = run_program(SUBNET, Recorder(preview=True)).registrations["peer-pods-cm"].inputs
    assert preview["data"]["AZURE_SUBNET_ID"] == subnet


def test_the_order_of_a_destroy_is_configuration_subnet_gateway_address(run: Run) -> None:
    assert "peer-pod-subnet" in run.dependencies("peer-pods-cm")
    assert "peer-pods-cm" in run.dependencies("peer-pods-kataconfig")
    assert "peer-pod-subnet-nat" in run.dependencies("peer-pod-subnet")
    assert "peer-pod-subnet-address" in run.dependencies("peer-pod-subnet-nat")


def test_a_subnet_of_another_name_comes_after_the_old_one_because_they_have_one_range(run: Run) -> None:
    assert run.registrations["peer-pod-subnet"].request.deleteBeforeReplace


def test_all_of_it_is_made_by_the_provider_of_the_networks_subscription(run: Run) -> None:
    assert {run.registrations[name].request.provider.split("::")[-2] for name in NAMES} == {"azure"}


def test_a_role_at_the_subnet_waits_for_the_subnet() -> None:
    run = run_program(BOTH)
    (name,) = (each for each in run.registrations if each.endswith("network-contributor-subnets"))

    assert "peer-pod-subnet" in run.dependencies(name)


def test_without_the_setting_nothing_is_made_in_azure() -> None:
    assert azure_resources({}) == {}
