"""Sizes, quota, capacity and image: what is a problem, and which command mends it."""

from collections.abc import Iterator, Mapping

import pytest

from coco_azure.inventory.azure_facts import AzureFacts, Restriction, Size, Usage
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import image, sizes
from coco_azure.preflight.model import Finding
from tests.unit import preflight_facts as known

D2, DC2, DC16 = "Standard_D2as_v5", "Standard_DC2as_v5", "Standard_DC16as_v5"
EC4, TDX = "Standard_EC4eds_v5", "standardECEDSv5Family"


def _one(problem: Iterator[Finding]) -> Finding:
    (finding,) = problem
    return finding


def _all(facts: AzureFacts, wanted: Requirements) -> list[Finding]:
    checks = (sizes.problems, sizes.quota_problems, sizes.capacity_problems, image.problems)
    return [finding for check in checks for finding in check(facts, wanted)]


_NOTHING = known.facts(sizes=None, usages=None, capacity=None, image=None)
_TDX = known.facts(sizes={EC4: known.size(EC4, 4, tee="TDX", family=TDX)}, usages=None)
_PLAIN = known.facts(sizes={D2: known.size(D2, 2, tee="")})
FINE = {
    "a healthy subscription": (known.facts(image=known.image()), known.wanted(image_id=known.IMAGE)),
    "what nobody could ask": (_NOTHING, known.wanted(instance_sizes=("Standard_Nothing",))),
    "sizes in another spelling": (known.facts(), known.wanted(instance_sizes=(DC2.lower(),))),
    "sizes of TDX where TDX is wanted": (_TDX, known.wanted(tee="tdx", instance_sizes=(EC4,))),
    "an ordinary size for pod VMs that are not confidential": (
        _PLAIN,
        known.wanted(confidential=False, instance_sizes=(D2,)),
    ),
    "a quota without nodes": (known.facts(usages=known.usages(limit=0)), known.wanted(nodes=())),
    **{f"no word of capacity: {word}": (known.facts(capacity=word), known.wanted()) for word in (None, {}, {DC2: ""})},
    **{
        f"an image of {kind}": (known.facts(image=known.image(security_type=kind)), known.wanted(image_id=known.IMAGE))
        for kind in ("ConfidentialVM", "confidentialvmsupported", "TrustedLaunchAndConfidentialVmSupported")
    },
}


@pytest.mark.parametrize("case", FINE)
def test_what_pod_vms_can_be_made_of_is_no_problem(case: str) -> None:
    assert _all(*FINE[case]) == []


def test_of_a_size_that_is_not_offered_its_placement_is_no_question() -> None:
    facts = known.facts(sizes={}, capacity={DC2: "restrictedskunotavailable"})
    assert not list(sizes.capacity_problems(facts, known.wanted()))


def test_a_size_that_the_region_lacks_is_a_problem_with_the_command() -> None:
    offered = {name: each for name, each in known.sizes().items() if name != "Standard_DC4as_v5"}

    problem = _one(sizes.problems(known.facts(sizes=offered), known.wanted()))

    assert (problem.check, problem.level) == ("sizes", "problem")
    assert problem.found == "Standard_DC4as_v5 is not offered in eastus"
    assert "ContainerCreating" in problem.needed
    # All of the list: the stack's file may have none of it.
    assert [line.split("instanceSizes")[1] for line in problem.fix.splitlines()[:3]] == [
        "[0]' Standard_DC2as_v5",
        f"[1]' {DC16}",
        "[2]' Standard_DC8as_v5",
    ]
    assert problem.fix.splitlines()[3] == f"(eastus has, beside those wanted: {DC16})"


def test_the_default_size_needs_its_own_setting_to_be_changed_too() -> None:
    offered = {name: each for name, each in known.sizes().items() if name != DC2}

    problem = _one(sizes.problems(known.facts(sizes=offered), known.wanted()))

    assert f"pulumi config set --path 'coco-azure:peerPods.instanceSizes[0]' {DC16}" in problem.fix
    assert f"pulumi config set --path coco-azure:peerPods.instanceSize {DC16}" in problem.fix


