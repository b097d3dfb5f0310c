"""What the checks of a chain say of agent policies, beside what the engine makes of each."""

from typing import Any

from coco_azure.trust import checks
from tests.unit.trust_stacks import HOST, NOW, PLACE, PRODUCTION, chain, changed, stack


def _problems(config: dict[str, Any]) -> list[str]:
    return checks.problems(stack(config), chain(config, "1.12", "1.2", PLACE), HOST, NOW)


def _warnings(config: dict[str, Any]) -> list[str]:
    return checks.warnings(stack(config), chain(config, "1.12", "1.2", PLACE), NOW)


def test_a_policy_on_the_checks_pod_that_initdata_forbids_to_set_is_a_problem() -> None:
    own = "coco_azure/formats/rego/agent_production.rego"
    result = changed(PRODUCTION, attestationCheck__agentPolicyFile=own)

    items = [problem for problem in _problems(result) if "SetPolicyRequest" in problem and "could not start" in problem]

    assert len(items) == 1
    assert "put the policy into initdata.agentPolicyFile" in items[0]
    development = {"initdata": {"agentPolicy": "development"}, "attestationCheck": {"agentPolicyFile": own}}
    assert not [problem for problem in _problems(development) if "could not start" in problem]


def test_a_list_of_allowed_images_is_judged_by_its_own_images() -> None:
    listed = {"initdata": {"allowedImages": ["quay.io/my-org/app"]}}

    assert not [warning for warning in _warnings(listed) if "CreateContainerRequest" in warning]
    assert not [problem for problem in _problems(listed) if "CreateContainerRequest" in problem]


def test_what_the_policies_of_many_workloads_leave_open_is_said_once() -> None:
    workloads = {f"w{number}": {"allowedImages": [f"quay.io/my-org/{number}"]} for number in range(3)}
    messages = _warnings(changed(PRODUCTION, initdata__workloads=workloads))

    items = [warning for warning in messages if "does not know what containers run" in warning]
    assert len(items) == len(set(items)) == 2
    assert ["an allowed image" in warning for warning in items] in ([True, False], [False, True])


def test_a_policy_of_the_users_own_is_held_to_what_a_hostile_host_asks() -> None:
    own = {"initdata": {"agentPolicyFile": "coco_azure/formats/rego/agent_allow_all.rego"}}
    messages = _problems(changed(PRODUCTION, initdata__agentPolicyFile=own["initdata"]["agentPolicyFile"]))

    assert len([problem for problem in messages if "hostile requests of one kind" in problem]) == 8
    assert [warning for warning in _warnings(own) if "lets a hostile host have its way" in warning]
