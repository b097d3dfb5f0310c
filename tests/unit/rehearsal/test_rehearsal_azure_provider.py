"""The stand-in for azure-native: resources against the rehearsal's ARM server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    ReadRequest,
    UpdateRequest,
)

from rehearsal.azure_provider.arm import ArmClient, ProviderError
from rehearsal.azure_provider.kinds import KINDS
from rehearsal.azure_provider.provider import INPUTS, AzureNative
from rehearsal.azure_provider.shapes import UNKNOWN, plain, properties, seen
from tests.unit.azure_server import GROUP, NETWORK, SUBSCRIPTION, VNET, with_client

SUBNET = "azure-native:network:Subnet"
PLACE = {"resourceGroupName": "rehearsal-x7k2p-rg", "virtualNetworkName": "rehearsal-x7k2p-vnet"}
INPUT = {**PLACE, "subnetName": "own", "addressPrefix": "10.1.0.0/24"}


def _urn(kind: str, name: str = "own") -> str:
    return f"urn:pulumi:test::coco-azure::{kind}::{name}"


async def _create(provider: AzureNative, kind: str, inputs: Any, *, preview: bool = False) -> Any:
    return await provider.create(CreateRequest(_urn(kind), properties(inputs), 0, preview))


def test_without_credentials_the_error_says_where_they_come_from() -> None:
    with pytest.raises(ProviderError, match=r"IDENTITY_ENDPOINT.*make rehearsal-up"):
        ArmClient({}).token()


def test_a_subnet_is_made_read_changed_and_removed(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        provider = AzureNative(arm)
        made = await _create(provider, SUBNET, INPUT)
        result = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, made.properties, properties(INPUT)))
        nsg = {"networkSecurityGroup": {"id": f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg"}}
        news = properties({**INPUT, **nsg})
        diff = await provider.diff(DiffRequest(_urn(SUBNET), made.resource_id, made.properties, news, []))
        changed = await provider.update(
            UpdateRequest(_urn(SUBNET), made.resource_id, made.properties, news, 0, [], preview=False)
        )
        with pytest.raises(ProviderError, match="cannot create already existing resource"):
            await _create(provider, SUBNET, INPUT)
        await provider.delete(DeleteRequest(_urn(SUBNET), made.resource_id, changed.properties, 0))
        gone = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, changed.properties, news))
        await provider.delete(DeleteRequest(_urn(SUBNET), made.resource_id, changed.properties, 0))
        return made, result, diff, changed, gone

    made, result, diff, changed, gone = with_client(tmp_path, use)

    assert made.resource_id == f"{VNET}/subnets/own"
    assert plain(made.properties)["provisioningState"] == "Succeeded"
    assert plain(made.properties)[INPUTS] == INPUT
    assert plain(result.inputs) == INPUT
    assert (diff.changes, diff.diffs, diff.replaces) == (True, ["networkSecurityGroup"], [])
    assert plain(changed.properties)["networkSecurityGroup"]["id"].endswith("-nsg")
    assert gone.resource_id == ""


def test_a_change_by_others_shows_in_the_inputs(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        provider = AzureNative(arm)
        made = await _create(provider, SUBNET, INPUT)
        await arm.put(f"{VNET}/subnets/own", {"properties": {"addressPrefix": "10.1.4.0/24"}})
        result = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, made.properties, properties(INPUT)))
        imported = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, {}, {}))
        return plain(result.inputs), plain(imported.inputs)

    result, imported = with_client(tmp_path, use)

    assert result == {**INPUT, "addressPrefix": "10.1.4.0/24"}
    assert imported.items() >= result.items()


def test_another_name_or_place_is_a_replacement() -> None:
    async def use(kind: str, key: str) -> Any:
        old = {INPUTS: PropertyValue(properties({key: "a", "tags": {}}))}
        news = properties({key: "b", "tags": {}})
        return (await AzureNative(ArmClient({})).diff(DiffRequest(_urn(kind), "x", old, news, []))).replaces

    for kind, key in (
        (SUBNET, "subnetName"),
        ("azure-native:network:NatGateway", "zones"),
        ("azure-native:network:PublicIPAddress", "location"),
        ("azure-native:authorization:RoleAssignment", "principalId"),
    ):
        assert asyncio.run(use(kind, key)) == [key]


def test_names_and_location_are_given_where_the_program_says_none(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        provider, result = AzureNative(arm), {}
        for kind in KINDS:
            group = properties({"resourceGroupName": "rehearsal-x7k2p-rg"})
            first = await provider.check(CheckRequest(_urn(kind, "pod-vms"), {}, group, b"seed"))
            again = await provider.check(CheckRequest(_urn(kind, "pod-vms"), first.inputs or {}, group, b"other"))
            assert plain(first.inputs or {}) == plain(again.inputs or {})
            result[kind.rpartition(":")[2]] = plain(first.inputs or {})
        return result

    result = with_client(tmp_path, use)

    assert result["Subnet"]["subnetName"] == "pod-vms"
    assert result["NatGateway"]["natGatewayName"].startswith("pod-vms")
    assert len(result["NatGateway"]["natGatewayName"]) == len("pod-vms") + 8
    assert result["NatGateway"]["location"] == "eastus"
    assert len(result["RoleAssignment"]["roleAssignmentName"]) == 36
    assert "location" not in result["Subnet"]


def test_a_preview_makes_nothing_and_knows_what_the_program_says(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        made = await _create(AzureNative(arm), SUBNET, INPUT, preview=True)
        return made, await arm.get(f"{VNET}/subnets/own")

    made, result = with_client(tmp_path, use)

    assert result is None
    assert plain(made.properties)["addressPrefix"] == "10.1.0.0/24"
    assert made.resource_id is None
    assert plain(made.properties)["etag"] is UNKNOWN


def test_a_resource_that_lacks_an_input_is_refused_before_azure_is_asked(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        await _create(AzureNative(arm), SUBNET, {**PLACE, "subnetName": ""})

    with pytest.raises(ProviderError, match="missing required property subnetName"):
        with_client(tmp_path, use)


def test_a_role_is_assigned_at_any_scope(tmp_path: Path) -> None:
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"

    async def use(arm: ArmClient) -> Any:
        inputs = {
            "scope": GROUP,
            "roleAssignmentName": "5b1d1c2e-8f7a-4a63-9a0e-3c1f6d2b7e90",
            "principalId": "0b0b0b0b-5555-6666-7777-888888888888",
            "principalType": "ServicePrincipal",
            "roleDefinitionId": f"/subscriptions/{SUBSCRIPTION}{reader}",
        }
        made = await _create(AzureNative(arm), "azure-native:authorization:RoleAssignment", inputs)
        return made.resource_id, plain(made.properties)

    arm_id, state = with_client(tmp_path, use)

    assert arm_id.startswith(f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/")
    assert state["principalType"] == "ServicePrincipal"


def test_a_kind_that_is_not_here_is_refused_by_name(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        await _create(AzureNative(arm), "azure-native:network:VirtualNetwork", {})

    with pytest.raises(ProviderError, match="VirtualNetwork is not among the resources"):
        with_client(tmp_path, use)


def test_an_input_keeps_its_spelling_where_azure_only_writes_it_otherwise() -> None:
    before = {"id": "/SUBSCRIPTIONS/x", "zones": ["1"], "tags": {"a": "b"}, "location": "East US"}
    live = {"id": "/subscriptions/x", "zones": ["1", "2"], "tags": {"a": "c", "d": "e"}, "location": "eastus"}

    assert seen(before, live) == {**before, "zones": ["1", "2"], "tags": {"a": "c"}}
