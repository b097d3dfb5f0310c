"""The simulated Trustee operator deploys, reports and migrates as each version does."""

import asyncio
import base64
import json

import pytest

from rehearsal.kinds import DEPLOYMENT, KBS_CONFIG, SERVICE
from rehearsal.kubelet.evidence import of
from rehearsal.kubelet.kbs import Kbs, of_image, pod
from rehearsal.operators.trustee import FINALIZER, NAMESPACE
from rehearsal.operators.trustee_migration import ANNOTATION, encoded, in_form_of_1_2, split
from rehearsal.operators.trustee_template import VERSIONS, UnresolvedError
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS
from tests.unit.trustee_cluster import SPEC, Cluster

ALL = ("0.3.0", "0.4.0", "1.0.0", "1.1.0", "1.2.1")


def _mounts(cluster: Cluster) -> dict[str, str | None]:
    container = cluster.deployment()["spec"]["template"]["spec"]["containers"][0]
    return {each["mountPath"]: each.get("subPath") for each in container["volumeMounts"]}


def _kbs(cluster: Cluster) -> Kbs:
    """Start KBS on what the operator's pod mounts."""
    spec = cluster.deployment()["spec"]["template"]["spec"]
    container = spec["containers"][0]
    files = asyncio.run(pod.files(cluster.api, NAMESPACE, spec, container))
    return Kbs.start(CONFIG, lambda: files, of_image(container["image"]))


@pytest.mark.parametrize("version", ALL)
def test_kbs_starts_on_what_the_operator_of_its_version_mounts_and_releases_the_secret(version: str) -> None:
    cluster = Cluster(version, notes={ANNOTATION: "v1.2.0"})
    cluster.reconcile()
    snp = of("Standard_DC2as_v5", None)
    assert snp is not None

    assert _kbs(cluster).release(RESOURCE, snp) == b"res1val1"


@pytest.mark.parametrize("field", ["kbsConfigMapName", "kbsAuthSecretName"])
@pytest.mark.parametrize("version", ALL)
def test_a_name_that_does_not_resolve_is_tried_again(version: str, field: str) -> None:
    cluster = Cluster(version, {**SPEC, field: "none"}, {ANNOTATION: "v1.2.0"})
    with pytest.raises(UnresolvedError, match="'none' not found"):
        cluster.reconcile()


def test_files_are_mounted_by_key_from_1_0_and_in_the_storage_from_1_2() -> None:
    spec = {**SPEC, "kbsAttestationPolicyConfigMapName": "resource-policy"}
    paths = {}
    for version in ALL:
        cluster = Cluster(version, spec, {ANNOTATION: "v1.2.0"})
        cluster.reconcile()
        paths[version] = _mounts(cluster)

    folder = "/opt/confidential-containers/attestation-service/policies/opa"
    assert paths["0.3.0"][folder] is None
    assert paths["1.0.0"][f"{folder}/default_cpu.rego"] == "default_cpu.rego"
    assert "/opt/confidential-containers/opa" in paths["1.1.0"]
    assert paths["1.2.1"]["/opt/confidential-containers/storage/kbs/resource-policy.rego"] == "resource-policy.rego"
    assert "/opt/confidential-containers/opa" not in paths["1.2.1"]


def test_the_pair_of_the_token_signer_is_mounted_from_1_0() -> None:
    names = {"kbsAttestationKeySecretName": "kbsres1", "kbsAttestationCertSecretName": "kbsres1"}
    for version, mounted in (("0.4.0", False), ("1.0.0", True)):
        cluster = Cluster(version, {**SPEC, **names})
        cluster.reconcile()
        assert ("/etc/attestation-key" in _mounts(cluster)) is mounted


def test_half_a_pair_is_not_mounted() -> None:
    cluster = Cluster("0.3.0", {**SPEC, "kbsHttpsKeySecretName": "kbsres1"})
    cluster.reconcile()

    assert "/etc/https-key" not in _mounts(cluster)


def test_the_collateral_services_config_map_is_not_known_from_1_2() -> None:
    spec = {**SPEC, "tdxConfigSpec": {"kbsTdxConfigMapName": "resource-policy"}}
    for version, mounted in (("1.1.0", True), ("1.2.1", False)):
        cluster = Cluster(version, spec, {ANNOTATION: "v1.2.0"})
        cluster.reconcile()
        assert ("/etc/sgx_default_qcnl.conf" in _mounts(cluster)) is mounted


@pytest.mark.parametrize(("version", "rolls_out"), [(version, version >= "1.2") for version in ALL])
def test_changed_content_rolls_out_by_itself_from_1_2_only(version: str, *, rolls_out: bool) -> None:
    cluster = Cluster(version, notes={ANNOTATION: "v1.2.0"})
    cluster.reconcile()
    before = cluster.deployment()["spec"]["template"]
    cluster.config_map("rvps-reference-values", {"other": "[]"}, {ANNOTATION: "v1.2.0"})
    cluster.reconcile()

    assert (cluster.deployment()["spec"]["template"] != before) is rolls_out


