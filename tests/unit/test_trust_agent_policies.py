"""What the checks of a chain say of agent policies, beside what the engine makes of each."""

from typing import Any

from tests.unit.trust_stacks import HOST, NOW, PLACE, PRODUCTION, chain, changed, stack
from trust import checks


def _problems(config: dict[str, Any]) -> list[str]:
    return checks.problems(stack(config), chain(config, "1.12", "1.2", PLACE), HOST, NOW)


def _warnings(config: dict[str, Any]) -> list[str]:
    return checks.warnings(stack(config), chain(config, "1.12", "1.2", PLACE), NOW)


def test_a_policy_on_the_checks_pod_that_initdata_forbids_to_set_is_a_problem() -> None:
    own = "rendering/rego/agent_production.rego"
    said = changed(PRODUCTION, attestationCheck__agentPolicyFile=own)

    found = [problem for problem in _problems(said) if "SetPolicyRequest" in problem and "could not start" in problem]

    assert len(found) == 1
    assert "put the policy into initdata.agentPolicyFile" in found[0]
    development = {"initdata": {"agentPolicy": "development"}, "attestationCheck": {"agentPolicyFile": own}}
    assert not [problem for problem in _problems(development) if "could not start" in problem]


def test_a_list_of_allowed_images_is_judged_by_its_own_images() -> None:
    listed = {"initdata": {"allowedImages": ["quay.io/my-org/app"]}}

    assert not [warning for warning in _warnings(listed) if "CreateContainerRequest" in warning]
    assert not [problem for problem in _problems(listed) if "CreateContainerRequest" in problem]
