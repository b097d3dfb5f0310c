"""The place of the pod VMs as the settings choose it: what is verified, security groups, another subscription."""

import pulumi
import pytest

from coco_azure.clients.arm_ids import subscription_of
from tests.unit import fake_azure as fake
from tests.unit.azure_lookups import LookUp, a_look_up, an_azure, said_warnings
from tests.unit.fake_azure import NSG, SUBSCRIPTION, VNET, WORKERS, FakeAzure, arm_id, subnet, vnet
from tests.unit.recording import CLOUD_CONF as CONF

__all__ = ["a_look_up", "an_azure", "said_warnings"]

OTHER = "22222222-3333-4444-5555-666666666666"
BY_HAND = {"resourceGroup": fake.CLUSTER_GROUP, "region": "eastus", "subnetId": WORKERS, "nsgId": NSG}


# What is set by hand


def test_what_is_set_by_hand_is_verified(look_up: LookUp, azure: FakeAzure) -> None:
    place = look_up(BY_HAND)

    assert (place.subnet_id, place.nsg_id, place.region) == (WORKERS, NSG, "eastus")
    assert place.subnet["natGateway"] == fake.NAT
    assert azure.asked == [VNET, NSG]


def test_without_a_pre_flight_nothing_is_asked_of_azure_where_everything_is_set(
    look_up: LookUp, azure: FakeAzure
) -> None:
    mine = arm_id("Microsoft.Network/virtualNetworks", "mine", "mine", OTHER)
    place = look_up({**BY_HAND, "subnetId": f"{mine}/subnets/pods"}, mode="off")

    assert azure.asked == []
    assert (place.vnet_id, place.vnet_resource_group, subscription_of(place.vnet_id)) == (mine, "mine", OTHER)
    assert (place.subscription, place.subnet, place.workers_id, place.provider) == (SUBSCRIPTION, {}, "", None)


def test_a_subnet_set_by_hand_that_azure_does_not_have_is_an_error(look_up: LookUp) -> None:
    with pytest.raises(pulumi.RunError, match=r"no subnet nope .*NotFound.*peer-pods.*azure.subnetId ID"):
        look_up({"subnetId": f"{VNET}/subnets/nope"})
    with pytest.raises(pulumi.RunError, match=r"no VNet nope .*NotFound.*demo-x7k2p-vnet.*azure.subnetId ID"):
        look_up({"subnetId": f"{VNET.replace('demo-x7k2p-vnet', 'nope')}/subnets/nope"})


def test_a_region_that_is_not_the_vnets_is_an_error(look_up: LookUp) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"region is westeurope, and VNet demo-x7k2p-vnet is in eastus.*region eastus"
    ):
        look_up({"region": "westeurope"})


def test_a_region_is_kept_in_its_short_form(look_up: LookUp, azure: FakeAzure) -> None:
    azure.resources[VNET.lower()]["location"] = "East US"

    assert look_up().region == "eastus"


def test_a_resource_group_that_azure_does_not_have_is_an_error(look_up: LookUp) -> None:
    assert look_up({"resourceGroup": "pod-vms"}).resource_group == "pod-vms"
    with pytest.raises(
        pulumi.RunError, match=r"no resource group nope .*the cluster's is demo-x7k2p-rg.*resourceGroup"
    ):
        look_up({"resourceGroup": "nope"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("subnetName", "peer-pods"), ("vnetName", "v"), ("vnetResourceGroup", "g"), ("subscriptionId", OTHER)],
)
def test_settings_that_contradict_the_subnets_id_are_refused(look_up: LookUp, setting: str, value: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"azure.{setting} is {value}, and azure.subnetId names .*config rm"):
        look_up({"subnetId": WORKERS, setting: value})


# Network security groups


def test_the_subnets_own_group_comes_first_and_another_one_of_the_cluster_is_warned_of(
    look_up: LookUp, azure: FakeAzure, warnings: list[str]
) -> None:
    own = arm_id("Microsoft.Network/networkSecurityGroups", "strict")
    azure.put(vnet(subnet("demo-x7k2p-worker-subnet", "10.0.0.0/24", networkSecurityGroup={"id": own})))

    assert look_up().nsg_id == own
    assert len(warnings) == 1
    assert f"get network security group {own}" in warnings[0]
    assert "the cluster's is demo-x7k2p-nsg" in warnings[0]
    assert "pulumi config set --path coco-azure:azure.nsgName demo-x7k2p-nsg" in warnings[0]


def test_a_group_of_the_same_name_in_another_resource_group_is_another_group(
    look_up: LookUp, warnings: list[str]
) -> None:
    look_up(conf={**CONF, "securityGroupResourceGroup": "elsewhere"})

    assert len(warnings) == 1


