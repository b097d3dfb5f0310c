"""Claims, verdicts and tokens are what the brokers of each version of Trustee make of them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from coco_azure.formats.policy.attestation_tokens import Appraisal, appraise, policy_input, token
from coco_azure.formats.policy.claims import expected_claims
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import judge_attestation, judge_resource
from tests.unit.formats.test_policy_check import AFFIRM_ALL, DENY_ALL
from tests.unit.policy_profiles import EAR, PROFILES, SIMPLE, VERSIONS
from tests.unit.recording import ROOT

each_version = pytest.mark.parametrize("version", VERSIONS)
each_ear = pytest.mark.parametrize("version", EAR)


@pytest.mark.parametrize("version", SIMPLE)
def test_claims_are_flattened_as_the_simple_broker_does(version: str) -> None:
    profile = PROFILES[version]
    result = policy_input(profile, "tdx", expected_claims("tdx", profile, {}))

    assert result["aztdxvtpm.quote.header.tee_type"] == "81000000"
    assert result["aztdxvtpm.tpm.pcr08"] == result["init_data"]
    assert {key for key in result if "." not in key} == {"init_data", "report_data"}


@each_ear
def test_claims_are_nested_as_the_ear_broker_does(version: str) -> None:
    profile = PROFILES[version]
    result = policy_input(profile, "snp", expected_claims("snp", profile, {}))

    assert result.keys() == {
        "init_data",
        "init_data_claims",
        "report_data",
        "runtime_data_claims",
        profile.claims["snp"],
    }
    assert "init_data" not in result[profile.claims["snp"]]


@pytest.mark.parametrize(
    ("vector", "status"),
    [
        ({}, "none"),
        ({"hardware": 0, "executables": 1, "configuration": -1}, "none"),
        ({"hardware": 2, "executables": 0}, "affirming"),
        ({"hardware": 2, "executables": 31}, "affirming"),
        ({"hardware": -32}, "affirming"),
        ({"hardware": 2, "executables": 32}, "warning"),
        ({"hardware": -33}, "warning"),
        ({"hardware": 95}, "warning"),
        ({"hardware": 2, "executables": 96, "configuration": 33}, "contraindicated"),
        ({"hardware": -97}, "contraindicated"),
    ],
)
def test_the_status_is_the_worst_tier(vector: Mapping[str, int], status: str) -> None:
    assert appraise(vector).status == status


def _attest(text: str, version: str) -> Any:
    profile = PROFILES[version]
    return judge_attestation(text, profile, expected_claims("snp", profile, {}), "snp", {})


@pytest.mark.parametrize(
    ("version", "trust_claims", "text"),
    [
        ("1.1", '{"hardwear": 2}', "hardwear is no trust claim"),
        ("1.2", '{"hardware": "2"}', "needed is an integer from -128 to 127"),
        ("1.2", '{"hardware": true}', "needed is an integer"),
        ("1.2", "{}", "makes no trust claim"),
        ("1.2", "[2]", "needed is an object of numbers"),
        ("1.1", '{"hardware": 2}\nextensions := [{"name": "x"}]', "rule extensions is no list of objects"),
    ],
)
def test_a_verdict_that_the_broker_cannot_read_is_an_error(version: str, trust_claims: str, text: str) -> None:
    with pytest.raises(PolicyError, match=text):
        _attest(f"package policy\nimport rego.v1\ntrust_claims := {trust_claims}\n", version)


def test_trustee_1_0_reads_the_three_rules_and_nothing_else() -> None:
    text = AFFIRM_ALL + "default sourced_data := 96\n"

    assert _attest(text, "1.0") == Appraisal(
        vector={"executables": 2, "hardware": 2, "configuration": 2}, status="affirming"
    )
    with pytest.raises(PolicyError, match="has the value undefined"):
        _attest(AFFIRM_ALL.replace("default hardware := 2", "hardware := 2 if input.none"), "1.0")


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_extensions_may_be_there_and_hyphens_are_the_names(version: str) -> None:
    text = 'package policy\nimport rego.v1\ntrust_claims := {"sourced-data": 2}\n'
    extensions = 'extensions := [{"name": "ear.trustee.x", "key": -18, "value": {}}]\n'

    assert _attest(text + extensions, version).status == "affirming"


@pytest.mark.parametrize("version", SIMPLE)
def test_a_simple_verdict_must_be_true_or_false(version: str) -> None:
    with pytest.raises(PolicyError, match="needed is true or false"):
        _attest("package policy\nallow := 1\n", version)


@each_version
def test_a_resource_policy_may_look_at_the_path(version: str) -> None:
    profile = PROFILES[version]
    path = '["default", "kbsres1", "key1"]' if profile.reference_function else '"resource/default/kbsres1/key1"'
    text = f'{DENY_ALL}allow if data["resource-path"] == {path}\n'
    result = token(
        profile, "snp", expected_claims("snp", profile, {}), appraise({"hardware": 2}) if version in EAR else True
    )
    assert result is not None

    assert judge_resource(text, profile, result, "default/kbsres1/key1")
    assert not judge_resource(text, profile, result, "default/kbsres1/key2")
    assert not judge_resource("package policy\nallow := 1\n", profile, result, "default/kbsres1/key1")


def test_an_error_of_the_engine_looks_up_no_stack_trace() -> None:
    # It would take 50 ms for each rule that a policy does not have, of which there are many in a run.
    code = (
        "import regorus, coco_azure.formats.policy.policy_engine\n"
        "try: regorus.Engine().eval_rule_as_json('data.nothing')\n"
        "except RuntimeError as error: print(error)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "RUST_LIB_BACKTRACE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, "RUST_BACKTRACE": "1"}, capture_output=True, check=True, text=True
    )

    assert done.stdout.strip()
    assert "backtrace" not in done.stdout.lower()
