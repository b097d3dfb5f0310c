"""The agent policy on requests in the JSON of a real agent of Kata 3.25, where a checkout has them beside it."""

import json
from typing import Any

import pytest

from rendering.policy.policies import agent_policy
from rendering.policy.policy_judge import judge_agent
from tests.unit.recording import ROOT

REQUESTS = ROOT.parent / "shared" / "cases" / "24-agent-requests" / "requests.jsonl"
pytestmark = pytest.mark.skipif(not REQUESTS.exists(), reason="no ../shared/cases beside this checkout, so no requests")
WORKLOAD = {
    "ATTACK listed image, other command (sh -c curl cdh | nc)",
    "ATTACK listed image, extra environment LD_PRELOAD",
}
"""What only a policy made from the workload's manifest can deny."""
ANY_IMAGE = {"ATTACK image not on the list", "ATTACK look-alike repository (quay.io/my-orgevil/x)"}
"""What is no attack where every image is allowed."""


def _requests() -> list[dict[str, Any]]:
    return [json.loads(line) for line in REQUESTS.read_text().splitlines()]


@pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
@pytest.mark.parametrize(("images", "open_"), [(("quay.io/my-org",), WORKLOAD), ((), WORKLOAD | ANY_IMAGE)])
def test_good_requests_pass_and_what_is_left_open_is_exactly_this(
    images: tuple[str, ...], open_: set[str], *, v1: bool
) -> None:
    policy = agent_policy("production", images)
    found = {each["title"] for each in _requests() if judge_agent(policy, each["name"], each["request"], v1=v1)}

    good = {each["title"] for each in _requests() if each["title"].startswith("GOOD")}
    assert good
    assert found == good | open_
