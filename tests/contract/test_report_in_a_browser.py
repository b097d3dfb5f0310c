"""The report in a real browser without a network: what it loads, how it looks in both colour schemes, and the keyboard.

Accessibility is judged by axe-core, and for what that does not judge (pictures, bars) by the ratio of WCAG 2.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import axe_core_python
import pytest

from coco_azure import run_marks as marks
from coco_azure.cli.report import command, content
from coco_azure.cli.report.graph import Check
from coco_azure.clients.engine_run import Run
from rehearsal import toolchain
from tests.contract.browser import Browser, started
from tests.unit.cli.test_report_page import PLAN, PROOF
from tests.unit.report_runs import LogOf, graph_of, urn

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TRIED = (
    Check(name="tampered initdata: denied", outcome="passed", detail="denied: Reject by policy"),
    Check(name="unsigned image: denied", outcome="failed", detail="released"),
)
FINDING = {"check": "quota", "level": "problem", "found": "8 vCPUs", "needed": "16 vCPUs", "fix": "az quota update"}
COSTS = {
    "podVMs": 30,
    "confidential": True,
    "sizes": ["Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"],
    "natGateways": 1,
    "publicIPs": 1,
    "imageVersions": 1,
}
_SAME = {"old": {"a": "1", "b": "x"}, "new": {"a": "2", "b": "x"}}


def _rolled_out() -> Run:
    log = LogOf().mark(marks.ROLLOUT, PLAN).mark(marks.PREFLIGHT, [FINDING, {**FINDING, "accepted": True}])
    log.mark(marks.COSTS, COSTS).step(0, 0, "map", "facts", "read").step(1, 20, "kata", "b", "delete-replaced").step(
        20, 20, "kata", "b", "replace"
    )
    log.begins(20, "kata", "b", "create-replacement").says(25, "info", "1 of 3 nodes", urn("kata", "b"))
    log.ends(60, "kata", "b", "create-replacement").step(60, 61, "map", "c", "update", **_SAME)
    log.begins(62, "job", "d").says(64, "warning", "mind this").fails(66, "job", "d").step(1, 1, "map", "new")
    return log.says(66, "error", "d did not succeed").step(67, 68, "map", "gone", "delete").summary(70, "failed").run()


def _previewed() -> Run:
    log = LogOf().mark(marks.ROLLOUT, PLAN).mark(marks.PREFLIGHT, []).mark(marks.COSTS, COSTS)
    return log.step(1, 1, "kata", "b", "replace").summary(2, preview=True, replace=1).run()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests of this module."""
    with started(tmp_path_factory.mktemp("browser") / "profile") as violations:
        yield violations


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of reports that have every part there is."""
    graph = graph_of(
        {
            urn("kata", "b"): [urn("map", "facts")],
            urn("map", "c"): [urn("kata", "b")],
            urn("job", "d"): [urn("map", "c")],
        }
    )
    folder, violations = tmp_path_factory.mktemp("reports"), {}
    for name, run in {"roll-out": _rolled_out(), "preview": _previewed()}.items():
        report = content.gather(run, graph, {"attested": False, "proof": PROOF}, TRIED, [("Commit", "0123456789")])
        violations[name] = folder / f"{name}.html"
        violations[name].write_text(
            content.html(command.with_picture(report, print, toolchain.ensure(["dot"], print)["dot"].path)),
            encoding="utf-8",
        )
        assert replace(report, picture="") == report
    return violations


both = pytest.mark.parametrize("name", ["roll-out", "preview"])
schemes = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@both
def test_it_loads_nothing_and_the_browser_has_nothing_to_complain_about(
    browser: Browser, reports: dict[str, Path], name: str
) -> None:
    browser.open(reports[name])

    assert browser.requests() == [reports[name].as_uri()]
    assert browser.complaints() == []


@both
@schemes
def test_axe_finds_no_barrier(browser: Browser, reports: dict[str, Path], name: str, *, dark: bool) -> None:
    browser.open(reports[name], dark=dark)
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.run(AXE)
    violations = browser.run("axe.run(document, {resultTypes: ['violations']})")
    broken = [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]]) for each in violations["violations"]
    ]

    assert broken == []
    assert len(violations["passes"]) > 20


_RATIOS = """
(() => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d');
  const light = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const styles = (selector, property) =>
    [...document.querySelectorAll(selector)].map(each => getComputedStyle(each)[property]);
  const card = getComputedStyle(document.querySelector('section')).backgroundColor;
  const ground = getComputedStyle(document.body).backgroundColor;
  const node = styles('.picture .node path', 'fill')[0];
  const least = (colours, behind) => Math.min(...colours.map(colour => ratio(colour, behind)));
  return {
    texts: least(styles('.picture .node text', 'fill'), node),
    titles: least(styles('.picture .cluster text', 'fill'), ground),
    nodes: least(styles('.picture .node path', 'stroke'), ground),
    edges: least(styles('.picture .edge path', 'stroke'), ground),
    bars: least(styles('.bar:not(.delete):not(.broken)', 'backgroundColor'), card),
    critical: least(styles('.bar.on-path', 'boxShadow').map(s => s.match(/rgb[^)]*\\)/g)[1]), card),
    striped: least(styles('.bar.delete, .bar.broken', 'outlineColor'), card),
  };
})()
"""


@schemes
def test_pictures_and_bars_have_the_contrast_that_axe_does_not_measure(
    browser: Browser, reports: dict[str, Path], *, dark: bool
) -> None:
    browser.open(reports["roll-out"], dark=dark)
    violations = browser.run(_RATIOS)
    text, shape = 4.5, 3.0

    assert {
        name: ratio for name, ratio in violations.items() if ratio < (text if name in ("texts", "titles") else shape)
    } == {}


@both
def test_colours_follow_the_system_until_somebody_chooses(
    browser: Browser, reports: dict[str, Path], name: str
) -> None:
    def ground() -> Any:
        return browser.run("getComputedStyle(document.body).backgroundColor")

    browser.open(reports[name])
    light = ground()
    browser.open(reports[name], dark=True)
    dark = ground()
    browser.run("document.querySelector('#theme-light').click()")
    chosen = ground()

    assert light == chosen != dark


def test_bars_lie_where_their_seconds_are(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["roll-out"])
    violations = browser.run("""[...document.querySelectorAll('.bar')].map(bar => {
      const inside = bar.getBoundingClientRect(), around = bar.parentElement.getBoundingClientRect();
      const share = at => Math.round(700 * (at - around.left) / around.width) / 10;
      return [bar.title, share(inside.left), share(inside.right), bar.classList.contains('on-path')];
    })""")
    places = {title: (left, right, critical) for title, left, right, critical in violations}

    assert places["deleted, to be created anew, second 1 to 20"] == pytest.approx((1, 20, True), abs=0.3)
    assert places["created anew, second 20 to 60"] == pytest.approx((20, 60, True), abs=0.3)
    assert places["create: failed, second 62 to 66"] == pytest.approx((62, 66, True), abs=0.3)
    assert all(0 <= left <= right <= 70.1 for left, right, _ in places.values())


def test_the_first_key_skips_to_the_report_and_the_next_ones_go_through_all_of_it(
    browser: Browser, reports: dict[str, Path]
) -> None:
    browser.open(reports["roll-out"])
    focused = "document.activeElement.matches('.skip') && getComputedStyle(document.activeElement).left"
    browser.press("Tab")
    seen = browser.run(focused)
    browser.press("Enter")

    assert seen == "16px"
    assert browser.run("document.activeElement.id") == "main"

    reached = set()
    for _ in range(60):
        browser.press("Tab")
        reached.add(
            browser.run("(e => e.getAttribute('aria-label') || e.tagName + '#' + e.id)(document.activeElement)")
        )
        outline = browser.run("getComputedStyle(document.activeElement).outlineStyle")
        hidden = browser.run("document.activeElement.type === 'radio' || document.activeElement === document.body")
        assert outline != "none" or hidden
    assert {"INPUT#rows-all", "Picture of the dependencies", "SUMMARY#"} <= reached


def test_rows_are_chosen_by_arrow_keys_and_messages_open_by_enter(browser: Browser, reports: dict[str, Path]) -> None:
    rows = "[...document.querySelectorAll('.gantt .row')].filter(row => row.offsetHeight).length"
    browser.open(reports["roll-out"])
    browser.run("document.querySelector('#rows-all').focus()")
    before = browser.run(rows)
    browser.press("ArrowRight")
    long = browser.run(rows)
    ring = browser.run("getComputedStyle(document.querySelector('#rows-long + label')).outlineStyle")
    browser.press("ArrowRight")
    critical = browser.run(rows)
    browser.run("document.querySelector('#rows-all').click(); document.querySelector('.gantt summary').focus()")
    browser.press("Enter")

    assert before > long >= critical > 0
    assert ring == "solid"
    assert browser.run("document.querySelector('.gantt details').open")
    assert browser.run("document.querySelector('.gantt .said').offsetHeight") > 0


@both
@pytest.mark.parametrize("width", [320, 390, 640])
def test_a_narrow_window_scrolls_charts_and_tables_and_not_the_page(
    browser: Browser, reports: dict[str, Path], name: str, width: int
) -> None:
    browser.open(reports[name], width=width)
    assert browser.run("document.scrollingElement.scrollWidth") <= width


_CUT = """[...document.querySelectorAll('main *')].filter(each => {
  const style = getComputedStyle(each), hides = style.overflowX !== 'visible' && !each.matches('.visually-hidden');
  return hides && each.scrollWidth > each.clientWidth + 1 && style.textOverflow !== 'ellipsis'
    && !each.matches('.strip > span') && !style.backgroundAttachment.includes('local');
}).map(each => each.className)"""


@both
def test_on_a_phone_nothing_is_cut_off_without_a_hint(browser: Browser, reports: dict[str, Path], name: str) -> None:
    browser.open(reports[name], width=390)
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert browser.run(_CUT) == []
    # A preview has no time line.
    shown = "[...document.querySelectorAll('#timeline .wide')].map(each => getComputedStyle(each).display)"
    assert browser.run(shown) == (["block"] if name == "roll-out" else [])


def test_the_picture_can_be_seen_as_a_whole(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["roll-out"], width=700)
    shown = "(box => [box.scrollWidth, box.clientWidth, box.clientHeight])(document.querySelector('.picture'))"
    browser.run("document.querySelector('#graph-fit').click()")
    whole, window, height = browser.run(shown)

    assert whole <= window
    assert height > 20