def test_a_region_without_any_size_of_the_tee_says_how_to_find_another_region() -> None:
    problem = _one(sizes.problems(known.facts(sizes={}), known.wanted(instance_sizes=(DC2,))))

    assert "has no other size of SNP" in problem.fix
    assert "az vm list-skus" in problem.fix


@pytest.mark.parametrize(("tee", "message"), [("", "is not confidential"), ("TDX", "has the TEE TDX")])
def test_a_size_of_another_tee_or_of_none_is_a_problem(tee: str, message: str) -> None:
    facts = known.facts(sizes=known.sizes(known.size("Standard_DC4as_v5", 4, tee=tee)))

    problem = _one(sizes.problems(facts, known.wanted()))

    assert problem.level == "problem"
    assert problem.found == f"Standard_DC4as_v5 {message}"
    assert "peerPods.tee" in problem.needed
    assert DC16 in problem.fix


def test_a_confidential_size_without_confidential_pod_vms_is_warned_about() -> None:
    wanted = known.wanted(confidential=False, instance_sizes=(DC2,))

    problem = _one(sizes.problems(known.facts(), wanted))

    assert problem.level == "warning"
    assert "peerPods.confidential is false" in problem.found


def _restricted(*zones: str) -> Mapping[str, Size]:
    why = Restriction(reason="NotAvailableForSubscription", zones=zones)
    return known.sizes(known.size(DC2, 2, restrictions=(why,)))


def test_a_size_that_is_restricted_for_the_subscription_is_a_problem_with_the_reason() -> None:
    problem = _one(sizes.problems(known.facts(sizes=_restricted()), known.wanted()))

    assert (problem.check, problem.level) == ("sizes", "problem")
    assert problem.found == f"{DC2} is restricted in eastus: NotAvailableForSubscription"
    assert "https://aka.ms/azureskunotavailable" in problem.fix
    assert DC16 in problem.fix


def test_a_size_that_is_restricted_in_all_its_zones_is_a_problem() -> None:
    problem = _one(sizes.problems(known.facts(sizes=_restricted("1", "2", "3")), known.wanted()))

    assert (problem.check, problem.level) == ("zones", "problem")
    assert "zone 1, 2, 3 of eastus" in problem.found


def test_a_size_that_is_restricted_in_one_zone_is_warned_about_because_azure_takes_another() -> None:
    problem = _one(sizes.problems(known.facts(sizes=_restricted("2")), known.wanted()))

    assert (problem.check, problem.level) == ("zones", "warning")
    assert problem.needed == "only zone 1, 3 is left"


def test_quota_has_to_cover_all_pods_at_their_largest_size() -> None:
    # 10 pods x 2 nodes x 8 vCPUs
    assert not list(sizes.quota_problems(known.facts(usages=known.usages(limit=160)), known.wanted()))
    problem = _one(sizes.quota_problems(known.facts(usages=known.usages(limit=159)), known.wanted()))

    assert (problem.check, problem.level) == ("quota", "problem")
    assert problem.found == "standardDCASv5Family in eastus: limit 159, in use 0"
    assert problem.needed == "160 vCPUs: 10 pods x 2 nodes x 8 (Standard_DC8as_v5)"
    assert "az quota update --resource-name standardDCASv5Family" in problem.fix
    assert f"--scope /subscriptions/{known.SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus" in problem.fix
    assert "value=160" in problem.fix
    assert "pulumi config set --path coco-azure:peerPods.limitPerNode 9" in problem.fix


def test_what_is_in_use_counts_and_the_new_limit_has_room_for_it() -> None:
    problem = _one(sizes.quota_problems(known.facts(usages=known.usages(used=350, limit=350)), known.wanted()))

    assert "limit 350, in use 350" in problem.found
    assert "value=510" in problem.fix
    assert "limitPerNode" not in problem.fix
    assert "az vm list" in problem.fix


def test_pod_vms_that_run_already_are_not_needed_once_more() -> None:
    facts = known.facts(usages=known.usages(used=160, limit=160))

    assert not list(sizes.quota_problems(facts, known.wanted(running=20)))
    assert "at most 80 by the 10 pod VMs" in _one(sizes.quota_problems(facts, known.wanted(running=10))).found


