"""Workflows, settings of Pulumi Deployments and example stacks: they parse, and everything that they name is there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from coco_azure import settings
from rehearsal import toolchain
from tests.unit import workflows
from tests.unit.deployment_settings import File
from tests.unit.shell_commands import of_script, problem
from tests.unit.stack_files import ROOT, completed, config, with_files
from tests.unit.workflows import ACTIONS, BY_ENGINE, CI, DEPLOYING, PACK, WORKFLOWS

HUB_AND_SPOKES = sorted(path.name for path in (ROOT / "examples/hub-and-spokes").glob("*.yaml"))
# From action.yml of pulumi/actions at v7.0.0: actionlint knows it only up to v6.
_INPUTS = """
    command stack-name pulumi-version pulumi-version-file work-dir comment-on-pr comment-on-pr-number comment-on-summary
    github-token cloud-url secrets-provider parallel message config-map expect-no-changes diff replace exclude
    exclude-dependents target target-dependents policyPacks policyPackConfigs refresh upsert remove edit-pr-comment
    color exclude-protected plan suppress-outputs suppress-progress always-include-summary continue-on-error
    log-verbosity log-flow debug
"""
GROUPS = {"drift.yaml": "coco-azure-drift", "fleet.yaml": "coco-azure-fleet", "versions.yaml": "coco-azure-versions"}


@pytest.fixture(scope="session")
def actionlint() -> Path:
    try:
        return toolchain.ensure(["actionlint"], print)["actionlint"].path
    except toolchain.ToolchainError as error:
        pytest.skip(f"no actionlint: {error}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's repository: made from this one, with the workflows put where GitHub looks for them."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    folder = tmp_path / ".github" / "workflows"
    shutil.copytree(CI, folder, ignore=shutil.ignore_patterns(*ACTIONS, "*.jq"))
    shutil.copytree(CI, tmp_path / "examples" / "ci")
    return folder


def _lint(actionlint: Path, file: Path) -> str:
    done = subprocess.run(
        [str(actionlint), "-no-color", file.name], cwd=file.parent, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actionlint_has_nothing_to_say_of_a_workflow(name: str, actionlint: Path, repository: Path) -> None:
    assert _lint(actionlint, repository / name) == ""


@pytest.mark.parametrize(
    ("text", "instead", "message"),
    [
        ("runs-on: ubuntu-latest", "run-on: ubuntu-latest", "run-on"),
        ("needs: plan", "needs: plans", "plans"),
        ("          kubeconfig: ${{ secrets.KUBECONFIG }}\n", "          kubeconf: x\n", "kubeconf"),
        ("needs.plan.outputs.reboots", "needs.plan.outputs.reboot", "reboot"),
    ],
)
def test_a_mistake_in_a_workflow_is_found(
    text: str, instead: str, message: str, actionlint: Path, repository: Path
) -> None:
    file = repository / "pulumi-cloud.yaml"
    file.write_text(file.read_text().replace(text, instead))

    assert message in _lint(actionlint, file)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_of_a_workflow_is_known(name: str) -> None:
    commands = [command for step in workflows.steps(name) for command in of_script(step.get("run", ""))]

    assert [result for command in commands if (result := problem(command))] == []


@pytest.mark.parametrize("name", ACTIONS)
def test_every_command_of_an_action_is_known(name: str) -> None:
    commands = [command for step in workflows.action(name) for command in of_script(step.get("run", ""))]

    assert commands
    assert [result for command in commands if (result := problem(command))] == []


def test_the_look_for_new_versions_asks_for_no_right_in_azure_and_ends_with_the_code_of_the_check() -> None:
    result = workflows.workflow("versions.yaml")
    (check,) = [step for step in workflows.steps("versions.yaml") if "./coco-azure versions" in step.get("run", "")]

    assert result["permissions"] == {"contents": "read"}
    assert result["on"]["schedule"]
    assert check["shell"] == "bash", "with pipefail"


def test_what_the_state_is_read_with_outlives_the_longest_job() -> None:
    """The login of the Azure CLI does not: Azure/login#180."""
    text = workflows.action("state")[-1]["run"]
    longest = max(job.get("timeout-minutes", 0) for job in workflows.workflow("azure-blob.yaml")["jobs"].values())

    assert int(re.findall(r"\+(\d+) hours", text)[0]) * 60 > longest
    assert text.index("add-mask") < text.index("AZURE_STORAGE_SAS_TOKEN")


