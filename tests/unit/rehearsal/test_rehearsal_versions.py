"""The rehearsal has every version: what its catalog offers, and how the simulated operators differ by version."""

import asyncio
from typing import Any

import pytest
import yaml

from coco_azure.versions import profiles
from rehearsal.cluster import check_settings
from rehearsal.control_plane import ClusterError
from rehearsal.kinds import CONFIG_MAP, DAEMON_SET
from rehearsal.operators import crds, olm_catalog, osc_peer_pods
from rehearsal.operators.olm_catalog import OSC
from tests.unit.rehearsal.test_rehearsal_olm import World

OWNER = {"apiVersion": "v1", "kind": "KataConfig", "metadata": {"name": "k", "uid": "u"}}
CONFIG = {"name": "peer-pods-cm", "namespace": osc_peer_pods.NAMESPACE}


@pytest.mark.parametrize("text", ["1.12", "1.12.1"])
def test_the_environment_decides_what_the_catalog_offers(text: str) -> None:
    osc, trustee = olm_catalog.manifests({"COCO_REHEARSAL_OSC": text})
    (channel,) = osc["status"]["channels"]

    assert channel["currentCSV"] == "sandboxed-containers-operator.v1.12.1"
    assert [entry["version"] for entry in channel["entries"]] == ["1.12.1", "1.11.0", "1.10.1", "1.9.0"]
    assert trustee["status"]["channels"][0]["currentCSV"] == "trustee-operator.v1.2.1"


