"""The forms of the program: every pair of versions, production, a hub, a spoke, a trusted cluster."""

import base64
import gzip
import json
import tomllib
from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest

from coco_azure import names
from coco_azure.trust import checks
from coco_azure.versions.profiles import OSC, TRUSTEE, OscProfile, TrusteeProfile
from tests.unit.pki import LEAF, ROOT_CA
from tests.unit.recording import Recorder, Run, revealed, run_program
from tests.unit.speaking import PAIRS
from tests.unit.trust_stacks import PRODUCTION, changed

NAMESPACE = "trustee-operator-system"
PCCS = {"trustee": {"tdx": {"pccsUrl": "https://pccs.example.com/v4/"}}}
MEASURED = changed(PRODUCTION, trustee__referenceValues__initdata=True)
HUB = {"peerPods": {"enabled": False}}
STACK = "organization/coco-azure/hub"
SPOKE = {"trustee": {"stack": STACK}}
REMOTE: Mapping[str, Any] = {
    "trusteeUrl": "https://kbs.trusted.example.com",
    "trusteeCertificate": f"issuer=CN = root\n{ROOT_CA.pem}",
    "trusteeContent": "abc",
    "attestationChecks": {"default/kbsres1/key1": {"salt": "s", "digest": "d"}},
}
MARKED = {names.STACK: "coco-azure/test", names.FIELD_MANAGER: "pulumi-coco-azure-test"}
CONFIG_MAPS = ["kbs-config-cm", "resource-policy", "attestation-policy", "rvps-reference-values"]


def _run(osc: str, trustee: str) -> Run:
    # What the checks say for each version is the business of test_trust_checks; they take a second each.
    with mock.patch.multiple(checks, problems=lambda *_: [], warnings=lambda *_: []):
        return run_program(PCCS, Recorder(osc=f"{osc}.0", trustee=f"{trustee}.0"))


def _spoke(config: Mapping[str, Any] = SPOKE, **outputs: Any) -> Run:
    return run_program(config, Recorder(stacks={STACK: {**REMOTE, **outputs}}))


@pytest.mark.parametrize(("osc", "trustee"), PAIRS)
def test_every_pair_of_versions_gets_the_objects_that_it_reads(osc: str, trustee: str) -> None:
    objects = revealed(_run(osc, trustee).objects())

    _check_kbs_config(objects[f"KbsConfig {NAMESPACE}/kbsconfig"], TRUSTEE[trustee])
    _check_config_maps(objects, TRUSTEE[trustee])
    _check_peer_pods(objects, OSC[osc])


def _check_kbs_config(values: dict[str, Any], profile: TrusteeProfile) -> None:
    spec = values["spec"]
    assert set(spec) == {
        "kbsConfigMapName",
        "kbsAuthSecretName",
        "kbsDeploymentType",
        "kbsRvpsRefValuesConfigMapName",
        "kbsSecretResources",
        "kbsResourcePolicyConfigMapName",
        "kbsAttestationPolicyConfigMapName",
        "KbsEnvVars",
    } | ({"tdxConfigSpec"} if profile.version != "1.2" else set())
    assert spec["kbsSecretResources"] == ["kbsres1", "security-policy"]
    wait = values["metadata"]["annotations"]["pulumi.com/waitFor"]
    assert ("isReady" in wait) is (profile.version in {"1.1", "1.2"})


def _check_config_maps(objects: dict[str, Any], profile: TrusteeProfile) -> None:
    values = {title: objects[f"ConfigMap {NAMESPACE}/{title}"] for title in CONFIG_MAPS}
    keys = {title: set(config["data"]) for title, config in values.items()}
    assert keys["resource-policy"] == {profile.resource_policy_key}
    assert keys["attestation-policy"] == {profile.attestation_policy_key}
    assert keys["rvps-reference-values"] == {profile.reference_values_key}
    assert keys["kbs-config-cm"] == {"kbs-config.toml"} | ({"kbs-config.json"} if profile.kbs_json else set())
    assert tomllib.loads(values["kbs-config-cm"]["data"]["kbs-config.toml"])
    for config in values.values():
        assert config["metadata"]["annotations"] == {**profile.migration_annotations, **MARKED}