@pytest.mark.parametrize("name", BY_ENGINE)
def test_the_inputs_of_the_pulumi_action_are_documented_ones(name: str) -> None:
    result = workflows.pulumi(name)

    assert result
    assert {key for item in result for key in item} <= set(_INPUTS.split())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_preview_and_every_run_is_held_to_the_policy_pack(name: str) -> None:
    runs = [item for item in workflows.pulumi(name) if "command" in item]

    assert {(item["policyPacks"], item["policyPackConfigs"]) for item in runs} <= {PACK}
    options = "--policy-pack {} --policy-pack-config {}".format(*PACK)
    assert [item for item in workflows.previews(name) if options not in item] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_two_runs_of_a_stack_are_under_way_at_once_and_none_is_cut_off(name: str) -> None:
    """GitHub drops the job that waits in a group when another one comes: what only looks has a group of its own."""
    result = workflows.workflow(name)
    group = result.get("concurrency")

    for title, job in result["jobs"].items():
        if title != "preview":
            assert (group or job["concurrency"]) == GROUPS.get(name, "coco-azure-prod"), title
    assert "cancel-in-progress" not in (CI / name).read_text()


@pytest.mark.parametrize("name", BY_ENGINE)
def test_azure_gives_tokens_to_a_workflow_and_no_password_is_stored(name: str) -> None:
    result = workflows.workflow(name)

    assert result["permissions"]["id-token"] == "write"
    assert result["env"]["ARM_USE_OIDC"] == "true"
    assert "CLIENT_SECRET" not in (CI / name).read_text()


@pytest.mark.parametrize("name", DEPLOYING)
def test_a_pull_request_gets_a_preview_as_a_comment_and_one_of_a_fork_gets_no_secret(name: str) -> None:
    job = workflows.workflow(name)["jobs"]["preview"]

    assert "head.repo.full_name == github.repository" in job["if"]
    assert job["permissions"]["pull-requests"] == "write"
    # A preview that needs a ticket fails, and has to be told as well.
    assert "gh pr comment" in job["steps"][-1]["run"]
    assert "!cancelled()" in job["steps"][-1]["if"]


@pytest.mark.parametrize("name", DEPLOYING)
def test_what_was_planned_is_done_and_a_plan_that_makes_keys_is_not_used(name: str) -> None:
    plan, (up,) = workflows.previews(name)[1], [each for each in workflows.pulumi(name) if "command" in each]

    assert up["command"] == "up"
    assert "--save-plan plan.json " in plan
    result = up["plan"]
    assert result.startswith(
        "${{ needs.plan.outputs.keys == 'false' && needs.plan.outputs.reboots == 'false' && 'plan.json'"
    )


@pytest.mark.parametrize("name", DEPLOYING)
def test_a_reboot_waits_for_the_approval_of_an_environment(name: str) -> None:
    job = workflows.workflow(name)["jobs"]["up"]

    assert job["environment"] == "${{ needs.plan.outputs.reboots == 'true' && 'prod-reboots' || 'prod' }}"
    assert job["timeout-minutes"] > 90


def test_without_pulumi_cloud_every_run_logs_in_to_the_container() -> None:
    text = (CI / "azure-blob.yaml").read_text()

    assert "PULUMI_ACCESS_TOKEN" not in text
    runs = [each for each in workflows.pulumi("azure-blob.yaml") if "command" in each]
    assert [each["cloud-url"] for each in runs] == ["${{ env.PULUMI_BACKEND_URL }}"]
    assert workflows.workflow("azure-blob.yaml")["env"]["PULUMI_BACKEND_URL"].startswith("azblob://")


