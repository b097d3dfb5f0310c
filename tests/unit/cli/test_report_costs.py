"""What costs, in the report: of a run by its outputs, of a preview by what the program says of itself."""

from typing import Any

import pytest

from coco_azure import run_marks as marks
from coco_azure.cli.report import heading
from coco_azure.preflight.cost import Drivers
from tests.unit.cli.test_report_page import page_of
from tests.unit.recording import Recorder, run_program
from tests.unit.report_runs import LogOf

DRIVERS = Drivers(
    podVMs=30,
    confidential=True,
    sizes=("Standard_DC2as_v5", "Standard_DC4as_v5"),
    natGateways=1,
    publicIPs=1,
    imageVersions=0,
)


def test_each_thing_of_which_there_may_be_one_is_a_row_and_others_are_none() -> None:
    assert [(row.what, row.count, row.sizes) for row in heading.cost_rows(DRIVERS.output())] == [
        ("confidential VM of a pod, with its OS disk", 30, ("Standard_DC2as_v5", "Standard_DC4as_v5")),
        ("NAT gateway of the stack's own subnet", 1, ()),
        ("public IP address of that gateway", 1, ()),
    ]


def test_vms_that_are_not_confidential_are_not_called_so() -> None:
    assert heading.cost_rows({**DRIVERS.output(), "confidential": False})[0].what == "VM of a pod, with its OS disk"


def test_a_roll_out_shows_the_stacks_output() -> None:
    result = page_of(LogOf().summary(1).run(), outputs={"costDrivers": DRIVERS.output()})

    assert (
        "confidential VM of a pod, with its OS disk 30 Standard_DC2as_v5, or Standard_DC4as_v5 by the hour"
        in result.text
    )
    assert "NAT gateway of the stack's own subnet 1 always the same by the hour" in result.text
    assert "#costs" in result.attributes("href")


@pytest.mark.parametrize("end", [{"preview": True}, {"result": "failed"}])
def test_a_preview_and_a_run_that_failed_show_what_the_program_says_and_not_the_output_of_the_run_before(
    end: Any,
) -> None:
    run = LogOf().mark(marks.COSTS, DRIVERS.output()).summary(1, **end).run()
    assert "with its OS disk 30 " in page_of(run, outputs={"costDrivers": {**DRIVERS.output(), "podVMs": 7}}).text


def test_where_nobody_says_what_costs_there_is_no_such_part() -> None:
    result = page_of(LogOf().summary(1, preview=True).run(), outputs={"costDrivers": DRIVERS.output()})

    assert "costs" not in result.attributes("id")
    assert "#costs" not in result.attributes("href")


def test_nothing_that_costs_is_said_in_words() -> None:
    none = {**DRIVERS.output(), "podVMs": 0, "natGateways": 0, "publicIPs": 0}
    assert (
        "Nothing that this stack makes is charged for"
        in page_of(LogOf().summary(1).run(), outputs={"costDrivers": none}).text
    )


@pytest.mark.parametrize("preview", [True, False])
def test_the_program_tells_the_report_what_costs(caplog: pytest.LogCaptureFixture, *, preview: bool) -> None:
    caplog.set_level("DEBUG")
    run = run_program({"peerPods": {"limitPerNode": 4}}, Recorder(preview=preview))
    values = dict(result for record in caplog.records if (result := marks.read(record.getMessage())))

    assert values["costDrivers"] == {**run.exports["costDrivers"]}
    assert values["costDrivers"]["podVMs"] == 8
