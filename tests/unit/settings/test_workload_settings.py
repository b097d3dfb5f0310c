"""Settings of a workload's manifest: what is made of them, and which of them do not go together."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from coco_azure.formats import initdata
from coco_azure.formats.policy import policies
from coco_azure.formats.policy.agent_policy_check import check_agent_policy
from coco_azure.formats.policy.policies import agent_policy
from coco_azure.trust import checks
from coco_azure.trust.documents import GLOBAL, documents
from coco_azure.versions.profiles import OSC
from tests.unit.crio_requests import create
from tests.unit.trust_stacks import HOST, NOW, PLACE, PRODUCTION, chain, changed, file, refused, stack
from tests.unit.workload_manifests import DEPLOYMENT, NODE, SHOP, allows, pod, policy, read

SHOP_FILE = "tests/unit/workloads/shop.yaml"
IMAGE = "quay.io/my-org/app:1"
CONFIG = {"config": {"Entrypoint": ["/entry"], "Env": ["PATH=/usr/bin"]}}


def _workload(**values: Any) -> dict[str, Any]:
    return {"initdata": {"workloads": {"shop": values}}}


@pytest.mark.parametrize("osc", OSC)
def test_the_document_of_a_workload_has_the_policy_of_its_manifest(osc: str) -> None:
    values = {"allowedImages": ["quay.io/org/app"], "workloads": {"shop": {"manifestFile": SHOP_FILE}, "same": {}}}

    result = documents(stack({"initdata": values}), OSC[osc], PLACE)

    assert result["shop"].agent_policy == agent_policy("production", workload=read(SHOP)) == policy()
    assert tomllib.loads(result["shop"].text)["data"]["policy.rego"] == policy()
    assert result["same"].agent_policy == result[GLOBAL].agent_policy
    assert result[GLOBAL].agent_policy == policies.agent_policy("production", ["quay.io/org/app"])


def test_a_development_stack_that_says_so_may_look_into_the_workload() -> None:
    config = changed(_workload(manifestFile=SHOP_FILE), initdata__agentPolicy="development")
    text = documents(stack(config), OSC["1.12"], PLACE)["shop"].agent_policy

    assert text == agent_policy("development", workload=read(SHOP))
    assert allows(text, create(DEPLOYMENT, "shop", NODE))
    assert not allows(text, create(pod(), "app"))


@pytest.mark.parametrize("policy_of_stack", [{"agentPolicy": "image"}, {"agentPolicyFile": "README.md"}])
def test_the_manifest_comes_before_what_the_stack_says(policy_of_stack: dict[str, Any]) -> None:
    values = {**policy_of_stack, "workloads": {"shop": {"manifestFile": SHOP_FILE}}}

    assert documents(stack({"initdata": values}), OSC["1.12"], PLACE)["shop"].agent_policy == policy()


def test_files_of_images_say_what_the_manifest_leaves_out(tmp_path: Path) -> None:
    manifest = file(tmp_path, "app.yaml", yaml.safe_dump(pod(command=None)))
    config = _workload(manifestFile=manifest, imageConfigFiles={IMAGE: file(tmp_path, "app.json", CONFIG)})

    (container,) = stack(config).initdata.workloads["shop"].containers

    assert [each.text for each in container.arguments] == ["/entry"]
    assert container.image_known


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"agentPolicyFile": "README.md"},
            ["initdata.workloads.shop: manifestFile and agentPolicyFile are both set", "remove one of them"],
        ),
        ({"allowedImages": ["quay.io/a/b"]}, ["manifestFile and allowedImages are both set", "remove allowedImages"]),
        ({"imageConfigFiles": {"quay.io/x/y:1": "FILE"}}, ["imageConfigFiles names quay.io/x/y:1", "no container has"]),
        ({"imageConfigFiles": {IMAGE: "README.md"}}, ["README.md", "skopeo inspect --config"]),
        ({"imageConfigFiles": {IMAGE: "nowhere.json"}}, ["cannot read nowhere.json"]),
        ({"manifestFile": "nowhere.yaml"}, ["initdata.workloads.shop.manifestFile", "cannot read nowhere.yaml"]),
        ({"manifestFile": "kind: Pod\nspec: {}\n"}, ["found what looks like its content"]),
        ({"manifestFile": None, "imageConfigFiles": {IMAGE: "FILE"}}, ["without manifestFile", "set both"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    own = file(tmp_path, "app.json", CONFIG)
    named = {image: own if path == "FILE" else path for image, path in values.get("imageConfigFiles", {}).items()}
    config = {"manifestFile": SHOP_FILE, **values, **({"imageConfigFiles": named} if named else {})}
    message = refused(_workload(**{key: value for key, value in config.items() if value is not None}))

    assert all(word in message for word in words), message


def test_everything_about_a_workload_is_told_at_once(tmp_path: Path) -> None:
    manifest = file(tmp_path, "bad.yaml", yaml.safe_dump(pod(image="nginx", command=None, spec={"hostPID": True})))
    message = refused(_workload(manifestFile=manifest, agentPolicyFile="README.md", allowedImages=["quay.io/a/b"]))

    for words in (
        "keep one of them",
        "each brings a policy",
        "remove allowedImages",
        "hostPID",
        "image nginx",
        "command",
    ):
        assert words in message


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (SHOP.encode("utf-16-le"), "is no text in UTF-8"),
        (b"kind: Pod\n\xff", "is no text in UTF-8"),
        (b"kind: Service\n", "no pod template in it (found: Service)"),
        (b"kind: Pod\nspec: [\n", "manifestFile: line 3"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(raw: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(raw)

    assert words in refused(_workload(manifestFile=str(path)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_a_windows_editor_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(SHOP.replace("\n", "\r\n").encode(encoding))

    (workload,) = stack(_workload(manifestFile=str(path))).initdata.workloads.values()

    assert [each.name for each in workload.containers] == ["migrate", "proxy", "shop"]


def test_a_production_chain_with_a_manifest_is_sound_and_warns_of_what_stays_open() -> None:
    config = changed(PRODUCTION, initdata__workloads={"shop": {"manifestFile": SHOP_FILE}})
    made = chain(config)

    assert not checks.problems(stack(config), made, HOST, NOW)
    items = [each for each in checks.warnings(stack(config), made, NOW) if "my-org" in each or "COUPON" in each]
    assert len(items) == 3


def test_the_check_judges_a_policy_by_the_workloads_own_containers() -> None:
    workload = read(SHOP)
    report = check_agent_policy(policy(), "production", workload=workload)

    assert not report.problems
    assert all(outcome.passed == outcome.expected for outcome in report.outcomes)
    cases = [outcome.case for outcome in report.outcomes]
    assert "Deployment shop, container migrate" in cases
    assert "Deployment shop, container shop with a variable more" in cases
    assert "Deployment shop, container shop: /bin/drain now elsewhere" in cases


def test_the_check_finds_a_policy_that_lets_others_in_or_its_own_not() -> None:
    workload = read(SHOP)
    open_to_all = check_agent_policy(agent_policy("production"), "production", workload=workload)
    of_another = check_agent_policy(policy(pod()), "production", workload=workload)
    runs_any = policy() + "\nExecProcessRequest if input.process.Args\n"

    assert "the agent policy allows Deployment shop, container shop with another command" in open_to_all.problems
    assert "the agent policy allows Deployment shop, container proxy with one argument more" in open_to_all.problems
    assert "the agent policy denies Deployment shop, container migrate, as the manifest has it" in of_another.problems
    assert any(
        "/bin/drain now in any container" in each
        for each in check_agent_policy(runs_any, "production", workload=workload).problems
    )


def _large() -> dict[str, Any]:
    """Return a pod of three containers with 20 variables, a few volumes and a probe each."""
    url = "https://service-{}.example.com:8443/path"
    env: list[dict[str, Any]] = [{"name": f"SETTING_NUMBER_{at}", "value": url.format(at)} for at in range(18)]
    env.append({"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
    env.append({"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
    volumes = [{"name": f"volume-{at}", "emptyDir": {}} for at in range(6)]
    return pod(
        *("frontend", "backend", "metrics"),
        spec={"volumes": volumes},
        args=["--listen=:8443", "--config=/etc/app/config.yaml", "--log-level=info"],
        env=env,
        volumeMounts=[{"name": each["name"], "mountPath": f"/var/lib/{each['name']}"} for each in volumes],
        livenessProbe={"exec": {"command": ["/bin/check", "--health"]}},
    )


@pytest.mark.parametrize("osc", OSC)
def test_an_ordinary_pod_leaves_room_in_the_user_data_of_a_vm(osc: str, tmp_path: Path) -> None:
    manifest = file(tmp_path, "large.yaml", json.dumps(_large()))

    encoded = documents(stack(_workload(manifestFile=manifest)), OSC[osc], PLACE)["shop"].encoded

    # Beside what CAA adds there is room for an image pull secret of 12 KiB.
    assert initdata.user_data_size(encoded, initdata.OTHER_USER_DATA + 12 * 1024) <= initdata.USER_DATA_LIMIT
