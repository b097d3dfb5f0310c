"""The program takes measurements out of a registry: what Trustee accepts of them, and what the next run has of it."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit import oci_registry
from tests.unit.oci_registry import OLD_PCRS, PCRS, Maker, Registry
from tests.unit.recording import Recorder, Run, failed_program, run_program

MAKER = Maker()
OWN = "organization/coco-azure/test"


@pytest.fixture
def served(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Serve the images of two versions; what is fetched stays in a folder of the test's own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(own_cache.parent / "auth.json"))
    (own_cache.parent / "auth.json").write_text("{}")
    with oci_registry.serving() as registry:
        registry.push_measured("1.11.0", MAKER, OLD_PCRS)
        registry.push_measured("1.12.1", MAKER)
        yield registry


@pytest.fixture
def config(served: Registry, tmp_path: Path) -> dict[str, Any]:
    """Return settings that name the image without a tag."""
    key = tmp_path / "maker.pem"
    key.write_text(MAKER.pem)
    values = {"expires": "2099-12-31", "image": served.image, "measurementsPublicKeyFile": str(key)}
    return {"trustee": {"referenceValues": values}}


def _pcr3(run: Run) -> list[str]:
    data = run.objects()["ConfigMap trustee-operator-system/rvps-reference-values"]["data"]
    entry = json.loads(data["reference_value"])["snp_pcr03"]
    values: list[str] = json.loads(base64.urlsafe_b64decode(entry))["value"]
    return values


def test_trustee_accepts_the_image_of_the_operators_version_and_after_an_upgrade_both(
    served: Registry, config: dict[str, Any]
) -> None:
    first = run_program(config, Recorder(osc="1.11.0", trustee="1.2.1"))
    last = {OWN: {"measuredImages": first.exports["measuredImages"]}}
    upgraded = run_program(config, Recorder(osc="1.12.1", trustee="1.2.1", stacks=last))

    assert _pcr3(first) == [OLD_PCRS[3]]
    assert _pcr3(upgraded) == [OLD_PCRS[3], PCRS[3]]
    assert upgraded.exports["measuredImages"]["current"] == f"{served.image}:1.11.0"
    (note,) = [each for each in upgraded.exports["proof"]["warnings"] if "pod VM image of" in each]
    assert "peerPods.rebuildImage" in note


def test_a_preview_on_another_machine_needs_no_registry_once_a_run_has_finished(
    served: Registry, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_program(config, Recorder(osc="1.12.1"))
    monkeypatch.setenv("COCO_AZURE_CACHE", str(tmp_path / "elsewhere"))
    asked = len(served.paths)
    last = {OWN: {"measuredImages": first.exports["measuredImages"]}}
    again = run_program(config, Recorder(osc="1.12.1", stacks=last, preview=True))

    assert (_pcr3(again), len(served.paths)) == ([PCRS[3]], asked)
    assert again.exports["measuredImages"] == first.exports["measuredImages"]


def test_an_image_that_nobody_vouches_for_ends_the_run_before_anything_is_made(
    served: Registry, config: dict[str, Any]
) -> None:
    served.push_measured("1.12.1", Maker())

    message, run = failed_program(config, Recorder(osc="1.12.1"))
    assert "none of its 1 signatures is by the key in measurementsPublicKeyFile" in message
    assert run.objects() == {}