@pytest.mark.parametrize("version", ["0.3.0", "0.4.0"])
def test_readiness_is_not_reported_before_1_0(version: str) -> None:
    cluster = Cluster(version)
    cluster.reconcile()
    cluster.say_ready()
    cluster.reconcile()

    assert cluster.ready() is None


@pytest.mark.parametrize(("version", "ready"), [("1.0.0", False), ("1.1.0", True), ("1.2.1", True)])
def test_1_0_does_not_look_at_its_deployment_again_when_that_gets_ready(version: str, *, ready: bool) -> None:
    cluster = Cluster(version, notes={ANNOTATION: "v1.2.0"})
    cluster.reconcile()
    cluster.reconcile()
    cluster.say_ready()
    cluster.controller.watches[KBS_CONFIG](cluster.config)
    key = cluster.controller.watches[DEPLOYMENT](cluster.deployment())
    assert key is not None
    cluster.reconcile(key)

    assert cluster.ready() is ready
    cluster.reconcile()  # something else happens
    assert cluster.ready() is True


@pytest.mark.parametrize(("version", "at_once"), [("1.0.0", True), ("1.1.0", False)])
def test_the_service_comes_with_the_second_look_from_1_1(version: str, *, at_once: bool) -> None:
    cluster = Cluster(version)
    again = cluster.reconcile()

    assert (again is None) is at_once
    assert (cluster.api.find(SERVICE, "kbs-service", NAMESPACE) is not None) is at_once
    cluster.reconcile()
    assert cluster.api.find(SERVICE, "kbs-service", NAMESPACE) is not None


def test_the_finalizer_stays_where_the_deployment_is_gone_already() -> None:
    cluster = Cluster("0.3.0")
    cluster.reconcile()
    result = cluster.api.find(KBS_CONFIG, "kbsconfig", NAMESPACE)
    assert result is not None
    assert result["metadata"]["finalizers"] == [FINALIZER]
    cluster.api.put(KBS_CONFIG, {**result, "metadata": {**result["metadata"], "deletionTimestamp": "now"}})
    asyncio.run(cluster.api.delete(DEPLOYMENT, cluster.deployment()))

    with pytest.raises(UnresolvedError):
        cluster.reconcile()


def test_an_upgrade_to_1_2_deletes_what_lacks_its_annotation_and_keeps_a_backup() -> None:
    cluster = Cluster("1.1.0")
    cluster.reconcile()
    config, policy = cluster.data("kbs-config-cm"), cluster.data("resource-policy")
    cluster.config_map(
        "rvps-reference-values",
        {"reference-values.json": json.dumps([{"name": "svn", "expiration": "2999-01-01T00:00:00Z", "value": ["1"]}])},
    )
    cluster.install("1.2.1")
    with pytest.raises(UnresolvedError, match="kbs-config-cm"):
        cluster.reconcile()

    assert cluster.data("kbs-config-cm") is None
    assert cluster.data("kbs-config-cm.v1.1") == config
    assert cluster.data("resource-policy") is None
    assert cluster.data("resource-policy.v1.1") == policy
    values = cluster.data("rvps-reference-values")
    assert values is not None
    assert list(values) == ["reference_value"]
    stored = json.loads(base64.b64decode(json.loads(values["reference_value"])["svn"]))
    assert stored == {"name": "svn", "expiration": "2999-01-01T00:00:00Z", "value": ["1"]}
    assert of_image(cluster.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]) == "1.1.0"


def test_an_upgrade_to_1_2_leaves_alone_what_bears_its_annotation() -> None:
    notes = {ANNOTATION: "v1.2.0"}
    cluster = Cluster("1.1.0", notes=notes)
    cluster.reconcile()
    setup = SETUPS["1.2.1"]
    cluster.config_map("kbs-config-cm", {"kbs-config.toml": setup.config}, notes)
    cluster.config_map("resource-policy", {"resource-policy.rego": setup.files()[setup.policy]}, notes)
    cluster.config_map("rvps-reference-values", {"reference_value": "{}"}, notes)
    cluster.install("1.2.1")
    cluster.reconcile()
    snp = of("Standard_DC2as_v5", None)
    assert snp is not None

    assert _kbs(cluster).release(RESOURCE, snp) == b"res1val1"
    template = cluster.deployment()["spec"]["template"]
    assert of_image(template["spec"]["containers"][0]["image"]) == "1.2.1"
    assert template["metadata"]["annotations"][VERSIONS].startswith("kbs-config-cm:")
    assert cluster.data("kbs-config-cm.v1.1") is None


def test_a_configuration_that_is_made_anew_takes_the_plugins_of_the_backup() -> None:
    cluster = Cluster("1.1.0")
    cluster.reconcile()
    cluster.install("1.2.1")
    with pytest.raises(UnresolvedError):
        cluster.reconcile()
    cluster.config_map("kbs-config-cm", {"kbs-config.toml": SETUPS["1.2.1"].config})
    with pytest.raises(UnresolvedError, match="resource-policy"):
        cluster.reconcile()

    result = cluster.data("kbs-config-cm")
    assert result is not None
    assert result["kbs-config.toml"].count("[[plugins]]") == 1
    assert 'storage_backend_type = "kvstorage"' in result["kbs-config.toml"]
    assert 'dir_path = "/opt/confidential-containers/kbs/repository"' not in result["kbs-config.toml"]


