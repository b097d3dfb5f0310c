"""What the operators need in Azure: which role at which scope, and the names of assignments."""

import uuid

from coco_azure.formats.azure_roles import Need, needs

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
GROUP = f"{SUBSCRIPTION}/resourceGroups/demo-rg"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/network-rg/providers/Microsoft.Network"
SUBNET, NSG = f"{NETWORK}/virtualNetworks/demo/subnets/coco-podvms", f"{NETWORK}/networkSecurityGroups/demo-nsg"
PRINCIPAL = "99999999-8888-7777-6666-555555555555"


def _needs(subnet: str = SUBNET, nsg: str = NSG, image: str = "") -> dict[tuple[str, str], Need]:
    result = needs(SUBSCRIPTION.rsplit("/", 1)[-1], "demo-rg", subnet, nsg, image)
    by_scope = {(need.role.name, need.scope): need for need in result}
    assert len(by_scope) == len(result)
    return by_scope


def test_the_roles_are_upstreams_each_at_the_narrowest_scope() -> None:
    assert set(_needs()) == {
        ("Reader", SUBSCRIPTION),
        ("Virtual Machine Contributor", GROUP),
        ("Network Contributor", SUBNET),
        ("Network Contributor", NSG),
        ("Compute Gallery Artifacts Publisher", GROUP),
        ("Storage Account Contributor", GROUP),
        ("Network Contributor", GROUP),
    }


def test_what_is_in_the_pod_vms_resource_group_needs_no_role_of_its_own() -> None:
    inside = NSG.replace("network-rg", "DEMO-RG")

    result = _needs(nsg=inside)

    assert ("Network Contributor", inside) not in result
    joins = result["Virtual Machine Contributor", GROUP].actions
    assert "Microsoft.Network/networkSecurityGroups/join/action" in joins
    assert "Microsoft.Network/virtualNetworks/subnets/join/action" not in joins


def test_a_group_whose_name_only_begins_the_same_is_another_one() -> None:
    other = SUBNET.replace("network-rg", "demo-rg-network")

    assert ("Network Contributor", other) in _needs(subnet=other)


def test_with_an_image_of_ones_own_nothing_is_needed_for_the_image_job() -> None:
    image = f"{SUBSCRIPTION}/resourceGroups/images/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0"

    assert {role for role, _ in _needs(image=image)} == {"Reader", "Virtual Machine Contributor", "Network Contributor"}


def test_an_image_in_another_subscription_has_to_be_readable_there() -> None:
    gallery = (
        "/subscriptions/22222222-2222-3333-4444-555555555555/resourceGroups/i/providers/Microsoft.Compute/galleries/g"
    )

    assert ("Compute Gallery Image Reader", gallery) in _needs(image=f"{gallery}/images/i/versions/1.0.0")


def test_an_assignment_has_the_same_name_in_every_run_and_another_for_another_principal() -> None:
    need = _needs()["Network Contributor", SUBNET]

    assert need.assignment(PRINCIPAL) == need.assignment(PRINCIPAL.upper())
    assert need.assignment(PRINCIPAL) != need.assignment(PRINCIPAL.replace("9", "1"))
    assert uuid.UUID(need.assignment(PRINCIPAL)).version == 5


def test_a_role_is_named_in_the_subscription_of_its_scope() -> None:
    result = NSG.replace("11111111", "33333333")

    definition = _needs(nsg=result)["Network Contributor", result].definition

    assert definition == (
        "/subscriptions/33333333-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleDefinitions/"
        "4d97b98b-1d4f-4787-a291-c67834d212e7"
    )
