"""What the pre-flight says of mirrors and proxies: nodes have them, CAA and pod VMs have not."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.cluster_facts import ClusterFacts, RegistryAccess, gather
from coco_azure.inventory.requirements import Operator, Requirements
from coco_azure.preflight import mirrors
from coco_azure.preflight.model import Finding
from coco_azure.rollout.plan import decide
from coco_azure.settings import parse
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import ROOT
from tests.unit.rollout_facts import WANTED, facts

PACKAGE, CSV = "sandboxed-containers-operator", "sandboxed-containers-operator.v1.12.1"
CONFIG = "/apis/config.openshift.io/v1"
PACKAGES = "/apis/packages.operators.coreos.com/v1/namespaces/openshift-marketplace/packagemanifests"
OPERATOR = Operator(
    package=PACKAGE, setting="peerPods.operator", namespace="openshift-sandboxed-containers-operator", csv=CSV
)
CHECK, PROXY = "registry.access.redhat.com/ubi9/ubi:9.3", "http://proxy.example.com:3128"
MIRRORED = {
    "registry.access.redhat.com/ubi9": "mirror.example.com:8443/ubi9",
    "quay.io": "mirror.example.com:8443/quay",
}


def _access(**changes: Any) -> RegistryAccess:
    return replace(RegistryAccess(mirrors=MIRRORED), **changes)


def _wanted(pulled: tuple[str, ...] = (), *, proxied: bool = False, **peer_pods: Any) -> Requirements:
    stack = parse({"peerPods": peer_pods}, ROOT)
    return Requirements(peer_pods=stack.peer_pods, azure=stack.azure, pulled=pulled, pulls_by_proxy=proxied)


def _findings(access: RegistryAccess | None, wanted: Requirements) -> list[Finding]:
    findings = list(mirrors.problems(ClusterFacts(registries=access), wanted))
    assert {(each.check, each.level) for each in findings} <= {("mirrors", "warning")}
    return findings


def _named(name: str, **parts: Any) -> list[Object]:
    return [{"metadata": {"name": name}, **parts}]


def test_mirror_sets_proxy_and_images_of_the_version_are_read() -> None:
    digests = [{"source": "quay.io", "mirrors": ["m.example.com/quay", "other"]}]
    tags = [{"source": "docker.io", "mirrors": ["m.example.com/hub"]}, {"source": "x"}]
    channel = {"currentCSV": CSV, "currentCSVDesc": {"relatedImages": ["quay.io/a@sha256:1"]}}
    older = {"currentCSV": f"{PACKAGE}.v1.11.0", "currentCSVDesc": {"relatedImages": ["quay.io/old@sha256:2"]}}
    manifest = {
        "metadata": {"name": PACKAGE},
        "status": {"catalogSource": OPERATOR.catalog, "channels": [older, channel]},
    }
    lists = {
        "imagedigestmirrorsets": _named("one", spec={"imageDigestMirrors": digests}),
        "imagetagmirrorsets": _named("two", spec={"imageTagMirrors": tags}),
        "proxies": _named("cluster", status={"httpsProxy": PROXY}),
        "operatorhubs": _named("cluster", spec={"disableAllDefaultSources": True}),
    }
    cluster = FakeCluster(lists={**{f"{CONFIG}/{kind}": each for kind, each in lists.items()}, PACKAGES: [manifest]})

    assert gather(cluster, (OPERATOR,), decide(facts(), WANTED, "fail"), facts()).registries == RegistryAccess(
        mirrors={"quay.io": "m.example.com/quay", "docker.io": "m.example.com/hub"},
        proxy=PROXY,
        disconnected=True,
        images={PACKAGE: ["quay.io/a@sha256:1"]},
    )


def test_mirrors_of_the_old_kind_are_read_too_and_those_of_the_new_one_come_before_them() -> None:
    old = [{"source": "quay.io", "mirrors": ["old.example.com"]}, {"source": "ghcr.io", "mirrors": ["m.example.com/g"]}]
    digests = [{"source": "quay.io", "mirrors": ["m.example.com/q"]}]
    lists = {
        names.CONTENT_SOURCES: _named("one", spec={"repositoryDigestMirrors": old}),
        names.IMAGE_MIRRORS: _named("two", spec={"imageDigestMirrors": digests}),
    }
    access = gather(FakeCluster(lists=lists), (), decide(facts(), WANTED, "fail"), facts()).registries

    assert access == RegistryAccess(mirrors={"quay.io": "m.example.com/q", "ghcr.io": "m.example.com/g"})


@pytest.mark.parametrize("url", ["http://robot:p@ss/word@proxy.example.com:3128", f"{PROXY}/", PROXY])
def test_user_and_password_of_the_clusters_proxy_are_not_told_and_its_commands_are_taken(url: str) -> None:
    cluster = FakeCluster(lists={f"{CONFIG}/proxies": _named("cluster", status={"httpsProxy": url})})
    access = gather(cluster, (), decide(facts(), WANTED, "fail"), facts()).registries

    assert access is not None
    assert access.proxy == PROXY
    parse({"peerPods": {"caaEnvironment": {"HTTPS_PROXY": PROXY}}, "initdata": {"imagePull": {"proxy": PROXY}}}, ROOT)


def test_a_cluster_on_the_internet_is_asked_for_no_images_and_nothing_is_said_of_it() -> None:
    access = gather(FakeCluster(lists={}), (OPERATOR,), decide(facts(), WANTED, "fail"), facts()).registries

    assert access == RegistryAccess(mirrors={})
    assert _findings(access, _wanted((CHECK,))) == []
    assert _findings(None, _wanted((CHECK,))) == []


def test_images_of_an_operator_without_a_mirror_are_told_where_the_default_catalogs_are_off() -> None:
    named = ["quay.io/a@sha256:1", "registry.redhat.io/osc/b@sha256:2", "mirror.example.com:8443/c@sha256:3"]
    access = _access(images={PACKAGE: named})

    assert _findings(access, _wanted()) == []
    (finding,) = _findings(replace(access, disconnected=True), _wanted())
    assert finding.found == f"no mirror for 1 of the images of {PACKAGE}: registry.redhat.io/osc/b@sha256:2"


def test_an_image_that_only_nodes_have_a_mirror_for_is_told_with_the_setting() -> None:
    (finding,) = _findings(_access(), _wanted((CHECK,)))

    assert finding.fix == (
        "pulumi config set --path 'coco-azure:trustee.registryMirrors[\"registry.access.redhat.com/ubi9\"]' "
        "mirror.example.com:8443/ubi9"
    )
    assert _findings(_access(), _wanted(("ghcr.io/team/check:1",))) == []


def test_a_mirror_of_a_whole_domain_is_one_of_its_hosts_and_told_for_the_images_own_registry() -> None:
    images = {PACKAGE: ["registry.redhat.io/osc/b@sha256:2"]}
    access = RegistryAccess(mirrors={"*.redhat.io": "m.example.com"}, disconnected=True, images=images)

    assert _findings(access, _wanted()) == []
    assert _findings(access, _wanted(("redhat.io/a:1", "registry.redhat.io.example.com/a:1"))) == []
    (finding,) = _findings(access, _wanted(("registry.redhat.io/team/check:1",)))
    assert finding.fix.endswith('registryMirrors["registry.redhat.io"]\' m.example.com')


@pytest.mark.parametrize(
    ("environment", "proxied", "advised"),
    [
        ({}, False, ["peerPods.caaEnvironment.HTTPS_PROXY", "initdata.imagePull.proxy"]),
        ({"HTTPS_PROXY": PROXY}, False, ["initdata.imagePull.proxy"]),
        ({"NO_PROXY": ".svc"}, True, ["peerPods.caaEnvironment.HTTPS_PROXY"]),
        ({"https_proxy": PROXY}, True, []),
    ],
)
def test_a_proxy_of_the_cluster_that_caa_or_pod_vms_do_not_take_is_told(
    environment: dict[str, str], proxied: object, advised: list[str]
) -> None:
    findings = _findings(_access(proxy=PROXY), _wanted(proxied=bool(proxied), caaEnvironment=environment))

    assert [
        setting for each, setting in zip(findings, advised, strict=True) if f"{setting} {PROXY}" in each.fix
    ] == advised
