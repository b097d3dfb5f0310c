"""The graph of a preview from its update plan: who asks for one, where it lies, and that no value of it is shown."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from coco_azure.cli import CommandContext, main
from coco_azure.cli.report import graph
from coco_azure.cli.report.graph import NotAPlanError
from tests.unit.cli.test_report_command import pulumi
from tests.unit.cli.test_report_page import Page
from tests.unit.report_runs import PARENT, LogOf, urn

A, B, READ, GONE = urn("map", "a"), urn("map", "b"), urn("map", "facts"), urn("map", "gone")
VALUE = "hunter2-in-the-plan"
__all__ = ["pulumi"]  # a fixture


def _goal(*, needs: tuple[str, ...] = (), **of_properties: list[str]) -> dict[str, Any]:
    goal = {
        "type": "kubernetes:core/v1:ConfigMap",
        "inputDiff": {"adds": {"data": {"key": VALUE}}},
        "parent": PARENT,
        "dependencies": list(needs),
        "propertyDependencies": of_properties,
    }
    return {"goal": goal, "steps": ["create"], "state": {"key": VALUE}}


PLAN = json.dumps({"resourcePlans": {A: _goal(needs=(READ,)), B: _goal(data=[A]), GONE: {"steps": ["delete"]}}})


@pytest.fixture
def first(pulumi: Path) -> Path:
    """A first preview that succeeds: the state has no graph, and there is a plan if one is asked for."""
    (pulumi / "graph").unlink()
    (pulumi / "plan").write_text(PLAN)
    lines = LogOf().step(0, 0, "map", "facts", "read").step(1, 1, "map", "a").step(1, 1, "map", "b")
    (pulumi / "events").write_text("\n".join(lines.summary(2, preview=True, create=2).lines))
    return pulumi


def _previewed(folder: Path, *options: str) -> Page:
    main(
        ["report", "--run", "preview", "--stack", "prod", "--out", str(folder / "out.html"), "--", *options],
        CommandContext(project=folder),
    )
    return Page((folder / "out.html").read_text())


def test_dependencies_are_those_of_the_resource_and_of_its_properties() -> None:
    result = graph.read_plan(PLAN)

    assert result.needs == {A: {READ}, B: {A}}
    assert result.parents == {A: PARENT, B: PARENT}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"resources": []}'])
def test_another_file_is_refused_with_the_command_that_makes_a_plan(text: str) -> None:
    with pytest.raises(NotAPlanError, match="pulumi preview --save-plan FILE"):
        graph.read_plan(text)


def test_a_first_preview_has_the_graph_of_what_would_be_deployed(first: Path) -> None:
    text = _previewed(first).text

    assert "The engine's own graph of what would be deployed, from its update plan" in text
    assert re.search(r"b ConfigMap Trustee a facts ConfigMap Trustee nothing", text)
    assert "a ConfigMap Trustee facts" in text


def test_the_plan_lies_where_only_its_user_can_read_it_and_is_gone_afterwards(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _previewed(first)
    asked = re.search(r"^preview .*--save-plan (\S+)$", (first / "asked").read_text(), re.MULTILINE)

    assert asked
    assert (first / "mode").read_text() == "700\n"
    assert not Path(asked[1]).parent.exists()
    assert "the update plan that pulumi names was made for the report's graph, and is gone" in capsys.readouterr().err


def test_no_value_of_a_plan_reaches_the_page(first: Path) -> None:
    _previewed(first)

    assert VALUE not in (first / "out.html").read_text()


def test_a_plan_that_the_user_asks_for_is_used_and_stays(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _previewed(first, "--save-plan", "mine.json").text

    assert "from its update plan" in text
    assert (first / "asked").read_text().count("--save-plan") == 1
    assert (first / "asked").read_text().count("--save-plan mine.json") == 1
    assert "is gone" not in capsys.readouterr().err


def test_a_preview_that_failed_has_no_plan_and_an_older_one_is_not_taken_for_it(first: Path) -> None:
    (first / "mine.json").write_text(PLAN)
    (first / "plan").unlink()
    (first / "code").write_text("1")
    log = LogOf().step(1, 1, "map", "a").says(1, "error", "not approved").summary(2, "failed", preview=True, create=1)
    (first / "events").write_text("\n".join(log.lines))
    text = _previewed(first, "--save-plan", "mine.json").text

    assert "nothing is deployed yet, and of a preview that fails the engine saves no plan" in text


def test_of_a_preview_that_is_over_the_plan_is_named(first: Path) -> None:
    common = ["--stack", "prod", "--events", str(first / "events"), "--out", str(first / "out.html")]
    main(["report", *common])
    without = Page((first / "out.html").read_text()).text
    code = main(["report", *common, "--plan", str(first / "plan")])

    assert "this report was made without the update plan" in without
    assert code == 0
    assert "b ConfigMap Trustee a" in Page((first / "out.html").read_text()).text
    assert main(["report", *common, "--plan", str(first / "events")]) == 1


def test_a_plan_of_no_event_log_is_refused(first: Path) -> None:
    assert main(["report", "--run", "preview", "--plan", str(first / "plan")]) == 2


def test_what_is_deployed_and_would_be_deleted_keeps_its_place_beside_what_would_be_created(pulumi: Path) -> None:
    (pulumi / "plan").write_text(json.dumps({"resourcePlans": {urn("map", "new"): _goal(needs=(A,))}}))
    log = LogOf().step(1, 1, "map", "new").summary(2, preview=True, create=1)
    (pulumi / "events").write_text("\n".join(log.lines))
    text = _previewed(pulumi).text

    assert "b ConfigMap Directly in the stack a" in text
    assert "new ConfigMap Trustee a" in text


def test_without_a_plan_a_preview_of_what_is_deployed_says_what_its_graph_lacks(pulumi: Path) -> None:
    (pulumi / "events").write_text("\n".join(LogOf().step(1, 1, "map", "a").summary(2, preview=True).lines))

    assert "What the preview would create is not in it." in _previewed(pulumi).text


@pytest.mark.parametrize(
    ("options", "variables", "where"),
    [
        ((), {}, "own"),
        (("--diff",), {}, "own"),
        (("--save-plan", "x.json"), {}, "x.json"),
        (("--save-plan=x.json",), {}, "x.json"),
        ((), {"PULUMI_OPTION_SAVE_PLAN": "y.json"}, "y.json"),
        (("--show-secrets",), {}, None),
        ((), {"PULUMI_OPTION_SHOW_SECRETS": "true"}, None),
        (("--remote",), {}, None),
    ],
)
def test_a_plan_is_asked_for_unless_the_user_does_or_it_would_show_secrets(
    options: tuple[str, ...], variables: dict[str, str], where: str | None, tmp_path: Path
) -> None:
    result, more = graph.asked(options, variables, tmp_path)

    assert (result and result.name) == ("only-for-the-report.json" if where == "own" else where)
    assert more == (("--save-plan", str(result)) if where == "own" else ())


def test_only_previews_are_asked_for_a_plan(pulumi: Path) -> None:
    main(["report", "--run", "up", "--stack", "prod", "--out", str(pulumi / "out.html")])

    assert "--save-plan" not in (pulumi / "asked").read_text()
