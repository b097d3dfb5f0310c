"""Names of reference values that the judging policy never asks for are a problem, in development, too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.policy import policies
from coco_azure.trust import checks, history
from coco_azure.versions.profiles import TRUSTEE
from tests.unit.trust_stacks import HOST, MEASURED, NOW, PRODUCTION, chain, changed, entry, file, stack

SPEAKING = {"0.3": "1.9", "0.4": "1.10"}
_TEXT = "trustee.referenceValuesFile: "
PCCS = {"pccsUrl": "https://pccs.example.com/sgx/certification/v4/"}


def _config(environment: str, tee: str, values: str, **trustee: Any) -> dict[str, Any]:
    base: dict[str, Any] = dict(PRODUCTION) if environment == "production" else {}
    tdx = {"tdx": PCCS} if tee == "tdx" else {}
    config = changed(base, peerPods__tee=tee, trustee__referenceValuesFile=values)
    return {**config, "trustee": {**config["trustee"], **tdx, **trustee}}


def _messages(config: dict[str, Any], version: str) -> list[str]:
    problems = checks.problems(stack(config), chain(config, SPEAKING.get(version, "1.12"), version), HOST, NOW)
    return [problem for problem in problems if problem.startswith(_TEXT)]


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize("tee", ["snp", "tdx"])
def test_the_names_of_the_version_and_the_tee_are_asked_for(
    tmp_path: Path, environment: str, tee: str, version: str
) -> None:
    profile = TRUSTEE[version]
    right = file(tmp_path, "right.json", [entry(profile.reference_name(tee, pcr)) for pcr in (3, 4, 9)])

    assert _messages(_config(environment, tee, right), version) == []


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    "form",
    [
        "pcr{:02}",
        "{tee}_pcr{:01}",
        "{tee}_PCR{:02}",
        "{other}_pcr{:02}",
        "{claim}.tpm.pcr{:01}",
        "az-{tee}.tpm.pcr{:02}",
    ],
)
def test_a_name_of_another_form_is_told_with_the_right_one(
    tmp_path: Path, form: str, environment: str, version: str
) -> None:
    profile = TRUSTEE[version]
    name = form.format(3, tee="snp", other="tdx", claim=profile.claims["snp"])
    values = file(tmp_path, "values.json", [entry(name)])

    (problem,) = _messages(_config(environment, "snp", values), version)

    assert f"Trustee {version} never asks for this name" in problem
    assert f"{name} (" in problem
    assert f"write {profile.reference_name('snp', 3)})" in problem
    assert ("of TDX pod VMs, and peerPods.tee is snp" in problem) is name.startswith("tdx")


@given(st.sampled_from(sorted(TRUSTEE)), st.text(st.sampled_from("abcxyz_.-"), min_size=1, max_size=12))
def test_any_other_name_is_told_with_an_example(version: str, name: str) -> None:
    profile = TRUSTEE[version]
    asked = history.known(stack(), profile)

    assert (name in asked) or "names are such as" in history._advice(name, sorted(asked), stack(), profile, own=False)


def test_wrong_names_beside_right_ones_are_one_problem(tmp_path: Path) -> None:
    """Case of a real file: PCR 3 and PCR 9 without their zero, in production, the others right."""
    values = file(tmp_path, "values.json", [entry(f"snp_pcr{pcr}") for pcr in ("3", "08", "9", "11", "12")])
    config = _config("production", "snp", values, referenceValues={"expires": MEASURED["expires"]})

    (problem,) = _messages(config, "1.1")

    assert "never asks for these names" in problem
    assert "snp_pcr3 (write snp_pcr03), snp_pcr9 (write snp_pcr09)" in problem
    assert "snp_pcr11" not in problem


OWN = """package policy

import rego.v1
default executables := 33
default hardware := 97
default configuration := 36

# data.reference.unused is only spoken of
executables := 3 if {
  input.azsnpvtpm.tpm.pcr03 in data.reference.pcr03
  input.azsnpvtpm.tpm.pcr09 in data.reference["pcr09"]
}

hardware := 0 if input.azsnpvtpm

configuration := 0 if input.azsnpvtpm
"""


def test_a_policy_of_ones_own_is_judged_by_the_names_that_it_asks_for(tmp_path: Path) -> None:
    policy = file(tmp_path, "own.rego", OWN)
    right = file(tmp_path, "right.json", [entry("pcr03"), entry("pcr09")])
    config = _config("development", "snp", right, attestationPolicyFile=policy)

    assert sorted(history.asked_by(OWN) or ()) == ["pcr03", "pcr09"]
    assert checks.problems(stack(config), chain(config, "1.12", "1.0"), HOST, NOW) == []
    wrong = file(tmp_path, "wrong.json", [entry("pcr3"), entry("pcr09")])
    (problem,) = _messages(_config("development", "snp", wrong, attestationPolicyFile=policy), "1.0")
    assert "trustee.attestationPolicyFile never asks for this name" in problem
    assert "pcr3 (write pcr03)" in problem


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("variant", ["development", "production"])
def test_a_policy_that_makes_names_up_is_not_judged_by_them(version: str, variant: Any) -> None:
    assert history.asked_by(policies.attestation_policy(TRUSTEE[version], variant)) is None


def _config_map(content: str, **other: str) -> str:
    metadata = {"name": "rvps-reference-values", "namespace": "trustee-operator-system"}
    data = {"reference-values.json": content, **other}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


@pytest.mark.parametrize("version", TRUSTEE)
@pytest.mark.parametrize("environment", ["development", "production"])
def test_names_in_a_config_map_are_judged_as_in_a_file(tmp_path: Path, environment: str, version: str) -> None:
    listed = [entry("pcr03")]
    plain = file(tmp_path, "plain.json", listed)
    wrapped = file(tmp_path, "wrapped.json", _config_map(json.dumps(listed)))

    one, other = (_messages(_config(environment, "snp", values), version) for values in (plain, wrapped))

    assert one == other != []
