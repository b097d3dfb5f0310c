"""The rehearsal's ARM server: what may be made and removed, and what it refuses."""

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from rehearsal.azure import roles
from rehearsal.azure.arm_state import ArmState
from tests.unit.azure_server import GROUP, IPI, NETWORK, SUBSCRIPTION, VNET, Azure, Said, served

SUBNET, NAT, ADDRESS = f"{VNET}/subnets/own", f"{NETWORK}/natGateways/own", f"{NETWORK}/publicIPAddresses/own"
STANDARD: dict[str, Any] = {
    "location": "eastus",
    "sku": {"name": "Standard"},
    "properties": {"publicIPAllocationMethod": "Static"},
}
GATEWAY: dict[str, Any] = {
    "location": "eastus",
    "sku": {"name": "Standard"},
    "properties": {"publicIpAddresses": [{"id": ADDRESS}]},
}
OPERATORS = IPI["identities"]["operators"]["objectId"]
READER = f"/subscriptions/{SUBSCRIPTION}{roles.PROVIDER}/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


def _subnet(prefix: str = "10.1.0.0/24", **properties: Any) -> dict[str, Any]:
    return {"properties": {"addressPrefix": prefix, **properties}}


def _assignment(scope: str = GROUP, name: str | None = None) -> str:
    return f"{scope}{roles.PROVIDER}/roleAssignments/{name or uuid.uuid4()}"


def _role(role: str = READER, principal: str = OPERATORS) -> dict[str, Any]:
    return {"properties": {"roleDefinitionId": role, "principalId": principal}}


def _all_three(azure: Azure) -> None:
    assert azure.ask("PUT", ADDRESS, STANDARD).status == 201
    assert azure.ask("PUT", NAT, GATEWAY).status == 201
    assert azure.ask("PUT", SUBNET, _subnet(natGateway={"id": NAT})).status == 201


