"""The network of the pod VMs: resource group, region, VNet, subnet and network security group, exactly one of each.

All of it is known beforehand (``coco_azure.inventory.network_lookup``), but for a subnet that the stack makes. The
component keeps it in the state, where a drift check finds what it was.

All of it is in the resource group of the VNet. Azure deletes a subnet only without a NIC in it, a NAT gateway only
without a subnet, and an address only without a NAT gateway; each depends on the next, so ``destroy`` goes that way, and
whatever takes the subnet from ``subnet_id`` (peer-pods-cm, and behind it KataConfig and CAA) is gone before.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure.clients import arm_ids
from coco_azure.clients import azure as azure_client
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.settings.azure import OwnSubnetSettings
from components.azure.resources import NatGateway, PublicIPAddress, Subnet, remover
from components.cluster.ownership import mark


@dataclass(frozen=True, kw_only=True)
class PeerPodSubnetArgs:
    """Where the subnet goes.

    Attributes:
        vnet_id: ARM id of the VNet.
        region: region of the VNet.
        nsg_id: ARM id of the network security group.
        provider: azure-native in the VNet's subscription; None: the default one.
    """

    settings: OwnSubnetSettings
    vnet_id: str
    region: str
    nsg_id: str
    provider: pulumi.ProviderResource | None = None


class PeerPodSubnet(pulumi.ComponentResource):
    """The subnet, its NAT gateway and its public IP address."""

    subnet_id: Output[str]
    """ARM id of the subnet, known at preview; who takes it waits for the subnet."""
    address: Output[str | None]
    """The address that pod VMs have on the internet, where there is a NAT gateway."""
    nat_gateway: pulumi.CustomResource | None
    """The NAT gateway, where there is one."""
    subnet: pulumi.CustomResource
    """The subnet."""
    arm_id: str
    """Its ARM id, whether it is there or not."""

    def __init__(self, name: str, args: PeerPodSubnetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:PeerPodSubnet", name, None, opts)
        settings = args.settings
        self._args = args
        client = azure_client.connect(arm_ids.subscription_of(args.vnet_id))
        self._again = ResourceHookBinding(on_error=[remover(f"{name}-remains", client)])
        self._group, self._vnet = arm_ids.group_of(args.vnet_id), arm_ids.name_of(args.vnet_id)
        self.address = Output.from_input(None)
        self.nat_gateway = self._nat_gateway(name) if settings.nat_gateway.enabled else None
        self.subnet = Subnet(
            name,
            {
                "resourceGroupName": self._group,
                "virtualNetworkName": self._vnet,
                "subnetName": settings.name,
                "addressPrefix": settings.address_range,
                "networkSecurityGroup": {"id": args.nsg_id},
                "natGateway": None if self.nat_gateway is None else {"id": self.nat_gateway.id},
                "routeTable": None if settings.route_table_id is None else {"id": settings.route_table_id},
                # Outbound by NAT gateway or route table, never by an address that Azure lends.
                "defaultOutboundAccess": False,
            },
            # A subnet of another name could not have the same range beside the old one.
            ResourceOptions.merge(self._child(), ResourceOptions(delete_before_replace=True)),
        )
        self.arm_id = arm_ids.subnet_id(args.vnet_id, settings.name)
        # Of the resource only the URN is taken, which a preview knows: the id is no surprise.
        self.subnet_id = Output.all(self.arm_id, self.subnet.urn).apply(lambda both: both[0])
        self.register_outputs({"subnet_id": self.subnet_id, "address": self.address})

    def _nat_gateway(self, name: str) -> NatGateway:
        settings = self._args.settings
        gateway, tags = settings.nat_gateway, {**settings.tags, names.STACK_TAG: mark()}
        # Zones of neither can be changed, and an address serves one gateway at a time: new zones are new names, so that
        # the new pair is there before the old one goes.
        suffix = "".join(f"-{zones}" for zones in (gateway.zone, "".join(gateway.address_zones)) if zones)
        located = {"resourceGroupName": self._group, "location": self._args.region}
        address = PublicIPAddress(
            f"{name}-address",
            {
                **located,
                "publicIpAddressName": f"{settings.name}-ip{suffix}",
                "sku": {"name": "Standard", "tier": "Regional"},
                "publicIPAllocationMethod": "Static",
                "publicIPAddressVersion": "IPv4",
                "zones": list(gateway.address_zones) or None,
                "tags": tags,
            },
            # Azure writes the gateway into the address that it serves.
            ResourceOptions.merge(
                self._child(), ResourceOptions(ignore_changes=["natGateway"], delete_before_replace=False)
            ),
        )
        self.address = address.ipAddress
        return NatGateway(
            f"{name}-nat",
            {
                **located,
                "natGatewayName": f"{settings.name}-nat{suffix}",
                "sku": {"name": "Standard"},
                "idleTimeoutInMinutes": gateway.idle_minutes,
                "publicIpAddresses": [{"id": address.id}],
                "zones": [gateway.zone] if gateway.zone else None,
                "tags": tags,
            },
            # azure-native deletes first what has a name of ours; the subnet would still be on the old one.
            ResourceOptions.merge(self._child(), ResourceOptions(delete_before_replace=False)),
        )

    def _child(self) -> ResourceOptions:
        return ResourceOptions(parent=self, provider=self._args.provider, hooks=self._again)


@dataclass(frozen=True, kw_only=True)
class AzureNetworkArgs:
    """What decides the network.

    Attributes:
        own: settings of a subnet that the stack makes; None: they go into one that is there.
    """

    target: PodVmTarget
    own: OwnSubnetSettings | None = None


class AzureNetwork(pulumi.ComponentResource):
    """The network that pod VMs are created in."""

    target: PodVmTarget
    """Where it is, as plain strings."""
    subnet_id: Output[str]
    """ARM id of the subnet."""
    own_subnet: PeerPodSubnet | None
    """The subnet that the stack makes, where it makes one."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AzureNetwork", name, None, opts)
        self.target = target = args.target
        self.own_subnet = None if args.own is None else self._made(target, args.own)
        subnet_id = Output.from_input(target.subnet_id)
        self.subnet_id = subnet_id if self.own_subnet is None else self.own_subnet.subnet_id
        self.register_outputs(
            {
                "resource_group": target.resource_group,
                "region": target.region,
                "vnet": target.vnet,
                "subnet_id": self.subnet_id,
                # What pod VMs need of a subnet that the stack does not make, as Azure has it, for drift checks alone:
                # NAT gateway, network security group and route table (ARM ids, empty: none), address prefixes.
                "subnet": dict(target.subnet),
                "nsg_id": target.nsg_id,
            }
        )

    def _made(self, target: PodVmTarget, own: OwnSubnetSettings) -> PeerPodSubnet:
        arguments = PeerPodSubnetArgs(
            settings=own, vnet_id=target.vnet_id, region=target.region, nsg_id=target.nsg_id, provider=target.provider
        )
        return PeerPodSubnet("peer-pod-subnet", arguments, ResourceOptions(parent=self))
