"""What a killed run has left in Azure: made anew where it is the stack's own and unused, and left alone otherwise."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi import ErrorHookArgs

from components.azure import remains as azure_remains
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
    Subnet.token: {"nat_gateway": SimpleNamespace(id=NAT.upper()), "ip_configurations": None},
    NatGateway.token: {"tags": TAGS, "subnets": None},
    PublicIPAddress.token: {"tags": TAGS, "nat_gateway": None, "ip_configuration": None},
    RoleAssignment.token: {},
}


class _Client:
    """Clients of Azure with one resource, whatever is asked for."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.deleted: list[tuple[str, ...]] = []
        operations = SimpleNamespace(
            get=lambda *_: SimpleNamespace(**found), begin_delete=self._begin, delete=self._now
        )
        kinds = dict.fromkeys(("subnets", "nat_gateways", "public_ip_addresses", "role_assignments"), operations)
        self.network = self.authorization = SimpleNamespace(**kinds)

    def _now(self, *names: str) -> None:
        self.deleted.append(names)

    def _begin(self, *names: str) -> Any:
        return SimpleNamespace(result=lambda: self._now(*names))


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, list[tuple[str, ...]]]]:
    """Return a function that has a creation fail, and says whether it is to be tried again and what was deleted."""
    hooks: list[Any] = []
    monkeypatch.setattr(azure_remains, "ErrorHook", lambda _, callback: hooks.append(callback))
    monkeypatch.setattr(pulumi, "get_project", lambda: "coco-azure")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")

    def fail(
        token: str, found: dict[str, Any], errors: list[str] | None = None, operation: str = "create"
    ) -> tuple[bool, list[tuple[str, ...]]]:
        client = _Client(found)
        azure_remains.remover("remains", client)  # type: ignore[arg-type]
        told = [EXISTS] if errors is None else errors
        arguments = ErrorHookArgs(
            urn="urn", id="", name="x", type=token, new_inputs=INPUTS[token], failed_operation=operation, errors=told
        )
        return asyncio.run(hooks[-1](arguments)), client.deleted

    return fail


@pytest.mark.parametrize("token", INPUTS)
def test_what_is_the_stacks_own_and_unused_is_deleted_and_made_anew(token: str, failed: Callable[..., Any]) -> None:
    again, deleted = failed(token, OURS[token])

    assert again
    assert len(deleted) == 1
    assert set(deleted[0]) <= {value for value in INPUTS[token].values() if isinstance(value, str)}


@pytest.mark.parametrize(
    ("token", "change"),
    [
        (Subnet.token, {"nat_gateway": SimpleNamespace(id=f"{NAT}-of-others")}),
        (Subnet.token, {"nat_gateway": None}),
        (Subnet.token, {"ip_configurations": ["a pod VM's"]}),
        (NatGateway.token, {"tags": {"coco-azure-stack": "coco-azure/other"}}),
        (NatGateway.token, {"tags": None}),
        (NatGateway.token, {"subnets": ["another"]}),
        (PublicIPAddress.token, {"tags": {}}),
        (PublicIPAddress.token, {"nat_gateway": "another"}),
        (PublicIPAddress.token, {"ip_configuration": "a load balancer's"}),
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
