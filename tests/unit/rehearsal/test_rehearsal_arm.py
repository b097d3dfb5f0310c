"""The rehearsal's ARM server: what it tells of a described subscription."""

from pathlib import Path
from typing import Any

import pytest

from rehearsal.azure import arm_server, compute, description, documents, views
from rehearsal.azure.arm_server import Tokens
from rehearsal.azure.arm_state import ArmState
from rehearsal.azure.made import make_image, make_pod_vm
from rehearsal.azure.subscription import COPY, Subscription, copy_into
from tests.unit.azure_server import GROUP, IPI, NETWORK, SUBSCRIPTION, VNET, Azure, Said, served

SKUS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"


def _by_name(anys: list[Any]) -> dict[str, Any]:
    return {each["name"] if isinstance(each["name"], str) else each["name"]["value"]: each for each in anys}


def test_a_size_has_its_family_tee_zones_and_restrictions(tmp_path: Path) -> None:
    barred = {"restrictions": [{"reason": "NotAvailableForSubscription"}], "zones": [1]}
    changes = {"vmSizes": {"Standard_DC2as_v5": barred, "Standard_DC4as_v5": None}}
    by_name = _by_name(served(tmp_path, lambda azure: azure.every(SKUS), changes))

    size = by_name["Standard_DC2as_v5"]
    assert size["family"] == "standardDCASv5Family"
    assert {"name": "ConfidentialComputingType", "value": "SNP"} in size["capabilities"]
    assert {"name": "vCPUs", "value": "2"} in size["capabilities"]
    assert size["locationInfo"][0]["zones"] == ["1"]
    assert size["restrictions"][0] == {
        "type": "Location",
        "values": ["eastus"],
        "restrictionInfo": {"locations": ["eastus"]},
        "reasonCode": "NotAvailableForSubscription",
    }
    assert "Standard_DC4as_v5" not in by_name
    assert not [each for each in by_name["Standard_D4s_v5"]["capabilities"] if each["name"].startswith("Confidential")]


