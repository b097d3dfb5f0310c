"""A stack with Trustee alone, and one that names it: what they tell each other, and what is refused beforehand."""

import base64
import gzip
import json
import tomllib
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from coco_azure.formats import one_line
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.trust.values import NOBODY
from tests.unit.recording import Recorder, Run, Secret, run_program

HUB = "organization/coco-azure/hub"
PCR8 = "ab" * 32
VALUES = {
    "expires": "2099-12-31",
    "measurementsFile": "rehearsal/pod_vm_image/measurements.json",
    "measurementsSignatureFile": "rehearsal/pod_vm_image/measurements.sig",
    "measurementsPublicKeyFile": "rehearsal/pod_vm_image/signing-key.pub",
}
SEALED = {"shop": {"db": {"password": "default/kbsres1/key1"}}}
ALONE = {"peerPods": {"enabled": False}}
SPOKE = {"trustee": {"stack": HUB}}


@pytest.fixture(scope="module")
def hub() -> Run:
    login = {"registries": {"quay.io": {"username": "robot", "password": "hidden"}}}
    values = {"referenceValues": VALUES, "registryCredentials": login}
    config = {**ALONE, "environment": "production", "trustee": values}
    config["clientSecrets"] = {"kbsres1": {"key1": "one", "key2": "two"}}
    return run_program(config, Recorder(osc="1.10.0"))


def _stacks(hub: Run, **changes: Any) -> Recorder:
    outputs = {name: value for name, value in {**hub.exports, **changes}.items() if value is not None}
    return Recorder(osc="1.10.0", stacks={HUB: outputs})


def _accepting(hub: Run, spoke: dict[str, Any], **changes: Any) -> Recorder:
    """Return outputs of the hub once it accepts the initdata of this spoke."""
    anybody = {**hub.exports["proof"], "acceptedPcr8": [], "secrets": None}
    result = run_program(spoke, _stacks(hub, proof=anybody)).exports["initdataPcr8"]
    given = {pcr8: ["default/kbsres1/key1", "default/kbsres1/key2"] for pcr8 in result.values()}
    proof = {**hub.exports["proof"], "acceptedPcr8": list(result.values()), "secrets": given}
    return _stacks(hub, proof=proof, **changes)


def test_a_production_trustee_without_known_pods_accepts_nobody_and_says_so(hub: Run) -> None:
    values = hub.objects()["ConfigMap trustee-operator-system/rvps-reference-values"]["data"]

    assert NOBODY in json.dumps(values)
    assert hub.exports["proof"]["acceptedPcr8"] == [NOBODY]
    assert any("accepts no initdata yet" in text for text in hub.exports["proof"]["warnings"])


def test_it_accepts_what_is_named_and_nothing_else() -> None:
    values = {"referenceValues": {**VALUES, "alsoAccept": [PCR8]}}
    run = run_program({**ALONE, "environment": "production", "trustee": values})

    assert run.exports["proof"]["acceptedPcr8"] == [PCR8]
    assert not any("accepts no initdata yet" in text for text in run.exports["proof"]["warnings"])


def test_pods_have_initdata_of_the_other_stacks_trustee_and_none_is_deployed(hub: Run) -> None:
    run = run_program(SPOKE, _accepting(hub, SPOKE))

    objects = run.objects()
    assert not [name for name in objects if "trustee-operator-system" in name]
    data = objects["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"]["data"]
    text = gzip.decompress(base64.b64decode(data["INITDATA"])).decode()
    hub_of_data = tomllib.loads(tomllib.loads(text)["data"]["cdh.toml"])
    assert hub_of_data["kbc"]["url"] == hub.exports["trusteeUrl"]
    assert hub_of_data["image"]["authenticated_registry_credentials_uri"] == "kbs:///default/credential/osc"


def _refused(config: dict[str, Any], answers: Recorder) -> str:
    with pytest.raises(Exception, match=r".") as error:
        run_program(config, answers)
    return str(error.value)


def test_initdata_that_the_other_stack_does_not_accept_is_an_error_with_the_command(hub: Run) -> None:
    message = _refused(SPOKE, _stacks(hub))

    pcr8 = _accepting(hub, SPOKE).stacks[HUB]["proof"]["acceptedPcr8"][0]
    assert (
        f"pulumi config set --stack {HUB} --path 'coco-azure:trustee.referenceValues.alsoAccept[N]' {pcr8}" in message
    )
    assert f"pulumi up --stack {HUB}" in message


