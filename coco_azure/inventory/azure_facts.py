"""What Azure was asked about the place of the pod VMs, as plain values.

``None`` for a whole part means that it was not or could not be asked; ``AzureFacts.unknown`` says why. ARM ids are kept
as Azure writes them and compared without regard to case. Shapes follow the REST APIs of Microsoft.Network (2024-05-01),
Microsoft.Compute (SKUs 2021-07-01, usages 2024-07-01, galleries 2023-07-03) and Microsoft.Authorization (2022-04-01).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a network security group, its own or one of Azure's defaults.

    Attributes:
        priority: the lower, the earlier.
        inbound: the direction.
        allow: what it does.
        protocol: ``*``, ``Tcp``, ``Udp``, ``Icmp``, ``Esp`` or ``Ah``.
        sources, destinations: addresses, ranges, service tags or ``*``.
        source_ports, destination_ports: ports, ranges ``a-b`` or ``*``.
        groups: whether an application security group decides, so that it cannot be told for an address.
    """

    name: str
    priority: int
    inbound: bool
    allow: bool
    protocol: str
    sources: tuple[str, ...] = ("*",)
    destinations: tuple[str, ...] = ("*",)
    source_ports: tuple[str, ...] = ("*",)
    destination_ports: tuple[str, ...] = ("*",)
    groups: bool = False


@dataclass(frozen=True, kw_only=True)
class Nsg:
    """A network security group with all its rules, the defaults included."""

    id: str
    location: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route of a table: its prefix and its ``nextHopType``, such as ``Internet`` or ``VirtualAppliance``."""

    prefix: str
    hop: str


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """A route table with its routes."""

    id: str
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NatGateway:
    """A NAT gateway, with the ARM ids of its public IP addresses and prefixes."""

    id: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet.

    Attributes:
        prefixes: address ranges in CIDR form.
        used: addresses that are taken (IP configurations); None where it was not told.
        pod_vms: how many of them are of pod VMs: of network interfaces whose name begins with ``podvm-``
            (cloud-api-adaptor ``src/cloud-providers/util/instance.go``), which a new run would not need once more.
        nsg_id, nat_gateway_id, route_table_id: ARM ids; empty where there is none.
        default_outbound: ``defaultOutboundAccess``; None where the subnet does not say.
        delegations: services that the subnet is delegated to.
    """

    id: str
    prefixes: tuple[str, ...]
    used: int | None = None
    pod_vms: int = 0
    nsg_id: str = ""
    nat_gateway_id: str = ""
    route_table_id: str = ""
    default_outbound: bool | None = None
    delegations: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its name, the last part of its ARM id."""
        return self.id.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Vnet:
    """A virtual network with its subnets; ``peered`` are ranges of networks that it is peered with."""

    id: str
    location: str
    prefixes: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    peered: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """Why a size cannot be had: ``NotAvailableForSubscription`` or ``QuotaId``; no zones: in the whole region."""

    reason: str
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Size:
    """A VM size that the region offers.

    Attributes:
        name: such as ``Standard_DC2as_v5``.
        family: quota family, such as ``standardDCASv5Family``.
        vcpus: vCPUs of one VM.
        tee: capability ``ConfidentialComputingType``: ``SNP``, ``TDX`` or empty.
        zones: zones that offer it; empty in a region without zones.
        restrictions: what of it the subscription cannot have.
    """

    name: str
    family: str
    vcpus: int
    tee: str = ""
    zones: tuple[str, ...] = ()
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Quota of a family (``name``), or of the region (``cores``): vCPUs in use, and the limit."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class AzureImage:
    """The custom pod VM image.

    Attributes:
        exists: whether Azure has it.
        security_type: feature ``SecurityType`` of the definition, such as ``ConfidentialVmSupported``; empty: none.
        generation: ``V1`` or ``V2``.
        regions: where the version is replicated to.
    """

    id: str
    exists: bool
    security_type: str = ""
    generation: str = "V2"
    regions: tuple[str, ...] = ()
    state: str = "Succeeded"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role that the operators' identity has: the scope (ARM id) and the actions and exceptions of its definition."""

    role: str
    scope: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AzureFacts:
    """All that was asked.

    Attributes:
        subnet: the subnet of the pod VMs; None where the stack makes its own and it does not exist yet.
        workers: the subnet of the worker nodes, where known; may be the same as ``subnet``.
        nsgs: network security groups by ARM id in lower case: those of the subnets, and the one given to CAA.
        pod_nsg_id: the group given to CAA (``AZURE_NSG_ID``), which sits at the NIC of each pod VM.
        nat: NAT gateway of the pod VMs' subnet.
        routes: route table of the pod VMs' subnet.
        sizes: sizes of the region by name; None: not asked.
        usages: quota by family, ``cores`` for the region; None: not asked.
        capacity: placement score of each wanted size, in lower case, as far as Azure has one; None: it does not answer.
        image: the custom image, where one is set.
        principal: object id of the operators' identity, where known.
        grants: what it may do; None: not asked.
        unknown: what could not be asked, as pairs of a check's name and the reason.
    """

    subscription: str
    region: str
    resource_group: str
    vnet: Vnet | None = None
    subnet: Subnet | None = None
    workers: Subnet | None = None
    nsgs: Mapping[str, Nsg] = field(default_factory=dict)
    pod_nsg_id: str = ""
    nat: NatGateway | None = None
    routes: RouteTable | None = None
    sizes: Mapping[str, Size] | None = None
    usages: Mapping[str, Usage] | None = None
    capacity: Mapping[str, str] | None = None
    image: AzureImage | None = None
    principal: str = ""
    grants: Sequence[Grant] | None = None
    unknown: Sequence[tuple[str, str]] = ()
