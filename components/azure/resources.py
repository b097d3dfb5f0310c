"""Resources of Azure as azure-native has them, by token: importing ``pulumi_azure_native.network`` takes four seconds.

Inputs have the names of azure-native 3 (``pulumi_azure_native.network.Subnet`` and so on), which a test compares.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, ClassVar

import pulumi
from pulumi import Input, Output, ResourceOptions

_PROVIDER_VERSION = version("pulumi-azure-native")


class AzureResource(pulumi.CustomResource):
    """A resource of Azure; its id is its ARM id."""

    token: ClassVar[str]
    answered: ClassVar[tuple[str, ...]] = ()
    """Outputs that a program reads, by azure-native's names."""

    def __init__(self, name: str, inputs: Mapping[str, Input[Any]], opts: ResourceOptions | None = None) -> None:
        """Register the resource.

        Args:
            name: its name in the stack.
            inputs: its inputs, by azure-native's names; those that are None are left out.
            opts: its options.
        """
        given = {key: value for key, value in inputs.items() if value is not None}
        pinned = ResourceOptions.merge(opts, ResourceOptions(version=_PROVIDER_VERSION))
        super().__init__(self.token, name, {**dict.fromkeys(self.answered), **given}, pinned)


class Subnet(AzureResource):
    """A subnet of a VNet."""

    token = "azure-native:network:Subnet"  # noqa: S105 - a type token


class NatGateway(AzureResource):
    """A NAT gateway."""

    token = "azure-native:network:NatGateway"  # noqa: S105 - a type token


class PublicIPAddress(AzureResource):
    """A public IP address."""

    token = "azure-native:network:PublicIPAddress"  # noqa: S105 - a type token
    answered = ("ipAddress",)
    ipAddress: Output[str | None]  # noqa: N815 - azure-native's name
    """The address, once there is one."""


class RoleAssignment(AzureResource):
    """A role that a principal has at a scope."""

    token = "azure-native:authorization:RoleAssignment"  # noqa: S105 - a type token
