"""What the pre-flight says of nodes that KataConfig would wait for in vain, and of clusters without machine config."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import nodes
from coco_azure.preflight.model import Finding
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.facts import Pool
from coco_azure.settings.peer_pods import KataConfigSettings
from tests.unit.preflight_facts import requiring

WANTED = requiring(nodes=("worker-0", "worker-1"), reboots=True)
CUSTOM = (KeptOut(node="worker-2", pools=("infra",)),)
MASTERS = (KeptOut(node="master-0", pools=("master",)), KeptOut(node="master-1", pools=("master",)))
SICK = Pool(name="infra", machines=1, at_once=1, paused=False, degraded="disk full")


def one(wanted: Requirements = WANTED, **facts: Any) -> Finding:
    (finding,) = nodes.problems(ClusterFacts(**facts), wanted)
    return finding


def test_a_node_of_a_custom_pool_is_a_problem_with_both_ways_out() -> None:
    finding = one(kept_out=CUSTOM)

    assert (finding.check, finding.level) == ("nodes", "problem")
    assert "worker-2 in machine config pool infra" in finding.found
    assert "cannot proceed with this Node" in finding.needed
    assert "oc label node worker-0 worker-1 kata=true" in finding.fix
    assert "pulumi config set --path coco-azure:peerPods.kataConfig.poolSelector.matchLabels.kata true" in finding.fix
    assert "oc label node worker-2 node-role.kubernetes.io/infra-" in finding.fix


def test_with_a_selector_its_label_is_taken_off() -> None:
    selected = KataConfigSettings.model_validate({"poolSelector": {"matchLabels": {"cc": "true"}}})
    finding = one(
        requiring(WANTED, kata_config=selected),
        kept_out=CUSTOM,
    )

    assert "oc label node worker-2 cc-" in finding.fix
    assert "kata=true" not in finding.fix


def test_masters_that_take_workloads_are_one_problem() -> None:
    finding = one(kept_out=MASTERS)

    assert (finding.check, finding.level) == ("nodes", "problem")
    assert finding.found.startswith("master-0, master-1 of the control plane")
    assert '"mastersSchedulable":false' in finding.fix


def test_nodes_of_different_pools_are_told_apart() -> None:
    other = KeptOut(node="worker-3", pools=("gpu", "infra"))
    finding = list(nodes.problems(ClusterFacts(kept_out=(*CUSTOM, other, *MASTERS)), WANTED))

    assert len(finding) == 3
    assert any("worker-3 in machine config pool gpu and infra" in each.found for each in finding)


@pytest.mark.parametrize("facts", [{"kept_out": CUSTOM}, {"kept_out": MASTERS}, {"windows": ("win-1",)}])
def test_it_ends_a_run_that_makes_or_waits_for_a_roll_out_and_no_other(facts: dict[str, Any]) -> None:
    levels = [
        one(replace(WANTED, reboots=reboots, waits=waits), **facts).level
        for reboots, waits in ((True, False), (False, True), (False, False))
    ]

    assert levels == ["problem", "problem", "warning"]


def test_windows_workers_that_the_selector_matches_are_left_out_by_a_setting() -> None:
    finding = one(replace(WANTED, reboots=False), windows=("win-1",))

    assert 'poolSelector.matchLabels["kubernetes.io/os"]\' linux' in finding.fix


def test_a_degraded_pool_of_other_nodes_is_a_warning_and_one_of_theirs_a_problem() -> None:
    assert [one(bystanders=(SICK,)).level, one(pools=(SICK,)).level] == ["warning", "problem"]
    assert list(nodes.problems(ClusterFacts(bystanders=(SICK,)), replace(WANTED, reboots=False))) == []


def test_without_machine_config_that_alone_is_told() -> None:
    finding = one(without_machine_config="The control plane is hosted.", kept_out=CUSTOM, windows=("win-1",))

    assert (finding.check, finding.level, finding.found) == (
        "machine-config",
        "problem",
        "The control plane is hosted.",
    )
