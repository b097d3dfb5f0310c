"""The agent policy on requests in the JSON of a real agent of Kata 3.25."""

import json
from typing import Any

import pytest

from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.policy.policy_judge import judge_agent
from tests import reality

pytestmark = reality.AGENT_REQUESTS.needed
WORKLOAD = {
    "ATTACK listed image, other command (sh -c curl cdh | nc)",
    "ATTACK listed image, extra environment LD_PRELOAD",
}
"""What only a policy made from the workload's manifest can deny."""
ANY_IMAGE = {"ATTACK image not on the list", "ATTACK look-alike repository (quay.io/my-orgevil/x)"}
"""What is no attack where every image is allowed."""


def _requests() -> list[dict[str, Any]]:
    return [json.loads(line) for line in reality.AGENT_REQUESTS.path.read_text().splitlines()]


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
@pytest.mark.parametrize(("images", "open_"), [(("quay.io/my-org",), WORKLOAD), ((), WORKLOAD | ANY_IMAGE)])
def test_good_requests_pass_and_what_is_left_open_is_exactly_this(
    images: tuple[str, ...], open_: set[str], *, v1: bool
) -> None:
    policy = agent_policy("production", images)
    values = {each["title"] for each in _requests() if judge_agent(policy, each["name"], each["request"], v1=v1)}

    good = {each["title"] for each in _requests() if each["title"].startswith("GOOD")}
    assert good
    assert values == good | open_
