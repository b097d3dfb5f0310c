"""What the pre-flight says of the roles of the operators' identity."""

import fnmatch
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.inventory.azure_facts import AzureFacts, Grant
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import roles
from coco_azure.preflight.model import Finding
from tests.unit.preflight_facts import own_subnet, requiring
from tests.unit.preflight_network import FACTS, GROUP, NET, NSG, PODS, SUBSCRIPTION, VNET, WANTED

WHOLE = f"/subscriptions/{SUBSCRIPTION}"
PRINCIPAL = "66666666-7777-8888-9999-000000000000"
CHECKED = requiring(WANTED, roles="check")
GALLERY = f"{GROUP}/providers/Microsoft.Compute/galleries/g"
VERSION = f"{GALLERY}/images/podvm/versions/1.0.0"
# learn.microsoft.com, Azure built-in roles for compute, networking and storage; what matters of each.
VM_CONTRIBUTOR = (
    "Microsoft.Compute/virtualMachines/*",
    "Microsoft.Network/networkInterfaces/*",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
CONTRIBUTOR = Grant(
    role="Contributor",
    scope=WHOLE,
    actions=("*",),
    not_actions=("Microsoft.Authorization/*/Delete", "Microsoft.Compute/galleries/share/action"),
)
LEAST = (
    Grant(role="Reader", scope=WHOLE, actions=("*/read",)),
    Grant(role="Virtual Machine Contributor", scope=GROUP, actions=VM_CONTRIBUTOR),
    Grant(role="Network Contributor", scope=PODS.id, actions=("Microsoft.Network/*",)),
    Grant(role="Network Contributor", scope=NSG, actions=("Microsoft.Network/*",)),
    Grant(role="Compute Gallery Artifacts Publisher", scope=GROUP, actions=("Microsoft.Compute/galleries/*",)),
    Grant(role="Storage Account Contributor", scope=GROUP, actions=("Microsoft.Storage/storageAccounts/*",)),
    Grant(role="Network Contributor", scope=GROUP, actions=("Microsoft.Network/*",)),
)


def findings(
    *grants: Grant, wanted: Requirements = CHECKED, facts: AzureFacts = FACTS, **changes: Any
) -> list[Finding]:
    return list(roles.problems(replace(facts, principal=PRINCIPAL, grants=grants), requiring(wanted, **changes)))


def without(role: str) -> tuple[Grant, ...]:
    return tuple(each for each in LEAST if each.role != role)


def test_contributor_of_the_subscription_may_do_all() -> None:
    assert findings(CONTRIBUTOR) == []


def test_the_roles_of_least_privilege_are_enough() -> None:
    assert findings(*LEAST) == []


@pytest.mark.parametrize(
    ("role", "action"),
    [
        ("Reader", "Microsoft.Compute/locations/vmSizes (read)"),
        ("Virtual Machine Contributor", "Microsoft.Compute/virtualMachines (write, delete)"),
        ("Network Contributor", "Microsoft.Network/virtualNetworks/subnets (join/action)"),
        ("Compute Gallery Artifacts Publisher", "Microsoft.Compute/galleries/images/versions (write, delete)"),
        ("Storage Account Contributor", "Microsoft.Storage/storageAccounts (write, delete, listkeys/action)"),
    ],
)
def test_a_missing_role_is_a_problem_with_the_command_that_gives_it(role: str, action: str) -> None:
    finding = findings(*without(role))
    assert {each.check for each in finding} == {"roles"}
    assert {each.level for each in finding if "1.12 and later" not in each.needed} == {"problem"}
    assert any(action in each.found and PRINCIPAL in each.found for each in finding)
    assert any(
        f"az role assignment create --assignee-object-id {PRINCIPAL} --assignee-principal-type ServicePrincipal "
        f"--role '{role}' --scope " in each.fix
        for each in finding
    )
    assert all("azure.roles assign" in each.fix for each in finding)


def test_an_identity_without_roles_is_told_all_that_it_needs() -> None:
    finding = findings()
    assert len(finding) == len(LEAST)
    assert all("it has no role at all" in each.found for each in finding)


def test_the_roles_that_there_are_are_named() -> None:
    assert "it has Network Contributor, Reader" in findings(*LEAST[:1], *LEAST[2:3])[0].found


def test_a_role_at_a_parent_s_scope_counts() -> None:
    higher = [replace(each, scope=WHOLE.upper()) for each in LEAST]
    assert findings(*higher) == []


def test_a_role_of_a_management_group_or_of_the_root_counts() -> None:
    assert findings(replace(CONTRIBUTOR, scope="/")) == []
    assert findings(replace(CONTRIBUTOR, scope="/providers/Microsoft.Management/managementGroups/all")) == []


def test_a_role_at_a_child_s_or_a_neighbour_s_scope_does_not_count() -> None:
    assert findings(replace(CONTRIBUTOR, scope=f"{GROUP}/providers/Microsoft.Compute/virtualMachines/one"))
    assert findings(replace(CONTRIBUTOR, scope=f"{GROUP}-2"))
    assert findings(replace(CONTRIBUTOR, scope="/subscriptions/other"))


def test_a_role_at_the_vnet_s_group_is_needed_where_the_network_is_elsewhere() -> None:
    finding = findings(replace(CONTRIBUTOR, scope=GROUP), LEAST[0])
    assert [each.found.split(" at ")[1].split(":")[0] for each in finding] == [
        "subnets cluster-vnet/podvms",
        "networkSecurityGroups cluster-nsg",
    ]


def test_an_action_that_a_role_excepts_is_not_allowed_by_it() -> None:
    some = replace(CONTRIBUTOR, not_actions=("microsoft.compute/virtualmachines/*",))
    assert [("virtualMachines (read, write, delete)" in each.found) for each in findings(some)] == [True]


def test_an_exception_of_one_role_takes_nothing_from_another() -> None:
    some = replace(CONTRIBUTOR, not_actions=("Microsoft.Compute/virtualMachines/*",))
    assert findings(some, *LEAST) == []


def test_nothing_is_said_where_nobody_asked_or_the_stack_assigns() -> None:
    assert list(roles.problems(replace(FACTS, grants=None), CHECKED)) == []
    assert findings(roles="off") == []
    assert findings(roles="assign") == []


def test_a_subnet_of_the_stack_s_own_is_judged_before_it_exists() -> None:
    new = replace(FACTS, subnet=None)
    finding = findings(*without("Network Contributor"), facts=new, own_subnet=own_subnet("10.0.80.0/24"))
    assert "subnets cluster-vnet/coco-podvms" in finding[0].found
    assert f"--scope {VNET}/subnets/coco-podvms" in finding[0].fix
    network = Grant(role="Network Contributor", scope=NET.partition("/providers/")[0], actions=("*",))
    assert (
        findings(*without("Network Contributor"), network, LEAST[6], facts=new, own_subnet=own_subnet("10.0.80.0/24"))
        == []
    )


def test_an_image_of_one_s_own_needs_no_job_but_has_to_be_read() -> None:
    own: dict[str, Any] = {"image_id": VERSION}
    assert findings(*LEAST[:4], **own) == []
    reads = replace(LEAST[0], actions=("Microsoft.Compute/locations/vmSizes/read",))
    (finding,) = findings(reads, *LEAST[1:4], **own)
    assert "versions g/podvm/1.0.0: Microsoft.Compute/galleries/images/versions (read)" in finding.found
    assert finding.fix.endswith(f"--role 'Reader' --scope {GALLERY}")


def test_an_image_without_gallery_has_to_be_read_too() -> None:
    image = f"{GROUP}/providers/Microsoft.Compute/images/podvm"
    reads = replace(LEAST[0], actions=("Microsoft.Compute/locations/vmSizes/read",))
    (finding,) = findings(reads, *LEAST[1:4], image_id=image)
    assert "images podvm: Microsoft.Compute/images (read)" in finding.found


def test_an_image_that_the_operator_has_built_needs_its_job_still() -> None:
    assert len(findings(*LEAST[:4], built_image=VERSION)) == 3


def test_what_only_later_versions_need_is_a_warning() -> None:
    (finding,) = findings(*LEAST[:6])
    assert (finding.level, "1.12 and later" in finding.needed) == ("warning", True)
    assert "Microsoft.Network/privateEndpoints (write, delete)" in finding.found


patterns = st.text(alphabet="aB/*", min_size=1, max_size=5)


@given(st.lists(patterns, max_size=3), st.lists(patterns, max_size=3), st.text(alphabet="aB/", min_size=1, max_size=5))
def test_wildcards_and_exceptions_are_read_as_azure_does(some: list[str], excepted: list[str], action: str) -> None:
    grant = Grant(role="r", scope="/", actions=tuple(some), not_actions=tuple(excepted))
    named = any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in some)
    taken = any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in excepted)
    assert roles.allowed([grant], action, GROUP) == (named and not taken)


@given(st.lists(st.sampled_from(LEAST), unique=True))
def test_a_role_more_never_makes_a_problem_more(some: list[Grant]) -> None:
    assert len(findings(*some)) >= len(findings(*some, LEAST[0]))
    assert findings(*some, CONTRIBUTOR) == []