def _check_peer_pods(objects: dict[str, Any], profile: OscProfile) -> None:
    raw = base64.b64decode(
        objects["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"]["data"]["INITDATA"]
    )
    text = (gzip.decompress(raw) if profile.initdata_gzip else raw).decode()
    assert tomllib.loads(text)["algorithm"] == "sha256"
    pod = objects["Job coco-attestation-check/attestation-check"]["spec"]["template"]["metadata"]["annotations"]
    assert set(pod) == {profile.initdata_annotation, "coco-azure/proves"}
    # Up to 1.11 the operator writes the whole DaemonSet, and no mark on it, or on its pods, would last.
    caa = objects.get("DaemonSetPatch openshift-sandboxed-containers-operator/osc-caa-ds")
    assert (caa is not None) is profile.restarts_caa
    if caa is not None:
        assert "coco-azure/peer-pods-cm" in caa["metadata"]["annotations"]
        assert "spec" not in caa


@pytest.mark.parametrize(("osc", "trustee"), [("1.9", "0.3"), ("1.11", "1.0"), ("1.12", "1.2")])
def test_a_production_stack_signs_tokens_and_rejects_images(osc: str, trustee: str) -> None:
    run = run_program(MEASURED, Recorder(osc=f"{osc}.0", trustee=f"{trustee}.0"))

    objects = revealed(run.objects())
    assert set(objects[f"Secret {NAMESPACE}/kbs-auth-public-key"]["data"]) == {"publicKey", "token.key", "token.crt"}
    policies = objects[f"Secret {NAMESPACE}/security-policy"]["data"]
    assert set(policies) == {"osc", "attestation-check"}
    assert all(json.loads(base64.b64decode(policy))["default"] == [{"type": "reject"}] for policy in policies.values())
    assert objects[f"KbsConfig {NAMESPACE}/kbsconfig"]["spec"]["kbsSecretResources"] == [
        "attestation-check",
        "security-policy",
        "img-sig",
    ]
    assert run.exports["proof"]["environment"] == "production"
    assert run.exports["proof"]["acceptedPcr8"] == sorted(run.exports["initdataPcr8"].values())


def test_a_client_secret_never_becomes_one_of_kbs_itself() -> None:
    objects = run_program({"trustee": {"tls": {"termination": "passthrough"}}}).objects()

    spec = objects[f"KbsConfig {NAMESPACE}/kbsconfig"]["spec"]
    assert {spec["kbsHttpsKeySecretName"], spec["kbsHttpsCertSecretName"]} == {"kbs-https-key", "kbs-https-certificate"}
    assert not {"kbs-https-key", "kbs-https-certificate", "kbs-auth-public-key"} & set(spec["kbsSecretResources"])
    assert objects[f"Route {NAMESPACE}/kbs-service"]["spec"]["tls"] == {"termination": "passthrough"}


def test_a_hub_has_a_trustee_and_nothing_of_peer_pods() -> None:
    run = run_program(HUB)

    assert {title.split()[1].split("/")[0] for title in run.objects()} == {NAMESPACE, f"trustee-operator.{NAMESPACE}"}
    assert run.invokes == []
    assert {name for name, request in run.reads.items() if request.type.startswith("kubernetes:")} == {
        "facts-infrastructure",
        "facts-ingress",
    }
    assert set(run.exports) == {
        "trusteeUrl",
        "trusteeCertificate",
        "proof",
        "attestationChecks",
        "trusteeContent",
        "sealingKey",
        "imagePolicy",
        "imageResources",
    }
    assert set(run.exports["attestationChecks"]) == {"default/kbsres1/key1", "default/kbsres1/key2"}


def test_a_hub_may_be_on_any_cluster() -> None:
    run = run_program(HUB, Recorder(infrastructure={"infrastructureName": "x", "platformStatus": {"type": "None"}}))

    assert f"KbsConfig {NAMESPACE}/kbsconfig" in run.objects()


def test_a_spoke_has_peer_pods_and_takes_the_rest_from_the_hub() -> None:
    run = _spoke()

    assert not [name for name in run.registrations if name.startswith("trustee")]
    objects = revealed(run.objects())
    data = objects["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"]["data"]
    text = base64.b64decode(data["INITDATA"]).decode()
    assert REMOTE["trusteeUrl"] in text
    assert ROOT_CA.pem in text
    assert "issuer=" not in text
    environment = objects["Job coco-attestation-check/attestation-check"]["spec"]["template"]["spec"]["containers"][0]
    assert {each["name"]: each["value"] for each in environment["env"]} == {
        "RESOURCE": "default/kbsres1/key1",
        "SALT": "s",
        "EXPECTED_SHA256": "d",
    }
    assert run.exports["trusteeUrl"] == REMOTE["trusteeUrl"]
    assert run.exports["trusteeCertificate"] == ROOT_CA.pem
    assert not {"attestationChecks", "trusteeContent"} & set(run.exports)


