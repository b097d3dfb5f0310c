"""The simulated agent is asked what a real shim asks, and a hostile host gets as far as the agent's policy lets it."""

import asyncio
from typing import Any

import pytest

from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.policy.policy_judge import judge_agent
from rehearsal.kubelet import hostile, mounts, osc_release
from rehearsal.kubelet.agent import GuestError, image_policy
from rehearsal.kubelet.caa import Caa
from rehearsal.kubelet.guest import Guest
from rehearsal.kubelet.shim import Container, Shim, Volume, exec_process, pulled
from tests.unit.pod_vm import AZURE, ENVIRONMENT, document, guest, packed, plain

IMAGE = "quay.io/org/app:1"
PRODUCTION = agent_policy("production")
REJECT_ALL = agent_policy("production", ("quay.io/other",))
VOLUMES = (
    Volume(name="config", destination="/etc/app/", files={"app.yaml": "a: 1\n", ".hidden": ""}, read_only=True),
    Volume(name="cache", destination="/cache", kind="memory"),
    Volume(name="work", destination="/work", kind="disk"),
)
SECURITY: tuple[dict[str, Any], ...] = (
    {},
    {"capabilities": {"drop": ["ALL"]}},
    {"capabilities": {"add": ["NET_RAW"]}, "runAsUser": 1000},
)
versions = pytest.mark.parametrize("version", osc_release.RELEASES)


def _guest(version: str, policy: str | None = None) -> Guest:
    encode = packed if osc_release.RELEASES[version].compressed else plain
    environment = {**ENVIRONMENT} if policy is None else {**ENVIRONMENT, "INITDATA": encode(document(policy=policy))}
    return guest(vm=Caa(environment, AZURE, f"{version}.0").create({}))


def _start(inside: Guest, attack: str | None = None, **values: Any) -> None:
    container = Container(**{"name": "app", "image": IMAGE, "pod": "shop", "namespace": "prod", **values})
    annotations = {} if attack is None else {hostile.ANNOTATION: attack}
    asyncio.run(inside.start(annotations, [container]))


@versions
@pytest.mark.parametrize("security", SECURITY, ids=["nothing said", "all dropped", "one added"])
def test_an_ordinary_pod_starts_under_the_production_policy(version: str, security: dict[str, Any]) -> None:
    inside = _guest(version, PRODUCTION)

    _start(inside, volumes=VOLUMES, security=security, command=("run",), environment={"A": "1"})
    with pytest.raises(GuestError, match="ExecProcessRequest is blocked"):
        inside.exec("app", ["sh"])
    with pytest.raises(GuestError, match="ReadStreamRequest is blocked"):
        inside.logs("app")


@versions
@pytest.mark.parametrize("security", [{"privileged": True}, {"capabilities": {"add": ["SYS_ADMIN"]}}])
def test_a_privileged_pod_does_not_start_under_the_production_policy(version: str, security: dict[str, Any]) -> None:
    with pytest.raises(GuestError, match="CreateContainerRequest is blocked"):
        _start(_guest(version, PRODUCTION), security=security)


@versions
@pytest.mark.parametrize("attack", hostile.ATTACKS)
def test_the_production_policy_withstands_a_hostile_host_but_for_the_command(version: str, attack: str) -> None:
    inside = _guest(version, PRODUCTION)
    if attack == hostile.COMMAND:
        _start(inside, attack)
    else:
        with pytest.raises(GuestError, match=f"{hostile.ATTACKS[attack].denied} is blocked by policy"):
            _start(inside, attack)


@versions
@pytest.mark.parametrize("attack", hostile.ATTACKS)
def test_the_policy_of_the_image_denies_files_that_lead_out_since_1_12_and_nothing_else(
    version: str, attack: str
) -> None:
    inside = _guest(version)
    if version in {"1.12", "1.13", "1.14"} and attack in {"dots", "link"}:
        with pytest.raises(GuestError, match="CopyFileRequest is blocked by policy"):
            _start(inside, attack)
    else:
        _start(inside, attack)


@versions
def test_the_policy_of_the_image_lets_an_ordinary_pod_start(version: str) -> None:
    _start(_guest(version), volumes=VOLUMES)


def test_a_policy_that_knows_the_command_withstands_another_one() -> None:
    knows = "denied if not workload_container\nworkload_container if sandbox\n"
    knows += 'workload_container if input.OCI.Process.Args == ["run"]\n'
    policy = f"{PRODUCTION}\n{knows}"

    _start(_guest("1.12", policy), command=("run",))
    with pytest.raises(GuestError, match="CreateContainerRequest is blocked"):
        _start(_guest("1.12", policy), hostile.COMMAND, command=("run",))


