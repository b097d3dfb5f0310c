"""A KataConfig that the stack did not make: refused, adopted without a reboot, or deleted and made anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.kills import kill

pytestmark = pytest.mark.engine
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
BY_HAND = f"{KATA_CONFIGS}/by-hand"
BOOTED = "machineconfiguration.openshift.io/currentConfig"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack that was installed and has lost its KataConfig to one that was made by hand; in the tests' order."""
    for made in start(tmp_path_factory.mktemp("existing"), tools):
        _configure(made, allowReboot=True)
        made.up()
        _by_hand(made)
        yield made


def _configure(stack: Stack, *, confidential: bool = True, **kata_config: Any) -> None:
    peer_pods = {"confidential": confidential, "kataConfig": {"allowReboot": False, **kata_config}}
    # Pod VMs that are not confidential are no production stack's.
    environment = "production" if confidential else "development"
    stack.configure({"environment": environment, "peerPods": peer_pods, "attestationCheck": {"enabled": False}})


def _by_hand(stack: Stack) -> None:
    """Have the stack give up its KataConfig, and make one as a person would."""
    urn = next(each["urn"] for each in stack.state() if each["type"].endswith(":KataConfig"))
    said = ("--stack", "rehearsal", "--yes", "--skip-preview", "--target", urn, "--target-dependents")
    stack.run("destroy", *said)
    kata_config = {"apiVersion": "kataconfiguration.openshift.io/v1", "kind": "KataConfig"}
    spec = {"enablePeerPods": True, "checkNodeEligibility": False}
    stack.api("POST", KATA_CONFIGS, {**kata_config, "metadata": {"name": "by-hand"}, "spec": spec})
    stack.wait_for(lambda: "kata-remote" in stack.get(BY_HAND).get("status", {}).get("runtimeClasses", []))


def _nodes(stack: Stack) -> dict[str, str]:
    """Return the configuration that each node has booted."""
    nodes = stack.get("/api/v1/nodes")["items"]
    return {node["metadata"]["name"]: node["metadata"]["annotations"][BOOTED] for node in nodes}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {},
            [
                "which was not made by this stack",
                "existing' adopt",
                "existing' recreate",
                "oc delete kataconfig by-hand",
            ],
        ),
        (
            {"existing": "adopt", "logLevel": "debug"},
            ["cannot be adopted without a reboot (logLevel: info -> debug)", "existing' recreate"],
        ),
        ({"existing": "adopt", "confidential": False}, ["feature gate confidential: true -> false"]),
        ({"existing": "recreate"}, ["which is not this stack's, will be deleted and created anew", "roll-"]),
    ],
    ids=["fail", "adopt what differs", "adopt another image", "recreate without approval"],
)
def test_what_must_not_happen_is_refused_with_the_ways_out(
    stack: Stack, settings: dict[str, Any], said: list[str]
) -> None:
    mark = stack.mark()
    _configure(stack, **settings)
    done = stack.up(check=False)

    assert done.code != 0
    for part in said:
        assert part in done.output, done.output
    assert stack.requests(mark) == []


def test_adoption_takes_it_over_and_reboots_nothing(stack: Stack) -> None:
    _configure(stack, existing="adopt")
    uid, booted, mark = stack.get(BY_HAND)["metadata"]["uid"], _nodes(stack), stack.mark()
    preview = stack.preview()
    done = stack.up()

    assert "peer-pods-kataconfig" in names(preview, "create")
    assert "is taken over as it is" in done.output
    assert _nodes(stack) == booted
    assert stack.get(BY_HAND)["metadata"]["uid"] == uid
    assert stack.get(BY_HAND)["metadata"]["annotations"]["coco-azure/stack"] == "coco-azure/rehearsal"
    assert not [each for each in stack.requests(mark) if each.verb == "delete"]
    assert stack.outputs()["kataConfig"]["uid"] == uid
    stack.up("--expect-no-changes")
    _configure(stack)
    stack.up("--expect-no-changes")


def test_recreation_deletes_it_and_goes_on_where_a_killed_run_stopped(stack: Stack) -> None:
    _configure(stack, allowReboot=True)
    stack.up()
    _by_hand(stack)
    old = stack.get(BY_HAND)["metadata"]["uid"]
    _configure(stack, existing="recreate", allowReboot=True)
    with stack.started("up", "--stack", "rehearsal", "--yes", "--skip-preview") as process:
        stack.wait_for(lambda: "deletionTimestamp" in stack.get(BY_HAND)["metadata"] or process.poll() is not None)
        said = kill(stack, process)
    assert "deletionTimestamp" in stack.get(BY_HAND)["metadata"], said

    stack.up()

    found = stack.get(KATA_CONFIGS)["items"]
    assert [each["metadata"]["annotations"]["coco-azure/stack"] for each in found] == ["coco-azure/rehearsal"]
    assert found[0]["metadata"]["uid"] != old
    stack.up("--expect-no-changes")
