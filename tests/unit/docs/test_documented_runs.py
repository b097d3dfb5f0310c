"""Commands of the documents that need no cluster, run as they stand there; Pulumi Cloud is a stand-in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.unit import pulumi_cloud
from tests.unit.shell_commands import engine
from tests.unit.stack_files import ROOT


def _block(page: str, heading: str) -> str:
    """Return the commands of the first console block below a heading."""
    part = (ROOT / "docs" / page).read_text().split(f"## {heading}\n")[1]
    match = re.search(r"```console\n(.*?)```", part, re.DOTALL)
    assert match
    lines = [line.removeprefix("$ ") for line in match[1].splitlines()]
    return "\n".join(["set -e", *lines]).replace("ORGANIZATION", "my-org")


@pytest.fixture
def pulumi() -> Path:
    path = engine()
    if path is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache")
    return path


def _run(script: str, folder: Path, pulumi: Path, variables: Mapping[str, str]) -> None:
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(pulumi.parent), os.defpath]),
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **variables,
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_of_pulumi_deployments_a_secret_and_the_schedule_of_drift_checks_are_sent(
    pulumi: Path, tmp_path: Path
) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.deploy.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\n")

    with pulumi_cloud.running() as cloud:
        values = {"PULUMI_ACCESS_TOKEN": "pul-not-a-token", "PULUMI_BACKEND_URL": cloud.url}
        _run(_block("ci.md", "Pulumi Deployments"), tmp_path, pulumi, values)

    stack = "/api/stacks/my-org/coco-azure/prod/deployments"
    secret = {"KUBECONFIG_CONTENT": {"secret": "apiVersion: v1\nkind: Config"}}
    assert cloud.sent == [
        (f"{stack}/settings", yaml.safe_load((ROOT / "Pulumi.prod.deploy.yaml").read_text())["settings"]),
        (f"{stack}/settings", {"operationContext": {"environmentVariables": secret}}),
        (f"{stack}/drift/schedules", {"scheduleCron": "17 * * * *", "autoRemediate": False}),
    ]


def test_the_stacks_of_the_hub_and_its_spokes_are_made_from_the_examples(pulumi: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "state").mkdir()

    values = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state", "PULUMI_CONFIG_PASSPHRASE": "words"}
    _run(_block("fleet.md", "Hub and spokes"), tmp_path, pulumi, values)

    result = yaml.safe_load((tmp_path / "Pulumi.spoke-a.yaml").read_text())["config"]
    assert result["coco-azure:cluster"] == {"identifier": "spoke-a", "context": "spoke-a"}
    assert result["coco-azure:trustee"]["stack"] == "organization/coco-azure/hub"
    assert sorted(path.name for path in (tmp_path / "state").rglob("*.json")) == [
        "hub.json",
        "spoke-a.json",
        "spoke-b.json",
    ]
