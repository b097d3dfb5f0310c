"""The VNet and the subnets of pod VMs and worker nodes: by the settings, by cloud-conf, by the NICs of the workers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi

from coco_azure.clients import arm_ids
from coco_azure.clients.arm_ids import same
from coco_azure.inventory import cluster_reader
from coco_azure.inventory.azure_resources import Answer, AzureResources, not_found
from coco_azure.inventory.cluster_reader import ClusterAzureConfig, Reads
from coco_azure.settings.azure import AzureSettings

_MOST_WORKERS = 10
"""How many workers are asked for their subnet; with more of them it takes longer, and says the same."""


def setting(name: str, value: str) -> str:
    """Return the command that sets one of the settings of Azure."""
    return f"pulumi config set --path coco-azure:azure.{name} {value}"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for, and who is asked.

    Attributes:
        reader: the cluster, for its nodes.
        network: Azure, in the subscription of the network.
        own: Azure, in the subscription of the cluster.
    """

    settings: AzureSettings
    cluster: ClusterAzureConfig
    reader: Reads
    network: AzureResources
    own: AzureResources

    @cached_property
    def vnet(self) -> Answer:
        """The VNet with its subnets; raises pulumi.RunError where it cannot be told, or Azure does not have it."""
        wanted = self._wanted_vnet
        answer = self.network.get("VirtualNetwork", wanted) if wanted else None
        if answer is None and not self._chosen and len(self.subnets_of_workers) == 1:
            nodes = arm_ids.top_of(self.subnets_of_workers[0])
            if same(arm_ids.subscription_of(nodes), self.network.subscription):
                answer = self.network.get("VirtualNetwork", nodes)
        if answer is None:
            raise pulumi.RunError(self._no_vnet(wanted))
        return answer

    @cached_property
    def subnet(self) -> Answer:
        """The subnet of the pod VMs; that of the worker nodes, unless the settings choose another.

        Raises:
            pulumi.RunError: there is not exactly one.
        """
        name = arm_ids.name_of(self.settings.subnet_id) if self.settings.subnet_id else self.settings.subnet_name
        answer = _named(self.vnet, name or self.cluster.first("subnetName"))
        if answer is None and name is None:
            nodes = [each for each in self.subnets_of_workers if same(arm_ids.top_of(each), self.vnet["id"])]
            answer = _named(self.vnet, arm_ids.name_of(nodes[0])) if len(nodes) == 1 else None
        if answer is None:
            raise pulumi.RunError(self._no_subnet(name))
        return answer

    def named(self, name: str) -> Answer | None:
        """Return the VNet's subnet of this name, or None."""
        return _named(self.vnet, name)

    @cached_property
    def workers_id(self) -> str:
        """ARM id of the subnet of the worker nodes; empty where it is not known, or where they have several."""
        conf, wanted = self.cluster.first("subnetName"), self._vnet_of_cloud_conf
        if conf and wanted:
            own = same(wanted, self.vnet["id"])
            vnet = self.vnet if own else self._network_of_cluster.get("VirtualNetwork", wanted)
            if (answer := _named(vnet or {}, conf)) is not None:
                return str(answer["id"])
        return self.subnets_of_workers[0] if len(self.subnets_of_workers) == 1 else ""

    @cached_property
    def subnets_of_workers(self) -> list[str]:
        """ARM ids of the subnets that the NICs of the worker nodes are in; empty where Azure does not tell."""
        subnets: dict[str, str] = {}
        for vm in cluster_reader.worker_vms(self.reader, _MOST_WORKERS):
            for subnet in self._subnets_of(vm):
                subnets.setdefault(subnet.casefold(), subnet)
        return [subnets[key] for key in sorted(subnets)]

    @property
    def _chosen(self) -> bool:
        """Whether the settings name the VNet."""
        return any((self.settings.subnet_id, self.settings.vnet_name, self.settings.vnet_resource_group))

    def _subnets_of(self, vm: str) -> Iterator[str]:
        machine = self.own.get("VirtualMachine", vm) or {}
        for nic in (machine.get("networkProfile") or {}).get("networkInterfaces") or ():
            interface = self.own.get("NetworkInterface", str(nic["id"])) or {}
            for address in interface.get("ipConfigurations") or ():
                if address.get("subnet"):
                    yield str(address["subnet"]["id"])

    @cached_property
    def _wanted_vnet(self) -> str:
        """ARM id of the VNet as the settings or cloud-conf name it; empty where nobody names it."""
        settings = self.settings
        if settings.subnet_id is not None:
            return arm_ids.top_of(settings.subnet_id)
        name = settings.vnet_name or self.cluster.first("vnetName")
        group = settings.vnet_resource_group or self._group_of_network
        return arm_ids.vnet_id(self.network.subscription, group, name) if name else ""

    @property
    def _group_of_network(self) -> str:
        cluster = self.cluster
        return (
            cluster.first("vnetResourceGroup")
            or cluster.network_group
            or cluster.first("resourceGroup")
            or cluster.resource_group
        )

    @property
    def _vnet_of_cloud_conf(self) -> str:
        name = self.cluster.first("vnetName")
        return arm_ids.vnet_id(self._network_of_cluster.subscription, self._group_of_network, name) if name else ""

    @property
    def _network_of_cluster(self) -> AzureResources:
        theirs = self.cluster.first(*cluster_reader.NETWORK_SUBSCRIPTION, "subscriptionId")
        return self.network if same(theirs, self.network.subscription) else self.own

    def _no_vnet(self, wanted: str) -> str:
        if not wanted:
            group, searched_group = self._group_of_network, self.cluster.lacks("vnetName")
        else:
            group, answer = arm_ids.group_of(wanted), not_found("VirtualNetwork")
            searched_group = f"resource group {group} has no VNet {arm_ids.name_of(wanted)} {answer}"
        vnets = f"The VNets of {group} in subscription {self.network.subscription} are: "
        return (
            f"{searched_group}.{'' if self._chosen else self._nodes()} {vnets}"
            f"{_listed(self.network.names('virtualNetworks', group))}. Choose one: "
            + (
                setting("subnetId", "ID")
                if self.settings.subnet_id
                else f"{setting('vnetName', 'NAME')}, and where it is elsewhere {setting('vnetResourceGroup', 'GROUP')}"
            )
        )

    def _no_subnet(self, name: str | None) -> str:
        vnet = arm_ids.name_of(str(self.vnet["id"]))
        named = name or self.cluster.first("subnetName")
        if named:
            source = "" if name else ", as cloud-conf names it"
            message = f"VNet {vnet} has no subnet {named}{source} {not_found('Subnet')}"
        else:
            message = self.cluster.lacks("subnetName")
        nodes = "" if name else self._nodes()
        choice = "subnetId ID" if self.settings.subnet_id else "subnetName NAME"
        return (
            f"{message}.{nodes} The subnets of {vnet} are: {_listed([_name(each) for each in _subnets(self.vnet)])}. "
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
    return arm_ids.name_of(str(subnet["id"]))


def _named(vnet: Mapping[str, Any], name: str) -> Answer | None:
    return next((each for each in _subnets(vnet) if same(_name(each), name)), None)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none that can be seen"


_NOT_FOUND = not_found("NetworkSecurityGroup")
_FIX = f"{setting('nsgId', 'ID')}, or leave it out"


def security_group(search: Search, region: str) -> str:
    """Return the ARM id of the group: that of the settings, else the subnet's own, else the cluster's.

    A NIC takes only a group of its own subscription and region, so one of a shared network is left to its subnet.

    Raises:
        pulumi.RunError: there is none, or that of the settings does not exist or does not fit.
    """
    settings = search.settings
    if settings.nsg_id is not None:
        _checked(search, settings.nsg_id, region)
        return settings.nsg_id
    own = str((search.subnet.get("networkSecurityGroup") or {}).get("id") or "") if settings.nsg_name is None else ""
    if own and same(arm_ids.subscription_of(own), search.own.subscription):
        _compare(search, own)
        return own
    name = settings.nsg_name or search.cluster.first("securityGroupName")
    for group in _groups(search) if name else ():
        answer = search.own.get("NetworkSecurityGroup", arm_ids.nsg_id(search.own.subscription, group, name))
        if answer is not None:
            _fits(answer, region)
            return str(answer["id"])
    raise pulumi.RunError(_nobody(search, name))


def _groups(search: Search) -> list[str]:
    """Return where the group of that name may be, in order.

    Without ``securityGroupResourceGroup`` the cloud controller manager takes ``resourceGroup``
    (kubernetes-sigs/cloud-provider-azure ``pkg/provider/azure.go``, ``InitializeCloudFromConfig``); in a network that
    was there before the cluster it lies with the VNet.
    """
    if search.settings.nsg_resource_group is not None:
        return [search.settings.nsg_resource_group]
    conf = search.cluster
    vnet = str(search.vnet["id"])
    several = [conf.first("securityGroupResourceGroup", "resourceGroup") or conf.resource_group, arm_ids.group_of(vnet)]
    return several[:1] if same(*several) else several


def _checked(search: Search, arm_id: str, region: str) -> None:
    """Refuse a group of the settings that is not there, or does not fit."""
    subscription, group = arm_ids.subscription_of(arm_id), arm_ids.group_of(arm_id)
    if not same(subscription, search.own.subscription):
        raise pulumi.RunError(
            f"network security group {arm_id} is in subscription {subscription}, and the pod VMs are in "
            f"{search.own.subscription}; a NIC takes only one of its own: {_FIX}"
        )
    answer = search.own.get("NetworkSecurityGroup", arm_id)
    if answer is None:
        raise pulumi.RunError(
            f"Azure has no network security group {arm_id} {_NOT_FOUND}; those of resource group {group} are: "
            f"{_listed(search.own.names('networkSecurityGroups', group))}. Choose one: {_FIX}"
        )
    _fits(answer, region)


def _fits(answer: Answer, region: str) -> None:
    if not same(arm_ids.region_of(answer), region):
        raise pulumi.RunError(
            f"network security group {answer['id']} is in {arm_ids.region_of(answer)}, and the VNet of the pod VMs in "
            f"{region}; a NIC takes only one of its own region: {_FIX}"
        )


def _compare(search: Search, own: str) -> None:
    """Warn where the subnet's group is another than the cluster's."""
    name, exactly = search.cluster.first("securityGroupName"), search.cluster.first("securityGroupResourceGroup")
    if not name or (same(name, arm_ids.name_of(own)) and (not exactly or same(exactly, arm_ids.group_of(own)))):
        return
    pulumi.log.warn(
        f"the pod VMs get network security group {own}, which is that of their subnet; the cluster's is {name} "
        "(cloud-conf), and rules that were made there do not hold for pod VMs. To choose it instead: "
        f"{setting('nsgName', name)}"
    )


def _nobody(search: Search, name: str) -> str:
    groups = _groups(search)
    none = (
        f"there is no network security group {name} {_NOT_FOUND}" if name else search.cluster.lacks("securityGroupName")
    )
    if search.settings.nsg_name is None:
        subnet = arm_ids.name_of(str(search.subnet["id"]))
        none = f"subnet {subnet} has no network security group for pod VMs, and {none}"
    existing = "; ".join(
        f"those of resource group {group} are: {_listed(search.own.names('networkSecurityGroups', group))}"
        for group in groups
    )
    return (
        f"{none}; {existing}. Choose one: {setting('nsgName', 'NAME')}, "
        f"and where it is elsewhere {setting('nsgResourceGroup', 'GROUP')}"
    )
