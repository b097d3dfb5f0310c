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

    place: PodVmPlace
    """Where it is, as plain strings."""
    subnet_id: Output[str]
    """ARM id of the subnet."""
    own_subnet: PeerPodSubnet | None
    """The subnet that the stack makes, where it makes one."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AzureNetwork", name, None, opts)
        self.place = place = args.place
        self.own_subnet = None if args.own is None else self._made(place, args.own)
        subnet_id = Output.from_input(place.subnet_id)
        self.subnet_id = subnet_id if self.own_subnet is None else self.own_subnet.subnet_id
        self.register_outputs(
            {
                "resource_group": place.resource_group,
                "region": place.region,
                "vnet": place.vnet,
                "subnet_id": self.subnet_id,
                # What pod VMs need of a subnet that the stack does not make, as Azure has it, for drift checks alone:
                # NAT gateway, network security group and route table (ARM ids, empty: none), address prefixes.
                "subnet": dict(place.subnet),
                "nsg_id": place.nsg_id,
            }
        )

    def _made(self, place: PodVmPlace, own: OwnSubnetSettings) -> PeerPodSubnet:
        arguments = PeerPodSubnetArgs(
            settings=own, vnet_id=place.vnet_id, region=place.region, nsg_id=place.nsg_id, provider=place.provider
        )
        return PeerPodSubnet("peer-pod-subnet", arguments, ResourceOptions(parent=self))
