"""What of reality tests are held to is named by paths, and a run says at its end how much of it was there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import reality
from tests.unit.stack_files import ROOT


def test_what_is_not_named_is_missing_and_the_reason_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in reality.ALL:
        monkeypatch.delenv(each.variable, raising=False)

        assert (each.missing() or "").startswith(f"{each.variable} is not set: path of ")
    assert "oc image extract" in str(reality.KBS.missing())
    assert "oc image extract" in str(reality.CRDS.missing())


def test_a_path_with_nothing_behind_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "trustee-0.3").mkdir()
    monkeypatch.setenv("COCO_CRDS", str(tmp_path))
    monkeypatch.setenv("COCO_REAL_KBS", str(tmp_path))

    assert f"there is no {tmp_path}/trustee-1.2" in str(reality.CRDS.missing())
    assert "which is no program" in str(reality.KBS.missing())


def test_a_run_of_contract_tests_ends_with_one_line_about_reality(tmp_path: Path) -> None:
    claims = tmp_path / "claims.json"
    claims.write_text("{}")
    environment = {"PATH": "/usr/bin:/bin", "COCO_CLAIMS": str(claims)}
    tests = ["tests/contract/test_sample_client.py", "tests/contract/test_agent_requests.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    output = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    last = output.splitlines()[-1]
    assert last.startswith("reality: 1 of 6 parts from outside were there; claims of a verifier; missing: KBS 0.3 (")
    assert "requests of an agent (COCO_AGENT_REQUESTS; 4 tests skipped)" in last


def test_no_test_looks_for_reality_beside_the_checkout() -> None:
    beside = re.compile(r"\.\./shared|ROOT\.parent\b(?!\.name)")
    files = [each for each in (ROOT / "tests").rglob("*.py") if beside.search(each.read_text())]

    assert [each.name for each in files if each != Path(__file__)] == []
