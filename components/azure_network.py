"""The network of the pod VMs: resource group, region, VNet, subnet and network security group, exactly one of each.

A value of the settings is used as it is. What is left out comes from the cluster (which names it) and from Azure (which
gives its id). Lists are never searched for something that looks right. Changes nothing in Azure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_azure_native as azure_native
from pulumi import Input, InvokeOutputOptions, Output, ResourceOptions

from components.cluster_facts import ClusterFacts
from settings.azure import AzureSettings


def needs_lookup(settings: AzureSettings) -> bool:
    """Return whether anything about the network has to be looked up."""
    return None in (settings.resource_group, settings.region, settings.subnet_id, settings.nsg_id)


@dataclass(frozen=True, kw_only=True)
class AzureNetworkArgs:
    """What decides the network.

    Attributes:
        settings: what the stack says; unset values are looked up.
        facts: what the cluster says.
        provider: azure-native provider for the look-ups, or None where everything is set.
    """

    settings: AzureSettings
    facts: ClusterFacts
    provider: pulumi.ProviderResource | None


def subscription_id(settings: AzureSettings, facts: ClusterFacts) -> Output[str]:
    """Return the subscription that the look-ups ask: the setting, or the cluster's own."""
    return _named(settings.subscription_id, facts.cloud, "subscriptionId")


def azure_provider(settings: AzureSettings, facts: ClusterFacts) -> pulumi.ProviderResource:
    """Return the provider for the look-ups, in their subscription."""
    return azure_native.Provider("azure", subscription_id=subscription_id(settings, facts))


_SUBNET_FACTS = ("natGateway", "networkSecurityGroup", "routeTable", "addressPrefix", "addressPrefixes")


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
    subnet: Output[dict[str, str]]
    """What pod VMs need of a subnet that is looked up: NAT gateway, network security group and route table (ARM ids,
    empty: none), address prefixes. Kept in the state for drift checks, and used for nothing else."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AzureNetwork", name, None, opts)
        said, cloud = args.settings, args.facts.cloud
        self._invoke = InvokeOutputOptions(parent=self, provider=args.provider)

        self.resource_group = _or_else(said.resource_group, lambda: args.facts.resource_group)
        self.vnet = _vnet_name(said, cloud)
        self.region = _or_else(said.region, lambda: self._look_up_region(said, cloud))
        self.subnet = Output.from_input({})
        self.subnet_id = _or_else(said.subnet_id, lambda: self._look_up_subnet(said, cloud))
        self.nsg_id = _or_else(said.nsg_id, lambda: self._look_up_nsg(said, cloud))
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

    def _look_up_region(self, said: AzureSettings, cloud: Output[dict[str, Any]]) -> Output[str]:
        names = {"resourceGroupName": _vnet_group(said, cloud), "virtualNetworkName": self.vnet}
        return self._get("getVirtualNetwork", names, "location")

    def _look_up_subnet(self, said: AzureSettings, cloud: Output[dict[str, Any]]) -> Output[str]:
        subnet = _named(said.subnet_name, cloud, "subnetName")
        group = _vnet_group(said, cloud)
        names = {"resourceGroupName": group, "virtualNetworkName": self.vnet, "subnetName": subnet}
        found = self._ask("getSubnet", names)
        self.subnet = found.apply(_facts)
        return found.apply(lambda answer: str(answer["id"]))

    def _look_up_nsg(self, said: AzureSettings, cloud: Output[dict[str, Any]]) -> Output[str]:
        group = _named(
            said.nsg_resource_group, cloud, "securityGroupResourceGroup", "vnetResourceGroup", "resourceGroup"
        )
        nsg = _named(said.nsg_name, cloud, "securityGroupName")
        return self._get("getNetworkSecurityGroup", {"resourceGroupName": group, "networkSecurityGroupName": nsg}, "id")

    def _get(self, function: str, names: Mapping[str, Input[str]], key: str) -> Output[str]:
        return self._ask(function, names).apply(lambda answer: str(answer[key]))

    def _ask(self, function: str, names: Mapping[str, Input[str]]) -> Output[Any]:
        # By token: importing pulumi_azure_native.network costs four seconds at every preview.
        return pulumi.runtime.invoke_output(f"azure-native:network:{function}", names, self._invoke)


def _facts(subnet: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name in _SUBNET_FACTS:
        value = subnet.get(name) or ""
        parts = value if isinstance(value, list) else [value]
        found[name] = ", ".join(str(part["id"] if isinstance(part, Mapping) else part) for part in parts)
    return found


def _or_else(said: str | None, look_up: Callable[[], Output[str]]) -> Output[str]:
    return look_up() if said is None else Output.from_input(said)


def _vnet_name(said: AzureSettings, cloud: Output[dict[str, Any]]) -> Output[str]:
    if said.vnet_name is None and said.subnet_id is not None:
        return Output.from_input(said.subnet_id.split("/")[-3])
    return _named(said.vnet_name, cloud, "vnetName")


def _vnet_group(said: AzureSettings, cloud: Output[dict[str, Any]]) -> Output[str]:
    return _named(said.vnet_resource_group, cloud, "vnetResourceGroup", "resourceGroup")


def _named(said: str | None, cloud: Output[dict[str, Any]], *keys: str) -> Output[str]:
    """Return the setting, or the first of ``keys`` that cloud-conf has a value for."""
    if said is not None:
        return Output.from_input(said)

    def first(conf: dict[str, Any]) -> str:
        found = next((str(conf[key]) for key in keys if conf.get(key)), None)
        if found is None:
            raise pulumi.RunError(
                f"cloud-conf of this cluster names no {keys[0]}; it has {', '.join(sorted(conf)) or 'nothing'}. "
                "Set coco-azure:azure.subnetId, nsgId, region and resourceGroup by hand"
            )
        return found

    return cloud.apply(first)
