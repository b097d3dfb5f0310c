"""Looks up the place of the pod VMs: exactly one of each, or an error with the candidates and the setting that chooses.

What the settings say is verified. What they leave out the cluster names and Azure has; where the cluster's names do
not fit, as in a user-provisioned one, the NICs of its worker nodes decide. Lists are never searched for something that
looks right, and nothing is changed. docs/lookups.md has the forms of clusters.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from coco_azure.clients import arm_ids, azure_sign_in
from coco_azure.clients.arm_ids import same
from coco_azure.inventory import azure_resources, cluster_reader
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.inventory.cluster_reader import ClusterAzureConfig, Reads
from coco_azure.inventory.network_search import Search, security_group, setting
from coco_azure.settings import Settings
from coco_azure.settings.azure import AzureSettings

_SUBNET_FACTS = ("natGateway", "networkSecurityGroup", "routeTable", "addressPrefix", "addressPrefixes")


def look_up(stack: Settings, reader: Reads) -> PodVmTarget:
    """Return the place of the pod VMs. Azure is not asked where all of it is set and there is no pre-flight.

    Raises:
        pulumi.RunError: the cluster or Azure does not answer; nothing, or more than one thing, fits; a setting names
            what Azure does not have, or what does not go together.
    """
    cluster = cluster_reader.read_place(reader)
    try:
        return _looked_up(stack, reader, cluster)
    except pulumi.RunError as error:
        if not cluster_reader.is_foreign(cluster.cloud):
            raise
        # The pre-flight, which says so, comes after this, and what a foreign cloud's names give here only confuses.
        raise pulumi.RunError(
            f"this cluster is in {cluster.cloud}, and {cluster_reader.PUBLIC_ONLY}. (Asked there: {error})"
        ) from error


def _looked_up(stack: Settings, reader: Reads, cluster: ClusterAzureConfig) -> PodVmTarget:
    settings = stack.azure
    _contradictions(settings)
    by_hand = None not in (settings.resource_group, settings.region, settings.subnet_id, settings.nsg_id)
    if by_hand and stack.preflight.mode == "off":
        return _from_settings(settings, cluster)
    network, own = _subscriptions(settings, cluster)
    resources = azure_resources.connect(network)
    others = resources if same(network, own) else resources.within(own)
    return _place_of(Search(settings=settings, cluster=cluster, reader=reader, network=resources, own=others))


def _place_of(search: Search) -> PodVmTarget:
    settings, vnet = search.settings, search.vnet
    region = _region(settings, vnet)
    # A subnet of the stack's own is the engine's to compare, and not there before it is made.
    subnet = search.subnet if settings.own_subnet is None else search.named(settings.own_subnet.name) or {}
    if subnet:
        _shared(search, subnet)
    return PodVmTarget(
        subscription=search.own.subscription,
        tenant=search.cluster.first("tenantId") or search.own.tenant,
        resource_group=_resource_group(search),
        region=region,
        vnet_id=str(vnet["id"]),
        subnet_id=settings.subnet_id or str(subnet.get("id") or ""),
        workers_id=search.workers_id,
        nsg_id=security_group(search, region),
        vnet_resource_group=arm_ids.group_of(str(vnet["id"])),
        subnet={} if settings.own_subnet else facts_of(subnet),
        provider=_provider(search.network.subscription),
    )


def _provider(subscription: str) -> pulumi.ProviderResource:
    """Return azure-native for what the stack makes in a subscription; it signs in as the look-ups have."""
    provider: pulumi.ProviderResource = azure_native.Provider(
        "azure", subscription_id=subscription, **azure_sign_in.configured()
    )
    return provider


def _from_settings(settings: AzureSettings, cluster: ClusterAzureConfig) -> PodVmTarget:
    vnet = arm_ids.top_of(str(settings.subnet_id))
    return PodVmTarget(
        subscription=cluster.first("subscriptionId") or arm_ids.subscription_of(vnet),
        tenant=cluster.first("tenantId"),
        resource_group=str(settings.resource_group),
        region=str(settings.region),
        vnet_id=vnet,
        subnet_id=str(settings.subnet_id),
        workers_id="",
        nsg_id=str(settings.nsg_id),
        vnet_resource_group=arm_ids.group_of(vnet),
    )


def facts_of(subnet: Mapping[str, Any]) -> dict[str, str]:
    """Return what pod VMs need of a subnet: ids and address ranges as text, empty where there is none."""
    facts = {}
    for name in _SUBNET_FACTS:
        value = subnet.get(name) or ""
        parts = value if isinstance(value, list) else [value]
        facts[name] = ", ".join(str(part["id"] if isinstance(part, Mapping) else part) for part in parts)
    return facts


def _contradictions(settings: AzureSettings) -> None:
    """Refuse settings that name another subnet than ``subnetId`` does."""
    if settings.subnet_id is None:
        return
    vnet = arm_ids.top_of(settings.subnet_id)
    for name, value, other in (
        ("subscriptionId", settings.subscription_id, arm_ids.subscription_of(vnet)),
        ("vnetResourceGroup", settings.vnet_resource_group, arm_ids.group_of(vnet)),
        ("vnetName", settings.vnet_name, arm_ids.name_of(vnet)),
        ("subnetName", settings.subnet_name, arm_ids.name_of(settings.subnet_id)),
    ):
        if value is not None and not same(value, other):
            raise pulumi.RunError(
                f"coco-azure:azure.{name} is {value}, and azure.subnetId names {other}; needed is one of both: "
                f"pulumi config rm --path coco-azure:azure.{name}"
            )


def _subscriptions(settings: AzureSettings, cluster: ClusterAzureConfig) -> tuple[str, str]:
    """Return the subscription of the network, and that of the cluster."""
    network = arm_ids.subscription_of(settings.subnet_id) if settings.subnet_id else settings.subscription_id
    own = cluster.first("subscriptionId")
    network = network or cluster.first(*cluster_reader.NETWORK_SUBSCRIPTION) or own
    if not network:
        raise pulumi.RunError(
            f"{cluster.lacks('subscriptionId')}. Name the cluster's: {setting('subscriptionId', 'ID')} "
            "(az account show --query id)"
        )
    return network, own or network


def _region(settings: AzureSettings, vnet: Mapping[str, Any]) -> str:
    vnet_region = arm_ids.region_of(vnet)
    if settings.region is not None and settings.region != vnet_region:
        raise pulumi.RunError(
            f"coco-azure:azure.region is {settings.region}, and VNet {arm_ids.name_of(str(vnet['id']))} is in "
            f"{vnet_region}; a pod VM has to be in the region of its VNet: {setting('region', vnet_region)}, or leave "
            "it out"
        )
    return vnet_region


def _resource_group(search: Search) -> str:
    group = search.settings.resource_group
    if group is None or same(group, search.cluster.resource_group):
        return group or search.cluster.resource_group
    if not search.own.has_resource_group(group):
        raise pulumi.RunError(
            f"subscription {search.own.subscription} has no resource group {group} "
            f"{azure_resources.not_found('ResourceGroup')}; "
            f"the cluster's is {search.cluster.resource_group}. Choose one: "
            f"{setting('resourceGroup', 'GROUP')}, or leave it out"
        )
    return group


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
