"""The place of the pod VMs: what is found for each form of a cluster, and what is said where it is not exactly one."""

from collections.abc import Mapping

import pulumi
import pytest

from coco_azure import names
from coco_azure.clients.arm_ids import subscription_of
from coco_azure.inventory import network_lookup as azure_lookup
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.settings import Settings
from tests.unit import fake_azure as fake
from tests.unit.azure_lookups import LookUp, a_look_up, an_azure, cluster_at, said_warnings
from tests.unit.fake_azure import NSG, SUBSCRIPTION, VNET, WORKERS, FakeAzure, subnet, vm_of, vnet, worker
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import CLOUD_CONF as CONF

__all__ = ["a_look_up", "an_azure", "said_warnings"]


def test_a_cluster_of_the_installer_is_found_as_cloud_conf_names_it(look_up: LookUp, warnings: list[str]) -> None:
    place = look_up()

    assert place == PodVmTarget(
        subscription=SUBSCRIPTION,
        tenant="99999999-8888-7777-6666-555555555555",
        resource_group="demo-x7k2p-rg",
        region="eastus",
        vnet_id=VNET,
        subnet_id=WORKERS,
        workers_id=WORKERS,
        nsg_id=NSG,
        vnet_resource_group="network-rg",
        subnet={
            "natGateway": fake.NAT,
            "networkSecurityGroup": NSG,
            "routeTable": "",
            "addressPrefix": "10.0.128.0/18",
            "addressPrefixes": "",
        },
    )
    assert (place.vnet, subscription_of(place.vnet_id)) == ("demo-x7k2p-vnet", SUBSCRIPTION)
    assert warnings == []


def test_the_tenant_is_that_of_the_sign_in_where_cloud_conf_names_none(look_up: LookUp, azure: FakeAzure) -> None:
    assert look_up(lacks=("tenantId",)).tenant == fake.TENANT
    azure.token = "opaque"
    assert not look_up(lacks=("tenantId",)).tenant


def test_it_needs_one_question_and_no_list(look_up: LookUp, azure: FakeAzure) -> None:
    look_up()

    assert azure.asked == [VNET]


def test_the_network_is_looked_for_where_infrastructure_says_if_cloud_conf_does_not(look_up: LookUp) -> None:
    place = look_up(lacks=("vnetResourceGroup",), infrastructure={"networkResourceGroupName": "network-rg"})

    assert place.vnet_id == VNET


def test_a_spelling_that_differs_in_case_is_no_other_name(look_up: LookUp, warnings: list[str]) -> None:
    spelled = VNET.replace("demo-x7k2p-vnet", "DEMO-x7k2p-VNET") + "/subnets/Demo-X7k2p-Worker-Subnet"
    place = look_up({"subnetId": spelled, "subnetName": "demo-x7k2p-WORKER-subnet"})

    assert (place.vnet_id, place.workers_id) == (VNET, WORKERS)
    assert place.subnet_id == spelled, "what is set is kept as it is written: another spelling would restart CAA"
    conf = {
        **CONF,
        "vnetName": "DEMO-x7k2p-VNET",
        "securityGroupName": "DEMO-X7K2P-nsg",
        "vnetResourceGroup": "NETWORK-rg",
    }
    assert look_up(conf=conf) == look_up()
    assert warnings == []


# What is there, and not what the names suggest


def test_a_subnet_that_cloud_conf_does_not_name_is_that_of_the_workers_nics(look_up: LookUp, azure: FakeAzure) -> None:
    azure.put(*worker("w-0", f"{VNET}/subnets/peer-pods"), *worker("w-1", f"{VNET}/subnets/PEER-PODS"))
    place = look_up(lacks=("subnetName",), vms={"w-0": vm_of("w-0"), "w-1": vm_of("w-1")})

    assert place.subnet_id == f"{VNET}/subnets/peer-pods"
    assert place.workers_id.lower() == place.subnet_id.lower()


def test_a_vnet_that_azure_does_not_have_is_that_of_the_workers_nics(look_up: LookUp, azure: FakeAzure) -> None:
    azure.put(*worker("w-0", WORKERS))
    place = look_up(conf={**CONF, "vnetName": "another", "subnetName": "another"}, vms={"w-0": vm_of("w-0")})

    assert (place.vnet_id, place.subnet_id, place.workers_id) == (VNET, WORKERS, WORKERS)


def test_workers_in_several_subnets_do_not_decide_and_all_candidates_are_listed(
    look_up: LookUp, azure: FakeAzure
) -> None:
    azure.put(*worker("w-0", WORKERS), *worker("w-1", f"{VNET}/subnets/peer-pods"))

    with pytest.raises(pulumi.RunError) as error:
        look_up(lacks=("subnetName",), vms={"w-0": vm_of("w-0"), "w-1": vm_of("w-1")})

    message = str(error.value)
    assert "cloud-conf of this cluster names no subnetName; it has cloud, location" in message
    assert f"The worker nodes are in {WORKERS}, {VNET}/subnets/peer-pods." in message
    assert "demo-x7k2p-master-subnet, demo-x7k2p-worker-subnet, peer-pods." in message
    assert "pulumi config set --path coco-azure:azure.subnetName NAME" in message


