"""Settings of an own subnet, of the operators' credentials and of their roles."""

from typing import Any

import pytest

from coco_azure.settings import Settings
from coco_azure.settings.azure import AzureSettings
from tests.unit.trust_stacks import refused, stack

UUID = "99999999-8888-7777-6666-555555555555"
SECRET = "correct~horse~battery"
PRINCIPAL = {"clientId": UUID, "tenantId": UUID, "clientSecret": SECRET}
ROUTES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/to-firewall"
RANGE = {"addressRange": "10.0.64.0/24"}
SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"


def _azure(values: dict[str, Any]) -> AzureSettings:
    result = stack({"azure": values})
    assert isinstance(result, Settings)
    return result.azure


def _refused(values: dict[str, Any]) -> str:
    return refused({"azure": values})


def test_nothing_set_means_the_worker_subnet_the_cloud_credential_operator_and_roles_that_are_checked() -> None:
    azure = _azure({})

    assert azure.own_subnet is None
    assert azure.credentials.source == "cloudCredentialOperator"
    assert azure.roles == "check"


def test_an_own_subnet_has_a_nat_gateway_that_cuts_idle_connections_after_azures_four_minutes() -> None:
    result = _azure({"ownSubnet": RANGE}).own_subnet

    assert result is not None
    assert (result.name, result.nat_gateway.enabled, result.nat_gateway.idle_minutes) == ("coco-podvms", True, 4)
    assert result.nat_gateway.address_zones == ()


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        ("10.0.64.7/24", "the range that holds this address is 10.0.64.0/24"),
        ("10.0.64.0", "a range says how many"),
        ("10.0.64.0/30", "no subnet smaller than /29"),
        ("fd00::/64", "pod VMs have IPv4 addresses"),
        ("podvms", "needed an IPv4 range such as 10.0.64.0/24"),
        (10, "as text"),
    ],
)
def test_an_address_range_that_azure_would_not_take_is_refused_with_what_it_takes(value: object, needed: str) -> None:
    message = _refused({"ownSubnet": {"addressRange": value}})

    assert "azure.ownSubnet.addressRange" in message
    assert needed in message


def test_a_gateway_in_a_zone_has_its_address_there_too() -> None:
    result = _azure({"ownSubnet": {**RANGE, "natGateway": {"zone": "2"}}}).own_subnet

    assert result is not None
    assert result.nat_gateway.address_zones == ("2",)


@pytest.mark.parametrize(
    ("gateway", "needed"),
    [
        ({"zone": "1", "publicIpZones": ["2"]}, "the address has to be in the gateway's zone too"),
        ({"zone": "1", "publicIpZones": []}, "publicIpZones is empty"),
        ({"publicIpZones": ["1", "1"]}, "names a zone twice"),
        ({"zone": "4"}, "needed '1', '2' or '3'"),
        ({"idleMinutes": 3}, "needed 4 or more"),
        ({"idleMinutes": 121}, "needed 120 or less"),
        ({"enabled": False}, "neither a NAT gateway nor a route table"),
    ],
)
def test_a_nat_gateway_that_azure_would_not_make_is_refused(gateway: dict[str, Any], needed: str) -> None:
    assert needed in _refused({"ownSubnet": {**RANGE, "natGateway": gateway}})


def test_a_route_table_is_a_way_out_without_a_nat_gateway() -> None:
    result = _azure({"ownSubnet": {**RANGE, "natGateway": {"enabled": False}, "routeTableId": ROUTES}}).own_subnet

    assert result is not None
    assert result.route_table_id == ROUTES


@pytest.mark.parametrize("tags", [{"a/b": "x"}, {"cost": "x" * 257}])
def test_a_tag_that_azure_would_not_take_is_refused(tags: dict[str, str]) -> None:
    assert "azure.ownSubnet.tags" in _refused({"ownSubnet": {**RANGE, "tags": tags}})


def test_a_subnet_by_id_and_one_of_its_own_contradict_each_other() -> None:
    message = _refused({"ownSubnet": RANGE, "subnetId": SUBNET})

    assert "azure.subnetId names a subnet and azure.ownSubnet makes one" in message
    assert "pulumi config rm --path 'coco-azure:azure.subnetId'" in message


def test_a_service_principal_and_a_managed_identity_are_told_apart() -> None:
    assert _azure({"credentials": {"servicePrincipal": PRINCIPAL}}).credentials.source == "servicePrincipal"
    assert _azure({"credentials": {"workloadIdentity": {"clientId": UUID}}}).credentials.source == "workloadIdentity"
    both = {"servicePrincipal": PRINCIPAL, "workloadIdentity": {"clientId": UUID}}
    assert "remove one of the two" in _refused({"credentials": both})


@pytest.mark.parametrize("secret", ["", "   ", f"{SECRET}\n", f" {SECRET}"])
def test_a_client_secret_that_is_blank_or_has_blanks_around_it_is_refused_and_not_shown(secret: str) -> None:
    message = _refused({"credentials": {"servicePrincipal": {**PRINCIPAL, "clientSecret": secret}}})

    assert "pulumi config set --path --secret 'coco-azure:azure.credentials.servicePrincipal.clientSecret'" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "credentials",
    [
        SECRET,
        {"servicePrincipal": SECRET},
        {"servicePrincipal": [SECRET]},
        {"servicePrincipal": {**PRINCIPAL, "clientSecret": {"value": SECRET}}},
        {"servicePrincipal": {**PRINCIPAL, "clientId": SECRET}},
        {"workloadIdentity": SECRET},
        {"objectId": SECRET},
    ],
)
def test_a_client_secret_in_the_wrong_place_is_refused_and_not_shown(credentials: object) -> None:
    assert SECRET not in _refused({"credentials": credentials})


def test_a_client_secret_does_not_show_in_the_settings_themselves() -> None:
    assert SECRET not in repr(_azure({"credentials": {"servicePrincipal": PRINCIPAL}}))


def test_roles_are_assigned_to_somebody() -> None:
    message = _refused({"roles": "assign", "credentials": {"servicePrincipal": PRINCIPAL}})

    assert "azure.roles is assign, and nothing says to whom" in message
    assert "az ad sp show --id CLIENT_ID --query id" in message
    named = {"servicePrincipal": PRINCIPAL, "objectId": UUID}
    assert _azure({"roles": "assign", "credentials": named}).roles == "assign"