def test_another_region_has_no_sizes_and_no_quota_here(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        usages = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/{{}}/usages"
        return (
            azure.every(SKUS, **{"$filter": "location eq 'westeurope'"}),
            azure.every(usages.format("westeurope")),
            _by_name(azure.every(usages.format("eastus"))),
        )

    sizes, none, usages = served(tmp_path, ask, {"quotas": {"standardDCASv5Family": {"used": 7, "limit": 9}}})

    assert (sizes, none) == ([], [])
    assert (usages["standardDCASv5Family"]["currentValue"], usages["standardDCASv5Family"]["limit"]) == (7, 9)
    assert "cores" in usages


def test_a_size_that_nobody_knows_is_an_error_of_the_description() -> None:
    with pytest.raises(ValueError, match="Standard_X1"):
        list(compute.skus({**IPI, "vmSizes": {"Standard_X1": {}}}))


def test_a_network_is_told_with_its_references_both_ways(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        kinds = ("natGateways/rehearsal-x7k2p-nat", "publicIPAddresses/rehearsal-x7k2p-nat-pip")
        vnet = azure.ask("GET", VNET).body
        group = azure.ask("GET", f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg").body
        return vnet, group, *(azure.ask("GET", f"{NETWORK}/{each}").body for each in kinds)

    vnet, group, nat, address = served(tmp_path, ask)

    worker = f"{VNET}/subnets/rehearsal-x7k2p-worker-subnet"
    subnets = {each["id"]: each["properties"] for each in vnet["properties"]["subnets"]}
    assert subnets[worker]["natGateway"]["id"] == nat["id"]
    assert len(subnets[worker]["ipConfigurations"]) == 3
    assert {"id": worker} in nat["properties"]["subnets"]
    assert {"id": worker} in group["properties"]["subnets"]
    assert address["properties"]["natGateway"]["id"] == nat["id"]
    defaults = [each["name"] for each in group["properties"]["defaultSecurityRules"]]
    assert defaults[:3] == ["AllowVnetInBound", "AllowAzureLoadBalancerInBound", "DenyAllInBound"]


def test_lists_of_a_kind_are_of_a_group_or_of_the_subscription(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        whole = azure.every(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/virtualNetworks")
        return whole, azure.every(f"{NETWORK}/virtualNetworks"), azure.every(f"{VNET}/subnets")

    whole, group, subnets = served(tmp_path, ask)

    assert whole == group
    assert [each["name"] for each in subnets] == ["rehearsal-x7k2p-master-subnet", "rehearsal-x7k2p-worker-subnet"]


def test_an_image_is_told_with_its_security_type_and_regions(tmp_path: Path) -> None:
    gallery = {"name": "ours", "resourceGroup": "rehearsal-x7k2p-rg"}
    image = {"name": "podvm", "securityType": "", "versions": {"1.0.0": {"regions": ["eastus", "westeurope"]}}}

    def ask(azure: Azure) -> Any:
        place = f"{GROUP}/providers/Microsoft.Compute/galleries/ours/images/podvm"
        return azure.ask("GET", place).body, azure.ask("GET", f"{place}/versions/1.0.0").body

    definition, version = served(tmp_path, ask, {"galleries": [{**gallery, "images": [image]}]})

    assert definition["properties"]["features"] == []
    regions = [each["name"] for each in version["properties"]["publishingProfile"]["targetRegions"]]
    assert regions == ["East US", "West Europe"]


def test_what_an_image_job_made_is_confidential(tmp_path: Path) -> None:
    state = ArmState()
    place = f"{GROUP}/providers/Microsoft.Compute/galleries/PodVMGallery_5b1d1c2e/images/podvm-image"
    make_image(state, GROUP, "eastus", f"{place}/versions/1.0.0")
    definition = served(tmp_path, lambda azure: azure.ask("GET", place).body, state=state)

    assert {"name": "SecurityType", "value": "ConfidentialVmSupported"} in definition["properties"]["features"]


def test_a_pod_vm_takes_an_address_of_its_subnet(tmp_path: Path) -> None:
    state, worker = ArmState(), f"{VNET}/subnets/rehearsal-x7k2p-worker-subnet"
    make_pod_vm(state, GROUP, "eastus", "web", "1a2b3c4d5e", subnet=worker)
    subnet = served(tmp_path, lambda azure: azure.ask("GET", worker).body, state=state)

    assert len(subnet["properties"]["ipConfigurations"]) == 4


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{VNET}/subnets/none", "NotFound"),
        (f"{NETWORK}/virtualNetworks/none", "ResourceNotFound"),
        (f"{NETWORK}/virtualNetworks/none/subnets/none", "ParentResourceNotFound"),
        (f"{NETWORK}/natGateways/none", "ResourceNotFound"),
        (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/none/providers/Microsoft.Network/natGateways/x",
            "ResourceGroupNotFound",
        ),
        ("/subscriptions/none/resourceGroups/x", "SubscriptionNotFound"),
        (f"{ROLES}/roleDefinitions/none", "RoleDefinitionDoesNotExist"),
        (f"{ROLES}/roleAssignments/none", "RoleAssignmentNotFound"),
    ],
)
def test_what_is_not_there_is_told_in_azures_words(tmp_path: Path, path: str, code: str) -> None:
    result = served(tmp_path, lambda azure: azure.ask("GET", path))

    assert (result.status, result.code) == (404, code)


def test_who_has_no_role_is_refused_and_who_has_no_token_too(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        refused = azure.ask("GET", VNET)
        azure._token = "forged"
        return refused, azure.ask("GET", VNET)

    refused, forged = served(tmp_path, ask, {"roleAssignments": []})

    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "microsoft.network/virtualnetworks/read" in refused.body["error"]["message"]
    assert (forged.status, forged.code) == (401, "InvalidAuthenticationToken")


def test_a_token_is_good_after_a_restart_of_azure_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = served(tmp_path, lambda azure: azure.sign_in())

    def ask(azure: Azure) -> Said:
        azure._token = token
        return azure.ask("GET", VNET)

    assert served(tmp_path, ask).status == 200
    tokens, other = (Tokens("tenant", letter * 32) for letter in "ab")
    given = tokens.give("client", "object", "audience")
    assert tokens.principal(f"Bearer {given}") == "object"
    assert other.principal(f"Bearer {given}") is None
    monkeypatch.setattr(arm_server, "LIFETIME", -1)
    assert tokens.principal(f"Bearer {tokens.give('client', 'object', 'audience')}") is None


def test_role_assignments_are_inherited_and_filtered(tmp_path: Path) -> None:
    operators = IPI["identities"]["operators"]["objectId"]
    changes = {
        "roleAssignments": [
            {"identity": "deployer", "role": "Owner", "scope": "subscription"},
            {"identity": "operators", "role": "Network Contributor", "scope": VNET},
        ]
    }

    def ask(azure: Azure) -> Any:
        at = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
        filters = ("", "atScope()", f"principalId eq '{operators}'", f"atScope() and assignedTo('{operators}')")
        return [len(azure.every(at, **({"$filter": each} if each else {}))) for each in filters]

    assert served(tmp_path, ask, changes) == [2, 1, 1, 0]


def test_role_definitions_are_found_by_name_and_tell_their_exceptions(tmp_path: Path) -> None:
    def ask(azure: Azure) -> Any:
        return azure.every(f"{ROLES}/roleDefinitions", **{"$filter": "roleName eq 'Contributor'"})

    (result,) = served(tmp_path, ask)

    assert result["name"] == "b24988ac-6180-42a0-ab88-20f7382dd24c"
    assert "Microsoft.Authorization/*/Write" in result["properties"]["permissions"][0]["notActions"]


def test_a_changed_description_is_a_changed_azure_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCO_REHEARSAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv(description.VARIABLE, "aro")
    copy_into(tmp_path)
    azure = Subscription.described()
    text = (tmp_path / COPY).read_text()
    assert azure.cluster["vnetName"] == "aro-vnet"

    (tmp_path / COPY).write_text(text.replace("name: worker-subnet", "name: another"))
    assert [each for each in azure.subnet_ids() if each.endswith("/another")]
    copy_into(tmp_path)
    assert [each for each in azure.subnet_ids() if each.endswith("/another")], "a restart keeps what was changed"
    (tmp_path / COPY).write_text("[")
    assert [each for each in azure.subnet_ids() if each.endswith("/another")]


def test_a_cluster_does_not_move_into_another_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(description.VARIABLE, "aro")
    copy_into(tmp_path)
    monkeypatch.setenv(description.VARIABLE, "ipi")
    with pytest.raises(ValueError, match=r"aro\.yaml.*ipi\.yaml.*make rehearsal-clean"):
        copy_into(tmp_path)
    monkeypatch.delenv(description.VARIABLE)
    copy_into(tmp_path)
    assert "aro-vnet" in (tmp_path / COPY).read_text(), "who asks for none gets the one that is there"


def test_a_description_that_extends_another_says_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: ipi\nvmSizes: {Standard_DC2as_v5: null}\nvirtualNetworks:\n  - name: rehearsal-x7k2p-vnet\n"
        "    subnets: [{name: rehearsal-x7k2p-worker-subnet, natGateway: null}]\n"
    )
    content = description.load(path)

    assert "Standard_DC2as_v5" not in content["vmSizes"]
    subnets = {each["name"]: each for each in content["virtualNetworks"][0]["subnets"]}
    assert "natGateway" not in subnets["rehearsal-x7k2p-worker-subnet"]
    assert subnets["rehearsal-x7k2p-worker-subnet"]["addressPrefix"] == "10.0.128.0/17"
    assert "natGateway" in subnets["rehearsal-x7k2p-master-subnet"]


def test_a_description_that_extends_itself_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {path}\n")
    with pytest.raises(ValueError, match="extends itself"):
        description.load(path)
    path.write_text("extends: moon\n")
    with pytest.raises(FileNotFoundError, match=r"moon.*aro"):
        description.load(path)


@pytest.mark.parametrize("name", description.names())
def test_every_description_can_be_told(name: str) -> None:
    subscription = Subscription(description.path_of(name))

    assert subscription.resources()
    assert list(subscription.subnet_ids())


WORKERS = "rehearsal-x7k2p-worker-subnet"


def test_without_a_subnet_of_the_workers_nobody_tells_of_their_machines() -> None:
    assert not [each for each in documents.of(IPI) if each["type"].endswith(("virtualMachines", "networkInterfaces"))]


def test_a_nodes_vm_leads_to_its_subnet(tmp_path: Path) -> None:
    def use(azure: Azure) -> Any:
        machine = azure.ask("GET", documents.vm_id(IPI, "worker-eastus2")).body
        nic = machine["properties"]["networkProfile"]["networkInterfaces"][0]["id"]
        return machine["id"], azure.ask("GET", nic).body, azure.ask("GET", GROUP).body

    machine, nic, group = served(tmp_path, use, {"workerSubnet": WORKERS})

    assert machine == documents.vm_id(IPI, "worker-eastus2")
    assert nic["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] == f"{VNET}/subnets/{WORKERS}"
    assert nic["properties"]["virtualMachine"]["id"] == machine
    assert group["id"] == GROUP


def test_each_worker_may_be_in_a_subnet_of_its_own_and_no_address_counts_twice() -> None:
    places = {"worker-eastus1": WORKERS, "worker-eastus2": WORKERS, "worker-eastus3": "rehearsal-x7k2p-master-subnet"}
    azure = Subscription({**IPI, "workerSubnet": places}, ArmState())
    every = azure.resources()

    taken = {name: len(views.taken(every[f"{VNET}/subnets/{name}".lower()], every)) for name in set(places.values())}
    assert taken == {WORKERS: 3, "rehearsal-x7k2p-master-subnet": 4}
