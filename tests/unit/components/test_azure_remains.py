"""What a killed run has left in Azure: made anew where it is the stack's own and unused, and left alone otherwise."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi import ErrorHookArgs

from components.azure import resources
from components.azure.resources import NatGateway, PublicIPAddress, RoleAssignment, Subnet

EXISTS = "cannot create already existing resource '/subscriptions/s/...'"
NAT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/natGateways/coco-podvms-nat"
TAGS = {"coco-azure-stack": "coco-azure/test"}
PLACE = {"resourceGroupName": "g"}
INPUTS: dict[str, dict[str, Any]] = {
    Subnet.token: {**PLACE, "virtualNetworkName": "v", "subnetName": "coco-podvms", "natGateway": {"id": NAT}},
    NatGateway.token: {**PLACE, "natGatewayName": "coco-podvms-nat"},
    PublicIPAddress.token: {**PLACE, "publicIpAddressName": "coco-podvms-ip"},
    RoleAssignment.token: {"scope": "/subscriptions/s", "roleAssignmentName": "6b"},
}
OURS: dict[str, dict[str, Any]] = {
    Subnet.token: {"properties": {"natGateway": {"id": NAT.upper()}}},
    NatGateway.token: {"tags": TAGS, "properties": {}},
    PublicIPAddress.token: {"tags": TAGS, "properties": {}},
    RoleAssignment.token: {},
}


NETWORK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
IDS = {
    Subnet.token: f"{NETWORK}/virtualNetworks/v/subnets/coco-podvms",
    NatGateway.token: NAT,
    PublicIPAddress.token: f"{NETWORK}/publicIPAddresses/coco-podvms-ip",
    RoleAssignment.token: "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/6b",
}


class _Client:
    """A client of Azure with one resource, whatever is asked for."""

    subscription = "s"

    def __init__(self, resource: dict[str, Any]) -> None:
        self.deleted: list[str] = []
        self._resource = resource

    def get(self, arm_id: str) -> dict[str, Any]:
        """Return the resource."""
        return {"id": arm_id, **self._resource}

    def delete(self, arm_id: str) -> None:
        """Remember what is deleted."""
        self.deleted.append(arm_id)


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, list[str]]]:
    """Return a function that has a creation fail, and says whether it is to be tried again and what was deleted."""
    hooks: list[Any] = []
    monkeypatch.setattr(resources, "ErrorHook", lambda _, callback: hooks.append(callback))
    monkeypatch.setattr(pulumi, "get_project", lambda: "coco-azure")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")

    def fail(
        token: str, values: dict[str, Any], errors: list[str] | None = None, operation: str = "create"
    ) -> tuple[bool, list[str]]:
        client = _Client(values)
        resources.remover("remains", client)  # type: ignore[arg-type]
        items = [EXISTS] if errors is None else errors
        arguments = ErrorHookArgs(
            urn="urn", id="", name="x", type=token, new_inputs=INPUTS[token], failed_operation=operation, errors=items
        )
        return asyncio.run(hooks[-1](arguments)), client.deleted

    return fail


@pytest.mark.parametrize("token", INPUTS)
def test_what_is_the_stacks_own_and_unused_is_deleted_and_made_anew(token: str, failed: Callable[..., Any]) -> None:
    again, deleted = failed(token, OURS[token])

    assert again
    assert deleted == [IDS[token]]


@pytest.mark.parametrize(
    ("token", "change"),
    [
        (Subnet.token, {"properties": {"natGateway": {"id": f"{NAT}-of-others"}}}),
        (Subnet.token, {"properties": {}}),
        (Subnet.token, {"properties": {"natGateway": {"id": NAT}, "ipConfigurations": ["a pod VM's"]}}),
        (NatGateway.token, {"tags": {"coco-azure-stack": "coco-azure/other"}}),
        (NatGateway.token, {"tags": None}),
        (NatGateway.token, {"properties": {"subnets": ["another"]}}),
        (PublicIPAddress.token, {"tags": {}}),
        (PublicIPAddress.token, {"properties": {"natGateway": "another"}}),
        (PublicIPAddress.token, {"properties": {"ipConfiguration": "a load balancer's"}}),
    ],
)
def test_what_somebody_else_has_made_or_uses_is_left_alone(
    token: str, change: dict[str, Any], failed: Callable[..., Any]
) -> None:
    assert failed(token, {**OURS[token], **change}) == (False, [])


def test_nothing_is_deleted_for_another_error_or_another_operation_or_twice(failed: Callable[..., Any]) -> None:
    token = NatGateway.token

    assert failed(token, OURS[token], ["AuthorizationFailed"]) == (False, [])
    assert failed(token, OURS[token], []) == (False, [])
    assert failed(token, OURS[token], operation="update") == (False, [])
    assert failed(token, OURS[token], [EXISTS, EXISTS]) == (False, [])