@pytest.mark.parametrize("group", [fake.CLUSTER_GROUP, fake.NETWORK_GROUP])
def test_a_subnet_without_a_group_takes_the_clusters(look_up: LookUp, azure: FakeAzure, group: str) -> None:
    result = arm_id("Microsoft.Network/networkSecurityGroups", "demo-x7k2p-nsg", group)
    azure.resources.clear()
    azure.put(vnet(subnet("demo-x7k2p-worker-subnet", "10.0.0.0/24")), {"id": result, "location": "eastus"})

    assert look_up().nsg_id == result


def test_a_subnet_without_a_group_in_a_cluster_without_one_lists_the_candidates(
    look_up: LookUp, azure: FakeAzure
) -> None:
    azure.put(vnet(subnet("demo-x7k2p-worker-subnet", "10.0.0.0/24")))

    with pytest.raises(pulumi.RunError) as error:
        look_up(conf={**CONF, "securityGroupName": "gone"})

    message = str(error.value)
    assert "no network security group for pod VMs" in message
    assert "there is no network security group gone" in message
    assert "those of resource group demo-x7k2p-rg are: none that can be seen" in message
    assert "those of resource group network-rg are: demo-x7k2p-nsg" in message
    assert "azure.nsgName NAME" in message
    with pytest.raises(pulumi.RunError, match=r"names no securityGroupName.*azure.nsgName NAME"):
        look_up(lacks=("securityGroupName",))


def test_a_group_of_the_settings_is_found_where_they_say(
    look_up: LookUp, azure: FakeAzure, warnings: list[str]
) -> None:
    mine = arm_id("Microsoft.Network/networkSecurityGroups", "mine", "pod-vms")
    azure.put({"id": mine, "location": "eastus"})

    assert look_up({"nsgName": "mine", "nsgResourceGroup": "pod-vms"}).nsg_id == mine
    assert look_up({"nsgId": mine}).nsg_id == mine
    assert warnings == []
    with pytest.raises(pulumi.RunError, match=r"there is no network security group mine.*azure.nsgResourceGroup GROUP"):
        look_up({"nsgName": "mine"})
    with pytest.raises(
        pulumi.RunError, match=r"Azure has no network security group .*nope .*are: mine.*azure.nsgId ID"
    ):
        look_up({"nsgId": mine.replace("/mine", "/nope")})


def test_a_group_of_another_region_or_subscription_is_refused(look_up: LookUp, azure: FakeAzure) -> None:
    away = arm_id("Microsoft.Network/networkSecurityGroups", "away")
    azure.put({"id": away, "location": "westeurope"})

    with pytest.raises(pulumi.RunError, match=r"away is in westeurope, and the VNet of the pod VMs in eastus"):
        look_up({"nsgId": away})
    with pytest.raises(pulumi.RunError, match=rf"is in subscription {OTHER}, and the pod VMs are in {SUBSCRIPTION}"):
        look_up({"nsgId": away.replace(SUBSCRIPTION, OTHER)})


# Another subscription


def _shared(azure: FakeAzure, **properties: object) -> str:
    """Move the network into another subscription, where it has a security group of its own."""
    result = VNET.replace(SUBSCRIPTION, OTHER)
    group = {"id": NSG.replace(SUBSCRIPTION, OTHER)}
    pods = subnet("demo-x7k2p-worker-subnet", "10.0.0.0/24", vnet=result, networkSecurityGroup=group, **properties)
    azure.resources.pop(VNET.lower())
    azure.put(vnet(pods, resource_id=result))
    return str(pods["id"])


@pytest.mark.parametrize("text", ["setting", "cloud-conf", "id"])
def test_a_network_in_another_subscription_is_looked_up_there(
    look_up: LookUp, azure: FakeAzure, warnings: list[str], text: str
) -> None:
    pods = _shared(azure, sharingScope="Tenant", defaultOutboundAccess=False)
    settings = {"setting": {"subscriptionId": OTHER}, "cloud-conf": {}, "id": {"subnetId": pods}}[text]
    conf = {**CONF, "networkResourceSubscriptionID": OTHER} if text == "cloud-conf" else CONF
    place = look_up(settings, conf=conf)

    assert (place.subscription, subscription_of(place.vnet_id), place.subnet_id) == (SUBSCRIPTION, OTHER, pods)
    assert place.nsg_id == NSG, "a NIC takes a group of its own subscription only"
    assert place.provider is not None
    assert place.provider.subscription == OTHER  # type: ignore[attr-defined]
    assert warnings == []


def test_a_subnet_of_another_subscription_that_is_not_shared_is_warned_of(
    look_up: LookUp, azure: FakeAzure, warnings: list[str]
) -> None:
    _shared(azure)
    look_up({"subscriptionId": OTHER})

    assert len(warnings) == 1
    assert "sharingScope is not Tenant" in warnings[0]
