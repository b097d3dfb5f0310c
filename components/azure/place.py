"""Where the pod VMs go, as plain strings that are known before anything is registered; and the parts of ARM ids.

An ARM id is ``/subscriptions/ID/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME...]``. Azure keeps the
spelling of names and compares them without regard to case (learn.microsoft.com, "Naming rules and restrictions for
Azure resources"), so ids are compared by ``same``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

_SUBSCRIPTION, _GROUP, _NAME = 2, 4, 8
_NETWORK = "/providers/Microsoft.Network"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the pod VMs go.

    Attributes:
        subscription: subscription of the cluster and of the pod VMs.
        tenant: its tenant; empty where nothing was asked.
        resource_group: resource group of the pod VMs.
        region: region in its short form.
        vnet_id: ARM id of the VNet; its subscription may be another one than that of the pod VMs.
        subnet_id: ARM id of the pod VMs' subnet; empty while a subnet of the stack's own does not exist.
        workers_id: ARM id of the subnet of the worker nodes; empty: not known.
        nsg_id: ARM id of the network security group for the pod VMs.
        vnet_resource_group: resource group of the VNet.
        subnet: what pod VMs need of the subnet, as Azure has it (``AzureNetwork.subnet``); empty: nothing was asked.
        provider: azure-native in the subscription of the network; None where nothing is asked of Azure.
    """

    subscription: str
    tenant: str
    resource_group: str
    region: str
    vnet_id: str
    subnet_id: str
    workers_id: str
    nsg_id: str
    vnet_resource_group: str
    subnet: Mapping[str, str] = field(default_factory=dict)
    provider: pulumi.ProviderResource | None = field(default=None, compare=False, repr=False)

    @property
    def vnet(self) -> str:
        """Return the name of the VNet."""
        return name_of(self.vnet_id)

    @property
    def network_subscription(self) -> str:
        """Return the subscription of the network."""
        return subscription_of(self.vnet_id)


def vnet_id(subscription: str, group: str, name: str) -> str:
    """Return the ARM id of a VNet."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}{_NETWORK}/virtualNetworks/{name}"


def subnet_id(vnet: str, name: str) -> str:
    """Return the ARM id of a subnet, from the id of its VNet."""
    return f"{vnet}/subnets/{name}"


def nsg_id(subscription: str, group: str, name: str) -> str:
    """Return the ARM id of a network security group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}{_NETWORK}/networkSecurityGroups/{name}"


def subscription_of(arm_id: str) -> str:
    """Return the subscription of an ARM id."""
    return arm_id.split("/")[_SUBSCRIPTION]


def group_of(arm_id: str) -> str:
    """Return the resource group of an ARM id."""
    return arm_id.split("/")[_GROUP]


def top_of(arm_id: str) -> str:
    """Return the ARM id of the resource that a nested one is in, such as a subnet's VNet."""
    return "/".join(arm_id.split("/")[: _NAME + 1])


def name_of(arm_id: str) -> str:
    """Return the last name of an ARM id."""
    return arm_id.rsplit("/", 1)[-1]


def same(one: str, other: str) -> bool:
    """Return whether two names, ids or regions of Azure are the same."""
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()


def region_of(answer: Mapping[str, object]) -> str:
    """Return the region of a resource in its short form; Azure also writes ``East US``."""
    return str(answer.get("location") or "").replace(" ", "").lower()
