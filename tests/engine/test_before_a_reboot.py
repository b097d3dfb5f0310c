"""What is known and refused before a node reboots: previews, approval, tickets, and a KataConfig of somebody else."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.engine.harness import Done, Stack
from tests.engine.kills import kill

pytestmark = pytest.mark.engine
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
NAME = "example-kataconfig"
OURS = f"{KATA_CONFIGS}/{NAME}"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"
ANOTHER: Mapping[str, Any] = {"kataConfig": {"logLevel": "debug", "change": "recreate"}}
"""What needs another KataConfig."""
TICKET = re.compile(r"roll-[0-9a-f]{10}")
WORKERS = [f"worker-eastus{number}" for number in (1, 2, 3)]


def _configure(stack: Stack, allowed: bool | str = False, **peer_pods: Any) -> None:  # noqa: FBT001, FBT002 - a setting
    kata_config = {"allowReboot": allowed, **peer_pods.pop("kataConfig", {})}
    stack.configure({"peerPods": {**peer_pods, "kataConfig": kata_config}, "attestationCheck": {"enabled": False}})


def _preview(stack: Stack) -> Done:
    return stack.run("preview", "--stack", "rehearsal", check=False)


def _ticket(done: Done) -> str:
    result = set(TICKET.findall(done.output))
    assert len(result) == 1, done.output
    return str(result.pop())


def _kata_config(stack: Stack) -> Mapping[str, Any]:
    return dict(stack.get(OURS) or {})


def _killed(stack: Stack, when: Callable[[], Any]) -> str:
    """Start ``pulumi up``, kill it at once when something is true (or it has ended), and return what it printed."""
    with stack.started("up", "--stack", "rehearsal", "--yes", "--skip-preview") as process:
        stack.wait_for(lambda: when() or process.poll() is not None)
        return kill(stack, process)


def test_the_preview_of_a_first_roll_out_shows_all_steps_names_the_nodes_and_fails(stack: Stack) -> None:
    _configure(stack)
    done = _preview(stack)

    assert done.code != 0
    assert f"KataConfig {NAME} will be created" in done.output
    assert "Reboot as kata is installed: worker-eastus1, worker-eastus2, worker-eastus3 (3)" in done.output, done.output
    assert "peer-pods-kataconfig" in done.output
    assert "trustee-kbsconfig" in done.output, "the other steps are shown too"
    assert f"pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' {_ticket(done)}" in done.output


def test_a_run_without_approval_changes_nothing_at_all(stack: Stack) -> None:
    mark = stack.mark()
    done = stack.up(check=False)

    assert done.code != 0
    assert _ticket(done)
    assert "Traceback" not in done.output
    assert stack.requests(mark) == []


def test_a_ticket_approves_the_roll_out_that_it_is_for_through_a_kill_in_the_middle(stack: Stack) -> None:
    _configure(stack)
    ticket = _ticket(_preview(stack))
    _configure(stack, ticket)
    # Only KataConfig is under way once Trustee serves and a node is ready.
    trustee = "/apis/apps/v1/namespaces/trustee-operator-system/deployments/trustee-deployment"
    result = _killed(
        stack,
        lambda: (
            _kata_config(stack).get("status", {}).get("kataNodes", {}).get("readyNodeCount")
            and (stack.get(trustee) or {}).get("status", {}).get("availableReplicas")
        ),
    )
    assert _kata_config(stack), result
    uid = _kata_config(stack)["metadata"]["uid"]

    preview = _preview(stack)
    stack.up()

    assert preview.code == 0, preview.output
    assert f"KataConfig {NAME} is there from an earlier run that did not end" in preview.output
    assert _kata_config(stack)["metadata"]["uid"] == uid, "it was taken over, not made anew"
    assert _kata_config(stack)["metadata"]["annotations"]["coco-azure/stack"] == "coco-azure/rehearsal"
    completed = stack.outputs()["kataConfig"]
    assert (completed["name"], completed["uid"], completed["nodes"], completed["count"]) == (NAME, uid, WORKERS, 1)
    stack.up("--expect-no-changes")


def test_a_used_ticket_approves_nothing_more(stack: Stack) -> None:
    used = TICKET.findall(stack._config.read_text())[0]
    _configure(stack, used, **ANOTHER)
    mark = stack.mark()
    preview = _preview(stack)
    done = stack.up(check=False)

    assert preview.code != 0
    assert done.code != 0
    assert "a ticket for another roll-out" in done.output
    assert _ticket(Done(0, done.output.replace(used, ""))) != used
    assert stack.requests(mark) == []


def test_the_preview_of_a_replacement_names_nodes_pods_and_pools_in_the_way(stack: Stack) -> None:
    pools = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
    container = {"name": "app", "image": "registry.access.redhat.com/ubi9/ubi"}
    spec = {"runtimeClassName": "kata-remote", "containers": [container], "nodeName": WORKERS[0]}
    stack.api("POST", PODS, {"metadata": {"name": "app"}, "spec": spec})
    stack.api("PATCH", f"{pools}/worker", {"spec": {"paused": True}}, MERGE)
    _configure(stack, **ANOTHER)
    done = _preview(stack)
    stack.api("PATCH", f"{pools}/worker", {"spec": {"paused": None}}, MERGE)

    assert done.code != 0
    assert f"KataConfig {NAME} will be deleted and created anew (logLevel: info -> debug)" in done.output
    assert f"Reboot twice, as kata is removed and installed: {', '.join(WORKERS)} (3)" in done.output
    assert "oc delete pod -n default app" in done.output
    assert "Machine config pool worker is paused" in done.output
    assert "peer-pods-kataconfig" in done.output
    assert "replace" in done.output


def test_the_ticket_of_a_replacement_holds_through_a_kill_in_the_deletion_and_one_in_the_creation(stack: Stack) -> None:
    old = _kata_config(stack)["metadata"]["uid"]
    _configure(stack, **ANOTHER)
    _configure(stack, _ticket(_preview(stack)), **ANOTHER)
    _killed(stack, lambda: "deletionTimestamp" in _kata_config(stack).get("metadata", {}))
    stack.api("DELETE", f"{PODS}/app")
    result = _killed(stack, lambda: _kata_config(stack).get("metadata", {"uid": old})["uid"] != old)
    assert _kata_config(stack), result
    new = _kata_config(stack)["metadata"]["uid"]

    stack.up()

    assert new != old
    assert _kata_config(stack)["metadata"]["uid"] == new, "what the killed run had made was taken over"
    assert stack.outputs()["kataConfig"]["uid"] == new
    stack.up("--expect-no-changes")


def test_after_an_approved_replacement_destroy_still_needs_leave(stack: Stack) -> None:
    mark = stack.mark()
    done = stack.run("destroy", "--stack", "rehearsal", "--yes", check=False)

    assert done.code != 0
    assert "peer-pods-kataconfig-guard" in done.output
    assert "protect" in done.output
    assert stack.requests(mark) == []


def test_leave_for_any_roll_out_is_warned_about_in_production(stack: Stack) -> None:
    kata_config = {"allowReboot": True, **ANOTHER["kataConfig"]}
    stack.configure({"acceptedRisks": {"anyReboot": False}, "peerPods": {"kataConfig": kata_config}})
    done = _preview(stack)

    assert done.code == 0, done.output
    assert "allowReboot is true in a production stack" in done.output