def test_a_subnet_is_made_by_an_operation_that_takes_its_time(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        made = azure.ask("PUT", SUBNET, _subnet())
        path = made.headers["Azure-AsyncOperation"].removeprefix(azure.access.endpoint).partition("?")[0]
        first, meanwhile = azure.ask("GET", path).body, azure.ask("GET", SUBNET).body
        deadline = time.monotonic() + 5
        while azure.ask("GET", path).body["status"] != "Succeeded":
            assert time.monotonic() < deadline
        return made, first, meanwhile, azure.ask("GET", SUBNET).body, azure.ask("PUT", SUBNET, _subnet()).status

    made, first, meanwhile, after, again = served(tmp_path, ask)

    assert (made.status, made.body["properties"]["provisioningState"]) == (201, "Updating")
    assert first == {"status": "InProgress"}
    assert meanwhile["properties"]["provisioningState"] == "Updating"
    assert after["properties"]["provisioningState"] == "Succeeded"
    assert again == 200


def test_subnet_gateway_and_address_go_in_this_order_only(tmp_path: Path) -> None:
    def ask(azure: Azure) -> list[str]:
        _all_three(azure)
        items = [azure.ask("DELETE", each).code for each in (ADDRESS, NAT)]
        return items + [str(azure.ask("DELETE", each).status) for each in (SUBNET, NAT, ADDRESS, ADDRESS)]

    assert served(tmp_path, ask) == [
        "PublicIPAddressCannotBeDeleted",
        "CannotDeleteNatGatewayAssociatedToSubnet",
        *("202", "202", "202"),
        "204",
    ]


def test_what_is_made_and_what_is_deleted_outlives_a_restart(tmp_path: Path) -> None:
    def change(azure: Azure) -> None:
        _all_three(azure)
        for each in ("master", "worker"):
            place = f"{VNET}/subnets/rehearsal-x7k2p-{each}-subnet"
            body = azure.ask("GET", place).body
            del body["properties"]["natGateway"]
            assert azure.ask("PUT", place, body).status == 200
        assert azure.ask("DELETE", f"{NETWORK}/natGateways/rehearsal-x7k2p-nat").status == 202

    def look(azure: Azure) -> Any:
        gone = azure.ask("GET", f"{NETWORK}/natGateways/rehearsal-x7k2p-nat")
        return azure.ask("GET", ADDRESS).body, gone.status

    served(tmp_path, change, state=ArmState.kept_in(tmp_path / "azure.json"))
    address, gone = served(tmp_path, look, state=ArmState.kept_in(tmp_path / "azure.json"))

    assert address["properties"]["natGateway"]["id"] == NAT
    assert gone == 404


REFUSED = [
    (SUBNET, _subnet("10.2.0.0/24"), 400, "NetcfgSubnetRangeOutsideVnet"),
    (SUBNET, _subnet("10.0.128.0/24"), 400, "NetcfgSubnetRangesOverlap"),
    (SUBNET, _subnet("10.1.0.0/30"), 400, "NetcfgInvalidSubnet"),
    (SUBNET, _subnet("10.1.0.1/24"), 400, "InvalidCIDRNotation"),
    (SUBNET, _subnet(natGateway={"id": NAT}), 400, "InvalidResourceReference"),
    (SUBNET, {"properties": {}}, 400, "NetcfgInvalidSubnet"),
    (SUBNET, ["no object"], 400, "InvalidRequestContent"),
    (f"{NETWORK}/virtualNetworks/none/subnets/own", _subnet(), 404, "ParentResourceNotFound"),
    (f"{VNET}/subnets/rehearsal-x7k2p-worker-subnet", _subnet(), 400, "InUsePrefixCannotBeDeleted"),
    (ADDRESS, {"location": "eastus", "properties": {}}, 400, "IPv4BasicSkuPublicIpCountLimitReached"),
    (ADDRESS, {**STANDARD, "properties": {}}, 400, "StandardSkuPublicIPAddressesMustBeStatic"),
    (ADDRESS, {**STANDARD, "location": "moon"}, 400, "LocationNotAvailableForResourceType"),
    (NAT, GATEWAY, 400, "InvalidResourceReference"),
    (
        NAT,
        {
            **GATEWAY,
            "properties": {"publicIpAddresses": [{"id": f"{NETWORK}/publicIPAddresses/rehearsal-x7k2p-nat-pip"}]},
        },
        400,
        "PublicIPAddressInUse",
    ),
    (f"{NETWORK}/virtualNetworks/new", {"location": "eastus"}, 405, "MethodNotAllowed"),
    (_assignment(name="reader"), _role(), 400, "InvalidRoleAssignmentId"),
    (_assignment(), _role(principal="nobody"), 400, "PrincipalNotFound"),
    (_assignment(), _role(role="none"), 404, "RoleDefinitionDoesNotExist"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED, ids=[each[3] for each in REFUSED])
def test_what_arm_refuses_is_refused_with_its_code(
    tmp_path: Path, path: str, body: Any, status: int, code: str
) -> None:
    result: Said = served(tmp_path, lambda azure: azure.ask("PUT", path, body))

    assert (result.status, result.code) == (status, code), result.body


def test_a_region_without_zones_has_none_to_give(tmp_path: Path) -> None:
    zonal = {**STANDARD, "zones": ["1"]}
    changes = {"availabilityZones": False}

    assert (
        served(tmp_path, lambda a: a.ask("PUT", ADDRESS, zonal), changes).code == "LocationNotSupportAvailabilityZones"
    )
    assert served(tmp_path, lambda azure: azure.ask("PUT", ADDRESS, zonal)).status == 201


def test_a_subnet_in_use_stays(tmp_path: Path) -> None:
    result = served(tmp_path, lambda azure: azure.ask("DELETE", f"{VNET}/subnets/rehearsal-x7k2p-worker-subnet"))

    assert (result.status, result.code) == (400, "InUseSubnetCannotBeDeleted")


def test_a_group_of_rules_in_use_stays_and_so_does_what_is_locked(tmp_path: Path) -> None:
    def ask(azure: Azure) -> list[str]:
        group = azure.ask("DELETE", f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg").code
        azure.ask("PUT", SUBNET, _subnet())
        azure.ask(
            "PUT", f"{GROUP}/providers/Microsoft.Authorization/locks/keep", {"properties": {"level": "CanNotDelete"}}
        )
        locked = azure.ask("DELETE", SUBNET).code
        azure.ask("DELETE", f"{GROUP}/providers/Microsoft.Authorization/locks/keep")
        return [group, locked, str(azure.ask("DELETE", SUBNET).status)]

    assert served(tmp_path, ask) == ["InUseNetworkSecurityGroupCannotBeDeleted", "ScopeLocked", "202"]


def test_a_role_is_assigned_once_and_never_changed(tmp_path: Path) -> None:
    first = _assignment()
    contributor = READER.replace("acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c")

    def ask(azure: Azure) -> list[Any]:
        answers = [azure.ask("PUT", first, _role()), azure.ask("PUT", _assignment(), _role())]
        answers += [azure.ask("PUT", first, _role(contributor)), azure.ask("DELETE", first), azure.ask("DELETE", first)]
        return [each.code if each.status >= 400 else each.status for each in answers]

    assert served(tmp_path, ask) == [201, "RoleAssignmentExists", "RoleAssignmentUpdateNotPermitted", 200, 204]


def test_who_names_the_type_of_a_principal_may_be_early(tmp_path: Path) -> None:
    early = {"properties": {**_role(principal="new")["properties"], "principalType": "ServicePrincipal"}}

    assert served(tmp_path, lambda azure: azure.ask("PUT", _assignment(), early)).status == 201


def test_a_role_that_is_assigned_lets_do_what_it_names(tmp_path: Path) -> None:
    changes = {
        "roleAssignments": [{"identity": "deployer", "role": "User Access Administrator", "scope": "subscription"}]
    }
    network = READER.replace("acdd72a7-3385-48ef-bd42-f606fba81ae7", "4d97b98b-1d4f-4787-a291-c67834d212e7")
    deployer = IPI["identities"]["deployer"]["objectId"]

    def ask(azure: Azure) -> list[Any]:
        answers = [azure.ask("PUT", SUBNET, _subnet()), azure.ask("PUT", _assignment(VNET), _role(network, deployer))]
        answers += [azure.ask("PUT", SUBNET, _subnet()), azure.ask("PUT", ADDRESS, STANDARD)]
        nsg = {"id": f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg"}
        answers.append(azure.ask("PUT", SUBNET, _subnet(networkSecurityGroup=nsg)))
        return [each.code if each.status >= 400 else each.status for each in answers]

    result = served(tmp_path, ask, changes)

    assert result == ["AuthorizationFailed", 201, 201, "AuthorizationFailed", "LinkedAuthorizationFailed"]