def test_malformed_reference_values_are_left_as_they_are() -> None:
    cluster = Cluster("1.2.1", notes={ANNOTATION: "v1.2.0"})
    cluster.config_map("rvps-reference-values", {"reference-values.json": "no"})
    cluster.reconcile()

    assert cluster.data("rvps-reference-values") == {"reference-values.json": "no"}
    assert cluster.data("rvps-reference-values.v1.1") == {"reference-values.json": "no"}


def test_the_migration_of_reference_values_is_the_one_that_the_real_operator_made() -> None:
    cluster = Cluster("1.2.1", notes={ANNOTATION: "v1.2.0"})
    items = [{"name": "a<b", "value": ["1"], "n": 1, "expiration": "2999-01-01T00:00:00Z"}, {"value": 1}, {"name": 5}]
    old = {"reference-values.json": json.dumps([*items, None])}
    cluster.config_map("rvps-reference-values", old, {"x": "y"})
    cluster.reconcile()

    stored = "eyJleHBpcmF0aW9uIjoiMjk5OS0wMS0wMVQwMDowMDowMFoiLCJuIjoxLCJuYW1lIjoiYVx1MDAzY2IiLCJ2YWx1ZSI6WyIxIl19"
    assert cluster.data("rvps-reference-values") == {"reference_value": f'{{\n  "a\\u003cb": "{stored}"\n}}'}
    assert cluster.data("rvps-reference-values.v1.1") == old
    notes = {
        "x": "y",
        "kbs.confidentialcontainers.org/backup-of": "rvps-reference-values",
        "kbs.confidentialcontainers.org/backup-timestamp": "2026-01-01 00:00:00 +0000 UTC",
    }
    assert cluster.notes("rvps-reference-values.v1.1") == notes
    assert cluster.notes("rvps-reference-values") == {**notes, ANNOTATION: "v1.2.0"}
    assert [reason for _, reason in cluster.api.events] == ["ConfigMapBackupCreated", "ConfigMapMigrated"]


@pytest.mark.parametrize("version", ALL)
def test_a_restart_by_somebody_is_undone_from_1_2(version: str) -> None:
    cluster = Cluster(version, notes={ANNOTATION: "v1.2.0"})
    cluster.reconcile()
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    asyncio.run(cluster.api.patch(DEPLOYMENT, cluster.deployment(), {"spec": {"template": template}}))
    cluster.reconcile()

    notes = cluster.deployment()["spec"]["template"]["metadata"]["annotations"]
    assert ("kubectl.kubernetes.io/restartedAt" in notes) is (version < "1.2")
    assert (VERSIONS in notes) is (version >= "1.2")


def test_a_service_that_somebody_changed_becomes_what_it_was() -> None:
    cluster = Cluster("0.3.0")
    cluster.reconcile()
    service = cluster.api.find(SERVICE, "kbs-service", NAMESPACE)
    assert service is not None
    asyncio.run(cluster.api.patch(SERVICE, service, {"spec": {"selector": {"app": "other"}}}))
    cluster.reconcile()

    result = cluster.api.find(SERVICE, "kbs-service", NAMESPACE)
    assert result is not None
    assert result["spec"]["selector"] == {"app": "kbs"}


def test_plugins_are_cut_out_of_a_configuration_line_by_line() -> None:
    toml = '[a]\nx = 1\n[[plugins]]\nname = "resource"\ntype = "LocalFs"\ndir_path = "/x"\n[b]\n[[plugins]]\nname = "s"'

    rest, sections = split(toml)
    assert [section.split("\n")[1] for section in sections] == ['name = "resource"', 'name = "s"']
    assert rest == "[a]\nx = 1\n[b]"
    assert in_form_of_1_2(sections[0]) == '[[plugins]]\nname = "resource"\nstorage_backend_type = "kvstorage"'
    assert base64.b64decode(encoded({"name": "<", "a": 1})) == b'{"a":1,"name":"\\u003c"}'


def test_the_operator_does_nothing_before_its_csv_has_succeeded() -> None:
    cluster = Cluster("1.1.0")
    cluster.install("1.1.0", "Installing")
    cluster.reconcile()

    assert cluster.api.find(DEPLOYMENT, "trustee-deployment", NAMESPACE) is None


def test_replicas_are_taken_from_the_spec_from_0_4() -> None:
    spec = {**SPEC, "KbsDeploymentSpec": {"replicas": 2}}
    for version, wanted in (("0.3.0", 1), ("0.4.0", 2), ("1.2.1", 2)):
        cluster = Cluster(version, spec, {ANNOTATION: "v1.2.0"})
        cluster.reconcile()
        assert cluster.deployment()["spec"]["replicas"] == wanted
