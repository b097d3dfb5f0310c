"""The critical path of a run, and its timeline."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coco_azure.cli.report import timeline
from coco_azure.cli.report.graph import Graph
from coco_azure.clients.engine_run import Run
from tests.unit.report_runs import START, LogOf, graph_of, urn


def _path(run: Run, graph: Graph) -> list[tuple[str, str, float, float]]:
    return [
        (link.step.name, link.step.operation, link.before, link.step.seconds)
        for link in timeline.critical(run.steps, graph, run.began)
    ]


def _needs(needs: Mapping[str, Sequence[str]]) -> Graph:
    return graph_of(
        {urn("map", name): [urn("map", other) for other in steps_of_path] for name, steps_of_path in needs.items()}
    )


def test_it_is_the_chain_of_dependencies_that_ends_last_with_the_time_in_between() -> None:
    log = LogOf().step(1, 4, "map", "a").step(1, 2, "map", "b").step(5, 9, "map", "c").step(2, 8, "map", "d")
    steps_of_path = _path(log.summary(10).run(), _needs({"c": ["a", "b"], "d": ["b"]}))

    assert steps_of_path == [("a", "create", 1, 3), ("c", "create", 1, 4)]


def test_within_a_second_the_order_of_events_decides() -> None:
    log = LogOf().step(1, 1, "map", "a").step(1, 1, "map", "b").step(1, 1, "map", "c")

    assert [name for name, *_ in _path(log.run(), _needs({"c": ["a", "b"]}))] == ["b", "c"]


def test_what_is_deleted_before_it_is_created_anew_waits_for_its_deletion_and_that_for_its_dependents() -> None:
    log = LogOf().step(0, 1, "map", "user", "delete-replaced").step(1, 6, "map", "used", "delete-replaced")
    log.step(6, 8, "map", "used", "create-replacement").step(8, 9, "map", "user", "create-replacement")
    steps_of_path = [(name, operation) for name, operation, *_ in _path(log.run(), _needs({"user": ["used"]}))]

    assert steps_of_path == [
        ("user", "delete-replaced"),
        ("used", "delete-replaced"),
        ("used", "create-replacement"),
        ("user", "create-replacement"),
    ]


def test_a_destruction_goes_from_dependents_to_what_they_need() -> None:
    log = LogOf().step(0, 5, "map", "user", "delete").step(5, 6, "map", "used", "delete")

    assert [name for name, *_ in _path(log.run(), _needs({"user": ["used"]}))] == ["user", "used"]


def test_what_the_program_does_not_have_any_more_is_deleted_after_everything_else() -> None:
    log = LogOf().step(0, 30, "map", "new").step(31, 31, "map", "old", "delete")

    assert [name for name, *_ in _path(log.run(), Graph())] == ["new", "old"]


def test_a_run_without_steps_has_none() -> None:
    assert _path(LogOf().summary(3, same=4).run(), Graph()) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.sets(st.integers(0, 19))), max_size=20))
def test_steps_of_a_path_follow_each_other_and_end_with_the_last(
    steps_of_path: list[tuple[int, int, set[int]]],
) -> None:
    marks = [(start, 0, place) for place, (start, _, _) in enumerate(steps_of_path)]
    marks += [(start + length, 1, place) for place, (start, length, _) in enumerate(steps_of_path)]
    log = LogOf()
    for at, ends, place in sorted(marks):
        (log.ends if ends else log.begins)(at, "map", f"r{place}")
    needs = {
        f"r{place}": [f"r{other}" for other in others if other < place]
        for place, (*_, others) in enumerate(steps_of_path)
    }
    run = log.run()
    links = timeline.critical(run.steps, _needs(needs), run.began)

    assert all(one.step.ended_as < other.step.began_as for one, other in pairwise(links))
    assert max((step.ended for step in run.steps), default=None) == (links[-1].step.ended if links else None)
    assert sum(link.before + link.step.seconds for link in links) == (links[-1].step.ended - START if links else 0)


def test_the_timeline_has_a_row_a_resource_with_a_bar_a_step_and_its_messages() -> None:
    log = LogOf().step(0, 3, "kata", "one", "delete-replaced").begins(4, "kata", "one", "create-replacement")
    run = (
        log.says(5, "info", "1 of 3", urn("kata", "one")).ends(8, "kata", "one", "create-replacement").summary(10).run()
    )
    chart = timeline.chart(run, timeline.critical(run.steps, Graph(), run.began))
    row = chart.groups[0].rows[0]

    assert [(bar.left, bar.width, bar.critical) for bar in row.bars] == [(0, 30, True), (40, 40, True)]
    assert (row.start, row.end, row.seconds, row.messages) == (0, 8, 7, ((5, "1 of 3"),))
    assert row.bars[1].text == "created anew, second 4 to 8"
    assert chart.groups[0].title == "Trustee"


@given(st.integers(0, 10**6))
def test_a_timeline_of_any_length_has_few_ticks_that_lie_within_it(seconds: int) -> None:
    run = LogOf().step(0, seconds, "map", "one").summary(seconds).run()
    ticks = timeline.chart(run, ()).ticks

    assert 1 <= len(ticks) <= 10
    assert all(0 <= left <= 100 for _, left in ticks)


def test_a_run_within_a_second_has_bars_that_lie_within_the_chart() -> None:
    chart = timeline.chart(LogOf().step(0, 0, "map", "one").summary(0).run(), ())

    assert [(bar.left, bar.width) for bar in chart.groups[0].rows[0].bars] == [(0, 0)]