@pytest.mark.parametrize("osc", ["1.9.0", "1.11.0", "1.12.1"])
def test_pods_that_do_not_speak_with_the_other_stacks_kbs_are_an_error_with_both_ways_out(hub: Run, osc: str) -> None:
    message = _refused(SPOKE, Recorder(osc=osc, stacks={HUB: {**hub.exports}}))

    minor = osc.rpartition(".")[0]
    assert f"pod VMs of OSC {minor} (sandboxed-containers-operator.v{osc}) speak version" in message
    assert f"KBS of Trustee 0.4 (trustee-operator.v0.4.0, of stack {HUB}) takes 0.2.0 only" in message
    assert f"pulumi config set --stack {HUB} --path 'coco-azure:trustee.operator.version' VERSION" in message
    assert "pin 1.10.x: pulumi config set --path 'coco-azure:peerPods.operator.version' VERSION" in message


def test_a_hub_of_a_version_that_this_program_does_not_know_is_judged_by_what_it_says_it_speaks(hub: Run) -> None:
    csv = {"package": "trustee-operator", "csv": "trustee-operator.v3.0.0", "profile": "3.0", "protocol": "0.9.0"}
    newer = {**hub.exports["proof"], "versions": [csv], "acceptedPcr8": []}

    message = _refused(SPOKE, _stacks(hub, proof=newer))
    assert "KBS of Trustee 3.0 (trustee-operator.v3.0.0" in message
    assert "takes 0.9.0 only" in message

    same = {**newer, "versions": [{**csv, "protocol": "0.2.0"}]}
    assert "initdataPcr8" in run_program(SPOKE, _stacks(hub, proof=same)).exports


def test_an_upgrade_may_stop_at_a_hub_that_refuses_the_pods_and_is_told(hub: Run) -> None:
    proof = {**hub.exports["proof"], "acceptedPcr8": []}
    config = {"trustee": {"stack": HUB, "allowProtocolGap": True}}
    run = run_program(config, Recorder(osc="1.12.1", stacks={HUB: {**hub.exports, "proof": proof}}))

    (items,) = [each for each in run.exports["proof"]["warnings"] if "allowProtocolGap" in each]
    assert "takes 0.2.0 only" in items
    assert "attested" not in run.exports


def test_every_document_has_to_be_accepted(hub: Run) -> None:
    accepting = _accepting(hub, SPOKE)
    message = _refused({**SPOKE, "initdata": {"workloads": {"shop": {"allowedImages": ["quay.io/shop"]}}}}, accepting)

    assert "initdata (shop)" in message
    assert "initdata (global)" not in message


def test_a_production_stack_takes_no_trustee_for_development(hub: Run) -> None:
    proof = {**hub.exports["proof"], "environment": "development", "acceptedPcr8": []}
    message = _refused({**SPOKE, "environment": "production"}, _stacks(hub, proof=proof))

    assert f"pulumi config set --stack {HUB} coco-azure:environment production" in message


@pytest.mark.parametrize("output", ["trusteeUrl", "attestationChecks", "trusteeContent"])
def test_a_stack_without_a_trustee_is_an_error(hub: Run, output: str) -> None:
    message = _refused(SPOKE, _accepting(hub, SPOKE, **{output: None}))

    assert f"trustee.stack is {HUB}, which has no output {output}" in message


def test_a_resource_that_is_not_served_there_is_an_error_unless_nothing_asks_for_it(hub: Run) -> None:
    other = {**SPOKE, "attestationCheck": {"resource": "default/other/key"}}
    message = _refused(other, _accepting(hub, SPOKE))
    assert "served: default/attestation-check/value, default/kbsres1/key1, default/kbsres1/key2" in message

    off = {**SPOKE, "attestationCheck": {"resource": "default/other/key", "enabled": False}}
    assert "attested" not in run_program(off, _accepting(hub, off)).exports


def test_sealed_secrets_are_signed_with_the_key_of_the_trustees_stack(hub: Run) -> None:
    config = {**SPOKE, "sealedSecrets": SEALED}
    data = _plain(run_program(config, _accepting(hub, config)).registrations["sealed-shop-db"].inputs["data"])

    jwk = _plain(hub.objects()["Secret trustee-operator-system/sealed-secret-key"]["data"])["jwk"]
    text = base64.b64decode(_plain(data["password"])).decode()
    assert sealed_secrets.unseal(text, base64.b64decode(_plain(jwk)).decode()) == "kbs:///default/kbsres1/key1"


