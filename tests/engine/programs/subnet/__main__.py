"""A subnet with NAT gateway and public IP address, and a role assignment. Configuration: ``idle``, minutes."""

import os

import pulumi
import pulumi_azure_native as azure_native
from pulumi import ResourceOptions
from pulumi_azure_native import authorization, network

SUBSCRIPTION, GROUP, VNET = (os.environ[name] for name in ("TEST_SUBSCRIPTION", "TEST_GROUP", "TEST_VNET"))
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

config = pulumi.Config()
azure = ResourceOptions(provider=azure_native.Provider("azure", subscription_id=SUBSCRIPTION))
address = network.PublicIPAddress(
    "address",
    resource_group_name=GROUP,
    sku={"name": "Standard"},
    public_ip_allocation_method="Static",
    zones=["1"],
    opts=ResourceOptions.merge(azure, ResourceOptions(ignore_changes=["natGateway"])),
)
gateway = network.NatGateway(
    "gateway",
    resource_group_name=GROUP,
    sku={"name": "Standard"},
    idle_timeout_in_minutes=config.get_int("idle") or 4,
    public_ip_addresses=[{"id": address.id}],
    zones=["1"],
    tags={"made-by": "test"},
    opts=azure,
)
subnet = network.Subnet(
    "subnet",
    resource_group_name=GROUP,
    virtual_network_name=VNET,
    subnet_name="own",
    address_prefix="10.1.0.0/24",
    nat_gateway={"id": gateway.id},
    opts=azure,
)
scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
authorization.RoleAssignment(
    "role",
    scope=subnet.id,
    principal_id="0b0b0b0b-5555-6666-7777-888888888888",
    principal_type="ServicePrincipal",
    role_definition_id=f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}",
    opts=azure,
)
pulumi.export("subnet", subnet.id)
pulumi.export("ip", address.ip_address)
