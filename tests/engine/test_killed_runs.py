"""A run that is killed, and names that somebody else uses: nothing is lost, and nothing foreign is taken over."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.engine.harness import Stack
from tests.unit.preflight_tables import row

KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
NAMESPACES = "/api/v1/namespaces"
NAMESPACE = "trustee-operator-system"
MARK, ROLLOUT = "coco-azure/stack", "coco-azure/rollout"
MERGE = "application/merge-patch+json"


def test_a_name_that_somebody_uses_is_refused_by_the_preview_and_by_the_run_and_stays_as_it_is(empty: Stack) -> None:
    empty.api("POST", NAMESPACES, {"metadata": {"name": NAMESPACE, "labels": {"owner": "somebody"}}})
    before = empty.get(f"{NAMESPACES}/{NAMESPACE}")

    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        done = empty.run(*command, "--stack", empty.name, check=False)
        assert done.code != 0
        result = row(done.output, "foreign")
        assert result.found == f"namespace {NAMESPACE} exists, and this program has not made it"
        assert result.fix == "pulumi config set --path coco-azure:trustee.operator.createNamespace false"
    assert empty.get(f"{NAMESPACES}/{NAMESPACE}")["metadata"]["uid"] == before["metadata"]["uid"]
    assert MARK not in empty.get(f"{NAMESPACES}/{NAMESPACE}")["metadata"].get("annotations", {})


def test_an_engine_that_is_killed_leaves_a_lock_and_the_next_run_says_how_to_go_on(empty: Stack) -> None:
    handed_over = {"metadata": {"annotations": {MARK: "coco-azure/rehearsal"}}}
    empty.api("PATCH", f"{NAMESPACES}/{NAMESPACE}", handed_over, MERGE)
    process = empty.started("up", "--stack", empty.name, "--yes", "--skip-preview")
    # With the gate's mark on it, the gate is an operation under way until the nodes are ready.
    empty.wait_for(lambda: ROLLOUT in ((empty.get(KATA_CONFIG) or {}).get("metadata", {}).get("annotations") or {}))
    os.kill(process.pid, signal.SIGKILL)
    with process:
        process.communicate()
    done = empty.up(check=False)

    assert done.code != 0
    assert "pulumi cancel" in done.output


def test_after_cancel_the_next_run_takes_over_what_the_killed_one_has_made(empty: Stack) -> None:
    uids = {path: empty.get(path)["metadata"]["uid"] for path in (KATA_CONFIG, f"{NAMESPACES}/{NAMESPACE}")}
    empty.run("cancel", "--yes", "--stack", empty.name)
    done = empty.up()

    assert "pending operations from previous deployment" in done.output
    assert empty.outputs()["attested"] is True
    assert {path: empty.get(path)["metadata"]["uid"] for path in uids} == uids
    urns = [resource["urn"] for resource in empty.state()]
    assert len(urns) == len(set(urns))


def test_pending_operations_are_cleared_by_a_refresh_and_then_nothing_is_left_to_do(empty: Stack) -> None:
    refresh = ["refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", empty.name]
    empty.run(*refresh)
    done = empty.up("--expect-no-changes")

    assert "pending operations" not in done.output


def test_patches_that_the_state_has_lost_are_taken_over_with_what_has_changed_since(
    empty: Stack, tmp_path: Path
) -> None:
    lost = ("DeploymentPatch", "ConfigMapPatch")
    exported = json.loads(empty.run("stack", "export", "--stack", empty.name).output)
    before = exported["deployment"]["resources"]
    gone = {resource["urn"] for resource in before if resource["type"].endswith(lost)}
    exported["deployment"]["resources"] = [
        _without(resource, gone) for resource in before if resource["urn"] not in gone
    ]
    older = tmp_path / "older.json"
    older.write_text(json.dumps(exported), encoding="utf-8")
    empty.run("stack", "import", "--file", str(older), "--stack", empty.name)
    empty.configure({"trustee": {"tokenDuration": 6}, "peerPods": {"tags": {"cost": "other"}}})
    empty.up()

    assert len(gone) == 3, "KBS, peer-pods-cm and osc-feature-gates"
    assert empty.outputs()["attested"] is True
    assert gone <= {resource["urn"] for resource in empty.state()}


def test_a_destroy_whose_state_was_lost_is_done_with_what_is_gone_already(empty: Stack, tmp_path: Path) -> None:
    older = tmp_path / "older.json"
    older.write_text(empty.run("stack", "export", "--stack", empty.name).output, encoding="utf-8")
    empty.destroy()
    empty.run("stack", "import", "--file", str(older), "--stack", empty.name)
    empty.destroy()

    assert empty.state() == []


def _without(resource: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """Return a resource of a state without what it says of resources that are gone."""
    needed = {name: [urn for urn in urns if urn not in gone] for name, urns in _needs(resource).items()}
    return {
        **resource,
        "dependencies": [urn for urn in resource.get("dependencies", []) if urn not in gone],
        **({"propertyDependencies": needed} if needed else {}),
    }


def _needs(resource: dict[str, Any]) -> dict[str, list[str]]:
    result = resource.get("propertyDependencies") or {}
    return {name: urns or [] for name, urns in result.items()}
