"""What the pre-flight asks of Azure, over HTTP, and what it makes of the answers."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure.clients import azure as azure_client
from coco_azure.inventory import arm_reader
from coco_azure.inventory.azure_facts import AzureFacts, Restriction
from tests.unit import preflight_facts as known
from tests.unit.arm_answers import EASTUS, GROUP, PRINCIPAL, ROLE, ROUTES, answers, image_answers
from tests.unit.arm_http import TOKEN, Answers, client, refused, serving
from tests.unit.http_server import Served

PLACE = replace(known.PLACE, subnet_id=known.WORKERS.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"))


def _gathered(changes: Answers | None = None, **wanted: Any) -> tuple[AzureFacts, Served]:
    principal = wanted.pop("principal", "")
    with serving({**answers(), **(changes or {})}) as arm:
        return arm_reader.gather(client(arm, known.SUBSCRIPTION), PLACE, known.wanted(**wanted), principal), arm


def test_everything_of_a_healthy_subscription_is_asked_with_the_providers_token_and_nothing_is_changed() -> None:
    facts, arm = _gathered(image_answers(), image_id=known.IMAGE)

    assert facts.unknown == ()
    assert {each.headers["Authorization"] for each in arm.asked} == {f"Bearer {TOKEN}"}
    assert {each.method for each in arm.asked} == {"GET", "POST"}
    assert [each.path for each in arm.asked if each.method == "POST"] == [f"{EASTUS}/placementScores/spot/generate"]


def test_sizes_are_those_of_the_region_on_all_pages_with_tee_zones_and_restrictions() -> None:
    facts, arm = _gathered()

    assert facts.sizes is not None
    assert sorted(facts.sizes) == ["Standard_D2s_v5", "Standard_DC2as_v5", "Standard_DC4as_v5"]
    size = facts.sizes["Standard_DC4as_v5"]
    assert (size.tee, size.vcpus, size.zones, size.family) == ("SNP", 2, ("1", "2"), known.FAMILY)
    assert size.restrictions == (
        Restriction(reason="NotAvailableForSubscription"),
        Restriction(reason="NotAvailableForSubscription", zones=("1",)),
    )
    assert facts.sizes["Standard_D2s_v5"].tee == ""
    (first,) = [each for each in arm.asked if each.path.endswith("/skus")]
    assert first.query["$filter"] == ["location eq 'eastus'"]


def test_quotas_come_by_name() -> None:
    facts, _ = _gathered()

    assert facts.usages is not None
    assert (facts.usages[known.FAMILY].used, facts.usages[known.FAMILY].limit) == (4, 100)


def test_placement_scores_are_kept_in_lower_case() -> None:
    facts, arm = _gathered()

    assert facts.capacity == {"Standard_DC2as_v5": "high", "Standard_DC4as_v5": "low"}
    (body,) = [each.body for each in arm.asked if each.method == "POST"]
    assert body["desiredLocations"] == ["eastus"]
    assert body["desiredSizes"][0] == {"sku": "Standard_DC2as_v5"}


def test_who_may_not_ask_for_placement_scores_hears_nothing_and_that_is_no_finding() -> None:
    forbidden = refused(403, "AuthorizationFailed", "The client does not have authorization.")

    facts, _ = _gathered({f"POST {EASTUS}/placementScores/spot/generate": forbidden})

    assert facts.capacity is None
    assert facts.unknown == ()


def test_the_network_comes_with_what_its_subnet_names() -> None:
    facts, _ = _gathered()

    assert facts.vnet is not None
    assert (facts.vnet.prefixes, facts.vnet.peered) == (("10.0.0.0/16",), ("10.9.0.0/16",))
    subnet = facts.subnet
    assert subnet is not None
    assert subnet == facts.workers
    assert (subnet.used, subnet.pod_vms, subnet.default_outbound) == (2, 1, False)
    assert subnet.delegations == ("Microsoft.Web/serverFarms",)
    assert facts.nat is not None
    assert facts.nat.addresses == ("address",)
    assert facts.routes is not None
    assert [(route.prefix, route.hop) for route in facts.routes.routes] == [("0.0.0.0/0", "VirtualAppliance")]


def test_rules_of_a_network_security_group_are_its_own_and_the_defaults() -> None:
    facts, _ = _gathered()

    own, default = facts.nsgs[known.NSG.lower()].rules
    assert (own.inbound, own.allow, own.protocol, own.groups) == (True, False, "Tcp", True)
    assert own.sources == ("10.0.0.0/24", "10.0.1.0/24")
    assert own.destinations == ("*",)
    assert own.destination_ports == ("15150", "443")
    assert (default.sources, default.priority, default.groups) == (("VirtualNetwork",), 65000, False)


def test_an_image_of_a_gallery_comes_with_its_definition() -> None:
    facts, _ = _gathered(image_answers(), image_id=known.IMAGE)

    assert facts.image == known.image()


def test_a_definition_that_says_nothing_is_of_generation_1_and_not_confidential() -> None:
    facts, _ = _gathered(image_answers(features=None, hyperVGeneration=None), image_id=known.IMAGE)

    assert facts.image is not None
    assert (facts.image.security_type, facts.image.generation) == ("", "V1")


def test_an_image_that_azure_does_not_have_does_not_exist() -> None:
    facts, _ = _gathered(image_id=known.IMAGE)

    assert facts.image == known.image(exists=False, security_type="", regions=())
    assert facts.unknown == ()


def test_a_managed_image_is_asked_for_as_such() -> None:
    managed = f"{GROUP}/providers/Microsoft.Compute/images/podvm"
    answer = {"properties": {"hyperVGeneration": "V2", "provisioningState": "Succeeded"}, "location": "eastus"}

    facts, _ = _gathered({f"GET {managed}": {"id": managed, **answer}}, image_id=managed)

    assert facts.image == known.image(id=managed, security_type="", regions=("eastus",))


def test_what_azure_refuses_is_unknown_with_its_reason_and_the_rest_is_asked_all_the_same() -> None:
    forbidden = refused(403, "AuthorizationFailed", "The client has no authorization over this scope.")
    changes = {f"GET {path}": forbidden for path in (f"{EASTUS}/usages", known.NSG, known.IMAGE, ROUTES)}

    facts, _ = _gathered({**image_answers(), **changes}, image_id=known.IMAGE)

    assert facts.usages is None
    assert facts.sizes is not None
    assert facts.routes is None
    assert facts.nat is not None
    assert facts.nsgs == {}
    assert sorted({check for check, _ in facts.unknown}) == ["image", "nsg-rules", "outbound", "quota"]
    assert all("AuthorizationFailed" in reason and "\n" not in reason for _, reason in facts.unknown)


def test_a_vnet_that_cannot_be_read_leaves_the_whole_network_unknown() -> None:
    facts, _ = _gathered({f"GET {known.VNET}": refused(403, "AuthorizationFailed", "No.")})

    assert (facts.vnet, facts.subnet, facts.nat, facts.nsgs) == (None, None, None, {})
    assert [check for check, _ in facts.unknown] == ["subnet"]


def test_an_azure_that_does_not_answer_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_client, "_RETRIES", 0)
    with serving({}) as arm:
        gone = client(arm, known.SUBSCRIPTION)

    facts = arm_reader.gather(gone, PLACE, known.wanted())

    assert {check for check, _ in facts.unknown} == {"sizes", "quota", "subnet"}


LISTING = "/providers/Microsoft.Authorization/roleAssignments"
NETWORK_GROUP = known.NETWORK.partition("/providers/")[0]
IMAGES_GROUP = known.IMAGE.partition("/providers/")[0]
VM_ACTIONS = "Microsoft.Compute/virtualMachines/*"


def _assigned(scope: str, *permissions: dict[str, Any]) -> Answers:
    """Return answers that have one assignment, which is at this scope and of a role with these permissions."""
    answer = {"scope": scope, "roleDefinitionId": ROLE, "principalId": PRINCIPAL}
    assignment = {"id": f"{scope}{LISTING}/one", "properties": answer}
    role = {"id": ROLE, "properties": {"roleName": "Virtual Machine Contributor", "permissions": list(permissions)}}
    groups = (GROUP, NETWORK_GROUP, IMAGES_GROUP)
    listed = {f"GET {each}{LISTING}": {"value": [assignment] if each == scope else []} for each in groups}
    return {**listed, f"GET {ROLE}": role}


def test_roles_of_the_operators_identity_are_asked_for_where_it_is_known() -> None:
    answer = {"actions": [VM_ACTIONS], "notActions": ["*/delete"]}

    facts, arm = _gathered(_assigned(GROUP, answer), principal=PRINCIPAL)

    assert facts.grants is not None
    (grant,) = facts.grants
    assert (grant.role, grant.scope) == ("Virtual Machine Contributor", GROUP)
    assert (grant.actions, grant.not_actions) == ((VM_ACTIONS,), ("*/delete",))
    asked = [each.path.lower() for each in arm.asked if each.path.endswith(LISTING)]
    assert [path.partition("/providers/")[0] for path in asked] == [GROUP.lower(), NETWORK_GROUP.lower()]


def test_roles_of_the_identity_s_groups_count_as_its_own() -> None:
    _, arm = _gathered(_assigned(GROUP, {"actions": ["*"]}), principal=PRINCIPAL)

    asked = [each.query["$filter"] for each in arm.asked if each.path.endswith(LISTING)]
    assert asked == [[f"assignedTo('{PRINCIPAL}')"]] * 2


def test_exceptions_of_one_part_of_a_role_take_nothing_from_another_part() -> None:
    parts = ({"actions": ["*"], "notActions": [VM_ACTIONS]}, {"actions": [VM_ACTIONS]})

    facts, _ = _gathered(_assigned(GROUP, *parts), principal=PRINCIPAL)

    assert facts.grants is not None
    assert [(grant.actions, grant.not_actions) for grant in facts.grants] == [
        (("*",), (VM_ACTIONS,)),
        ((VM_ACTIONS,), ()),
    ]


def test_roles_at_the_gallery_of_one_s_own_image_are_asked_for() -> None:
    changes = {**image_answers(), **_assigned(IMAGES_GROUP, {"actions": ["*/read"]})}

    facts, _ = _gathered(changes, principal=PRINCIPAL, image_id=known.IMAGE)

    assert facts.grants is not None
    assert [grant.scope for grant in facts.grants] == [IMAGES_GROUP]


def test_an_identity_whose_roles_may_not_be_read_is_not_judged() -> None:
    facts, _ = _gathered({f"GET {GROUP}{LISTING}": refused(403, "AuthorizationFailed", "no")}, principal=PRINCIPAL)

    assert facts.grants is None
    assert "roles" in {check for check, _ in facts.unknown}
