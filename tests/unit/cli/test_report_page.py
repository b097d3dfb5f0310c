"""The page: what it shows, that it is one file which loads nothing, and that nothing of a run becomes markup."""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml

from coco_azure import run_marks as marks
from coco_azure.cli.report import content
from coco_azure.cli.report.graph import Check, Graph
from coco_azure.clients.engine_run import Run
from tests.unit.report_runs import LogOf, graph_of, urn
from tests.unit.stack_files import ROOT

PROOF: Mapping[str, Any] = {
    "environment": "production",
    "ownCluster": False,
    "versions": [{"package": "trustee-operator", "csv": "trustee-operator.v1.1.0", "profile": "1.1"}],
    "initdata": [{"scope": "global", "algorithm": "sha384", "digest": "ab" * 48, "pcr8": "cd" * 32}],
    "acceptedPcr8": ["cd" * 32],
    "referenceValues": [{"name": "pcr08", "count": 1, "sha256": "ef" * 32, "expires": "2099-12-31T23:59:59Z"}],
    "policies": [{"kind": "agent", "source": "production", "sha256": "12" * 32}],
    "certificates": [],
    "checks": [],
    "attacks": [{"attack": "another command", "deniedBy": "nobody"}],
    "warnings": ["Trustee runs on the cluster of the pods"],
}
PLAN: Mapping[str, Any] = {
    "action": "replace",
    "name": "example-kataconfig",
    "why": ["logLevel: info -> debug"],
    "reboots": {"worker-1": 2, "worker-2": 1},
    "spared": ["worker-3"],
    "others": 3,
    "pods": ["shop/cart"],
    "pools": {"worker": "paused"},
    "approved": False,
    "text": "KataConfig example-kataconfig will be deleted and created anew",
}


class Page(HTMLParser):
    """Elements and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        self.words += " "
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """Keep words of two elements apart."""
        self.words += " " if tag else ""

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.words += "" if self._style else data
        self._style = False

    def attributes(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it stands."""
        return [value for _, rendered in self.elements for key, value in rendered.items() if key == name and value]

    @property
    def text(self) -> str:
        """Its text with single blanks."""
        return " ".join(self.words.split())


def page_of(
    run: Run, graph: Graph | None = None, outputs: Mapping[str, Any] | None = None, tried: Sequence[Check] = ()
) -> Page:
    return Page(content.html(content.gather(run, graph or Graph(), outputs or {}, tried)))


def _rolled_out() -> Run:
    log = LogOf().mark(marks.ROLLOUT, PLAN).step(1, 4, "map", "a").begins(5, "kata", "b")
    log.says(6, "info", "1 of 3 nodes have the kata runtime", urn("kata", "b")).ends(65, "kata", "b")
    return log.says(66, "warning", "mind this").summary(70, create=2).run()


def test_a_roll_out_is_shown_with_timeline_path_graph_proof_and_checks() -> None:
    graph = graph_of({urn("kata", "b"): [urn("map", "a")]})
    tried = [Check(name="tampered initdata: denied", outcome="passed", detail="denied: Reject by policy")]
    text = page_of(_rolled_out(), graph, {"attested": True, "proof": PROOF}, tried).text

    assert "coco-azure / test succeeded" in text
    assert "1 min 03 s of it the 2 steps of the critical path" in text
    assert "created, second 5 to 65" in text
    assert "6 s 1 of 3 nodes have the kata runtime" in text
    assert "2 b KataConfig created Trustee 1 s 1 min 00 s 86 %" in text
    assert "b KataConfig Trustee a" in text
    assert "ab" * 48 in text
    assert "attack denied by another command nobody" in text
    assert "✓ passed tampered initdata: denied denied: Reject by policy" in text
    assert "warning mind this" in text