@pytest.mark.parametrize("vms", [{}, {"w-0": vm_of("not-there")}, {"w-0": "//not/an/azure/vm"}])
def test_where_nobody_tells_the_subnet_all_candidates_are_listed(look_up: LookUp, vms: Mapping[str, str]) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"(?s)names no subnetName.*Nor does Azure tell.*peer-pods.*subnetName NAME"
    ):
        look_up(lacks=("subnetName",), vms=vms)


def test_a_subnet_of_the_settings_that_the_vnet_does_not_have_is_not_replaced_by_another(
    look_up: LookUp, azure: FakeAzure
) -> None:
    azure.put(*worker("w-0", WORKERS))

    with pytest.raises(pulumi.RunError) as error:
        look_up({"subnetName": "none-such"}, vms={"w-0": vm_of("w-0")})

    message = str(error.value)
    assert "VNet demo-x7k2p-vnet has no subnet none-such (Azure Resource Manager: Subnet: NotFound)" in message
    assert "demo-x7k2p-worker-subnet" in message
    assert "subnetName NAME" in message


def test_a_vnet_of_the_settings_that_azure_does_not_have_is_an_error_with_those_of_the_group(look_up: LookUp) -> None:
    with pytest.raises(pulumi.RunError) as error:
        look_up({"vnetName": "none-such"})

    message = str(error.value)
    assert "resource group network-rg has no VNet none-such" in message
    assert f"The VNets of network-rg in subscription {SUBSCRIPTION} are: demo-x7k2p-vnet." in message
    assert "azure.vnetName NAME" in message


def test_a_group_of_the_settings_that_azure_does_not_have_is_an_error(look_up: LookUp) -> None:
    with pytest.raises(pulumi.RunError, match=r"resource group none-such has no VNet.*azure.vnetResourceGroup GROUP"):
        look_up({"vnetResourceGroup": "none-such"})


def test_a_cloud_conf_without_a_vnet_says_what_to_set(look_up: LookUp) -> None:
    with pytest.raises(pulumi.RunError, match=r"names no vnetName.*demo-x7k2p-vnet.*azure.vnetName NAME"):
        look_up(lacks=("vnetName",))


def test_vnets_that_cannot_be_listed_are_left_out_of_the_error(look_up: LookUp, azure: FakeAzure) -> None:
    azure.refused["/virtualnetworks$"] = (403, "AuthorizationFailed", "no")

    with pytest.raises(pulumi.RunError, match=r"no VNet none-such.*are: none that can be seen.*azure.vnetName NAME"):
        look_up({"vnetName": "none-such"})


# A subnet of the stack's own

OWN = {"ownSubnet": {"name": "own", "addressRange": "10.0.1.0/24"}}


def test_a_subnet_that_the_stack_makes_need_not_be_there_yet(look_up: LookUp, azure: FakeAzure) -> None:
    place = look_up(OWN)

    assert (place.subnet_id, place.workers_id, place.vnet_id, place.nsg_id) == ("", WORKERS, VNET, NSG)
    azure.put(vnet(*azure.resources[VNET.lower()]["properties"]["subnets"], subnet("own", "10.0.1.0/24")))
    assert look_up(OWN).subnet_id == f"{VNET}/subnets/own"
    assert look_up(OWN).subnet == {}, "the engine compares what the stack makes"


# What cannot be answered


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        ((403, "AuthorizationFailed", "no"), r"role Reader"),
        ((404, "SubscriptionNotFound", "no such"), rf"Subscription {SUBSCRIPTION} has to be one.*azure.subscriptionId"),
        ((500, "InternalServerError", "sorry"), r"az login.*preflight.mode off"),
    ],
)
def test_a_refusal_is_told_with_what_is_needed(
    look_up: LookUp, azure: FakeAzure, refused: tuple[int, str, str], text: str
) -> None:
    azure.refused["/virtualnetworks/"] = refused

    with pytest.raises(pulumi.RunError, match=text) as error:
        look_up()

    assert refused[1] in str(error.value)


def test_a_cluster_without_cloud_conf_needs_a_subscription(look_up: LookUp) -> None:
    with pytest.raises(pulumi.RunError, match=r"names no subscriptionId; it has nothing.*azure.subscriptionId ID"):
        look_up(conf=None)

    place = look_up({"subnetId": WORKERS}, conf=None)
    assert (place.subscription, place.nsg_id, place.workers_id) == (SUBSCRIPTION, NSG, "")


def test_a_cluster_that_does_not_answer_says_what_is_needed() -> None:
    class Silent(FakeCluster):
        def get(self, path: str) -> None:
            raise OSError(f"no route to {path}")

    with pytest.raises(pulumi.RunError, match=r"does not say where in Azure it is: no route.*oc get infrastructure"):
        azure_lookup.look_up(Settings.model_validate({}), Silent())


def test_a_cloud_conf_that_is_no_json_is_told() -> None:
    cluster = cluster_at({}, {}, {})
    cluster.lists[names.CLOUD_CONF.rsplit("/", 1)[0]] = [
        {"metadata": {"name": "cloud-conf"}, "data": {"cloud.conf": "{"}}
    ]

    with pytest.raises(pulumi.RunError, match=r"no JSON under its key cloud.conf.*oc get cm"):
        azure_lookup.look_up(Settings.model_validate({}), cluster)
