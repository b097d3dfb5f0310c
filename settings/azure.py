"""Settings of the Azure side: all optional, because the cluster knows them."""

from typing import Annotated

from settings.base import Model, matching

_SUBSCRIPTION = r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/"

SubscriptionId = Annotated[
    str,
    matching(
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a subscription id (UUID): az account show --query id"
    ),
]
Name = Annotated[str, matching(r"[-\w.()]{1,90}", "an Azure resource name of at most 90 characters, without spaces")]
Region = Annotated[
    str, matching(r"[a-z0-9]+", "a region in its short form such as eastus: az account list-locations --query [].name")
]
SubnetId = Annotated[
    str,
    matching(
        _SUBSCRIPTION + r"Microsoft.Network/virtualNetworks/[^/\s]+/subnets/[^/\s]+",
        "exactly one ARM id of a subnet: az network vnet subnet show --query id",
    ),
]
NsgId = Annotated[
    str,
    matching(
        _SUBSCRIPTION + r"Microsoft.Network/networkSecurityGroups/[^/\s]+",
        "exactly one ARM id of a network security group: az network nsg show --query id",
    ),
]
ImageId = Annotated[
    str,
    matching(
        _SUBSCRIPTION + r"Microsoft.Compute/(images/[^/\s]+|galleries/[^/\s]+/images/[^/\s]+/versions/[^/\s]+)",
        "the ARM id of an image or of a gallery image version",
    ),
]


class AzureSettings(Model):
    """Where the pod VMs go. What is left out is looked up in the cluster and in Azure; what is set is used as it is."""

    subscription_id: SubscriptionId | None = None
    """Subscription of the network; default: the cluster's own (cloud-conf)."""
    resource_group: Name | None = None
    """Resource group for the pod VMs; default: the cluster's (Infrastructure status)."""
    region: Region | None = None
    """Region of the pod VMs; default: that of the VNet."""
    vnet_resource_group: Name | None = None
    """Resource group of the VNet; default: cloud-conf. On ARO it differs from the cluster's."""
    vnet_name: Name | None = None
    """Name of the VNet; default: cloud-conf."""
    subnet_name: Name | None = None
    """Name of the worker subnet; default: cloud-conf."""
    nsg_resource_group: Name | None = None
    """Resource group of the network security group; default: cloud-conf."""
    nsg_name: Name | None = None
    """Name of the network security group; default: cloud-conf."""
    subnet_id: SubnetId | None = None
    """ARM id of the subnet; set it to look nothing up."""
    nsg_id: NsgId | None = None
    """ARM id of the network security group; set it to look nothing up."""
