"""The proof report of a stack: what it says, that it is always the same, and that no secret is in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from coco_azure.formats.pki import issuing
from coco_azure.trust import proof
from coco_azure.trust import proof_report as report
from tests.unit import pki
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import KEYS, PRODUCTION, chain, changed, file, stack

# No hash and no name of the report has it, whatever it is: hypothesis also tries words of the code, such as keys.
SECRETS = st.text(
    st.characters(codec="ascii", min_codepoint=33, exclude_characters=':\\"'), min_size=12, max_size=40
).map("~?{}".format)


def _report(
    config: dict[str, Any], osc: str | None = "1.12", trustee: str | None = "1.2", server_certificate: str | None = None
) -> dict[str, Any]:
    return proof.to_dict(report.proof_of(stack(config), chain(config, osc, trustee), ["a warning"], server_certificate))


def test_a_report_names_versions_documents_values_and_policies() -> None:
    result = _report(dict(PRODUCTION))

    assert result["environment"] == "production"
    assert [each["csv"] for each in result["versions"]] == [
        "sandboxed-containers-operator.v1.12.0",
        "trustee-operator.v1.2.0",
    ]
    assert [each["protocol"] for each in result["versions"]] == ["0.4.0", "0.4.0"]
    check, document = result["initdata"]
    assert (document["scope"], document["algorithm"]) == ("global", "sha256")
    assert check["scope"] == "attestation-check"
    assert result["acceptedPcr8"] == sorted([document["pcr8"], check["pcr8"]])
    assert result["secrets"] == {document["pcr8"]: [], check["pcr8"]: ["default/attestation-check/value"]}
    assert [each["name"] for each in result["referenceValues"]] == [
        f"snp_pcr{pcr}" for pcr in ("03", "08", "09", "11", "12")
    ]
    assert {each["expires"] for each in result["referenceValues"]} == {"2099-12-31T23:59:59Z"}
    assert {each["kind"]: each["source"] for each in result["policies"]} == dict.fromkeys(
        ("agent", "attestation", "image", "resource"), "production"
    )
    assert result["warnings"] == ["a warning"]


def test_the_hash_of_a_policy_is_that_of_its_text(tmp_path: Path) -> None:
    text = "package policy\ndefault allow = true\n"
    config = {"trustee": {"resourcePolicyFile": file(tmp_path, "own.rego", text)}}

    (items,) = [each for each in _report(config)["policies"] if each["kind"] == "resource"]

    assert items == {"kind": "resource", "source": "file of the stack", "sha256": proof.text_hash(text)}


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ({"agentPolicy": "development"}, "development"),
        ({"allowedImages": ["quay.io/org/app"]}, "production"),
        ({"agentPolicyFile": "coco_azure/formats/rego/agent_production.rego"}, "file of the stack"),
    ],
)
def test_the_agent_policy_is_said_to_be_whose_it_is(values: dict[str, Any], source: str) -> None:
    (items,) = [each for each in _report({"initdata": values})["policies"] if each["kind"] == "agent"]

    assert items["source"] == source


def test_the_policy_of_the_image_is_not_claimed() -> None:
    assert "agent" not in {each["kind"] for each in _report({})["policies"]}


@pytest.mark.parametrize(
    ("config", "osc", "trustee", "own"),
    [
        ({}, "1.12", "1.2", False),
        ({"trustee": {"cluster": {"context": "trusted"}}}, "1.12", "1.2", True),
        ({"peerPods": {"enabled": False}}, None, "1.2", True),
        ({"trustee": {"stack": "o/p/s"}}, "1.12", None, True),
    ],
)
def test_a_trustee_beside_the_pods_that_it_judges_has_no_cluster_of_its_own(
    config: dict[str, Any], osc: str | None, trustee: str | None, *, own: bool
) -> None:
    assert _report(config, osc, trustee)["ownCluster"] is own


def test_a_spoke_reports_its_documents_and_no_policy_of_trustee() -> None:
    result = _report({"trustee": {"stack": "o/p/s"}, "initdata": {"agentPolicy": "production"}}, trustee=None)

    assert [each["kind"] for each in result["policies"]] == ["agent"]
    assert [each["package"] for each in result["versions"]] == ["sandboxed-containers-operator"]
    assert result["referenceValues"] == []


@pytest.mark.parametrize(("termination", "use"), [("edge", "Route"), ("passthrough", "KBS")])
def test_certificates_are_named_by_their_use(termination: str, use: str) -> None:
    signer = {"certificateFile": f"{KEYS}/signer-p256.crt", "privateKeyFile": f"{KEYS}/signer-p256.key"}
    config = {"trustee": {"tls": {"termination": termination}, "tokenSigner": signer}}

    result = _report(config, server_certificate=pki.CHAIN)["certificates"]

    assert {each["use"]: each["subject"] for each in result} == {
        use: "CN=leaf",
        "token signer": "CN=attestation token signer",
    }


@run_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=SECRETS, password=SECRETS)
def test_no_secret_is_ever_in_a_report(value: str, password: str) -> None:
    admin = issuing.generate_private_key()
    config = changed(
        PRODUCTION,
        clientSecrets={"kbsres1": {"key1": value}},
        initdata={"secrets": ["kbsres1"]},
        trustee__adminPrivateKey=admin,
        trustee__registryCredentials={"registries": {"quay.io": {"username": "robot", "password": password}}},
        trustee__tokenSigner={
            "certificateFile": f"{KEYS}/signer-p256.crt",
            "privateKey": (ROOT / KEYS / "signer-p256.key").read_text(),
        },
    )

    result = json.dumps(_report(config, server_certificate=pki.CHAIN), ensure_ascii=False)

    assert value not in result
    assert password not in result
    assert "PRIVATE KEY" not in result
    assert all(line not in result for line in admin.splitlines()[1:-1])


def test_equal_chains_give_equal_reports_and_another_secret_changes_nothing() -> None:
    listed = changed(PRODUCTION, initdata={"secrets": ["kbsres1"]})
    one = changed(listed, clientSecrets={"kbsres1": {"key1": "one"}})
    two = changed(listed, clientSecrets={"kbsres1": {"key1": "two"}})

    assert json.dumps(_report(one)) == json.dumps(_report(one))
    assert _report(one) == _report(two)


def test_another_version_or_another_policy_gives_another_report() -> None:
    assert _report({}, trustee="1.1") != _report({}, trustee="1.2")
    assert _report({}) != _report({"initdata": {"agentPolicy": "production"}})
