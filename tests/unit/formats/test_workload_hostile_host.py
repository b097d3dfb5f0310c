"""What a host could do to a workload's container beside its manifest: homes, folders, sealed secrets, volumes."""

import base64
from typing import Any

import pytest

from coco_azure.formats.policy.agent_policy_check import check_agent_policy
from tests.unit.crio_mounts import Document, bind, copied
from tests.unit.crio_requests import changed, create
from tests.unit.workload_manifests import DEPLOYMENT, HOME, NODE, allows, pod, policy, read

dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
ENV = "OCI/Process/Env"


def _shop(*places: tuple[str, Any]) -> Document:
    return changed(create(DEPLOYMENT, "shop", NODE), *places)


def test_a_host_that_says_who_the_users_are_does_not_say_where_they_live() -> None:
    passwd = ("OCI/Mounts/-", bind("/etc/passwd", copied("passwd"), "rw"))
    fixed, chosen = (
        pod(env=HOME),
        pod(env=[{"name": "HOME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    )

    assert allows(policy(fixed), changed(create(fixed, "app"), passwd))
    assert not allows(policy(pod()), changed(create(pod(), "app"), passwd))
    assert not allows(policy(chosen), changed(create(chosen, "app"), passwd))


@pytest.mark.parametrize(
    "folder",
    ["//run/secrets", "/run/./secrets", "/run/secrets/.", "/app/../run/secrets", "/var/run/secrets", "/var/run", "run"],
)
def test_a_folder_of_the_hosts_is_none_of_the_image_by_another_name(folder: str) -> None:
    document = create(pod(), "app")

    assert not allows(policy(pod()), changed(document, ("OCI/Process/Cwd", folder)))
    for own in ("/", "/var/runner", "/opt/.app", "/srv/..data/x"):
        assert allows(policy(pod()), changed(document, ("OCI/Process/Cwd", own))), own


@pytest.mark.parametrize("name", ["HOSTNAME", "LANG"])
def test_no_variable_that_the_node_adds_is_a_sealed_secret(name: str) -> None:
    claims = '{"version":"0.1.0","type":"vault","provider":"kbs","name":"kbs:///default/a/b"}'
    sealed = f"{name}=sealed.ey.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.x"
    document = create(pod(), "app")
    env = [each for each in document["OCI"]["Process"]["Env"] if not each.startswith(f"{name}=")]

    assert allows(policy(pod()), changed(document, (ENV, [*env, f"{name}=C"])))
    assert not allows(policy(pod()), changed(document, (ENV, [*env, sealed])))
    variables = _shop()["OCI"]["Process"]["Env"]
    (at,) = [at for at, each in enumerate(variables) if each.startswith("HASH=")]
    assert not allows(policy(), _shop((f"{ENV}/{at}", f"HASH={sealed.partition('=')[2]}")))


NESTED = pod(
    volumeMounts=[
        {"name": "tools", "mountPath": "/data/tools"},
        {"name": "data", "mountPath": "/data"},
        {"name": "fast", "mountPath": "/fast"},
    ],
    spec={
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "tools", "emptyDir": {}},
            {"name": "fast", "emptyDir": {"medium": "Memory"}},
        ]
    },
)


@dialects
def test_a_volume_is_not_hidden_by_one_that_is_mounted_later_around_it(*, v1: bool) -> None:
    document = create(NESTED, "app")
    mounts = document["OCI"]["Mounts"]
    (data,) = [each for each in mounts if each["destination"] == "/data"]
    others = [each for each in mounts if each is not data]

    assert allows(policy(NESTED), document, v1=v1)
    assert not check_agent_policy(policy(NESTED), "production", workload=read(NESTED)).problems
    for last in (data, {**data, "destination": "/data/"}):
        assert not allows(policy(NESTED), changed(document, ("OCI/Mounts", [*others, last])), v1=v1)


@pytest.mark.parametrize("destination", ["/data/tools", "/fast"])
@pytest.mark.parametrize("name", ["uploads", "", "toolsx", "fast/x"])
def test_another_volume_of_the_pod_vm_is_denied(destination: str, name: str) -> None:
    document = create(NESTED, "app")
    ((at, mount),) = [
        (at, each) for at, each in enumerate(document["OCI"]["Mounts"]) if each["destination"] == destination
    ]
    source = f"{mount['source'].rpartition('/')[0]}/{name}"

    assert not allows(policy(NESTED), changed(document, (f"OCI/Mounts/{at}/source", source)))


@pytest.mark.parametrize("destination", ["/etc/shop/", "/data"])
def test_a_mount_that_is_read_only_is_not_writable_as_well(destination: str) -> None:
    (at,) = [at for at, each in enumerate(_shop()["OCI"]["Mounts"]) if each["destination"] == destination]

    assert allows(policy(), _shop((f"OCI/Mounts/{at}/options", ["rbind", "ro"])))
    assert not allows(policy(), _shop((f"OCI/Mounts/{at}/options", ["rbind", "ro", "rw"])))
