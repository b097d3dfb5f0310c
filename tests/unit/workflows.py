"""Workflows and actions of ``examples/ci``, as tests look at them."""

import re
from typing import Any

import yaml

from tests.unit.stack_files import ROOT

CI = ROOT / "examples" / "ci"
WORKFLOWS = sorted(path.name for path in CI.glob("*.yaml"))
ACTIONS = ("report", "setup", "state")
BY_ENGINE = [name for name in WORKFLOWS if name != "versions.yaml"]
"""Those that run Pulumi."""
DEPLOYING = ("pulumi-cloud.yaml", "azure-blob.yaml")
PACK = ("policies", "policies/prod.json")
"""The policy pack that every run is held to, and its levels."""


def workflow(name: str) -> Any:
    """Return a workflow."""
    # YAML 1.1 reads the key `on` as true; GitHub does not.
    return yaml.safe_load(re.sub(r"^on:", '"on":', (CI / name).read_text(), flags=re.MULTILINE))


def action(name: str) -> list[dict[str, Any]]:
    """Return the steps of a composite action."""
    return list(yaml.safe_load((CI / name / "action.yml").read_text())["runs"]["steps"])


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def pulumi(name: str) -> list[dict[str, Any]]:
    """Return the inputs of each step that uses Pulumi's action."""
    return [step.get("with", {}) for step in steps(name) if step.get("uses", "").startswith("pulumi/actions@")]


def previews(name: str) -> list[str]:
    """Return the script of each step that runs a preview by the command line."""
    return [step["run"] for step in steps(name) if "--run preview" in step.get("run", "")]
