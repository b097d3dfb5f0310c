"""The benchmark's arithmetic, its page, and the objects that it takes from a stack."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.bench import chapter, everyday, main_job, report
from rehearsal.bench.__main__ import BEGIN, _sections, write
from rehearsal.bench.everyday import Everyday, Previews
from rehearsal.bench.growth import Growth, Size
from rehearsal.bench.main_job import Case
from rehearsal.bench.report import Spread, growth, ratio, slope
from rehearsal.bench.stage import BenchError, Run
from rehearsal.changes import COMPARED

SECRET = "4dabf18193072939515e22adb298388d"


def test_ratios_are_taken_pair_by_pair_so_that_a_slow_moment_cancels_out() -> None:
    assert ratio([2, 4, 9], [1, 2, 3]) == Spread((2, 2, 3))
    assert ratio([2, 4, 9], [1, 2, 3]).median == 2
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        ratio([1, 2], [1])


def test_a_spread_is_told_as_the_median_with_the_smallest_and_the_largest() -> None:
    assert Spread((3, 1, 2)).text() == "2.0 (1.0 to 3.0)"
    assert Spread((3,)).text(2) == "3.00"


@given(st.floats(0.1, 10), st.floats(0, 100))
def test_what_grows_linearly_has_steepness_one_and_its_own_slope(each: float, base: float) -> None:
    sizes = (10, 100, 500)
    figures = [base + each * size for size in sizes]

    assert growth(sizes, figures) == pytest.approx(1)
    assert slope(sizes, figures) == pytest.approx(each)


def test_what_grows_with_the_square_is_told_as_steeper() -> None:
    sizes = (10, 100, 500)

    assert growth(sizes, [size**2 for size in sizes]) > 5
    assert growth(sizes, [7.0, 7.0, 7.0]) == 0
    # A first step within the noise is no measure of the last one.
    assert growth((1, 10, 50), [730.0, 729.0, 740.0]) < 1


@given(st.integers(1, 100))
def test_recreating_takes_every_node_twice_and_adopting_takes_none(nodes: int) -> None:
    assert main_job.floor_of_recreate(nodes + 1) - main_job.floor_of_recreate(nodes) == 2 * (
        main_job.floor_of_fresh(nodes + 1) - main_job.floor_of_fresh(nodes)
    )
    assert main_job.floor_of_adopt() < main_job.floor_of_fresh(1)


def _resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "annotations": {"pulumi.com/waitFor": "x", "coco-azure/stack": "a/b"}}
    return {"type": f"kubernetes:x/v1:{kind}", "inputs": {"__initialApiVersion": "v1", "metadata": metadata, **more}}


def test_the_objects_of_a_stack_are_taken_as_a_person_would_apply_them() -> None:
    value = {SECRET: "x", "plaintext": json.dumps({"key": "v"})}
    state = [
        _resource("Secret", "s", stringData=value),
        _resource("ConfigMapPatch", "peer-pods-cm", data={}),
        _resource("ConfigMapPatch", "trustee-cm", data={}),
        _resource("OperatorPatch", "gate"),
        {**_resource("ConfigMap", "read"), "external": True},
        {"type": "pulumi:index:Stash", "inputs": {}},
    ]
    result = chapter.objects(state)

    assert [(each["kind"], each["metadata"]["name"]) for each in result] == [
        ("Secret", "s"),
        ("ConfigMap", "peer-pods-cm"),
    ]
    assert result[0]["stringData"] == {"key": "v"}
    assert result[0]["metadata"]["annotations"] == {"coco-azure/stack": "a/b"}
    assert "__initialApiVersion" not in result[0]


def test_a_measured_section_takes_the_place_of_the_one_before_and_all_else_stays(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"## Words\n\nwords\n\n{BEGIN}\n\n## One\n\nold\n\n## Two\n\nold, too\n")
    write("## One\n\nnew\n\n| a |\n", page)
    write("## Three\n\nfirst\n", page)

    assert page.read_text() == (
        f"## Words\n\nwords\n\n{BEGIN}\n\n## One\n\nnew\n\n| a |\n\n## Two\n\nold, too\n\n## Three\n\nfirst\n"
    )


def test_each_section_says_how_often_and_on_which_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everyday, "previews", lambda *_: Previews([6.0], [3.0], [9.0], [3.0]))
    (section,) = _sections(["previews"], 4, 20)

    assert section.startswith("## Previews\n\n4 rounds in 0 minutes, on ")
    assert "| nothing deployed | 6.0 | 3.0 | 2.00 |" in section


def test_every_figure_that_was_measured_is_in_the_tables() -> None:
    case = Case("fresh", 20, program=[33, 44], engine=[10, 20], chapter=[66, 88], reboots={3}, chapter_reboots={6})
    sizes = [
        Size(count, [Run(1, 100)] * 2, [Run(2, 200), Run(2 + count * 2, 200)], [Run(count, 200)]) for count in (1, 2, 3)
    ]
    text = "\n".join(
        [
            *report.main_job([case], 20),
            *report.previews(Previews([6.0], [3.0], [9.0], [3.0])),
            *report.grown([Growth("secrets", sizes)]),
            *report.everyday(Everyday([5.0], [7.0], [8.0])),
        ]
    )

    assert "| fresh | 20.0 | 15.0 (10.0 to 20.0) | 38.5 (33.0 to 44.0) | 1.10 (1.10 to 1.10) |" in text
    assert "| 77.0 (66.0 to 88.0) | 0.50 (0.50 to 0.50) | 3 | 6 |" in text
    assert "| nothing deployed | 6.0 | 3.0 | 2.00 |" in text
    assert "| 2 | 1.0 (1.0 to 1.0) | 4.0 (2.0 to 6.0) | 2.0 | 100 (100 to 100) | 200 (200 to 200) |" in text
    assert "| each more | 0 ms | 1000 ms | 1000 ms | 0.00 MiB | 0.00 MiB |" in text
    assert "| steepness | 0.00 (0%) | 1.00 (67%) | 1.00 (200%) | 0.00 (0%) | 0.00 (0%) |" in text
    assert "answering by it: 7.0 s" in text


def test_a_way_that_the_chapter_does_not_have_is_told_as_none() -> None:
    text = "\n".join(report.main_job([Case("adopted", 2, program=[4], engine=[2], reboots={0})], 20))

    assert "| adopted | 2.0 | 2.0 | 4.0 | 1.00 | - | - | 0 | - |" in text
    assert "processors" in report.machine()


class _Place:
    """A stage whose machine config operator has rebooted nodes."""

    def __init__(self, **reboots: int) -> None:
        nodes = [
            {"metadata": {"name": name, "annotations": {"rehearsal/reboots": str(count)}}}
            for name, count in reboots.items()
        ]
        self.server = SimpleNamespace(get=lambda _: {"items": nodes})


def test_a_change_that_reboots_other_nodes_than_the_table_says_ends_the_bench() -> None:
    before = {"a": 1, "b": 1, "c": 1}
    hold = everyday._hold
    hold(cast("Any", _Place(a=1, b=1, c=2)), "select", before)

    with pytest.raises(BenchError, match="`gate` rebooted"):
        hold(cast("Any", _Place(a=1, b=1, c=2)), "gate", before)


def test_the_reboots_of_changes_stand_beside_those_of_the_chapters_way() -> None:
    lines = list(report.changed({run: [1.0] for run in COMPARED}))

    assert "| the feature gate off | 1.0 | 0 | 4 |" in lines
    assert "| another log level on two nodes | 1.0 | 2 | 4 |" in lines
