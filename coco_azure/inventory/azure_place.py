"""Where the pod VMs go, as plain strings that are known before anything is registered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from coco_azure.clients.arm_ids import name_of


@dataclass(frozen=True, kw_only=True)
class PodVmPlace:
    """Where the pod VMs go.

    Attributes:
        subscription: subscription of the cluster and of the pod VMs.
        tenant: its tenant; empty where nothing was asked.
        region: region in its short form.
        vnet_id: ARM id of the VNet; its subscription may be another one than that of the pod VMs.
        subnet_id: ARM id of the pod VMs' subnet; empty while a subnet of the stack's own does not exist.
        workers_id: ARM id of the subnet of the worker nodes; empty: not known.
        subnet: what pod VMs need of the subnet, as Azure has it (output ``subnet`` of ``AzureNetwork``); empty: nothing was asked.
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
