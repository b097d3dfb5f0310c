"""The stand-in for azure-native: functions and resources against the rehearsal's ARM server."""

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
    InvokeRequest,
    ReadRequest,
    UpdateRequest,
)

from rehearsal.azure_provider.arm import ArmClient, ProviderError, RefusedError
from rehearsal.azure_provider.kinds import KINDS
from rehearsal.azure_provider.properties import UNKNOWN, plain, properties
from rehearsal.azure_provider.provider import INPUTS, AzureNative
from rehearsal.azure_provider.shapes import seen
from tests.unit.azure_server import GROUP, NETWORK, SUBSCRIPTION, VNET, with_client

SUBNET = "azure-native:network:Subnet"
PLACE = {"resourceGroupName": "rehearsal-x7k2p-rg", "virtualNetworkName": "rehearsal-x7k2p-vnet"}
INPUT = {**PLACE, "subnetName": "own", "addressPrefix": "10.1.0.0/24"}


def _urn(kind: str, name: str = "own") -> str:
    return f"urn:pulumi:test::coco-azure::{kind}::{name}"


async def _create(provider: AzureNative, kind: str, inputs: Any, *, preview: bool = False) -> Any:
    return await provider.create(CreateRequest(_urn(kind), properties(inputs), 0, preview))


def test_a_function_answers_with_flat_properties(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        asked = properties({**PLACE, "subnetName": "rehearsal-x7k2p-worker-subnet"})
        answer = await AzureNative(arm).invoke(InvokeRequest("azure-native:network:getSubnet", asked))
        return plain(answer.return_value or {})

    found = with_client(tmp_path, use)

    assert found["addressPrefix"] == "10.0.128.0/17"
    assert found["natGateway"]["id"].endswith("/natGateways/rehearsal-x7k2p-nat")
    assert "properties" not in found


def test_a_function_that_finds_nothing_says_so_in_azures_words(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        asked = properties({**PLACE, "subnetName": "none"})
        await AzureNative(arm).invoke(InvokeRequest("azure-native:network:getSubnet", asked))

    with pytest.raises(RefusedError, match=r'Status=404 Code="NotFound" Message="Resource .*/subnets/none not found'):
        with_client(tmp_path, use)


def test_a_function_that_is_not_here_is_refused_by_name(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        await AzureNative(arm).invoke(InvokeRequest("azure-native:web:getSite", {}))

    with pytest.raises(ProviderError, match=r"azure-native:web:getSite is not among .*getSubnet"):
        with_client(tmp_path, use)


def test_the_token_is_a_secret_and_opens_arm(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        answer = await AzureNative(arm).invoke(InvokeRequest("azure-native:authorization:getClientToken", {}))
        return (answer.return_value or {})["token"], await arm.token()

    token, used = with_client(tmp_path, use)

    assert token.is_secret
    assert token.value == used


def test_without_credentials_the_error_says_where_they_come_from() -> None:
    with pytest.raises(ProviderError, match=r"ARM_TENANT_ID.*make rehearsal-up"):
        asyncio.run(ArmClient({}).token())


def test_a_subnet_is_made_read_changed_and_removed(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        provider = AzureNative(arm)
        made = await _create(provider, SUBNET, INPUT)
        there = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, made.properties, properties(INPUT)))
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
        return made, there, diff, changed, gone

    made, there, diff, changed, gone = with_client(tmp_path, use)

    assert made.resource_id == f"{VNET}/subnets/own"
    assert plain(made.properties)["provisioningState"] == "Succeeded"
    assert plain(made.properties)[INPUTS] == INPUT
    assert plain(there.inputs) == INPUT
    assert (diff.changes, diff.diffs, diff.replaces) == (True, ["networkSecurityGroup"], [])
    assert plain(changed.properties)["networkSecurityGroup"]["id"].endswith("-nsg")
    assert gone.resource_id == ""


def test_a_change_by_others_shows_in_the_inputs(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        provider = AzureNative(arm)
        made = await _create(provider, SUBNET, INPUT)
        await arm.put(f"{VNET}/subnets/own", "2024-05-01", {"properties": {"addressPrefix": "10.1.4.0/24"}})
        there = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, made.properties, properties(INPUT)))
        imported = await provider.read(ReadRequest(_urn(SUBNET), made.resource_id, {}, {}))
        return plain(there.inputs), plain(imported.inputs)

    there, imported = with_client(tmp_path, use)

    assert there == {**INPUT, "addressPrefix": "10.1.4.0/24"}
    assert imported.items() >= there.items()


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
        provider, found = AzureNative(arm), {}
        for kind in KINDS:
            group = properties({"resourceGroupName": "rehearsal-x7k2p-rg"})
            first = await provider.check(CheckRequest(_urn(kind, "pod-vms"), {}, group, b"seed"))
            again = await provider.check(CheckRequest(_urn(kind, "pod-vms"), first.inputs or {}, group, b"other"))
            assert plain(first.inputs or {}) == plain(again.inputs or {})
            found[kind.rpartition(":")[2]] = plain(first.inputs or {})
        return found

    found = with_client(tmp_path, use)

    assert found["Subnet"]["subnetName"] == "pod-vms"
    assert found["NatGateway"]["natGatewayName"].startswith("pod-vms")
    assert len(found["NatGateway"]["natGatewayName"]) == len("pod-vms") + 8
    assert found["NatGateway"]["location"] == "eastus"
    assert len(found["RoleAssignment"]["roleAssignmentName"]) == 36
    assert "location" not in found["Subnet"]


def test_a_preview_makes_nothing_and_knows_what_the_program_says(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        made = await _create(AzureNative(arm), SUBNET, INPUT, preview=True)
        return made, await arm.get(f"{VNET}/subnets/own", "2024-05-01")

    made, there = with_client(tmp_path, use)

    assert there is None
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
