"""Settings of a subnet of the stack's own for the pod VMs, in the cluster's VNet."""

import ipaddress
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from coco_azure.settings.arm_ids import arm_id
from coco_azure.settings.base import Model, matching
from coco_azure.settings.tags import Tags

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
