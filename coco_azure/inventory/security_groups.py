"""The network security group that Cloud API Adaptor gives to the NICs of pod VMs (``AZURE_NSG_ID``)."""

import pulumi

from coco_azure.clients import arm_ids
from coco_azure.clients.arm_ids import same
from coco_azure.inventory.azure_resources import Answer, AzureResources, not_found
from coco_azure.inventory.network_search import Search, setting

_NOT_FOUND = not_found("NetworkSecurityGroup")


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
            f"{search.own.subscription}; a NIC takes only one of its own: {_fix()}"
        )
    answer = search.own.get("NetworkSecurityGroup", arm_id)
    if answer is None:
        raise pulumi.RunError(
            f"Azure has no network security group {arm_id} {_NOT_FOUND}; those of resource group {group} are: "
            f"{_listed(search.own, group)}. Choose one: {_fix()}"
        )
    _fits(answer, region)


def _fits(answer: Answer, region: str) -> None:
    if not same(arm_ids.region_of(answer), region):
        raise pulumi.RunError(
            f"network security group {answer['id']} is in {arm_ids.region_of(answer)}, and the VNet of the pod VMs in "
            f"{region}; a NIC takes only one of its own region: {_fix()}"
        )


def _fix() -> str:
    return f"{setting('nsgId', 'ID')}, or leave it out"


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
    existing = "; ".join(f"those of resource group {group} are: {_listed(search.own, group)}" for group in groups)
    return (
        f"{none}; {existing}. Choose one: {setting('nsgName', 'NAME')}, "
        f"and where it is elsewhere {setting('nsgResourceGroup', 'GROUP')}"
    )


def _listed(azure: AzureResources, group: str) -> str:
    return ", ".join(azure.names("networkSecurityGroups", group)) or "none that can be seen"