def test_a_preview_shows_the_nodes_that_would_reboot_and_no_timeline_or_proof() -> None:
    run = LogOf().mark(marks.ROLLOUT, PLAN).step(1, 1, "kata", "b", "replace").summary(2, preview=True, replace=1).run()
    rendered = page_of(run, outputs={"attested": True, "proof": PROOF})

    assert (
        "2 nodes would reboot : logLevel: info -> debug. 4 other nodes of the cluster are left alone." in rendered.text
    )
    assert re.search(r"worker-1 twice ↻ worker-2 once · worker-3 not at all", rendered.text)
    assert "Pods that keep the deletion waiting: shop/cart." in rendered.text
    assert "Machine config pool worker is paused." in rendered.text
    assert "This is not approved" in rendered.text
    assert "to replace 1 resource" in rendered.text
    assert not {"timeline", "path", "proof"} & set(rendered.attributes("id"))


def test_a_plan_that_reboots_nobody_says_so() -> None:
    plan = {**PLAN, "reboots": {}, "spared": [], "approved": True, "pods": [], "pools": {}}
    assert "No node would reboot." in page_of(LogOf().mark(marks.ROLLOUT, plan).summary(1, preview=True).run()).text


def test_a_replacement_says_why() -> None:
    log = LogOf().mark(marks.ROLLOUT, PLAN)
    old, new = {"spec": {"logLevel": "info"}}, {"spec": {"logLevel": "debug"}}
    log.step(1, 1, "kata", "b", "replace", old=old, new=new).step(1, 1, "job", "c", "replace", old={}, new={})
    log.step(2, 2, "map", "gone", "delete").step(2, 2, "map", "d", "replace", old={}, new={})
    text = page_of(log.summary(3, replace=2, delete=1).run(), graph_of({urn("job", "c"): [urn("kata", "b")]})).text

    assert "logLevel: info -> debug spec.logLevel : info becomes → debug" in text
    assert "c Job Trustee it depends on b, which is deleted before it is created anew" in text
    assert "d ConfigMap Trustee the program or its provider asks for a new one; no property of it differs" in text
    assert "it is not in the program any more" in text


def test_a_failed_run_shows_its_errors_first_and_what_did_not_end() -> None:
    log = LogOf().begins(1, "map", "a").fails(3, "map", "a").begins(1, "map", "b").says(2, "warning", "mind this")
    text = page_of(log.says(3, "error", "a did not come up").summary(5, "failed").run()).text

    assert "coco-azure / test failed" in text
    assert text.index("error a did not come up") < text.index("warning mind this")
    assert "create: failed, second 1 to 3" in text
    assert "create: not ended, second 1 to 5" in text
    assert "The stack exports no proof" in text


def test_a_failed_run_has_failed_everywhere_and_an_old_proof_is_told_as_such() -> None:
    run = LogOf().begins(1, "job", "check").fails(3, "job", "check").says(3, "error", "no").summary(5, "failed").run()
    text = page_of(run, outputs={"attested": True, "proof": PROOF}).text

    assert "coco-azure / test failed not attested" in text
    assert "✗ failed attestation check" in text
    assert "passed" not in text.replace("checks passed", "")
    assert "This run proves nothing: it did not come to its end. What follows is the proof of a run before" in text


@pytest.mark.parametrize("end", ["failed", "not ended", "succeeded"])
def test_a_page_says_whether_this_run_attested(end: str) -> None:
    log = LogOf().step(0, 1, "map", "a")
    run = (log if end == "not ended" else log.summary(2, end, create=1)).run()
    outputs = {"attested": True, "proof": PROOF}

    assert f"{end} {'attested' if end == 'succeeded' else 'not attested'} " in page_of(run, outputs=outputs).text
    assert "succeeded not checked" in page_of(LogOf().summary(1).run()).text
    assert "attested" not in page_of(LogOf().step(0, 1, "map", "a", "delete").summary(2, delete=1).run()).text


def test_a_stack_whose_check_is_off_is_not_called_unattested() -> None:
    log = LogOf(**{"coco-azure:attestationCheck": '{"enabled": false}'})

    assert "failed not checked" in page_of(log.summary(1, "failed").run()).text


