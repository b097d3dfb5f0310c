"""The pre-flight on a cluster: what is wrong with Azure ends preview and ``up`` before anything is there, in words.

The cluster is one and the same; Azure is described anew for each pitfall (``rehearsal/azure/broken-*.yaml``).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.azure import description
from tests.engine.harness import Done, Stack
from tests.engine.kills import kill
from tests.engine.other_azure import described
from tests.unit.preflight_tables import Row, row, rows

pytestmark = pytest.mark.engine
SIZE = "Standard_DC4as_v5"
SUBSCRIPTION = description.load(description.path_of("ipi"))["subscriptionId"]
OPERATORS = description.load(description.path_of("ipi"))["identities"]["operators"]["objectId"]
RESTRICTED = {"vmSizes": {SIZE: {"restrictions": [{"reason": "NotAvailableForSubscription"}]}}}


def _description(folder: Path, changes: Mapping[str, Any]) -> str:
    path = folder / "azure.yaml"
    path.write_text(yaml.safe_dump({"extends": "ipi", **changes}), encoding="utf-8")
    return str(path)


def _preview(stack: Stack) -> Done:
    return stack.run("preview", "--stack", stack.name, check=False)


def _changed_nothing(stack: Stack, mark: int) -> bool:
    return stack.requests(mark) == [] and stack.get("/api/v1/namespaces/trustee-operator-system") is None


def _problems(output: str) -> list[Row]:
    return [each for each in rows(output) if "(" not in each.check]


def test_a_healthy_azure_has_no_table_and_the_preview_counts_what_costs(stack: Stack) -> None:
    done = _preview(stack)

    assert done.code == 0, done.output
    assert "pre-flight:" not in done.output
    assert "at most 30 confidential VMs at a time (10 a node on 3 nodes)" in done.output
    assert "not known" not in done.output
    assert not re.search(r"[$€£]\s?\d", done.output)


def test_a_problem_ends_up_before_anything_is_registered_and_a_preview_in_its_end(stack: Stack, tmp_path: Path) -> None:
    mark = stack.mark()
    with described(stack, _description(tmp_path, RESTRICTED), tmp_path):
        preview, up = _preview(stack), stack.up(check=False)

    for done in (preview, up):
        assert done.code != 0
        assert "Traceback" not in done.output
        result = row(done.output, "sizes")
        assert result.found == f"{SIZE} is restricted in eastus: NotAvailableForSubscription"
        assert "pulumi config set --path 'coco-azure:peerPods.instanceSizes[1]' Standard_DC16as_v5" in result.fix
        assert "the pre-flight found 1 problem (sizes); nothing was changed" in done.output
    # The preview shows what would follow.
    assert "peer-pods-kataconfig" in preview.output
    assert "peer-pods-kataconfig" not in up.output
    assert _changed_nothing(stack, mark)


def test_all_problems_are_in_one_table(stack: Stack, tmp_path: Path) -> None:
    quota = {"quotas": {"standardDCASv5Family": {"used": 90, "limit": 100}}}
    subnets = [{"name": "rehearsal-x7k2p-worker-subnet", "natGateway": None, "defaultOutboundAccess": False}]
    network = {"virtualNetworks": [{"name": "rehearsal-x7k2p-vnet", "subnets": subnets}]}
    with described(stack, _description(tmp_path, {**RESTRICTED, **quota, **network}), tmp_path):
        done = _preview(stack)

    assert [each.check for each in _problems(done.output)] == ["sizes", "quota", "outbound"]
    assert "pre-flight: 3 problems" in done.output
    assert row(done.output, "quota").found == "standardDCASv5Family in eastus: limit 100, in use 90"
    assert row(done.output, "quota").needed == "240 vCPUs: 10 pods x 3 nodes x 8 (Standard_DC8as_v5)"


def test_what_may_not_be_asked_is_a_warning_with_its_way_out_and_the_preview_passes(
    stack: Stack, tmp_path: Path
) -> None:
    role = {
        "name": "looks-up-networks",
        "actions": ["Microsoft.Network/*/read", "Microsoft.Resources/*/read", "Microsoft.Compute/virtualMachines/read"],
    }
    values = {
        "roleDefinitions": [role],
        "roleAssignments": [{"identity": "deployer", "role": "looks-up-networks", "scope": "subscription"}],
    }
    with described(stack, _description(tmp_path, values), tmp_path):
        done = _preview(stack)

    assert done.code == 0, done.output
    result = row(done.output, "quota (warning)")
    assert "AuthorizationFailed" in result.found
    assert "az role assignment create --role Reader" in result.fix
    assert "AuthorizationFailed" in row(done.output, "sizes (warning)").found


IMAGE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rehearsal-x7k2p-rg/providers/Microsoft.Compute/galleries/ours"
    "/images/podvm/versions/1.0.0"
)
OF_SETTINGS: dict[str, dict[str, Any]] = {
    "broken-image": {"peerPods": {"imageId": IMAGE}},
    "broken-image-region": {"peerPods": {"imageId": IMAGE}},
    "broken-own-subnet": {"azure": {"ownSubnet": {"addressRange": "10.1.0.0/24"}}},
    "broken-roles": {"azure": {"credentials": {"objectId": OPERATORS}}},
}
"""Azures that are broken for a stack with these settings; the other ones are unit tests' business."""


@pytest.mark.parametrize("name", OF_SETTINGS)
def test_what_breaks_for_a_setting_is_told_with_the_way_to_mend_it(stack: Stack, tmp_path: Path, name: str) -> None:
    expected = description.load(description.path_of(name))["expect"]
    stack.configure(OF_SETTINGS[name])
    with described(stack, name, tmp_path):
        done = _preview(stack)
    stack.configure({})

    problem = expected["level"] == "problem"
    word = expected["check"] if problem else f"{expected['check']} (warning)"
    items = [each for each in rows(done.output) if each.check == word]
    assert items, done.output
    assert any(str(expected["found"]) in each.found for each in items), done.output
    assert all(each.needed and each.fix for each in items)
    assert (done.code != 0) is problem, done.output
    # Nothing else is wrong: one cause has one check.
    assert {each.check for each in _problems(done.output)} <= {expected["check"]}


def test_a_killed_run_goes_on_and_is_not_stopped_by_what_it_has_left(stack: Stack) -> None:
    with stack.started("up", "--stack", stack.name, "--yes", "--skip-preview") as process:
        stack.wait_for(lambda: stack.get("/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"))
        kill(stack, process)

    done = stack.up()

    assert rows(done.output) == []
    assert stack.outputs()["costDrivers"]["podVMs"] == 30


def test_when_all_is_there_nothing_is_to_be_done_and_nothing_wrong(stack: Stack) -> None:
    done = stack.up("--expect-no-changes")

    assert rows(done.output) == []
