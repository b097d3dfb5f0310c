"""No line of a shipped policy for Trustee is there that the documented cases do not reach."""

from typing import Any

import pytest

from coco_azure.formats.policy.claims import expected_claims
from coco_azure.formats.policy.policies import Variant, attestation_policy
from coco_azure.formats.policy.policy_cases import documented_reference
from coco_azure.formats.policy.policy_check import check_attestation_policy, check_resource_policy
from coco_azure.formats.policy.policy_judge import judge_attestation
from tests.unit.policy_lines import never_reached, watch
from tests.unit.policy_profiles import BOUND, PROFILES, VERSIONS, resource_policy

each_version = pytest.mark.parametrize("version", VERSIONS)
each_variant = pytest.mark.parametrize("variant", ["development", "production"])


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return watch(monkeypatch)


@each_version
@each_variant
def test_the_cases_reach_every_line_of_the_attestation_policy(
    version: str, variant: Variant, engines: list[Any]
) -> None:
    profile = PROFILES[version]
    text = attestation_policy(profile, variant)

    check_attestation_policy(text, profile, "snp", documented_reference(profile), variant=variant)
    # An array is what a broker makes of reference values; the chapter's policy takes a single value as well.
    if "not is_array(reference_value)" in text:
        claims = expected_claims("snp", profile, {})
        single = {f"{profile.claims['snp']}.measurement": claims["measurement"], "report_data": []}
        judge_attestation(text, profile, claims, "snp", single)

    assert never_reached(engines, text) == []


@each_version
@each_variant
def test_the_cases_reach_every_line_of_the_resource_policy(version: str, variant: Variant, engines: list[Any]) -> None:
    profile = PROFILES[version]
    text = resource_policy(profile, variant)

    bindings = BOUND if variant == "production" else None
    check_resource_policy(text, profile, "snp", variant=variant, bindings=bindings)

    assert never_reached(engines, text) == []
