"""Looks up the place of the pod VMs: exactly one of each, or an error with the candidates and the setting that chooses.

What the settings say is verified. What they leave out the cluster names and Azure has; where the cluster's names do
not fit, as in a user-provisioned one, the NICs of its worker nodes decide. Lists are never searched for something that
looks right, and nothing is changed. docs/lookups.md has the forms of clusters.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.azure import place as azure_place
from components.azure.ask import AzureAsk
from components.azure.nsg import security_group
from components.azure.place import Place, same
from components.azure.search import Search, setting
from components.cluster import place as cluster_place
from components.cluster.client import ClusterClient
from components.cluster.place import ClusterPlace
from settings import Settings
from settings.azure import AzureSettings

_SUBNET_FACTS = ("natGateway", "networkSecurityGroup", "routeTable", "addressPrefix", "addressPrefixes")


def look_up(stack: Settings, client: ClusterClient) -> Place:
    """Return the place of the pod VMs. Azure is not asked where all of it is set and there is no pre-flight.

    Raises:
        pulumi.RunError: the cluster or Azure does not answer; nothing, or more than one thing, fits; a setting names
            what Azure does not have, or what does not go together.
    """
    said, cluster = stack.azure, cluster_place.read(client)
    _contradictions(said)
    by_hand = None not in (said.resource_group, said.region, said.subnet_id, said.nsg_id)
    if by_hand and stack.preflight.mode == "off":
        return _as_said(said, cluster)
    network, own = _subscriptions(said, cluster)
    ask = AzureAsk("azure", network)
    theirs = ask if same(network, own) else AzureAsk("azure-cluster", own)
    return _found(Search(said=said, cluster=cluster, client=client, network=ask, own=theirs))


def _found(search: Search) -> Place:
    said, vnet = search.said, search.vnet
    region = _region(said, vnet)
    # A subnet of the stack's own is the engine's to compare, and not there before it is made.
    subnet = search.subnet if said.own_subnet is None else search.named(said.own_subnet.name) or {}
    if subnet:
        _shared(search, subnet)
    return Place(
        subscription=search.own.subscription,
        tenant=search.cluster.first("tenantId") or search.own.tenant(),
        resource_group=_resource_group(search),
        region=region,
        vnet_id=str(vnet["id"]),
        subnet_id=said.subnet_id or str(subnet.get("id") or ""),
        workers_id=search.workers_id,
        nsg_id=security_group(search, region),
        vnet_resource_group=azure_place.group_of(str(vnet["id"])),
        subnet={} if said.own_subnet else facts_of(subnet),
        provider=search.network.provider,
    )


def _as_said(said: AzureSettings, cluster: ClusterPlace) -> Place:
    vnet = azure_place.top_of(str(said.subnet_id))
    return Place(
        subscription=cluster.first("subscriptionId") or azure_place.subscription_of(vnet),
        tenant=cluster.first("tenantId"),
        resource_group=str(said.resource_group),
        region=str(said.region),
        vnet_id=vnet,
        subnet_id=str(said.subnet_id),
        workers_id="",
        nsg_id=str(said.nsg_id),
        vnet_resource_group=azure_place.group_of(vnet),
    )


def facts_of(subnet: Mapping[str, Any]) -> dict[str, str]:
    """Return what pod VMs need of a subnet: ids and address ranges as text, empty where there is none."""
    found = {}
    for name in _SUBNET_FACTS:
        value = subnet.get(name) or ""
        parts = value if isinstance(value, list) else [value]
        found[name] = ", ".join(str(part["id"] if isinstance(part, Mapping) else part) for part in parts)
    return found


def _contradictions(said: AzureSettings) -> None:
    """Refuse settings that name another subnet than ``subnetId`` does."""
    if said.subnet_id is None:
        return
    vnet = azure_place.top_of(said.subnet_id)
    for name, value, other in (
        ("subscriptionId", said.subscription_id, azure_place.subscription_of(vnet)),
        ("vnetResourceGroup", said.vnet_resource_group, azure_place.group_of(vnet)),
        ("vnetName", said.vnet_name, azure_place.name_of(vnet)),
        ("subnetName", said.subnet_name, azure_place.name_of(said.subnet_id)),
    ):
        if value is not None and not same(value, other):
            raise pulumi.RunError(
                f"coco-azure:azure.{name} is {value}, and azure.subnetId names {other}; needed is one of both: "
                f"pulumi config rm --path coco-azure:azure.{name}"
            )


def _subscriptions(said: AzureSettings, cluster: ClusterPlace) -> tuple[str, str]:
    """Return the subscription of the network, and that of the cluster."""
    network = azure_place.subscription_of(said.subnet_id) if said.subnet_id else said.subscription_id
    own = cluster.first("subscriptionId")
    network = network or cluster.first(*cluster_place.NETWORK_SUBSCRIPTION) or own
    if not network:
        raise pulumi.RunError(
            f"{cluster.lacks('subscriptionId')}. Name the cluster's: {setting('subscriptionId', 'ID')} "
            "(az account show --query id)"
        )
    return network, own or network


def _region(said: AzureSettings, vnet: Mapping[str, Any]) -> str:
    there = azure_place.region_of(vnet)
    if said.region is not None and said.region != there:
        raise pulumi.RunError(
            f"coco-azure:azure.region is {said.region}, and VNet {azure_place.name_of(str(vnet['id']))} is in {there}; "
            f"a pod VM has to be in the region of its VNet: {setting('region', there)}, or leave it out"
        )
    return there


def _resource_group(search: Search) -> str:
    said = search.said.resource_group
    if said is None or same(said, search.cluster.resource_group):
        return said or search.cluster.resource_group
    if not search.own.has_resource_group(said):
        raise pulumi.RunError(
            f"subscription {search.own.subscription} has no resource group {said} "
            "(azure-native:resources:getResourceGroup: NotFound); "
            f"the cluster's is {search.cluster.resource_group}. Choose one: "
            f"{setting('resourceGroup', 'GROUP')}, or leave it out"
        )
    return said


def _shared(search: Search, subnet: Mapping[str, Any]) -> None:
    """Warn of a subnet of another subscription that is not shared with this one.

    A NIC is in the subscription of its VNet, unless the subnet's ``sharingScope`` is ``Tenant`` (REST API of subnets,
    2024-05-01).
    """
    if search.network is not search.own and subnet.get("sharingScope") != "Tenant":
        pulumi.log.warn(
            f"subnet {subnet['id']} is in another subscription than the cluster ({search.own.subscription}), and its "
            "sharingScope is not Tenant: Azure will refuse NICs of pod VMs in it. Share the subnet while it is empty "
            "(az network vnet subnet update --sharing-scope Tenant), or choose one in the cluster's subscription: "
            f"{setting('subnetId', 'ID')}"
        )
