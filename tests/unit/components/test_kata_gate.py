"""The gate behind KataConfig: what passes, and which stale or lying status does not; what it registers."""

import copy
from typing import Any

import pytest

from coco_azure import names
from components.peer_pods.kata_gates import conditions
from tests.unit.recording import Run, run_program
from tests.unit.wait_conditions import holds

DONE: dict[str, Any] = {
    "metadata": {"name": "example-kataconfig", "annotations": {"coco-azure/rollout": "m"}},
    "spec": {"enablePeerPods": True},
    "status": {
        "conditions": [{"type": "InProgress", "status": "False", "reason": "", "message": ""}],
        "kataNodes": {"nodeCount": 2, "readyNodeCount": 2, "installed": ["a", "b"], "failedToInstall": []},
        "runtimeClasses": ["kata", "kata-remote"],
    },
}


def _passes(seen: dict[str, Any]) -> bool:
    return holds(conditions("m"), seen)


def _with(**changes: Any) -> dict[str, Any]:
    seen = copy.deepcopy(DONE)
    nodes = {
        key: value
        for key, value in changes.items()
        if key in ("nodeCount", "readyNodeCount") or key.startswith(("failedTo", "waitingToU"))
    }
    seen["status"]["kataNodes"] |= nodes
    seen["status"] |= {key: value for key, value in changes.items() if key not in nodes}
    return seen


def test_a_rollout_that_is_over_passes() -> None:
    assert _passes(DONE)
    assert _passes(_with(waitingForMcoToStart=False))


LYING: dict[str, dict[str, Any]] = {
    "no status yet": {"conditions": [], "kataNodes": {}, "runtimeClasses": []},
    "the operator is at work": {"conditions": [{"type": "InProgress", "status": "True", "reason": "Installing"}]},
    "the state of the image job is unknown": {"conditions": [{"type": "InProgress", "status": "Unknown"}]},
    "a deletion that waits for pods": {
        "conditions": [{"type": "InProgress", "status": "False", "reason": "BlockedByExistingKataPods"}]
    },
    "no node at all": {"nodeCount": 0, "readyNodeCount": 0},
    "one node to go": {"nodeCount": 3},
    "a node that has failed": {"failedToInstall": ["c"]},
    "a node that failed to leave the pool": {"failedToUninstall": ["c"]},
    "a node that waits to leave the pool": {"waitingToUninstall": ["c"]},
    "a change that has not begun": {"waitingForMcoToStart": True},
    "no runtime class for peer pods": {"runtimeClasses": ["kata"]},
}


@pytest.mark.parametrize("case", LYING)
def test_a_status_that_is_stale_or_lies_does_not_pass(case: str) -> None:
    assert not _passes(_with(**LYING[case]))


def test_a_status_from_before_the_patch_does_not_pass() -> None:
    seen = copy.deepcopy(DONE)
    seen["metadata"]["annotations"]["coco-azure/rollout"] = "of another roll-out"

    assert not _passes(seen)


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program({"peerPods": {"kataConfig": {"timeout": "2h"}}})


def test_kataconfig_itself_does_not_wait_so_that_the_state_has_it_at_once(run: Run) -> None:
    assert names.WAIT_FOR not in run.registrations["peer-pods-kataconfig"].inputs["metadata"]["annotations"]


def test_the_gate_waits_as_long_as_the_settings_say_and_tells_what_it_sees(run: Run) -> None:
    request = run.registrations["peer-pods-kata-installed"].request

    assert (request.customTimeouts.create, request.customTimeouts.update) == ("2h", "2h")
    hooks = ["peer-pods-kata-installed-watch", "peer-pods-kata-installed-carried-out"]
    assert list(request.hooks.before_create) == list(request.hooks.before_update) == hooks
    assert list(request.hooks.on_error) == ["peer-pods-kata-installed-diagnosis"]
    assert "peer-pods-kata-installed" in run.dependencies("peer-pods-caa-restarted")


def test_the_gate_goes_with_its_kataconfig(run: Run) -> None:
    request = run.registrations["peer-pods-kata-installed"].request

    assert [urn.rsplit("::", 1)[-1] for urn in request.replace_with] == ["peer-pods-kataconfig"]
    assert request.deletedWith.rsplit("::", 1)[-1] == "peer-pods-kataconfig"
    assert request.deleteBeforeReplace
    assert request.retainOnDelete


@pytest.mark.parametrize(
    "change",
    [
        {"kataConfig": {"logLevel": "debug"}},
        {"kataConfig": {"poolSelector": {"matchLabels": {"cc": "true"}}}},
        {"confidential": False},
    ],
)
def test_whatever_makes_a_new_rollout_makes_the_gate_wait_again(run: Run, change: dict[str, Any]) -> None:
    def mark(value: Run) -> str:
        inputs = value.registrations["peer-pods-kata-installed"].inputs
        return str(inputs["metadata"]["annotations"]["coco-azure/rollout"])

    assert mark(run_program({"peerPods": change})) != mark(run)


def test_without_an_image_of_its_own_a_stack_can_be_destroyed_without_the_program(run: Run) -> None:
    own = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/i/versions/1.0.0"
    hooks = run.registrations["peer-pods-kataconfig"].request.hooks
    image = run_program({"peerPods": {"imageId": own}}).registrations["peer-pods-kataconfig"].request.hooks

    assert list(hooks.before_delete) == []
    assert list(image.before_delete) == ["peer-pods-kataconfig-keep-image"]
    names = [each.removeprefix("peer-pods-kataconfig-") for each in hooks.before_create]
    assert names == ["before-create", "exactly", "prepare"]


def test_workers_of_other_pools_are_not_waited_for_although_they_are_called_leaving() -> None:
    assert "waitingToUninstall" in conditions("m")
    assert "waitingToUninstall" not in conditions("m", nodes_in_custom_pools=True)
    assert "failedToUninstall" in conditions("m", nodes_in_custom_pools=True)
