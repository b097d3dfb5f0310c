"""What the chain warns about that only the program knows: what it made itself."""

from unittest import mock

import pytest

from coco_azure.formats.policy.agent_policy_check import check_agent_policy
from coco_azure.trust import agents
from tests.unit.recording import run_program


@pytest.mark.parametrize(("days", "warned"), [(20, True), (365, False)])
def test_a_made_certificate_that_soon_expires_is_warned_about_with_the_setting_that_renews_it(
    days: int, *, warned: bool
) -> None:
    tls = {"termination": "passthrough", "validDays": days}
    warnings = run_program({"trustee": {"tls": tls, "rotation": {"tls": 3}}}).exports["proof"]["warnings"]

    items = [text for text in warnings if text.startswith("coco-azure:trustee.tls: ")]
    assert bool(items) is warned
    if warned:
        assert "a certificate of the chain expires at 20" in items[0]
        assert items[0].endswith("pulumi config set --path coco-azure:trustee.rotation.tls 4")


def test_the_policy_of_each_workload_is_judged_once_in_a_run() -> None:
    workloads = {f"judged-once-{number}": {"allowedImages": [f"quay.io/judged/{number}"]} for number in range(3)}
    with mock.patch.object(agents, "check_agent_policy", wraps=check_agent_policy) as opened:
        run_program({"initdata": {"workloads": workloads}})

    texts = [call.args[0] for call in opened.call_args_list]
    assert sum("quay.io/judged/" in text for text in texts) == len(workloads)
