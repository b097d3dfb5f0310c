"""``./coco-azure report`` on a real engine: a preview, a roll-out, a replacement and a teardown, with no secret in any.

The roll-out runs on a terminal, where it shows progress in colours; the others do not, and show none.

The tests of a provider share a cluster and go on from each other's state, in their order.
"""

import html
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from coco_azure.cli.report import command
from rehearsal import toolchain
from rehearsal.cluster import CHECKOUT
from tests.engine.harness import Stack
from tests.engine.pairs import forms
from tests.unit.cli.test_report_page import Page
from tests.unit.terminal import on_terminal

pytestmark = pytest.mark.engine

SECRET = "correct-horse-battery-staple-7"
"""Of a client, set as a secret of the stack's file."""
_ESCAPE = "\x1b["
_TIMEOUT = 400
_LOUDER = {"peerPods": {"kataConfig": {"logLevel": "debug", "change": "recreate"}}}


def _environment(stack: Stack) -> dict[str, str]:
    """Return the environment of `make report`, which names Graphviz."""
    return {**stack._prepared.environment(), command.PROGRAM: str(toolchain.ensure(["dot"], print)["dot"].path)}


def _asked(
    stack: Stack, command: list[str], code: int = 0, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command in the checkout, without a terminal."""
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**_environment(stack), **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def _command(stack: Stack, out: Path, verb: str, *options: str) -> list[str]:
    own = [sys.executable, "-m", "coco_azure", "report", "--run", verb, "--stack", stack.name, "--out", str(out)]
    return [*own, "--", "--config-file", str(stack._config), *options]


def _report(stack: Stack, folder: Path, *arguments: str, code: int = 0) -> tuple[str, Page]:
    """Run pulumi by the command, without a terminal, and return the page as HTML and as text."""
    out = folder / "report.html"
    done = _asked(stack, _command(stack, out, *arguments, "--non-interactive"), code)
    assert f"report: {out}" in done.stderr
    assert _ESCAPE not in done.stdout + done.stderr
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def _no_secret(stack: Stack, text: str) -> None:
    known = [value for value in stack.shown_secrets() if isinstance(value, str) and len(value) > 8]
    plain = html.unescape(text)
    assert known
    assert [trace for value in [*known, SECRET] for trace in forms(value) if trace in plain] == []


def test_a_first_preview_that_is_refused_says_why_it_has_no_graph(empty: Stack, tmp_path: Path) -> None:
    empty.configure({"peerPods": {"kataConfig": {"allowReboot": False}}})
    _, page = _report(empty, tmp_path, "preview", code=1)

    assert "This is not approved" in page.text
    assert "of a preview that fails the engine saves no plan of what would be" in page.text
    empty.configure({})


def test_a_preview_says_which_nodes_would_reboot(empty: Stack, tmp_path: Path) -> None:
    path = "coco-azure:clientSecrets.kbsres1.key1"
    empty.run("config", "set", "--stack", empty.name, "--path", path, "--secret", SECRET)
    text, page = _report(empty, tmp_path, "preview")

    assert "3 nodes would reboot" in page.text
    assert re.search(r"↻ worker-eastus1 once", page.text)
    assert "3 other nodes of the cluster are left alone." in page.text
    assert "to create" in page.text
    assert "confidential VM of a pod, with its OS disk 30 " in page.text
    assert SECRET not in text


def test_a_first_preview_has_the_graph_of_its_plan_in_which_every_secret_is_encrypted(
    empty: Stack, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    text, page = _report(empty, tmp_path, "preview", "--save-plan", str(plan))
    saved = plan.read_text()
    plans = json.loads(saved)["resourcePlans"]
    kept = {
        urn: each["goal"]["inputDiff"]["adds"] for urn, each in plans.items() if re.search("Stash::|:Secret::", urn)
    }
    values = [page.get("data") or page.get("stringData") or page["input"] for page in kept.values()]
    graph = page.text[page.text.index("of what would be deployed, from its update plan") :]

    assert '<svg role="img"' in text
    assert re.search(r"check-job Job Attestation check [\w, -]+ ", graph)
    assert re.search(r"facts-ingress Ingress What the cluster says of itself nothing", graph)
    # All but a sentence, which the guard of KataConfig keeps, and what CAA was restarted for: a version and a hash.
    assert len(values) > 5
    assert [list(value) if isinstance(value, dict) else value for value in values if "ciphertext" not in value] == [
        ["operator", "peerPodsCm"],
        "KataConfig is deleted only where coco-azure:peerPods.kataConfig.allowReboot is true",
    ]
    assert not [trace for trace in [*forms(SECRET), "PRIVATE KEY"] if trace in saved]
    assert not [trace for trace in [*forms(SECRET), "PRIVATE KEY", "ciphertext"] if trace in text]


def test_a_plan_of_the_reports_own_is_gone_and_the_same_graph_is_there(empty: Stack, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = _command(empty, tmp_path / "report.html", "preview", "--non-interactive")
    done = _asked(empty, command, variables={"TMPDIR": str(temporary)})

    assert "from its update plan" in Page((tmp_path / "report.html").read_text()).text
    assert re.search(rf"Update plan written to '{temporary}/\S+/only-for-the-report.json'", done.stdout + done.stderr)
    assert "was made for the report's graph, and is gone" in done.stderr
    assert [path for path in temporary.rglob("*") if path.suffix == ".json"] == []


def test_a_roll_out_on_a_terminal_shows_counts_and_its_report_path_graph_and_proof(
    empty: Stack, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    seen = on_terminal(_command(empty, out, "up", "--yes", "--skip-preview"), CHECKOUT, _environment(empty))
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    path = page.text[page.text.index("steps, each of which had to wait") :]
    path = path[: path.index("What was changed")]

    assert _ESCAPE in seen
    assert re.search(r"[01] of 3 nodes have the kata runtime; installing: worker-eastus\d", seen)
    assert re.search(r"peer-pods-kataconfig KataConfig created .*peer-pods-kata-installed .*check-job Job", path)
    assert "3 of 3 nodes have the kata runtime" in page.text
    assert '<svg role="img"' in text
    assert empty.outputs()["initdataDigest"] in text
    assert "✓ passed attestation check" in page.text
    assert "rehearsal succeeded attested rehearsal: a simulated cluster" in page.text
    assert re.search(r"Cluster rehearsal-x7k2p https://\S+ OpenShift 4\.\d+\.\d+ Run by ", page.text)
    assert "<{%" not in text
    _no_secret(empty, text)


def test_two_variables_give_up_an_event_log_that_becomes_a_report_and_an_option_wins_over_them(
    empty: Stack, tmp_path: Path
) -> None:
    """What examples/ci rely on: Pulumi's action gives `up` no option for it, and `preview` one of its own."""
    log, own, out = tmp_path / "events.json", tmp_path / "own.json", tmp_path / "report.html"
    variables = {"PULUMI_DEBUG_COMMANDS": "true", "PULUMI_OPTION_EVENT_LOG": str(log)}
    common = ["--stack", empty.name, "--non-interactive", "--config-file", str(empty._config)]
    pulumi = str(empty._prepared.pulumi)
    _asked(empty, [pulumi, "preview", *common, "--event-log", str(own)], variables=variables)
    written = (own.exists(), log.exists())
    empty.configure({"peerPods": {"tags": {"key1": "other"}}})

    _asked(empty, [pulumi, "up", "--yes", "--skip-preview", *common], variables=variables)
    _asked(
        empty,
        [sys.executable, "-m", "coco_azure", "report", "--events", str(log), "--stack", empty.name, "--out", str(out)],
    )
    text = out.read_text()
    page = Page(text)

    assert written == (True, False)
    assert "Roll-out of coco-azure / rehearsal succeeded" in page.text
    assert "updated" in page.text
    assert "✓ passed attestation check" in page.text
    assert "confidential VM of a pod, with its OS disk 30 " in page.text
    _no_secret(empty, text)
    empty.configure({})
    empty.up()


def test_a_run_that_fails_has_not_attested_and_shows_the_proof_of_the_run_before(empty: Stack, tmp_path: Path) -> None:
    empty.configure({"peerPods": {"kataConfig": {"allowReboot": False, "logLevel": "debug"}}})
    _, page = _report(empty, tmp_path, "up", "--yes", "--skip-preview", code=1)
    empty.configure({})

    assert "rehearsal failed not attested" in page.text
    assert "✗ failed attestation check" in page.text
    assert "✓ passed attestation check" not in page.text
    assert re.search(r"This run proves nothing.* What follows is the proof of the run of .*, attested", page.text)


def test_a_replacement_says_why_and_that_nodes_reboot_twice(empty: Stack, tmp_path: Path) -> None:
    empty.configure(_LOUDER)
    text, page = _report(empty, tmp_path, "preview")

    assert "3 nodes would reboot : logLevel: info -> debug." in page.text
    assert "worker-eastus1 twice" in page.text
    assert re.search(
        r"to replace \d resources .*peer-pods-kataconfig .*spec.logLevel : info becomes → debug", page.text
    )
    assert "it depends on" in page.text
    _no_secret(empty, text)


def test_a_teardown_goes_along_the_graph_that_was_there(empty: Stack, tmp_path: Path) -> None:
    text, page = _report(empty, tmp_path, "destroy", "--yes", "--skip-preview")
    path = page.text[page.text.index("steps, each of which had to wait") :]

    # Which of both sides is gone last is chance; either goes from what is used to what the operator is in.
    of_a_side = (
        r"(peer-pods-kataconfig KataConfig|trustee-kbsconfig KbsConfig) deleted .*-operator-namespace Namespace "
    )
    assert re.search(rf" 1 [\w-]+ \w+ deleted .*{of_a_side}deleted ", path), path[:2000]
    assert SECRET not in text
