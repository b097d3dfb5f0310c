"""The network of the pod VMs: resource group, region, VNet, subnet and network security group, exactly one of each.

All of it is known beforehand (``coco_azure.inventory.network_lookup``), but for a subnet that the stack makes. The
component keeps it in the state, where a drift check finds what it was.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions

from coco_azure.inventory.azure_place import PodVmPlace
from coco_azure.settings.azure import OwnSubnetSettings
from components.azure.subnet import PeerPodSubnet, PeerPodSubnetArgs


@dataclass(frozen=True, kw_only=True)
class AzureNetworkArgs:
    """What decides the network.

    Attributes:
        own: settings of a subnet that the stack makes; None: they go into one that is there.
    """

    place: PodVmPlace
    own: OwnSubnetSettings | None = None


class AzureNetwork(pulumi.ComponentResource):
    """The network that pod VMs are created in."""

    resource_group: Output[str]
    """Resource group for the pod VMs."""
    region: Output[str]
    """Azure region in its short form."""
    vnet: Output[str]
    """Name of the VNet."""
    subnet_id: Output[str]
    """ARM id of the subnet."""
    nsg_id: Output[str]
    """ARM id of the network security group."""
    own_subnet: PeerPodSubnet | None
    """The subnet that the stack makes, where it makes one."""
    subnet: Output[dict[str, str]]
    """What pod VMs need of a subnet that the stack does not make, as Azure has it: NAT gateway, network security group
    and route table (ARM ids, empty: none), address prefixes. Kept in the state for drift checks, and used for nothing
    else."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AzureNetwork", name, None, opts)
        place = args.place
        self.resource_group = Output.from_input(place.resource_group)
        self.region = Output.from_input(place.region)
        self.vnet = Output.from_input(place.vnet)
        self.own_subnet = None if args.own is None else self._made(place, args.own)
        subnet_id = Output.from_input(place.subnet_id)
        self.subnet_id = subnet_id if self.own_subnet is None else self.own_subnet.subnet_id
        self.nsg_id = Output.from_input(place.nsg_id)
        self.subnet = Output.from_input(dict(place.subnet))
        self.register_outputs(
            {
                "resource_group": self.resource_group,
                "region": self.region,
                "vnet": self.vnet,
                "subnet_id": self.subnet_id,
                "subnet": self.subnet,
                "nsg_id": self.nsg_id,
            }
        )

    def _made(self, place: PodVmPlace, own: OwnSubnetSettings) -> PeerPodSubnet:
        arguments = PeerPodSubnetArgs(
            settings=own, vnet_id=place.vnet_id, region=place.region, nsg_id=place.nsg_id, provider=place.provider
        )
        return PeerPodSubnet("peer-pod-subnet", arguments, ResourceOptions(parent=self))
