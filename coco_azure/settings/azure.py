"""Settings of the Azure side: all optional, because the cluster knows them."""

from typing import Annotated, Literal

from pydantic import model_validator

from coco_azure.settings.arm_ids import arm_id
from coco_azure.settings.azure_credentials import CredentialSettings
from coco_azure.settings.azure_subnet import OwnSubnetSettings
from coco_azure.settings.base import Model, matching

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
    arm_id(
        "exactly one ARM id of a subnet: az network vnet subnet show --query id",
        "Microsoft.Network/virtualNetworks/*/subnets/*",
    ),
]
NsgId = Annotated[
    str,
    arm_id(
        "exactly one ARM id of a network security group: az network nsg show --query id",
        "Microsoft.Network/networkSecurityGroups/*",
    ),
]
ImageId = Annotated[
    str,
    arm_id(
        "the ARM id of an image or of a gallery image version",
        "Microsoft.Compute/images/*",
        "Microsoft.Compute/galleries/*/images/*/versions/*",
    ),
]


class AzureSettings(Model):
    """Where the pod VMs go. What is left out is looked up in the cluster and in Azure; what is set is verified."""

    subscription_id: SubscriptionId | None = None
    """Subscription of the network; default: that of subnetId, or the cluster's own (cloud-conf)."""
    resource_group: Name | None = None
    """Resource group for the pod VMs; default: the cluster's (Infrastructure status)."""
    region: Region | None = None
    """Region of the pod VMs; default: that of the VNet."""
    vnet_resource_group: Name | None = None
    """Resource group of the VNet; default: cloud-conf. On ARO it differs from the cluster's."""
    vnet_name: Name | None = None
    """Name of the VNet; default: cloud-conf."""
    subnet_name: Name | None = None
    """Name of the subnet; default: that of the worker nodes (cloud-conf, or their NICs)."""
    nsg_resource_group: Name | None = None
    """Resource group of the network security group; default: cloud-conf."""
    nsg_name: Name | None = None
    """Name of the network security group; default: the subnet's own, or cloud-conf."""
    subnet_id: SubnetId | None = None
    """ARM id of the subnet, instead of the names of VNet and subnet."""
    nsg_id: NsgId | None = None
    """ARM id of the network security group, instead of its name."""
    own_subnet: OwnSubnetSettings | None = None
    """A subnet of the pod VMs' own, which the stack makes; default: the worker subnet is theirs, too."""
    credentials: CredentialSettings = CredentialSettings()
    """What the operators sign in to Azure with."""
    roles: Literal["off", "check", "assign"] = "check"
    """Roles of the operators' identity: ``check``: the pre-flight judges them, where credentials.objectId says whose;
    ``assign``: the stack makes the assignments that are needed, and no more; ``off``: nobody looks."""

    @model_validator(mode="after")
    def _fits_together(self) -> "AzureSettings":
        if self.own_subnet is not None and self.subnet_id is not None:
            raise ValueError(
                "azure.subnetId names a subnet and azure.ownSubnet makes one; remove one of the two: "
                "pulumi config rm --path 'coco-azure:azure.subnetId' (or ownSubnet)"
            )
        if self.roles == "assign" and self.credentials.object_id is None:
            raise ValueError(
                "azure.roles is assign, and nothing says to whom. Set the object id of the operators' identity "
                "(az ad sp show --id CLIENT_ID --query id): "
                "pulumi config set --path 'coco-azure:azure.credentials.objectId' VALUE"
            )
        return self
