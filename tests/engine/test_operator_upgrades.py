"""On the real engine: what somebody else has installed is found, and the catalog is followed a step at a time.

The tests share a cluster and go on from each other's state, in their order.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.operators.olm_catalog import OSC, TRUSTEE
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.operators import (
    NAMESPACE,
    NEWEST,
    OLM,
    PROGRAM,
    install_by_hand,
    wait_for_offer,
)
from tests.engine.trustee import csvs, move

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """The small program on a cluster whose catalog has Trustee 0.3.0, 0.4.2 and 1.0.0."""
    variables = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "1.0"}
    yield from start(tmp_path_factory.mktemp("operator-upgrades"), tools, variables, PROGRAM)


def test_its_version_is_known_at_preview(stack: Stack) -> None:
    install_by_hand(stack)
    stack.configure({"trustee": {"install": False}})
    assert f'trustee: "{NEWEST}"' in stack.run("preview", "--stack", "rehearsal", "--diff").output

    stack.up()
    stack.up("--expect-no-changes")
    assert not [each for each in stack.state() if each["type"].endswith(("Subscription", ":Namespace"))]


def test_destroy_leaves_what_somebody_else_has_installed(stack: Stack) -> None:
    stack.destroy()

    assert csvs(stack) == {NEWEST: "Succeeded"}
    stack.api("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    stack.wait_for(lambda: stack.get(f"/api/v1/namespaces/{NAMESPACE}") is None)


def test_the_newest_of_each_channel_is_installed(stack: Stack) -> None:
    stack.configure({"trustee": {}, "osc": {}})
    stack.up()

    assert stack.outputs() == {"trustee": NEWEST, "osc": "sandboxed-containers-operator.v1.9.0"}
    assert csvs(stack) == {NEWEST: "Succeeded"}
    stack.up("--expect-no-changes")


def test_a_catalog_that_moves_is_previewed_and_each_run_takes_one_step_of_olms(stack: Stack) -> None:
    move(stack, OSC, "1.14.0")
    move(stack, TRUSTEE, "1.2.1")
    wait_for_offer(stack, "trustee-operator.v1.1.0")
    parts = ("installed", "needs-it", "subscription")
    preview = stack.preview()
    # OLM offers OSC's newest only, which nobody knows: the stack stays.
    assert names(preview, "update") == {f"trustee-{part}" for part in parts}
    assert names(preview, "create") == {"trustee-install-plan-1.1.0"}

    done = stack.up()
    assert "trustee-operator.v1.1.0 is a step on the way to trustee-operator.v1.2.1" in done.output
    assert "OLM's only step from sandboxed-containers-operator.v1.9.0 is" in done.output
    assert csvs(stack) == {"trustee-operator.v1.1.0": "Succeeded"}

    wait_for_offer(stack, "trustee-operator.v1.2.1")
    stack.up()
    assert csvs(stack) == {"trustee-operator.v1.2.1": "Succeeded"}
    assert stack.outputs()["osc"] == "sandboxed-containers-operator.v1.9.0"
    config = stack.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/trustee-needs-it")
    assert config["data"] == {"csv": "trustee-operator.v1.2.1"}
    stack.up("--expect-no-changes")


def test_where_the_settings_say_so_olm_upgrades_by_itself_and_past_what_anybody_knows(stack: Stack) -> None:
    automatic = {"approval": "Automatic", "treatAs": "1.2"}
    stack.configure({"trustee": automatic, "osc": {}})
    stack.up()
    move(stack, dataclasses.replace(TRUSTEE, unheard=("1.3.0",)), "1.3.0")
    stack.wait_for(lambda: csvs(stack) == {"trustee-operator.v1.3.0": "Succeeded"})
    assert names(stack.preview(), "update") == {"trustee-installed", "trustee-needs-it"}

    stack.up()
    stack.up("--expect-no-changes")


def test_an_installed_version_is_pinned_without_touching_the_operator(stack: Stack) -> None:
    before = stack.get(f"{OLM}/clusterserviceversions/trustee-operator.v1.3.0")["metadata"]["uid"]
    stack.configure({"trustee": {"version": "1.3.0", "treatAs": "1.2"}, "osc": {}})
    stack.up()
    stack.up("--expect-no-changes")

    assert stack.get(f"{OLM}/clusterserviceversions/trustee-operator.v1.3.0")["metadata"]["uid"] == before