def test_a_family_without_quota_is_a_problem() -> None:
    cores = {"cores": Usage(name="cores", used=0, limit=5000)}

    problem = _one(sizes.quota_problems(known.facts(usages=cores), known.wanted()))

    assert "limit 0" in problem.found


def test_the_quota_of_the_region_counts_too() -> None:
    problem = _one(sizes.quota_problems(known.facts(usages=known.usages(cores=100)), known.wanted()))

    assert problem.found == "all vCPUs of eastus: limit 100, in use 0"


def test_each_family_is_judged_by_its_own_largest_size() -> None:
    offered = known.sizes(known.size("Standard_EC4as_v5", 4, family="standardECASv5Family"))
    usages = {**known.usages(), "standardECASv5Family": Usage(name="standardECASv5Family", used=0, limit=79)}
    wanted = known.wanted(instance_sizes=(DC2, "Standard_EC4as_v5"))

    problem = _one(sizes.quota_problems(known.facts(sizes=offered, usages=usages), wanted))

    assert problem.needed == "80 vCPUs: 10 pods x 2 nodes x 4 (Standard_EC4as_v5)"


def test_a_low_placement_score_is_no_more_than_a_warning() -> None:
    problem = _one(sizes.capacity_problems(known.facts(capacity={DC2: "low"}), known.wanted()))

    assert (problem.check, problem.level) == ("capacity", "warning")
    assert problem.found == f"spot placement score of {DC2} in eastus is Low: little is left of it"


@pytest.mark.parametrize(
    ("changes", "check", "problem", "fix"),
    [
        ({"exists": False}, "image", "podvms/podvm/1.0.0 does not exist", "coco-azure:peerPods.imageId"),
        (
            {"security_type": ""},
            "image",
            "podvms/podvm/1.0.0 has no SecurityType in its definition",
            "--features SecurityType=ConfidentialVmSupported",
        ),
        (
            {"security_type": "TrustedLaunch"},
            "image",
            "podvms/podvm/1.0.0 has SecurityType TrustedLaunch in its definition",
            "--features SecurityType=ConfidentialVmSupported",
        ),
        ({"generation": "V1"}, "image", "podvms/podvm/1.0.0 is of generation V1", "--hyper-v-generation V2"),
        (
            {"regions": ("West Europe",)},
            "image",
            "podvms/podvm/1.0.0 is in West Europe",
            f"az sig image-version update --ids {known.IMAGE} --target-regions westeurope eastus",
        ),
        ({"state": "Creating"}, "image", "podvms/podvm/1.0.0 is in state Creating", "az resource show --ids"),
    ],
)
def test_an_image_that_pod_vms_cannot_be_made_of_is_a_problem(
    changes: Mapping[str, object], check: str, problem: str, fix: str
) -> None:
    finding = _one(image.problems(known.facts(image=known.image(**changes)), known.wanted(image_id=known.IMAGE)))

    assert (finding.check, finding.level, finding.found) == (check, "problem", problem)
    assert fix in finding.fix


def test_a_managed_image_cannot_be_confidential() -> None:
    managed = f"/subscriptions/{known.SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/images/podvm"
    facts = known.facts(image=known.image(id=managed, security_type=""))

    problem = _one(image.problems(facts, known.wanted(image_id=known.IMAGE)))

    assert problem.found == "podvm is a managed image, which confidential VMs cannot be made of"


def test_secure_boot_needs_generation_2_where_pod_vms_are_not_confidential() -> None:
    facts = known.facts(image=known.image(security_type="", generation="V1"))

    problem = _one(image.problems(facts, known.wanted(image_id=known.IMAGE, confidential=False)))

    assert problem.check == "secure-boot"
    assert not list(image.problems(facts, known.wanted(image_id=known.IMAGE, confidential=False, secure_boot=False)))


def test_an_image_that_the_operator_built_and_that_is_gone_is_warned_about() -> None:
    problem = _one(image.problems(known.facts(image=known.image(exists=False)), known.wanted()))

    assert problem.level == "warning"
    assert "peerPods.rebuildImage" in problem.fix
