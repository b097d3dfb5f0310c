"""The report's times of reboots, and its hints where a page is narrow."""

import re

from coco_azure import run_marks as marks
from coco_azure.cli.report import heading
from coco_azure.cli.report.heading import Reboot
from tests.unit.cli.test_report_page import PLAN, page_of
from tests.unit.report_runs import LogOf
from tests.unit.stack_files import ROOT

_STYLE = (ROOT / "coco_azure/cli/report/templates/style.css").read_text()


def _log() -> LogOf:
    log = LogOf().mark(marks.ROLLOUT, PLAN)
    for at, names in [(5, ["worker-1"]), (125, ["worker-2"]), (425, []), (430, ["worker-1"])]:
        log.says(at, "debug", marks.line(marks.NODES, names))
    return log


def test_each_update_of_a_node_has_its_beginning_and_its_length() -> None:
    times = heading.reboots_of(_log().summary(500).run())

    assert times == {
        "worker-1": (Reboot(began=5, seconds=120), Reboot(began=430, seconds=None)),
        "worker-2": (Reboot(began=125, seconds=300),),
    }


def test_the_page_has_the_time_of_each_nodes_reboot() -> None:
    text = page_of(_log().summary(500).run()).text

    assert "worker-1 twice: 2 min 00 s from 5 s on, from 7 min 10 s on, not done" in text
    assert "worker-2 once: 5 min 00 s from 2 min 05 s on" in text


def test_a_run_that_saw_no_reboot_says_no_time() -> None:
    assert heading.reboots_of(LogOf().summary(1).run()) == {}
    assert re.search(r"worker-2 once ·", page_of(LogOf().mark(marks.ROLLOUT, PLAN).summary(1).run()).text)


def test_what_scrolls_has_a_shadow_where_there_is_more_and_the_chart_says_so_on_a_phone() -> None:
    (rule,) = re.findall(r"^\.scroll \{(.*?)\}", _STYLE, re.MULTILINE | re.DOTALL)
    hidden = re.findall(r"^(\.[^{\n]*)\{[^}]*overflow(?:-x)?: (?:auto|hidden|scroll)", _STYLE, re.MULTILINE)

    assert rule.count(" local") == rule.count(" scroll") == 2
    # What else hides something: a text for readers aloud, and a label that ends in an ellipsis.
    assert {each.strip() for each in hidden} == {
        ".visually-hidden",
        ".scroll",
        ".strip > span",
        ".strip > span > span",
    }
    page = page_of(_log().step(1, 4, "map", "a").summary(500).run())
    assert "The chart is wider than this window: scroll it sideways" in page.text
    assert ".wide { display: block;" in _STYLE.partition("@media (max-width: 40rem)")[2]