def test_the_check_of_a_spoke_runs_again_when_the_hub_serves_something_else() -> None:
    def proves(run: Run) -> str:
        job = revealed(run.objects())["Job coco-attestation-check/attestation-check"]
        return str(job["spec"]["template"]["metadata"]["annotations"]["coco-azure/proves"])

    assert proves(_spoke()) == proves(_spoke())
    assert proves(_spoke()) != proves(_spoke(trusteeContent="def"))


def test_a_spoke_without_a_check_asks_the_hub_for_no_secret() -> None:
    config = {**SPOKE, "attestationCheck": {"enabled": False}}

    run = _spoke(config, attestationChecks={})

    assert "attested" not in run.exports
    assert not [title for title in run.objects() if title.startswith("Job")]


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"trusteeCertificate": ROOT_CA.pem + LEAF.key}, "output trusteeCertificate of .* holds a private key"),
        ({"trusteeUrl": None}, "has no output trusteeUrl; needed a deployed stack of this project"),
        ({"trusteeContent": None}, "has no output trusteeContent"),
        ({"attestationChecks": None}, "has no output attestationChecks.*pulumi up --stack"),
        (
            {"attestationChecks": {"default/db/pw": {}}},
            r"does not serve \(served: default/db/pw\); set: pulumi config set --path coco-azure:attestationCheck",
        ),
        ({"attestationChecks": {"default/kbsres1/key1": {}}}, "whose Secret somebody else makes"),
    ],
)
def test_a_hub_that_cannot_serve_is_named_with_a_way_out(outputs: dict[str, Any], text: str) -> None:
    with pytest.raises(Exception, match=f"{STACK}.*{text}|{text}"):
        _spoke(**outputs)


def test_a_trusted_cluster_has_trustee_and_the_other_one_the_peer_pods() -> None:
    run = run_program({"trustee": {"cluster": {"context": "trusted"}, "operator": {"version": "0.3.0"}}})

    providers: dict[str, set[str]] = {}
    for name, item in run.registrations.items():
        if item.request.type.startswith("kubernetes:") and item.request.custom:
            providers.setdefault(item.request.provider.split("::")[-2], set()).add(name)
    assert set(providers) == {"cluster", "trustee-cluster"}
    for name, request in run.reads.items():
        if request.type.startswith("kubernetes:"):
            providers[request.provider.split("::")[-2]].add(name)
    mine, theirs = providers["cluster"], providers["trustee-cluster"]
    assert not [name for name in mine if name.startswith("trustee")]
    assert not [name for name in theirs if name.startswith(("peer-pods", "check", "facts"))]
    assert "trustee-facts-ingress" in theirs
    assert run.exports["proof"]["ownCluster"] is True


def _providers() -> list[Mapping[str, Any]]:
    """Return the inputs of every Kubernetes provider that the program can make."""
    pinned = {"operator": {"version": "0.3.0"}, "cluster": {"kubeconfig": "trusted"}}
    run = run_program({"trustee": pinned, "peerPods": {"operator": {"version": "1.9.0"}}})
    kind = "pulumi:providers:kubernetes"
    providers: list[Mapping[str, Any]] = []
    providers += [item.inputs for item in run.registrations.values() if item.request.type == kind]
    assert len(providers) == 2
    return providers


def test_no_provider_makes_a_large_stack_wait_by_its_own_limit_of_requests() -> None:
    limits = [json.loads(inputs["kubeClientSettings"]) for inputs in _providers()]

    # By itself a provider asks 50 times a second, and 120 times before that holds.
    assert all(limit == {"qps": 1000, "burst": 5000} for limit in limits)


def test_configmaps_and_secrets_are_changed_in_place_because_kbs_and_operators_know_them_by_name() -> None:
    run = run_program({"trustee": {"cluster": {"context": "trusted"}}})
    provider = {name: item for name, item in run.registrations.items() if item.kind == "kubernetes"}

    users = {
        item.request.provider.split("::")[-2]
        for item in run.registrations.values()
        if item.kind in ("ConfigMap", "Secret")
    }
    assert {"cluster", "trustee-cluster"} >= users > set()
    for name in users:
        values = {key: value for key, value in provider[name].inputs.items() if key.endswith(("Mutable", "Objects"))}
        assert values == dict.fromkeys(
            ("enableConfigMapMutable", "enableSecretMutable", "upsertExistingObjects"), "true"
        )