def test_an_image_policy_never_sees_a_container_for_which_nothing_is_pulled() -> None:
    shim = Shim("shop", "prod", copies_named=False)
    container = Container(name="app", image=IMAGE)
    ((_, asked),) = hostile.requests(
        {hostile.ANNOTATION: "root"}, shim, "CreateContainerRequest", shim.create(container)
    )

    assert pulled(shim.create(container)) == [IMAGE]
    assert pulled(asked) == []
    assert pulled(shim.create(shim.pause)) == []


def test_an_attack_that_nobody_knows_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(GuestError, match="annotation rehearsal/hostile-host is 'x'; allowed: dots, link, hooks"):
        _start(_guest("1.12", PRODUCTION), "x")


def test_the_list_of_images_holds_against_the_simulated_shim() -> None:
    with pytest.raises(GuestError, match="CreateContainerRequest is blocked"):
        _start(_guest("1.9", REJECT_ALL))


@pytest.mark.parametrize("named", [False, True])
def test_the_links_of_a_config_map_are_copied_as_the_agent_of_the_version_tells_them(*, named: bool) -> None:
    shim = Shim("shop", "prod", copies_named=named)
    copies = list(shim.copies(Container(name="app", image=IMAGE, volumes=VOLUMES[:1])))
    links = [each for each in copies if each["file_mode"] >> 12 == 0o12]

    items = [each["symlink_target"] if named else bytes(each["data"]).decode() for each in links]
    assert items == ["..2026_01_01_00_00_00.1", "..data/app.yaml", "..data/.hidden"]
    assert all(("data" in each) != named for each in copies)
    assert all(len(each["path"].split("/")[5]) > 64 + 1 + 16 + 1 for each in copies)


def test_the_requests_name_a_container_alike() -> None:
    container = Container(name="app", image=IMAGE, pod="shop", namespace="prod")
    created = Shim("shop", "prod", copies_named=True).create(container)
    executed = exec_process(container, ["date", "-u"])

    assert executed["container_id"] == created["container_id"]
    assert executed["process"]["Args"] == ["date", "-u"]
    assert executed["exec_id"] != exec_process(container, ["date"])["exec_id"]


@pytest.mark.parametrize(
    ("path", "file_type", "target", "allowed"),
    [
        ("a", "Regular", None, True),
        ("a/b", "Directory", None, True),
        ("a/b", "Symlink", "..data/c", True),
        ("a", "Symlink", "..data/c", False),
        ("a/b", "Symlink", "/c", False),
        ("a/b", "Symlink", "../c", False),
        ("a/../b", "Regular", None, False),
        ("a", "Unknown", None, False),
    ],
)
def test_the_policy_of_the_image_of_1_12_looks_at_type_path_and_target(
    path: str, file_type: str, target: str | None, *, allowed: bool
) -> None:
    place = f"/run/kata-containers/shared/containers/{'c0' * 32}-0123456789abcdef-{path}"
    asked = {"path": place, "file_type": file_type, "symlink_target": target}

    assert judge_agent(image_policy((), checks_copies=True), "CopyFileRequest", asked) == allowed
    assert not judge_agent(image_policy((), checks_copies=True), "CopyFileRequest", {**asked, "path": "/etc/passwd"})


def test_the_volumes_of_a_pod_are_of_the_kinds_that_the_shim_tells_apart() -> None:
    claimed = [{"serviceAccountToken": {"path": "token"}}]
    volumes = [
        {"name": "work", "emptyDir": {}},
        {"name": "cache", "emptyDir": {"medium": "Memory"}},
        {"name": "token", "projected": {"sources": claimed}},
    ]
    mounted = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    part = {"name": "work", "mountPath": "/part", "subPath": "x", "readOnly": True}
    nobody: Any = None
    done = asyncio.run(mounts.volumes(nobody, "prod", {"volumes": volumes}, {"volumeMounts": [*mounted, part]}))

    assert [(each.kind, each.read_only) for each in done] == [
        ("disk", False),
        ("memory", False),
        ("files", False),
        ("files", True),
    ]
    assert done[2].files == {"token": "token for the API server"}


def test_a_volume_is_mounted_before_those_within_it() -> None:
    mounted = [{"name": "work", "mountPath": path} for path in ("/data/tools/x", "/data/", "/data/tools")]
    nobody: Any = None
    spec = {"volumes": [{"name": "work", "emptyDir": {}}]}
    done = asyncio.run(mounts.volumes(nobody, "prod", spec, {"volumeMounts": mounted}))

    assert [each.destination for each in done] == ["/data/", "/data/tools", "/data/tools/x"]
