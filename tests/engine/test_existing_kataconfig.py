"""A KataConfig that the stack did not make: refused, adopted without a reboot, or deleted and made anew."""

from collections import Counter
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


def _by_hand(stack: Stack, **more: Any) -> None:
    """Have the stack give up its KataConfig, and make one as a person would."""
    urn = next(each["urn"] for each in stack.state() if each["type"].endswith(":KataConfig"))
    result = ("--stack", "rehearsal", "--yes", "--skip-preview", "--target", urn, "--target-dependents")
    stack.run("destroy", *result)
    kata_config = {"apiVersion": "kataconfiguration.openshift.io/v1", "kind": "KataConfig"}
    spec = {"enablePeerPods": True, "checkNodeEligibility": False, **more}
    stack.api("POST", KATA_CONFIGS, {**kata_config, "metadata": {"name": "by-hand"}, "spec": spec})
    stack.wait_for(lambda: "kata-remote" in stack.get(BY_HAND).get("status", {}).get("runtimeClasses", []))


def _reboots(stack: Stack) -> Counter[str]:
    """Return how often the machine config operator has rebooted each node."""
    nodes = stack.get("/api/v1/nodes")["items"]
    key = "rehearsal/reboots"
    return Counter({n["metadata"]["name"]: int(n["metadata"]["annotations"].get(key, 0)) for n in nodes})


def _image(stack: Stack) -> str:
    config = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
    return str(stack.get(config)["data"]["AZURE_IMAGE_ID"])


def _nodes(stack: Stack) -> dict[str, str]:
    """Return the configuration that each node has booted."""
    nodes = stack.get("/api/v1/nodes")["items"]
    return {node["metadata"]["name"]: node["metadata"]["annotations"][BOOTED] for node in nodes}


@pytest.mark.parametrize(
    ("settings", "items"),
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
            ["is taken over and changed in place (logLevel: info -> debug)", "roll-"],
        ),
        ({"existing": "recreate"}, ["which is not this stack's, will be deleted and created anew", "roll-"]),
    ],
    ids=["fail", "adopt what differs without approval", "recreate without approval"],
)
def test_what_must_not_happen_is_refused_with_the_ways_out(
    stack: Stack, settings: dict[str, Any], items: list[str]
) -> None:
    mark = stack.mark()
    _configure(stack, **settings)
    done = stack.up(check=False)

    assert done.code != 0
    for part in items:
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
    # CAA is restarted for the stack's peer-pods-cm, a pod on each node.
    assert {each.kind for each in stack.requests(mark) if each.verb == "delete"} <= {"pods"}
    assert stack.outputs()["kataConfig"]["uid"] == uid
    stack.up("--expect-no-changes")
    _configure(stack)
    stack.up("--expect-no-changes")


def test_what_differs_is_adopted_in_place_and_only_the_nodes_that_it_is_about_reboot(stack: Stack) -> None:
    """It differs in the gate that its image was built under, in the selector (somebody's own) and in the log level."""
    node = "/api/v1/nodes/worker-eastus1"
    stack.api("PATCH", node, {"metadata": {"labels": {"mine": "x", "cc": "yes"}}}, "application/merge-patch+json")
    _configure(stack, allowReboot=True)
    stack.up()
    _by_hand(stack, logLevel="warn", kataConfigPoolSelector={"matchLabels": {"mine": "x"}})
    uid, before, image = stack.get(BY_HAND)["metadata"]["uid"], _reboots(stack), _image(stack)
    selector = {"matchLabels": {"cc": "yes"}}
    _configure(stack, confidential=False, existing="adopt", allowReboot=True, logLevel="debug", poolSelector=selector)
    stack.up()

    adopted = stack.get(BY_HAND)
    assert adopted["metadata"]["uid"] == uid
    assert adopted["spec"]["kataConfigPoolSelector"] == {"matchLabels": {"cc": "yes"}}
    assert adopted["spec"]["logLevel"] == "debug"
    # The node matches both selectors, so it is the log level alone.
    assert _reboots(stack) - before == {"worker-eastus1": 1}
    assert _image(stack) != image
    # The next run has no more to do than to let the initdata of before go, which KBS accepts for one run.
    stack.up()
    stack.up("--expect-no-changes")


def test_recreation_deletes_it_and_goes_on_where_a_killed_run_stopped(stack: Stack) -> None:
    _configure(stack, allowReboot=True)
    stack.up()
    _by_hand(stack)
    old = stack.get(BY_HAND)["metadata"]["uid"]
    _configure(stack, existing="recreate", allowReboot=True)
    with stack.started("up", "--stack", "rehearsal", "--yes", "--skip-preview") as process:
        stack.wait_for(lambda: "deletionTimestamp" in stack.get(BY_HAND)["metadata"] or process.poll() is not None)
        result = kill(stack, process)
    assert "deletionTimestamp" in stack.get(BY_HAND)["metadata"], result

    stack.up()

    outcome = stack.get(KATA_CONFIGS)["items"]
    assert [each["metadata"]["annotations"]["coco-azure/stack"] for each in outcome] == ["coco-azure/rehearsal"]
    assert outcome[0]["metadata"]["uid"] != old
    stack.up("--expect-no-changes")
