"""An event log becomes a run: steps, messages, what differs and by what."""

import pytest

from coco_azure import run_marks as marks
from coco_azure.cli.report import graph
from coco_azure.clients import event_log
from coco_azure.clients.event_log import NotALogError
from tests.unit.report_runs import MASKED, START, LogOf, urn


def test_steps_have_their_times_and_the_name_of_their_object() -> None:
    run = LogOf().step(2, 7, "map", "one").summary(9, create=1).run()
    step = run.steps[0]

    assert (step.name, step.kind, step.title, step.operation) == ("one", "ConfigMap", "place/one", "create")
    assert (step.began - run.began, step.ended - run.began, step.seconds) == (2, 7, 5)
    assert (run.stack, run.project, run.result, run.preview) == ("test", "coco-azure", "succeeded", False)


def test_components_providers_and_the_stack_are_no_steps_but_stashes_are() -> None:
    log = LogOf().step(0, 9, "stack", "all").step(0, 9, "trustee", "trustee").step(0, 1, "provider", "cluster")
    run = log.step(1, 2, "stash", "kept").run()

    assert [step.name for step in run.steps] == ["kept"]


def test_a_resource_that_is_the_same_is_no_step() -> None:
    assert LogOf().step(0, 1, "map", "one", "same").run().steps == ()


def test_a_step_that_a_broken_off_run_did_not_end_lasts_to_its_end() -> None:
    run = LogOf().begins(1, "map", "one").says(8, "info", "still there").run()

    assert (run.result, run.steps[0].outcome, run.steps[0].seconds) == ("not ended", "not ended", 7)


def test_a_failed_step_ends_where_it_failed() -> None:
    run = LogOf().begins(1, "map", "one").fails(3, "map", "one").summary(4, "failed").run()

    assert (run.result, run.steps[0].outcome, run.steps[0].seconds) == ("failed", "failed", 2)


def test_a_run_without_a_result_has_failed_where_it_told_an_error() -> None:
    log = LogOf().says(1, "error", "no")
    log._add(2, summaryEvent={"resourceChanges": {}})

    assert log.run().result == "failed"


def test_a_preview_is_known_even_where_it_was_broken_off() -> None:
    log = LogOf()
    log._add(1, resourcePreEvent={"metadata": {"op": "create", "urn": urn("map", "one")}, "planning": True})

    assert log.run().preview


def test_a_line_that_was_cut_off_ends_the_log() -> None:
    lines = LogOf().step(0, 1, "map", "one").lines
    assert len(event_log.read([*lines, lines[-1][:20]]).steps) == 1


def test_messages_are_those_for_people_without_what_a_terminal_draws_over() -> None:
    log = LogOf().says(1, "warning", "careful").says(2, "info", "drawn", ephemeral=True).says(3, "debug", "inside")
    run = log.says(4, "info", "1 of 3", urn("map", "one")).says(5, "error", "an unhandled error occurred: no").run()

    assert [(each.severity, each.text, each.at - START) for each in run.messages] == [
        ("warning", "careful", 1),
        ("info", "1 of 3", 4),
        ("error", "an unhandled error occurred: no", 5),
    ]


@pytest.mark.parametrize("severity", ["info", "warning", "error"])
def test_colours_of_a_terminal_are_no_part_of_a_message(severity: str) -> None:
    run = LogOf().says(1, severity, "<{%reset%}><{%fg 1%}>a <b> {%\n<{%reset%}>").run()

    assert [each.text for each in run.messages] == ["a <b> {%"]


def test_marks_are_read_from_a_terminals_log_too() -> None:
    line = marks.line(marks.ROLLOUT, {"reboots": {"a": 1}})

    assert LogOf().says(1, "debug", f"<{{%reset%}}>{line}<{{%reset%}}>").run().marks == {
        "rollout": {"reboots": {"a": 1}}
    }


def test_marks_of_the_program_are_read_as_data_and_shown_nowhere() -> None:
    run = LogOf().mark(marks.ROLLOUT, {"reboots": {"a": 1}}).says(1, "debug", "coco-azure:broken {").run()

    assert run.marks == {"rollout": {"reboots": {"a": 1}}}
    assert run.messages == ()


def test_an_update_says_which_values_differ() -> None:
    old, new = {"spec": {"level": "info", "same": 1, "on": True}}, {"spec": {"level": "debug", "same": 1, "on": False}}
    run = LogOf().step(0, 1, "map", "one", "update", old=old, new=new).run()

    assert [(each.path, each.before, each.after) for each in graph.changes_of(run.differences[0])] == [
        ("spec.level", "info", "debug"),
        ("spec.on", "true", "false"),
    ]


def test_a_long_value_is_cut_and_a_list_is_counted() -> None:
    old, new = {"text": "x" * 100, "list": [1, 2]}, {"text": "y\n" * 100, "list": [1]}
    differing = graph.changes_of(LogOf().step(0, 1, "map", "one", "update", old=old, new=new).run().differences[0])

    assert [len(each.before) <= 61 and len(each.after) <= 61 for each in differing] == [True, True]
    assert differing[0].after == "(1 entries)"


def test_where_inputs_are_equal_the_provider_says_what_differs() -> None:
    detailed = {'metadata.annotations["a"]': {"diffKind": "update"}}
    run = LogOf().step(0, 1, "map", "one", "update", old={}, new={}, detailed=detailed).run()

    assert [each.path for each in graph.changes_of(run.differences[0])] == ['metadata.annotations["a"]']


@pytest.mark.parametrize("kind", ["secret", "stash"])
def test_values_of_kinds_that_hold_secrets_are_not_shown(kind: str) -> None:
    old, new = {"data": {"key": "b2xk"}}, {"data": {"key": "bmV3"}}
    differing = graph.changes_of(LogOf().step(0, 1, kind, "one", "update", old=old, new=new).run().differences[0])

    assert [(each.path, each.before, each.after) for each in differing] == [("data.key", "(not shown)", "(not shown)")]


def test_a_value_that_the_engine_masks_is_not_shown() -> None:
    old, new = {"data": {"key": MASKED, "other": "[secret]"}}, {"data": {"key": "plain", "other": "plain"}}
    differing = graph.changes_of(LogOf().step(0, 1, "map", "one", "update", old=old, new=new).run().differences[0])

    assert {each.before for each in differing} == {"(not shown)"}


def test_a_replacement_is_one_difference_and_two_steps() -> None:
    log = LogOf().step(0, 3, "kata", "one", "delete-replaced").step(3, 3, "kata", "one", "replace")
    run = log.step(3, 5, "kata", "one", "create-replacement").run()

    assert [step.operation for step in run.steps] == ["delete-replaced", "create-replacement"]
    assert [one.operation for one in run.differences] == ["replace"]


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"steps": []}'])
def test_a_file_that_is_no_event_log_is_refused_with_the_command_that_makes_one(text: str) -> None:
    with pytest.raises(NotALogError, match="PULUMI_DEBUG_COMMANDS=true pulumi up --event-log FILE"):
        event_log.read([text])