def test_the_fleet_has_a_stack_file_for_each_of_its_stacks_and_the_hub_goes_first() -> None:
    jobs = workflows.workflow("fleet.yaml")["jobs"]
    stacks = {jobs["hub"]["environment"], jobs["trial"]["environment"], *jobs["others"]["strategy"]["matrix"]["stack"]}

    assert {f"Pulumi.{stack}.yaml" for stack in stacks} == set(HUB_AND_SPOKES)
    assert jobs["trial"]["needs"] == "hub"
    assert jobs["others"]["needs"] == "trial"
    assert jobs["others"]["strategy"]["fail-fast"] is False


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on PATH")
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({}, ("false", "false")),
        ({"K$kubernetes:kataconfiguration.openshift.io/v1:KataConfig::k": ["same"]}, ("false", "false")),
        ({"K$kubernetes:kataconfiguration.openshift.io/v1:KataConfig::k": ["update"]}, ("false", "false")),
        ({"K$kubernetes:kataconfiguration.openshift.io/v1:KataConfig::k": ["create"]}, ("true", "false")),
        ({"K$kubernetes:kataconfiguration.openshift.io/v1:KataConfig::k": ["delete"]}, ("true", "false")),
        ({"K$kubernetes:kataconfiguration.openshift.io/v1:KataConfigPatch::k": ["create"]}, ("false", "false")),
        ({"T$pulumi:index:Stash::admin": ["create"]}, ("false", "true")),
        ({"T$pulumi:index:Stash::admin": ["same"]}, ("false", "false")),
        ({"T$pulumi:index:Stash::trust-chain-workload-initdata": ["create"]}, ("false", "false")),
        ({"T$pulumi:index:Stash::trustee-content-a-workload-initdata": ["create"]}, ("false", "true")),
        ({"T$pulumi:index:Stash::trust-chain-workload-initdata": ["update"]}, ("false", "false")),
    ],
)
def test_the_plan_says_whether_nodes_reboot_and_keys_are_made(
    steps: dict[str, list[str]], expected: tuple[str, str], tmp_path: Path
) -> None:
    plan = {"resourcePlans": {f"urn:pulumi:prod::coco-azure::{urn}": {"steps": its} for urn, its in steps.items()}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    command = ["jq", "-r", "-f", str(CI / "plan.jq"), str(tmp_path / "plan.json")]

    result = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert result == [f"reboots={expected[0]}", f"keys={expected[1]}"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on PATH")
@pytest.mark.parametrize(
    ("difference", "reboots"),
    [
        ({"updates": {"spec": {"logLevel": "debug"}, "metadata": {}}}, "true"),
        ({"adds": {"spec": {}}}, "true"),
        ({"deletes": ["spec"]}, "true"),
        ({"updates": {"metadata": {"annotations": {}}}}, "false"),
        ({}, "false"),
    ],
)
def test_a_kataconfig_that_is_changed_in_place_reboots_nodes_when_its_spec_is_another(
    difference: dict[str, object], reboots: str, tmp_path: Path
) -> None:
    urn = "urn:pulumi:prod::coco-azure::kubernetes:kataconfiguration.openshift.io/v1:KataConfig::kata"
    plan = {"resourcePlans": {urn: {"steps": ["update"], "goal": {"inputDiff": difference}}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    command = ["jq", "-r", "-f", str(CI / "plan.jq"), str(tmp_path / "plan.json")]

    result = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert result[0] == f"reboots={reboots}"


def test_the_settings_of_pulumi_deployments_have_documented_keys_only_and_no_secret() -> None:
    result = File.model_validate(completed("Pulumi.prod.deploy.yaml")).settings

    assert result.git_hub.preview_pull_requests
    assert result.git_hub.deploy_commits
    assert not result.git_hub.pull_request_template
    assert not result.operation_context.options.remediate_if_drift_detected
    assert "secret:" not in (ROOT / "Pulumi.prod.deploy.yaml").read_text()


def test_a_key_that_pulumi_deployments_do_not_have_is_found() -> None:
    result = completed("Pulumi.prod.deploy.yaml")
    result["settings"]["operationContext"]["schedule"] = "17 * * * *"

    with pytest.raises(ValidationError, match="schedule"):
        File.model_validate(result)


def test_every_command_before_a_run_of_pulumi_deployments_is_known() -> None:
    result = File.model_validate(completed("Pulumi.prod.deploy.yaml")).settings
    commands = [command for line in result.operation_context.pre_run_commands for command in of_script(line)]

    assert [command.words[0] for command in commands] == ["mkdir", "umask", "printf"]
    assert [outcome for command in commands if (outcome := problem(command))] == []


@pytest.mark.parametrize("name", HUB_AND_SPOKES)
def test_a_stack_of_the_hub_and_its_spokes_is_valid_and_a_production_stack(name: str, tmp_path: Path) -> None:
    stack = settings.parse(config(f"examples/hub-and-spokes/{name}"), with_files(tmp_path))

    assert stack.environment == "production"
    assert stack.deploys_trustee is (name == "Pulumi.hub.yaml")
    assert stack.peer_pods.enabled is (name != "Pulumi.hub.yaml")


def test_the_spokes_name_the_hub_and_have_its_tee(tmp_path: Path) -> None:
    root = with_files(tmp_path)
    hub, *spokes = (settings.parse(config(f"examples/hub-and-spokes/{name}"), root) for name in HUB_AND_SPOKES)

    assert len(spokes) == 2
    assert {spoke.trustee.stack for spoke in spokes} == {"organization/coco-azure/hub"}
    assert {spoke.peer_pods.tee for spoke in spokes} == {hub.peer_pods.tee}
    assert len({spoke.cluster.identifier for spoke in (hub, *spokes)}) == 3
