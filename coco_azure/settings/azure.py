"""Settings of the Azure side, its network and credentials: all optional, because the cluster knows them."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from coco_azure.settings.arm_ids import Tags, arm_id
from coco_azure.settings.base import Model, matching

_LONGEST_PREFIX = 29  # the smallest subnet that Azure makes (learn.microsoft.com, "Azure Virtual Network FAQ")


def _check_range(value: object) -> object:
    needed = "needed an IPv4 range such as 10.0.64.0/24"
    if not isinstance(value, str):
        raise ValueError(f"{needed}, as text")  # noqa: TRY004 - a user's data
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError(needed) from None
    if interface.version != 4 or "/" not in value:  # noqa: PLR2004 - IPv4
        raise ValueError(f"{needed}; pod VMs have IPv4 addresses, and a range says how many")
    if interface.network.prefixlen > _LONGEST_PREFIX:
        raise ValueError(f"{needed}; Azure makes no subnet smaller than /{_LONGEST_PREFIX}")
    if str(interface.network) != value:
        raise ValueError(f"{needed}; the range that holds this address is {interface.network}")
    return value


AddressRange = Annotated[str, BeforeValidator(_check_range)]
SubnetName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9]([-\w.]{0,70}\w)?",
        "a name of 1 to 72 letters, digits, - _ . that begins with a letter or digit and ends with one or _",
    ),
]
RouteTableId = Annotated[
    str,
    arm_id(
        "exactly one ARM id of a route table: az network route-table show --query id",
        "Microsoft.Network/routeTables/*",
    ),
]
Zone = Literal["1", "2", "3"]


class NatGatewaySettings(Model):
    """The NAT gateway of the subnet, and its Standard public IP address."""

    enabled: bool = True
    """false: the subnet has no NAT gateway; its routeTableId decides its egress."""
    zone: Zone | None = None
    """Availability zone of the NAT gateway, quoted; default: Azure puts it into one."""
    public_ip_zones: tuple[Zone, ...] | None = Field(default=None, strict=False)
    """Zones of the public IP address: ``["1"]`` is in one, ``["1", "2", "3"]`` in all; default: that of the gateway."""
    idle_minutes: int = Field(default=4, ge=4, le=120)
    """After how many minutes without traffic an outbound TCP connection is cut."""

    @model_validator(mode="after")
    def _fits_its_address(self) -> "NatGatewaySettings":
        zones = self.address_zones
        if self.zone is not None and self.zone not in zones:
            raise ValueError(
                f"natGateway.zone is {self.zone} and publicIpZones is {', '.join(zones) or 'empty'}: the address has "
                f"to be in the gateway's zone too. Remove publicIpZones, or add {self.zone} to it"
            )
        if len(set(zones)) != len(zones):
            raise ValueError(f"natGateway.publicIpZones names a zone twice: {', '.join(zones)}. Name each once")
        return self

    @property
    def address_zones(self) -> tuple[str, ...]:
        """Zones of the public IP address; none: not zonal."""
        if self.public_ip_zones is not None:
            return self.public_ip_zones
        return () if self.zone is None else (self.zone,)


class OwnSubnetSettings(Model):
    """A subnet of the pod VMs' own. It is deleted with the stack, after the last pod VM."""

    address_range: AddressRange
    """IPv4 range such as ``10.0.64.0/24``, inside a range of the VNet and outside of its other subnets. Azure keeps 5
    addresses of it; each peer pod takes one."""
    name: SubnetName = "coco-podvms"
    """Name of the subnet; NAT gateway and public IP address are named after it."""
    nat_gateway: NatGatewaySettings = NatGatewaySettings()
    """Outbound connectivity: a NAT gateway."""
    route_table_id: RouteTableId | None = None
    """ARM id of a route table for the subnet, where egress goes through a firewall."""
    tags: Tags = Field(default_factory=dict)
    """Azure tags of NAT gateway and public IP address; a subnet has none."""

    @model_validator(mode="after")
    def _has_egress(self) -> "OwnSubnetSettings":
        if not self.nat_gateway.enabled and self.route_table_id is None:
            raise ValueError(
                "ownSubnet has neither a NAT gateway nor a route table: pod VMs could pull no image and reach no "
                "Trustee. Remove natGateway.enabled, or set routeTableId"
            )
        return self


Source = Literal["cloudCredentialOperator", "servicePrincipal", "workloadIdentity"]
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

ClientId = Annotated[str, matching(_UUID, "a client id (UUID): az ad sp list --display-name NAME --query [].appId")]
TenantId = Annotated[str, matching(_UUID, "a tenant id (UUID): az account show --query tenantId")]
ObjectId = Annotated[str, matching(_UUID, "an object id (UUID): az ad sp show --id CLIENT_ID --query id")]


def _is_a_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.strip():
        raise ValueError("needed the client's secret, found nothing: the operators could not sign in")
    if text != text.strip():
        raise ValueError("needed the client's secret without blanks and line ends around it: pipe it through tr -d")
    return value


ClientSecret = Annotated[SecretStr, AfterValidator(_is_a_secret)]


class ServicePrincipal(Model):
    """A service principal with a secret. The stack makes ``peer-pods-secret`` of it."""

    client_id: ClientId
    """Its client id (appId)."""
    tenant_id: TenantId | None = None
    """Its tenant; default: that of the subscription."""
    client_secret: ClientSecret
    """Its secret; set it with: pulumi config set --secret --path."""


class WorkloadIdentity(Model):
    """A managed identity that trusts tokens of the cluster. Needs OpenShift sandboxed containers 1.12 or later."""

    client_id: ClientId
    """Its client id: az identity show --query clientId."""
    tenant_id: TenantId | None = None
    """Its tenant; default: that of the subscription."""


class CredentialSettings(Model):
    """What the operators sign in to Azure with. Nothing set: the Cloud Credential Operator gives it to them."""

    service_principal: ServicePrincipal | None = None
    """A service principal with a secret."""
    workload_identity: WorkloadIdentity | None = None
    """A managed identity without any secret."""
    object_id: ObjectId | None = None
    """Object id of the identity in Entra ID, whichever it is; roles are checked and assigned by it."""

    @model_validator(mode="after")
    def _is_one(self) -> "CredentialSettings":
        if self.service_principal is not None and self.workload_identity is not None:
            raise ValueError("azure.credentials has servicePrincipal and workloadIdentity; remove one of the two")
        return self

    @property
    def source(self) -> Source:
        """Who gives the operators their credentials."""
        if self.service_principal is not None:
            return "servicePrincipal"
        return "cloudCredentialOperator" if self.workload_identity is None else "workloadIdentity"


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
