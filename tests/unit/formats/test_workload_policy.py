"""A policy made from a manifest: its own containers run, as CRI-O asks for them, and no changed one does."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure.formats.policy.policies import agent_policy
from tests.unit.crio_mounts import IDENTITY, RUN, SHARED, SHM, Document, bind, copied
from tests.unit.crio_requests import changed, create, sandbox
from tests.unit.workload_manifests import DEPLOYMENT, NODE, SEALED, allows, pod, policy

dialects = pytest.mark.parametrize("v1", [False, True], ids=["v0", "v1"])
NAMES = ("migrate", "proxy", "shop")
ENV = "OCI/Process/Env"


def _shop(*places: tuple[str, Any], name: str = "shop") -> Document:
    return changed(create(DEPLOYMENT, name, NODE), *places)


def _variable(name: str, value: str, of: str = "shop") -> Document:
    """Return the request with another value for a variable that is there."""
    document = _shop(name=of)
    env = document["OCI"]["Process"]["Env"]
    (at,) = [at for at, each in enumerate(env) if each.startswith(f"{name}=")]
    return changed(document, (f"{ENV}/{at}", f"{name}={value}"))


@dialects
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("names", ["crio", "containerd"])
def test_containers_of_a_deployment_run_whatever_their_pod_is_called(name: str, names: str, *, v1: bool) -> None:
    for pod_name in ("shop-5d8f7c6b9-x2x4z", "shop-7c9-abcde"):
        node = replace(NODE, pod=pod_name, names=names)

        assert allows(policy(), create(DEPLOYMENT, name, node), v1=v1)


@dialects
def test_the_pause_container_runs_and_pulls_nothing_else(*, v1: bool) -> None:
    assert allows(policy(), sandbox(), v1=v1)
    assert not allows(policy(), changed(sandbox(), ("storages/0/source", "quay.io/evil/x:1")), v1=v1)
    assert not allows(policy(), changed(sandbox(), ("storages", [])), v1=v1)


@dialects
@pytest.mark.parametrize(
    ("change", "places"),
    [
        ("another program", [("OCI/Process/Args/0", "/bin/sh")]),
        ("an argument more", [("OCI/Process/Args/-", "-v")]),
        ("no arguments", [("OCI/Process/Args", [])]),
        ("null arguments", [("OCI/Process/Args", None)]),
        ("an argument of another shape", [("OCI/Process/Args/1", "--pod=shop-1;sh")]),
        ("a variable more", [(f"{ENV}/-", "LD_PRELOAD=/scratch/x.so")]),
        ("a variable without a value", [(f"{ENV}/-", "LD_PRELOAD")]),
        ("a variable without a name", [(f"{ENV}/-", "=x")]),
        ("a variable twice", [(f"{ENV}/-", "CFG_LOG_LEVEL=debug")]),
        ("an address of a Service that is none", [(f"{ENV}/-", "SHOP_SERVICE_HOST=evil.example.com")]),
        ("a variable that only ends like a Service's", [(f"{ENV}/-", "PATH_PORT=80;sh")]),
        ("a terminal's variable without a terminal", [(f"{ENV}/-", "TERM=xterm")]),
        ("another PATH", [(f"{ENV}/-", "PATH=/scratch:/usr/bin")]),
        ("another folder", [("OCI/Process/Cwd", "/opt")]),
        ("root", [("OCI/Process/User/UID", 0)]),
        ("another user", [("OCI/Process/User/UID", 1002)]),
        ("a user by name", [("OCI/Process/User/Username", "root")]),
        ("another group", [("OCI/Process/User/GID", 0)]),
        ("more privileges to gain", [("OCI/Process/NoNewPrivileges", False)]),
        ("a root to write to", [("OCI/Root/Readonly", False)]),
        ("a terminal", [("OCI/Process/Terminal", True)]),
        ("processes of others in sight", [("sandbox_pidns", True)]),
        ("a capability more", [("OCI/Process/Capabilities/Bounding/-", "CAP_SYS_ADMIN")]),
        ("an ambient capability", [("OCI/Process/Capabilities/Ambient/-", "CAP_SYS_PTRACE")]),
        ("an inheritable capability", [("OCI/Process/Capabilities/Inheritable/-", "CAP_SYS_PTRACE")]),
        ("all capabilities", [("OCI/Process/Capabilities", None)]),
        ("a mount more", [("OCI/Mounts/-", bind("/host", copied("x"), "ro"))]),
        ("a mount more below another", [("OCI/Mounts/-", bind("/scratch/x", copied("x"), "ro"))]),
        ("the guest's root mounted over its data", [("OCI/Mounts/-", bind("/data", "/", "ro"))]),
        ("files of the host in its own folder", [("OCI/Mounts/-", bind("/scratch", copied("x"), "rw"))]),
        ("a mount over its hosts that is no copy", [("OCI/Mounts/-", bind("/etc/hosts", "/etc/shadow", "ro"))]),
        ("a folder that leads out", [("OCI/Mounts/-", bind("/data", f"{SHARED}/../../..", "ro"))]),
        ("another image in the annotation", [("OCI/Annotations/io.kubernetes.cri-o.ImageName", "quay.io/x/y:1")]),
        ("another image to pull", [("storages/0/source", "quay.io/my-org/proxy:2.1")]),
        ("another tag", [("storages/0/source", "quay.io/my-org/shop:1.1")]),
        ("a digest of the host's choice", [("storages/0/source", f"quay.io/my-org/shop@sha256:{'0' * 64}")]),
        ("nothing pulled", [("storages", [])]),
        ("another name", [("OCI/Annotations/io.kubernetes.container.name", "proxy")]),
        ("another full name", [("OCI/Annotations/io.kubernetes.cri-o.ContainerName", "k8s_proxy_a_b_c_0")]),
        ("the name that containerd gives it", [("OCI/Annotations/io.kubernetes.cri.container-name", "proxy")]),
        ("no name of an image", [("OCI/Annotations/io.kubernetes.cri-o.ImageName", "")]),
        ("two types", [("OCI/Annotations/io.kubernetes.cri.container-type", "sandbox")]),
    ],
)
def test_a_changed_container_is_denied(change: str, places: list[tuple[str, Any]], *, v1: bool) -> None:
    assert not allows(policy(), _shop(*places), v1=v1), change


@pytest.mark.parametrize("destination", ["/scratch", SHM, "/etc/shop/", "/data", "/part"])
def test_a_volume_that_is_missing_is_denied(destination: str) -> None:
    mounts = _shop()["OCI"]["Mounts"]
    left = [mount for mount in mounts if mount["destination"] != destination]

    assert len(left) == len(mounts) - 1
    assert not allows(policy(), _shop(("OCI/Mounts", left)))


@pytest.mark.parametrize(
    ("destination", "place", "value"),
    [
        ("/etc/shop/", "options", ["rbind", "rw"]),
        ("/data", "options", ["rbind", "rw"]),
        ("/scratch", "source", copied("scratch")),
        ("/scratch", "source", f"{RUN}/shared/containers/x/rootfs/local/../../../../x"),
        (SHM, "source", copied("shm")),
        (SHM, "source", f"{RUN}/sandbox/shm"),
        (SHM, "source", f"{SHARED}/{IDENTITY}/rootfs/local/fast"),
        ("/data", "source", "/var/lib"),
        ("/data", "source", f"{SHARED}/{IDENTITY}/rootfs"),
        ("/etc/shop/", "source", "/etc"),
        ("/etc/shop/", "type_", "overlay"),
        ("/proc", "type_", "bind"),
        ("/proc", "source", "/"),
        (SHM, "destination", f"{SHM}/../x"),
    ],
)
def test_a_changed_mount_is_denied(destination: str, place: str, value: object) -> None:
    (at,) = [at for at, each in enumerate(_shop()["OCI"]["Mounts"]) if each["destination"] == destination]

    assert not allows(policy(), _shop((f"OCI/Mounts/{at}/{place}", value)))


def test_what_the_manifest_leaves_to_the_host_may_change() -> None:
    for name, value in {
        "POD": "shop-another",
        "POD_IP": "fd01::99",
        "NAMESPACE": "default",
        "HASH": "abc",
        "CPUS": "16",
        "COUPON": "LD_PRELOAD=x\n$(sh)",
        "HOSTNAME": "shop-another.example.com",
        "SHOP_DB_SERVICE_HOST": "172.30.9.9",
    }.items():
        assert allows(policy(), _variable(name, value)), name
    assert allows(policy(), _variable("NODE", "worker-9", of="proxy"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CFG_LOG_LEVEL", "debug"),
        ("CFG_banner", "bye"),
        ("BANNER", "hello\nworld"),
        ("PASSWORD", "in-the-clear"),
        ("PASSWORD", f"{SEALED}x"),
        ("URL", "http://evil.example.com:8080"),
        ("URL", "http://10.128.2.17:8081"),
        ("POD", "bar-5d8f7"),
        ("POD", "shop-1 --debug"),
        ("POD_IP", "evil.example.com"),
        ("NAMESPACE", "other"),
        ("TIER", "2"),
        ("CPUS", "1; sh"),
        ("HASH", "a/b"),
        ("HOSTNAME", "a b"),
        ("KUBERNETES_PORT_443_TCP_PROTO", "file"),
    ],
)
def test_a_changed_variable_is_denied(name: str, value: str) -> None:
    assert not allows(policy(), _variable(name, value))


def test_a_variable_that_is_missing_is_denied_unless_it_is_optional() -> None:
    env = _shop()["OCI"]["Process"]["Env"]

    def without(name: str) -> Document:
        return _shop((ENV, [each for each in env if not each.startswith(f"{name}=")]))

    assert not any(allows(policy(), without(name)) for name in ("TIER", "CFG_LOG_LEVEL", "POD", "PASSWORD"))
    assert all(allows(policy(), without(name)) for name in ("COUPON", "SHOP_DB_PORT", "NSS_SDB_USE_CACHE"))


@pytest.mark.parametrize("capability", ["CAP_CHOWN", "CAP_NET_RAW"])
def test_a_capability_that_the_manifest_drops_is_denied(capability: str) -> None:
    for kind in ("Bounding", "Effective", "Permitted", "Ambient", "Inheritable"):
        document = _shop((f"OCI/Process/Capabilities/{kind}/-", capability), name="proxy")
        assert not allows(policy(), document)
        assert allows(policy(), _shop((f"OCI/Process/Capabilities/{kind}", ["CAP_NET_BIND_SERVICE"]), name="proxy"))


def test_containers_that_swap_a_part_are_denied() -> None:
    documents = {name: create(DEPLOYMENT, name, NODE) for name in NAMES}
    for place in ("Process", "Mounts", "Annotations"):
        for one in NAMES:
            for other in set(NAMES) - {one}:
                if place == "Mounts" and "shop" not in {one, other}:
                    continue  # those of the other two are the same
                made = changed(documents[one], (f"OCI/{place}", documents[other]["OCI"][place]))
                assert not allows(policy(), made), (place, one, other)


def test_a_pod_without_links_to_services_has_only_the_api_servers() -> None:
    manifest = pod(spec={"enableServiceLinks": False})
    document = create(manifest, "app")

    assert allows(policy(manifest), document)
    assert not allows(policy(manifest), changed(document, (f"{ENV}/-", "SHOP_SERVICE_PORT=80")))


def test_a_variable_of_the_manifest_is_none_that_others_may_add() -> None:
    manifest = pod(
        env=[
            {"name": "DB_SERVICE_HOST", "value": "db.example.com"},
            {"name": "DB_SERVICE_PORT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ]
    )
    document = create(manifest, "app")

    assert allows(policy(manifest), document)
    for entry in ("DB_SERVICE_HOST=10.1.2.3", "DB_SERVICE_PORT=5432"):
        assert not allows(policy(manifest), changed(document, (f"{ENV}/-", entry))), entry


@pytest.mark.parametrize(("value", "runs"), [(True, True), (None, True), (False, False)])
def test_privileges_may_be_gained_unless_the_manifest_forbids_it(value: bool | None, *, runs: bool) -> None:  # noqa: FBT001
    manifest = pod(securityContext={"allowPrivilegeEscalation": value})
    document = create(manifest, "app")

    assert allows(policy(manifest), changed(document, ("OCI/Process/NoNewPrivileges", True)))
    assert allows(policy(manifest), changed(document, ("OCI/Process/NoNewPrivileges", False))) == runs


def test_a_terminal_is_there_where_the_manifest_says_it() -> None:
    manifest = pod(tty=True)
    document = create(manifest, "app")

    assert allows(policy(manifest), document)
    assert not allows(policy(manifest), changed(document, ("OCI/Process/Terminal", False)))


def test_a_pod_that_shares_its_processes_has_to() -> None:
    manifest = pod("app", "other", spec={"shareProcessNamespace": True})
    document = create(manifest, "other")

    assert allows(policy(manifest), document)
    assert not allows(policy(manifest), changed(document, ("sandbox_pidns", False)))


def test_without_a_workload_the_policy_is_the_one_without_it() -> None:
    assert agent_policy("production", workload=()) == agent_policy("production")
