"""The VNet and the subnets of pod VMs and worker nodes: by the settings, by cloud-conf, by the NICs of the workers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi

from components.azure import place
from components.azure.ask import Answer, AzureAsk
from components.azure.place import same
from components.cluster import place as cluster_place
from components.cluster.client import ClusterClient
from components.cluster.place import ClusterPlace
from settings.azure import AzureSettings

_MOST_WORKERS = 10
"""How many workers are asked for their subnet; with more of them it takes longer, and says the same."""


def setting(name: str, value: str) -> str:
    """Return the command that sets one of the settings of Azure."""
    return f"pulumi config set --path coco-azure:azure.{name} {value}"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for, and who is asked.

    Attributes:
        said: what the settings say.
        cluster: what the cluster says.
        client: the cluster, for its nodes.
        network: Azure, in the subscription of the network.
        own: Azure, in the subscription of the cluster.
    """

    said: AzureSettings
    cluster: ClusterPlace
    client: ClusterClient
    network: AzureAsk
    own: AzureAsk

    @cached_property
    def vnet(self) -> Answer:
        """The VNet with its subnets.

        Raises:
            pulumi.RunError: it cannot be told, or Azure does not have it.
        """
        wanted = self._wanted_vnet
        found = self.network.virtual_network(wanted) if wanted else None
        if found is None and not self._chosen and len(self.subnets_of_workers) == 1:
            nodes = place.top_of(self.subnets_of_workers[0])
            if same(place.subscription_of(nodes), self.network.subscription):
                found = self.network.virtual_network(nodes)
        if found is None:
            raise pulumi.RunError(self._no_vnet(wanted))
        return found

    @cached_property
    def subnet(self) -> Answer:
        """The subnet of the pod VMs; that of the worker nodes, unless the settings choose another.

        Raises:
            pulumi.RunError: there is not exactly one.
        """
        said = place.name_of(self.said.subnet_id) if self.said.subnet_id else self.said.subnet_name
        found = _named(self.vnet, said or self.cluster.first("subnetName"))
        if found is None and said is None:
            nodes = [each for each in self.subnets_of_workers if same(place.top_of(each), self.vnet["id"])]
            found = _named(self.vnet, place.name_of(nodes[0])) if len(nodes) == 1 else None
        if found is None:
            raise pulumi.RunError(self._no_subnet(said))
        return found

    def named(self, name: str) -> Answer | None:
        """Return the VNet's subnet of this name, or None."""
        return _named(self.vnet, name)

    @cached_property
    def workers_id(self) -> str:
        """ARM id of the subnet of the worker nodes; empty where it is not known, or where they have several."""
        conf, wanted = self.cluster.first("subnetName"), self._vnet_of_cloud_conf
        if conf and wanted:
            vnet = self.vnet if same(wanted, self.vnet["id"]) else self._network_of_cluster.virtual_network(wanted)
            if (found := _named(vnet or {}, conf)) is not None:
                return str(found["id"])
        return self.subnets_of_workers[0] if len(self.subnets_of_workers) == 1 else ""

    @cached_property
    def subnets_of_workers(self) -> list[str]:
        """ARM ids of the subnets that the NICs of the worker nodes are in; empty where Azure does not tell."""
        found: dict[str, str] = {}
        for vm in cluster_place.worker_vms(self.client, _MOST_WORKERS):
            for subnet in self._subnets_of(vm):
                found.setdefault(subnet.casefold(), subnet)
        return [found[key] for key in sorted(found)]

    @property
    def _chosen(self) -> bool:
        """Whether the settings name the VNet."""
        return any((self.said.subnet_id, self.said.vnet_name, self.said.vnet_resource_group))

    def _subnets_of(self, vm: str) -> Iterator[str]:
        machine = self.own.virtual_machine(vm) or {}
        for nic in (machine.get("networkProfile") or {}).get("networkInterfaces") or ():
            for address in (self.own.network_interface(str(nic["id"])) or {}).get("ipConfigurations") or ():
                if address.get("subnet"):
                    yield str(address["subnet"]["id"])

    @cached_property
    def _wanted_vnet(self) -> str:
        """ARM id of the VNet as the settings or cloud-conf name it; empty where nobody names it."""
        said = self.said
        if said.subnet_id is not None:
            return place.top_of(said.subnet_id)
        name = said.vnet_name or self.cluster.first("vnetName")
        group = said.vnet_resource_group or self._group_of_network
        return place.vnet_id(self.network.subscription, group, name) if name else ""

    @property
    def _group_of_network(self) -> str:
        said = self.cluster
        return (
            said.first("vnetResourceGroup") or said.network_group or said.first("resourceGroup") or said.resource_group
        )

    @property
    def _vnet_of_cloud_conf(self) -> str:
        name = self.cluster.first("vnetName")
        return place.vnet_id(self._network_of_cluster.subscription, self._group_of_network, name) if name else ""

    @property
    def _network_of_cluster(self) -> AzureAsk:
        theirs = self.cluster.first(*cluster_place.NETWORK_SUBSCRIPTION, "subscriptionId")
        return self.network if same(theirs, self.network.subscription) else self.own

    def _no_vnet(self, wanted: str) -> str:
        if not wanted:
            group, found = self._group_of_network, self.cluster.lacks("vnetName")
        else:
            group, answer = place.group_of(wanted), "(azure-native:network:getVirtualNetwork: NotFound)"
            found = f"resource group {group} has no VNet {place.name_of(wanted)} {answer}"
        vnets = f"The VNets of {group} in subscription {self.network.subscription} are: "
        return (
            f"{found}.{'' if self._chosen else self._nodes()} {vnets}"
            f"{_listed(self.network.names('virtual_networks', group))}. Choose one: "
            + (
                setting("subnetId", "ID")
                if self.said.subnet_id
                else f"{setting('vnetName', 'NAME')}, and where it is elsewhere {setting('vnetResourceGroup', 'GROUP')}"
            )
        )

    def _no_subnet(self, said: str | None) -> str:
        vnet = place.name_of(str(self.vnet["id"]))
        named = said or self.cluster.first("subnetName")
        if named:
            source = "" if said else ", as cloud-conf names it"
            found = f"VNet {vnet} has no subnet {named}{source} (azure-native:network:getSubnet: NotFound)"
        else:
            found = self.cluster.lacks("subnetName")
        nodes = "" if said else self._nodes()
        choice = "subnetId ID" if self.said.subnet_id else "subnetName NAME"
        return (
            f"{found}.{nodes} The subnets of {vnet} are: {_listed([_name(each) for each in _subnets(self.vnet)])}. "
            f"Choose one: {setting(*choice.split())}"
        )

    def _nodes(self) -> str:
        nodes = self.subnets_of_workers
        if not nodes:
            return " Nor does Azure tell the subnet of the worker nodes: none of them has a VM that can be asked."
        return f" The worker nodes are in {_listed(nodes)}."


def _subnets(vnet: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(vnet.get("subnets") or ())


def _name(subnet: Mapping[str, Any]) -> str:
    return place.name_of(str(subnet["id"]))


def _named(vnet: Mapping[str, Any], name: str) -> Answer | None:
    return next((each for each in _subnets(vnet) if same(_name(each), name)), None)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none that can be seen"
