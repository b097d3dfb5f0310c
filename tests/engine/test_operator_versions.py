"""Versions of the operators on the real engine: known at preview, pinned, brought on step by step, never downgraded.

The tests share a cluster and go on from each other's state, in their order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.operators import (
    MERGE,
    NAMESPACE,
    NEWEST,
    NEXT,
    OLD,
    OLM,
    PROGRAM,
    approved,
    complaint,
    csvs,
    subscription,
    wait_for_offer,
)

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """The small program on a cluster whose catalog has Trustee 0.3.0, 0.4.2 and 1.0.0."""
    variables = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "1.0"}
    yield from start(tmp_path_factory.mktemp("operator-versions"), tools, variables, PROGRAM)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ({"channel": "fast"}, ["no channel 'fast'", "its channels: stable"]),
        ({"version": "9.9.9"}, [f"it has {OLD}, {NEXT}, {NEWEST}"]),
        ({"catalog": "mirrored"}, ["comes from catalog 'redhat-operators'", "trustee.operator.catalog"]),
    ],
)
def test_a_version_that_cannot_be_had_is_an_error_and_nothing_is_created(
    stack: Stack, said: dict[str, Any], parts: list[str]
) -> None:
    mark = stack.mark()
    stack.configure({"trustee": said})
    done = stack.up(check=False)

    assert done.code != 0
    assert [part for part in parts if part not in done.output] == []
    assert stack.requests(mark) == []


def test_a_pin_previews_on_an_empty_cluster_with_its_version_known(stack: Stack) -> None:
    stack.configure({"trustee": {"version": "0.3.0"}})
    preview = stack.run("preview", "--stack", "rehearsal", "--diff").output

    assert f'trustee: "{OLD}"' in preview
    assert "install-plan-0.3.0" in preview


def test_the_pinned_version_is_installed_and_no_other_plan_is_approved(stack: Stack) -> None:
    stack.up()

    assert csvs(stack) == {OLD: "Succeeded"}
    wait_for_offer(stack, NEXT)
    assert approved(stack) == {OLD}


def test_nothing_changes_while_a_newer_plan_waits_not_even_after_a_refresh(stack: Stack) -> None:
    stack.up("--expect-no-changes")
    stack.run("refresh", "--stack", "rehearsal", "--yes", "--skip-preview")
    stack.up("--expect-no-changes")

    assert approved(stack) == {OLD}
    assert csvs(stack) == {OLD: "Succeeded"}


def test_a_plan_that_somebody_has_deleted_lets_no_other_one_be_approved(stack: Stack) -> None:
    plans = stack.get(f"{OLM}/installplans")["items"]
    own = next(plan["metadata"]["name"] for plan in plans if plan["spec"]["approved"])
    stack.api("DELETE", f"{OLM}/installplans/{own}")
    stack.run("refresh", "--stack", "rehearsal", "--yes", "--skip-preview")
    stack.up()
    stack.up("--expect-no-changes")

    assert approved(stack) == set()
    assert csvs(stack) == {OLD: "Succeeded"}


def test_a_pin_more_than_one_step_away_is_an_error_that_names_the_next_step(stack: Stack) -> None:
    said = complaint(stack, {"trustee": {"version": "1.0.0"}})

    assert f"next step from {OLD} is {NEXT}" in said
    assert csvs(stack) == {OLD: "Succeeded"}


def test_the_next_pin_previews_and_approves_the_next_plan(stack: Stack) -> None:
    preview = stack.preview({"trustee": {"version": "0.4.2"}})
    assert names(preview, "create") == {"trustee-install-plan-0.4.2"}
    assert names(preview, "update") == {"trustee-subscription", "trustee-installed", "trustee-needs-it"}
    assert {change.operation for change in preview if change.name == "trustee-install-plan-0.3.0"} == {"delete"}

    stack.configure({"trustee": {"version": "0.4.2"}})
    stack.up()
    assert csvs(stack) == {NEXT: "Succeeded"}
    wait_for_offer(stack, NEWEST)
    assert approved(stack) == {NEXT}
    stack.up("--expect-no-changes")


def test_an_older_pin_is_an_error_that_says_what_is_installed(stack: Stack) -> None:
    said = complaint(stack, {"trustee": {"version": "0.3.0"}})

    assert f"{NEXT} is installed already: OLM never goes back" in said
    assert "trustee.operator.version' 0.4.2" in said


def test_without_a_preview_an_older_pin_is_waited_for_in_vain_and_the_error_says_why(stack: Stack) -> None:
    stack.configure({"trustee": {"version": "0.3.0", "installTimeout": "3s"}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "OLM never goes back to an older version" in done.output
    assert csvs(stack) == {NEXT: "Succeeded"}


def test_without_the_pin_the_preview_tells_of_the_plan_that_waits(stack: Stack) -> None:
    stack.configure({"trustee": {}})
    preview = stack.run("preview", "--stack", "rehearsal").output
    plan = subscription(stack)["installPlanRef"]["name"]
    assert f"oc -n {NAMESPACE} patch installplan {plan} --type merge" in preview

    stack.api("PATCH", f"{OLM}/installplans/{plan}", {"spec": {"approved": True}}, MERGE)
    stack.up()
    assert csvs(stack) == {NEWEST: "Succeeded"}


def test_destroy_leaves_nothing(stack: Stack) -> None:
    stack.destroy()

    assert stack.get(f"/api/v1/namespaces/{NAMESPACE}") is None
    assert stack.state() == []