def test_a_rehearsal_is_marked_and_other_clusters_are_not() -> None:
    world = yaml.safe_load((ROOT / "rehearsal" / "operators" / "world.yaml").read_text(encoding="utf-8"))
    status = world["Infrastructure"][0]["status"]
    real = {**status, "apiServerURL": "https://api.prod.contoso.com:6443"}
    runs = [LogOf().reads("infrastructure", {"status": each}).summary(2).run() for each in (status, real)]
    pages = [page_of(run).text for run in runs]

    assert ["rehearsal: a simulated cluster" in text for text in pages] == [True, False]


def test_a_run_without_changes_says_so() -> None:
    text = page_of(LogOf().step(0, 1, "map", "a", "same").summary(2, same=1).run()).text

    assert "Nothing was changed: every resource is as the program says." in text
    assert "No step took part in this run." in text


def test_findings_of_the_pre_flight_are_checks_with_their_fix() -> None:
    finding = {"check": "quota", "level": "problem", "found": "8 vCPUs", "needed": "16 vCPUs", "fix": "az quota update"}
    log = LogOf().mark(marks.PREFLIGHT, [finding, {**finding, "accepted": True}, {**finding, "level": "warning"}])
    text = page_of(log.summary(1, preview=True).run()).text

    assert "✗ failed pre-flight: quota found: 8 vCPUs; needed: 16 vCPUs fix: az quota update" in text
    assert "~ accepted pre-flight: quota" in text
    assert "! warning pre-flight: quota" in text


def test_a_pre_flight_without_findings_has_passed() -> None:
    assert "✓ passed pre-flight nothing was found" in page_of(LogOf().mark(marks.PREFLIGHT, []).summary(1).run()).text


def test_an_attestation_that_failed_is_a_failed_check() -> None:
    assert "0 of 1 checks passed" in page_of(_rolled_out(), outputs={"attested": False}).text


def test_without_graphviz_the_table_stays_and_the_page_says_what_is_missing() -> None:
    rendered = page_of(_rolled_out(), graph_of({urn("map", "a"): []}))
    assert "There is no picture: Graphviz is not here." in rendered.text
    assert "The same as a table: 1 resources" in rendered.text


def test_before_the_first_deployment_there_is_no_graph() -> None:
    assert "The engine has no graph" in page_of(LogOf().summary(1, preview=True).run()).text


@pytest.mark.parametrize("where", ["name", "message", "reason", "value", "check"])
def test_nothing_that_a_run_says_becomes_markup(where: str) -> None:
    evil = '<script src="https://evil.example/x.js"></script><img src=x>'
    log = LogOf().mark(marks.ROLLOUT, {**PLAN, "why": [evil] if where == "reason" else []})
    changed = {"old": {"a": "1"}, "new": {"a": evil if where == "value" else "2"}}
    log.step(0, 1, "map", evil if where == "name" else "a", "update", **changed).step(1, 1, "kata", "b", "replace")
    run = log.says(1, "warning", evil if where == "message" else "w").summary(2).run()
    tried = [Check(name=evil if where == "check" else "c", outcome="passed")]
    rendered = page_of(run, graph_of({urn("map", "a"): []}), {"attested": True, "proof": PROOF}, tried)

    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in rendered.elements}
    assert evil[:40] in rendered.text


def test_the_page_loads_nothing_and_its_policy_forbids_it_to() -> None:
    rendered = page_of(_rolled_out(), graph_of({urn("map", "a"): []}), {"attested": True, "proof": PROOF})
    text = content.html(content.gather(_rolled_out(), Graph(), {}))

    assert "default-src 'none'; style-src 'unsafe-inline'" in rendered.attributes("content")
    assert not rendered.attributes("src")
    assert all(link.startswith("#") for link in rendered.attributes("href"))
    assert not re.search(r"@import|url\(", text)


def test_what_is_linked_and_named_is_there_once() -> None:
    rendered = page_of(_rolled_out(), graph_of({urn("map", "a"): []}), {"attested": True, "proof": PROOF})
    ids = rendered.attributes("id")
    wanted = {link.removeprefix("#") for link in rendered.attributes("href")}
    wanted |= {*rendered.attributes("for"), *rendered.attributes("aria-labelledby")}

    assert len(ids) == len(set(ids))
    assert wanted <= set(ids)
