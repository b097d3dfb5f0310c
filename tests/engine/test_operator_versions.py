"""Versions of the operators on the real engine: known at preview, brought on step by step, never downgraded.

The tests share a cluster and go on from each other's state, in their order.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.operators.olm_catalog import TRUSTEE
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.operators import (
    NAMESPACE,
    NEWEST,
    NEXT,
    OLD,
    OLM,
    PROGRAM,
    approved,
    complaint,
    wait_for_offer,
)
from tests.engine.trustee import csvs, move

pytestmark = pytest.mark.engine
UNHEARD = "trustee-operator.v1.3.0"
UNHEARD_OF = dataclasses.replace(TRUSTEE, versions=("0.3.0", "0.4.2", "1.0.0"), unheard=("1.3.0",))
"""The catalog with a version after those that the cluster had at first, which has no profile."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """The small program on a cluster whose catalog has Trustee 0.3.0, 0.4.2 and 1.0.0."""
    variables = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "1.0"}
    yield from start(tmp_path_factory.mktemp("operator-versions"), tools, variables, PROGRAM)


def test_a_version_that_cannot_be_had_is_an_error_and_nothing_is_created(stack: Stack) -> None:
    mark = stack.mark()
    stack.configure({"trustee": {"channel": "fast"}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "no channel 'fast'" in done.output
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


def test_without_a_preview_an_older_pin_is_waited_for_in_vain_and_the_error_says_why(stack: Stack) -> None:
    stack.configure({"trustee": {"version": "0.3.0", "installTimeout": "3s"}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "OLM never goes back to an older version" in done.output
    assert csvs(stack) == {NEXT: "Succeeded"}


def test_without_the_pin_the_next_run_takes_the_step_that_olm_has_a_plan_for(stack: Stack) -> None:
    preview = stack.preview({"trustee": {}})
    assert names(preview, "create") == {"trustee-install-plan-1.0.0"}

    stack.configure({"trustee": {}})
    stack.up()
    assert csvs(stack) == {NEWEST: "Succeeded"}
    assert approved(stack) == {NEXT, NEWEST}
    stack.up("--expect-no-changes")


def test_a_plan_for_a_version_that_nobody_knows_is_left_as_it_is_and_told_of(stack: Stack) -> None:
    move(stack, UNHEARD_OF, "1.3.0")
    wait_for_offer(stack, UNHEARD)
    done = stack.up("--expect-no-changes")

    assert f"no profile for it: {UNHEARD}. The stack has {NEWEST}" in done.output
    assert "pulumi config set --path 'coco-azure:trustee.operator.treatAs' 1.2" in done.output
    assert csvs(stack) == {NEWEST: "Succeeded"}
    assert approved(stack) == {NEXT, NEWEST}


def test_with_a_treatment_the_next_run_takes_that_version_and_marks_it(stack: Stack) -> None:
    stack.configure({"trustee": {"treatAs": "1.2"}})
    done = stack.up()

    assert "is deployed as if it were 1.2" in done.output
    assert csvs(stack) == {UNHEARD: "Succeeded"}
    gate = stack.get(f"/apis/operators.coreos.com/v1/operators/trustee-operator.{NAMESPACE}")
    assert gate["metadata"]["annotations"]["coco-azure/treated-as"] == "1.2"
    stack.up("--expect-no-changes")


def test_without_the_treatment_the_installed_version_ends_the_run_with_the_ways_out(stack: Stack) -> None:
    result = complaint(stack, {"trustee": {}})

    assert f"{UNHEARD} is installed, and this release has no profile for it. OLM never goes back" in result
    assert "'coco-azure:trustee.operator.treatAs' 1.2" in result
    assert f"oc -n {NAMESPACE} delete subscriptions.operators.coreos.com/trustee-subscription" in result


def test_destroy_leaves_nothing(stack: Stack) -> None:
    stack.destroy()

    assert stack.get(f"/api/v1/namespaces/{NAMESPACE}") is None
    assert stack.state() == []
