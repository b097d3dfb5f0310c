"""What azure-native says of one subscription, at once and as plain values.

Asked by token with an explicit provider, so that the subscription is the one that is meant and not that of whoever
signed in. Previews ask, too: looking up changes nothing. Answers have azure-native's shape: the REST API's, with
``properties`` folded into the object.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pulumi
import pulumi_azure_native as azure_native
from pulumi import InvokeOptions

from components.azure import client as azure_client
from components.azure import place as azure_place

Answer = Mapping[str, Any]

_NOT_THERE = re.compile(r'\bCode="(?:\w*Resource|ResourceGroup)?NotFound"|\bStatus=404\b')
"""What azure-native's errors say (pulumi/pulumi-azure-native ``provider/pkg/azure/client_azcore.go``)."""
_NO_SUBSCRIPTION = re.compile(r"\b(?:SubscriptionNotFound|InvalidSubscriptionId)\b")
_REFUSED = re.compile(r"\b(?:AuthorizationFailed|LinkedAuthorizationFailed)\b|\bStatus=403\b")


class AzureAsk:
    """Look-ups in one subscription."""

    def __init__(self, name: str, subscription: str) -> None:
        """Remember the subscription; the first question makes the provider, under this name."""
        self._name = name
        self.subscription = subscription

    @cached_property
    def provider(self) -> pulumi.ProviderResource:
        """azure-native in this subscription."""
        return azure_native.Provider(self._name, subscription_id=self.subscription)

    def virtual_network(self, arm_id: str) -> Answer | None:
        """Return a VNet with its subnets, or None where there is none."""
        return self._named("network:getVirtualNetwork", arm_id, "virtualNetworkName")

    def security_group(self, arm_id: str) -> Answer | None:
        """Return a network security group, or None where there is none."""
        return self._named("network:getNetworkSecurityGroup", arm_id, "networkSecurityGroupName")

    def virtual_machine(self, arm_id: str) -> Answer | None:
        """Return a VM, or None where there is none."""
        return self._named("compute:getVirtualMachine", arm_id, "vmName")

    def network_interface(self, arm_id: str) -> Answer | None:
        """Return a NIC, or None where there is none."""
        return self._named("network:getNetworkInterface", arm_id, "networkInterfaceName")

    def has_resource_group(self, name: str) -> bool:
        """Return whether there is a resource group of this name."""
        return self._get("resources:getResourceGroup", {"resourceGroupName": name}) is not None

    def tenant(self) -> str:
        """Return the tenant that azure-native has signed in to; empty where it does not tell."""
        try:
            return str((self._get("authorization:getClientConfig", {}) or {}).get("tenantId") or "")
        except pulumi.RunError:  # whoever needs it says so
            return ""

    def names(self, kind: str, group: str) -> list[str]:
        """Return the names of a group's ``virtual_networks`` or ``network_security_groups``, for an error's text.

        azure-native has no lists, so the official client is asked. What cannot be told is left out: the error that it
        is for says more.
        """
        try:
            client = azure_client.connect(self.subscription, self.provider)
            return sorted(str(each.name) for each in getattr(client.network, kind).list(group))
        except Exception as error:  # noqa: BLE001 - of whatever kind, see above
            pulumi.log.debug(f"{kind} of {group} cannot be listed: {error}")
            return []

    def _named(self, function: str, arm_id: str, name: str) -> Answer | None:
        return self._get(
            function, {"resourceGroupName": azure_place.group_of(arm_id), name: azure_place.name_of(arm_id)}
        )

    def _get(self, function: str, names: Mapping[str, str]) -> Answer | None:
        # By token: importing pulumi_azure_native.network costs four seconds at every preview.
        try:
            found = pulumi.runtime.invoke(f"azure-native:{function}", names, InvokeOptions(provider=self.provider))
        except Exception as error:
            if _NO_SUBSCRIPTION.search(str(error)) is None and _NOT_THERE.search(str(error)):
                return None
            raise pulumi.RunError(self._advice(error)) from error
        return dict(found.value)

    def _advice(self, error: Exception) -> str:
        said = f"Azure does not tell the place of the pod VMs: {error}."
        if _NO_SUBSCRIPTION.search(str(error)):
            return (
                f"{said} Subscription {self.subscription} has to be one that the signed-in identity can read "
                "(az account list). Sign in with another one, or name another subscription: "
                "pulumi config set --path coco-azure:azure.subscriptionId ID"
            )
        if _REFUSED.search(str(error)):
            return (
                f"{said} Needed is role Reader on the resource groups of the cluster and of its network: "
                "az role assignment create --role Reader --assignee ... --scope ..."
            )
        return (
            f"{said} Sign in with `az login`, or set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET of a service "
            "principal. Without Azure: set coco-azure:azure.subnetId, azure.nsgId, azure.region and "
            "azure.resourceGroup, and coco-azure:preflight.mode off"
        )