@pytest.mark.parametrize(
    ("environment", "pair"),
    [
        ({}, ("1.9.0", "0.3.0")),
        ({"COCO_REHEARSAL_OSC": "1.10"}, ("1.10.1", "0.4.2")),
        ({"COCO_REHEARSAL_OSC": "1.11"}, ("1.11.0", "1.2.1")),
        ({"COCO_REHEARSAL_TRUSTEE": "0.3"}, ("1.9.0", "0.3.0")),
        ({"COCO_REHEARSAL_TRUSTEE": "0.4"}, ("1.10.1", "0.4.2")),
        ({"COCO_REHEARSAL_TRUSTEE": "1.0"}, ("1.13.1", "1.0.0")),
        ({"COCO_REHEARSAL_OSC": "1.13"}, ("1.13.1", "1.2.1")),
        ({"COCO_REHEARSAL_OSC": "1.14"}, ("1.14.0", "1.2.1")),
        ({"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "0.3"}, ("1.12.1", "0.3.0")),
    ],
)
def test_beside_a_version_of_one_side_the_catalog_offers_the_newest_other_one_that_speaks_with_it(
    environment: dict[str, str], pair: tuple[str, str]
) -> None:
    assert tuple(olm_catalog.chosen(environment).values()) == pair


def test_simulated_kbs_and_pod_vms_speak_as_the_profiles_say() -> None:
    for package, known in ((OSC, profiles.OSC), (olm_catalog.TRUSTEE, profiles.TRUSTEE)):
        spoken = {version.rpartition(".")[0]: package.protocol(version) for version in package.versions}
        assert spoken == {version: profile.protocol for version, profile in known.items()}


def test_a_version_that_the_rehearsal_does_not_have_is_an_error_that_names_those_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COCO_REHEARSAL_TRUSTEE", "2.0")

    with pytest.raises(ClusterError, match=r"COCO_REHEARSAL_TRUSTEE is '2\.0'.*0\.3, 0\.4, 1\.0, 1\.1, 1\.2"):
        check_settings()


def test_a_package_brings_the_crds_of_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"group": "g", "version": "v1", "plural": "kinds", "scope": "Cluster", "spec": {}}
    shorts = {key: [{**short, "kind": key}] for key in ("op", "op-1.0", "op-1.2", "op-other")}
    monkeypatch.setattr(yaml, "safe_load", lambda _: shorts)

    def brought(version: str | None) -> str:
        return str(crds.of("op", version)[0]["spec"]["names"]["kind"])

    assert [brought(version) for version in (None, "0.4.2", "1.0.0", "1.1.3", "1.2.1", "1.10.0")] == [
        "op",
        "op",
        "op-1.0",
        "op-1.0",
        "op-1.2",
        "op-1.2",
    ]


@pytest.mark.parametrize(
    ("text", "version", "is_open"),
    [
        ("true", "1.9.0", True),
        ("True", "1.9.0", False),
        ("1", "1.11.0", False),
        ("True", "1.12.1", True),
        ("1", "1.12.1", True),
        ("yes", "1.12.1", False),
        (None, "1.12.1", False),
    ],
)
def test_the_feature_gate_is_read_as_the_operator_of_that_version_does(
    text: str | None, version: str, *, is_open: bool
) -> None:
    assert osc_peer_pods.gate_is_open(text, version) is is_open


@pytest.mark.parametrize(("version", "follows"), [("1.11.0", False), ("1.12.1", True)])
def test_the_operator_restarts_caa_for_a_changed_configuration_from_1_12_on(version: str, *, follows: bool) -> None:
    world = World(OSC)
    peer_pods = osc_peer_pods.PeerPods(world.context)
    world.create(CONFIG_MAP, {"metadata": CONFIG, "data": {}})

    def template() -> Any:
        asyncio.run(peer_pods.daemon_set(OWNER, version))
        return world.one(DAEMON_SET)["spec"]["template"]

    before = template()
    world.change(CONFIG_MAP, world.one(CONFIG_MAP), {"data": {"TAGS": "a=b"}})
    assert (template() != before) is follows
    assert before["spec"]["containers"][0]["image"] == f"registry.example.com/cloud-api-adaptor:{version}"


@pytest.mark.parametrize(("version", "left"), [("1.9.0", None), ("1.11.0", None), ("1.12.1", "x")])
def test_the_operator_takes_the_marks_of_others_off_caa(version: str, left: str | None) -> None:
    world = World(OSC)
    peer_pods = osc_peer_pods.PeerPods(world.context)
    world.create(CONFIG_MAP, {"metadata": CONFIG, "data": {}})
    asyncio.run(peer_pods.daemon_set(OWNER, version))
    mark = {"metadata": {"annotations": {"mark": "x"}}}
    world.change(DAEMON_SET, world.one(DAEMON_SET), {**mark, "spec": {"template": mark}})
    asyncio.run(peer_pods.daemon_set(OWNER, version))
    daemon_set = world.one(DAEMON_SET)

    assert daemon_set["spec"]["template"]["metadata"]["annotations"].get("mark") is None
    assert daemon_set["metadata"]["annotations"].get("mark") == left


def test_an_upgrade_brings_caa_to_the_new_version() -> None:
    world = World(OSC)
    peer_pods = osc_peer_pods.PeerPods(world.context)
    world.create(CONFIG_MAP, {"metadata": CONFIG})
    for version in ("1.9.0", "1.11.0", "1.12.1"):
        asyncio.run(peer_pods.daemon_set(OWNER, version))
        image = world.one(DAEMON_SET)["spec"]["template"]["spec"]["containers"][0]["image"]

        assert image == f"registry.example.com/cloud-api-adaptor:{version}"


@pytest.mark.parametrize(
    ("version", "variables"),
    [
        ("1.12.1", []),
        ("1.13.1", ["TLS_MIN_VERSION", "TLS_CIPHER_SUITES"]),
        ("1.14.0", ["TLS_MIN_VERSION", "TLS_CIPHER_SUITES"]),
    ],
)
def test_from_1_13_on_the_operator_tells_caa_the_tls_profile_after_an_upgrade_too(
    version: str, variables: list[str]
) -> None:
    world = World(OSC)
    peer_pods = osc_peer_pods.PeerPods(world.context)
    world.create(CONFIG_MAP, {"metadata": CONFIG})
    for each in ("1.11.0", version):
        asyncio.run(peer_pods.daemon_set(OWNER, each))

    container = world.one(DAEMON_SET)["spec"]["template"]["spec"]["containers"][0]
    assert [entry["name"] for entry in container.get("env") or []] == variables


def test_a_version_that_there_is_not_is_in_the_channel_only_where_it_is_asked_for() -> None:
    def newest(environment: dict[str, str]) -> list[str]:
        osc, _ = olm_catalog.manifests(environment)
        return [entry["version"] for entry in osc["status"]["channels"][0]["entries"]][:2]

    assert newest({"COCO_REHEARSAL_OSC": "1.14"}) == ["1.14.0", "1.13.1"]
    assert newest({"COCO_REHEARSAL_TRUSTEE": "1.2"}) == ["1.13.1", "1.12.1"]
    assert OSC.unheard == ("1.14.0",)
    assert not {"1.14"} & set(profiles.OSC)