def test_the_terms_of_workloads_have_what_the_other_stack_gives_them(hub: Run) -> None:
    config = {**SPOKE, "initdata": {"workloads": {"shop": {"allowedImages": ["quay.io/shop"]}}}}
    run = run_program(config, _accepting(hub, config))

    terms = one_line.read(run.exports["workloads"])["shop"]
    assert terms["secrets"] == ["default/kbsres1/key1", "default/kbsres1/key2"]
    assert sealed_secrets.kid(terms["sealed"]["default/kbsres1/key1"]) == sealed_secrets.SIGNING_KEY.uri
    policy = _plain(hub.objects()["Secret trustee-operator-system/security-policy"]["data"])["osc"]
    assert json.loads(terms["image_policy"]) == json.loads(base64.b64decode(_plain(policy)))


def test_sealed_secrets_that_cannot_be_signed_or_served_are_an_error(hub: Run) -> None:
    message = _refused({**SPOKE, "sealedSecrets": SEALED}, _accepting(hub, SPOKE, sealingKey=None))
    assert f"the Trustee of {HUB} keeps no key to sign them with" in message

    other = {"shop": {"db": {"password": "default/other/key"}}}
    assert "sealedSecrets.shop.db.password" in _refused({**SPOKE, "sealedSecrets": other}, _accepting(hub, SPOKE))


def test_a_stack_without_sealed_secrets_and_with_pods_keeps_no_key() -> None:
    assert "trustee-content-sealing-key" not in run_program({}).registrations
    run = run_program({"sealedSecrets": SEALED})
    assert {"trustee-content-sealing-key", "trustee-content-sealed-secret-key"} <= run.registrations.keys()
    assert {"trustee-kbs", "peer-pods-caa-restarted"} <= run.dependencies("sealed-shop-db")


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ({**ALONE, "sealedSecrets": SEALED}, "no pod of this stack could unseal them"),
        ({**ALONE, "clientSecrets": {"sealed-secret-key": {"a": "b"}}}, "clientSecrets.sealed-secret-key"),
        (
            {
                "trustee": {
                    "registryCredentials": {
                        "registries": {"quay.io": {"username": "a", "password": "b"}},
                        "secret": "security-policy",
                    }
                }
            },
            "the image policy and registryCredentials",
        ),
        (
            {
                "trustee": {
                    "imageSignature": {
                        "publicKeyFile": "tests/unit/keys/cosign.pub",
                        "images": ["registry.access.redhat.com/ubi9"],
                        "secret": "security-policy",
                    }
                }
            },
            "the image policy and imageSignature",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(config: dict[str, Any], part: str) -> None:
    with pytest.raises(pulumi.RunError) as error:
        run_program(config)

    assert part in str(error.value)


def test_a_trustee_alone_needs_no_resource_for_a_check() -> None:
    run = run_program({**ALONE, "clientSecrets": {"db": {"password": "hidden"}}})

    assert _plain(run.exports["attestationChecks"]).keys() == {
        "default/db/password",
        "default/kbsres1/key1",
        "default/kbsres1/key2",
    }


class _Domains(Recorder):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        name, result = super().new_resource(args)
        if args.name == "trustee-facts-ingress":
            result["spec"] = {"domain": "apps.trusted.example.com"}
        return name, result


def test_the_domain_of_the_trusted_cluster_decides_the_host() -> None:
    run = run_program({"trustee": {"cluster": {"kubeconfig": "trusted", "context": "admin"}}}, _Domains())

    host = "kbs-service-trustee-operator-system.apps.trusted.example.com"
    assert run.exports["trusteeUrl"] == f"https://{host}"
    assert run.objects()["Route trustee-operator-system/kbs-service"]["spec"]["host"] == host
    result = run.registrations["trustee-cluster"].inputs
    assert (result["kubeconfig"], result["context"]) == ("trusted", "admin")
    assert result["clusterIdentifier"] == "test-trustee-cluster"
    assert run.exports["proof"]["ownCluster"] is True


def test_an_error_in_the_chain_leaves_nothing_behind() -> None:
    run = run_program({})

    # What is made first waits for the chain, and so for everything that the chain was made of.
    for name in ("check-namespace", "trustee-operator-namespace", "peer-pods-operator-namespace"):
        assert "facts-ingress" in run.dependencies(name), name


def _plain(values: Any) -> Any:
    return values.value if isinstance(values, Secret) else values
