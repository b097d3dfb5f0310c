"""What is wrong with a chain, and what is allowed and yet told: each message says found, needed and the remediation."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coco_azure.trust import checks
from coco_azure.trust.values import NOBODY
from coco_azure.versions.profiles import TRUSTEE
from tests.unit import pki
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import HOST, KEYS, NOW, PLACE, PRODUCTION, chain, changed, entry, file, stack

BOOT = "PCR 4 and 7 may be anything (4: the boot loader, 7: the state and the keys of secure boot)"
DEMONSTRATION = "Trustee runs on the cluster of the pods that it judges"
BROKEN = "package policy\nimport rego.v1\nallow if {\n  nonsense(\n}\n"
DENY = "package policy\ndefault allow = false\n"
ALLOW = "package policy\ndefault allow = true\n"
AGENT = "package agent_policy\n"
IMAGE_PCRS = [entry(f"snp_pcr{pcr:02}") for pcr in (3, 9, 11, 12)]


def _problems(
    config: dict[str, Any], osc: str | None = None, trustee: str | None = "1.2", now: datetime = NOW
) -> list[str]:
    made = chain(config, _osc(config, osc, trustee), trustee, PLACE)
    return checks.problems(stack(config), made, HOST if trustee else "", now)


def _warnings(
    config: dict[str, Any], osc: str | None = None, trustee: str | None = "1.2", now: datetime = NOW
) -> list[str]:
    return checks.warnings(stack(config), chain(config, _osc(config, osc, trustee), trustee, PLACE), now)


def _osc(config: dict[str, Any], osc: str | None, trustee: str | None) -> str | None:
    """Return the version of OSC: by default the newest that speaks with this Trustee; none in a hub."""
    if not stack(config).peer_pods.enabled:
        return None
    return osc or (osc_of(trustee) if trustee else "1.12")


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_good_production_stack_has_no_problem_and_three_known_warnings(version: str) -> None:
    config = changed(PRODUCTION, trustee__referenceValues__initdata=True)

    assert _problems(config, trustee=version) == []
    workload, boot, where = _warnings(config, trustee=version)
    assert workload.startswith("the agent policy does not know what containers run: the host can start any image")
    assert boot.startswith(BOOT)
    assert where.startswith(DEMONSTRATION)
    assert "Set coco-azure:trustee.cluster or trustee.stack" in where


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_development_stack_has_no_problem_and_its_three_warnings(version: str) -> None:
    assert _problems({}, trustee=version) == []

    empty, passed, where = _warnings({}, trustee=version)
    assert "RVPS is empty: every genuine confidential VM" in empty
    assert "trustee.referenceValues.image" in empty
    assert passed.startswith("this development stack hands out secrets to: SNP pod VM")
    assert "SNP pod VM with a wrong PCR 8" in passed
    assert "TDX" not in passed
    assert "pulumi config set coco-azure:environment production" in passed
    assert where.startswith(DEMONSTRATION)


@pytest.mark.parametrize("name", ["resourcePolicyFile", "attestationPolicyFile"])
def test_a_policy_that_does_not_compile_is_told_once_with_its_line(tmp_path: Path, name: str) -> None:
    messages = _problems({"trustee": {name: file(tmp_path, "broken.rego", BROKEN)}})

    assert messages == [f"coco-azure:trustee.{name}: line 5, column 1: expecting expression; the line is: }}"]


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"initdata": {"agentPolicyFile": "?"}}, "initdata.agentPolicyFile"),
        ({"initdata": {"workloads": {"web": {"agentPolicyFile": "?"}}}}, "initdata.workloads.web.agentPolicyFile"),
        ({"attestationCheck": {"agentPolicyFile": "?"}}, "attestationCheck.agentPolicyFile"),
    ],
)
def test_an_agent_policy_that_does_not_compile_names_its_setting(
    tmp_path: Path, values: dict[str, Any], setting: str
) -> None:
    path = file(tmp_path, "broken.rego", BROKEN.replace("package policy", "package agent_policy"))

    (problem,) = _problems(json.loads(json.dumps(values).replace("?", path)))

    assert problem == f"coco-azure:{setting}: line 5, column 1: expecting expression; the line is: }}"


def test_an_agent_policy_must_let_a_pod_start_and_in_production_say_no_to_a_shell(tmp_path: Path) -> None:
    nothing = file(tmp_path, "nothing.rego", AGENT)
    shell = changed(PRODUCTION, attestationCheck__agentPolicyFile="coco_azure/formats/rego/agent_allow_all.rego")

    assert any(
        "denies CreateSandboxRequest: no pod would start" in text
        for text in _problems({"initdata": {"agentPolicyFile": nothing}})
    )
    (problem,) = {text for text in _problems(shell) if "ExecProcessRequest" in text}
    assert "a shell in the pod" in problem
    assert "coco-azure:initdata.agentPolicyFile" in problem


def test_what_an_agent_policy_allows_in_development_is_a_warning() -> None:
    messages = _warnings({"initdata": {"agentPolicy": "development"}})

    assert any("the agent policy allows ExecProcessRequest" in warning for warning in messages)


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_policy_that_denies_everybody_is_told_once(tmp_path: Path, version: str) -> None:
    (problem,) = _problems({"trustee": {"resourcePolicyFile": file(tmp_path, "deny.rego", DENY)}}, trustee=version)

    assert "by the resource policy, every documented TEE is turned away, so no pod gets a secret" in problem
    assert "pulumi config rm --path 'coco-azure:trustee.resourcePolicyFile'" in problem


def test_a_policy_that_lets_the_sample_attester_pass_is_no_production_policy(tmp_path: Path) -> None:
    config = changed(PRODUCTION, trustee__resourcePolicyFile=file(tmp_path, "allow.rego", ALLOW))
    config = changed(config, trustee__referenceValues__initdata=True)

    problem, *across = _problems(config, trustee="0.3")

    assert "by the resource policy, the sample attester may pass: anybody can run" in problem
    assert "pulumi config rm --path 'coco-azure:trustee.resourcePolicyFile'" in problem
    assert len(across) == 1
    assert "by the resource policy, pods of the global document may have default/attestation-check/value" in across[0]


def test_an_expired_value_is_told_by_its_name_and_not_by_what_follows_from_it() -> None:
    late = datetime(2100, 1, 1, tzinfo=UTC)

    messages = _problems(dict(PRODUCTION), now=late)

    assert len(messages) == 5
    assert all(
        "expired on 2099-12-31 23:59 UTC: a production policy denies every pod then, and a development one may" in text
        for text in messages
    )


def test_a_value_that_soon_expires_is_a_warning() -> None:
    soon = datetime(2099, 12, 20, tzinfo=UTC)

    items = [text for text in _warnings(dict(PRODUCTION), now=soon) if "expires on" in text]

    assert len(items) == 5
    assert "trustee.referenceValues.expires YYYY-MM-DD" in items[0]


def test_names_of_another_version_demand_nothing_and_are_told(tmp_path: Path) -> None:
    own = file(tmp_path, "own.json", [entry("az-snp-vtpm.tpm.pcr08"), entry("snp_pcr03")])
    config = {"trustee": {"referenceValuesFile": own}}

    (older,) = _problems(config, osc="1.9", trustee="0.3")
    (newer,) = _problems(config, trustee="1.2")

    assert "the attestation policy of Trustee 0.3 never asks for these names, so nothing would be held" in older
    assert "az-snp-vtpm.tpm.pcr08 (write azsnpvtpm.tpm.pcr08), snp_pcr03 (write azsnpvtpm.tpm.pcr03)" in older
    assert "the attestation policy of Trustee 1.2 never asks for this name" in newer
    assert "az-snp-vtpm.tpm.pcr08 (write snp_pcr08)" in newer


def test_production_on_osc_1_9_is_told_that_its_image_may_not_measure_initdata() -> None:
    (problem,) = _problems(dict(PRODUCTION), osc="1.9", trustee="0.3")

    assert "no initdata is demanded: the pod VM image of OSC 1.9 is not known to measure it into PCR 8" in problem
    assert "coco-azure:trustee.referenceValues.initdata true" in problem
    measured = changed(PRODUCTION, trustee__referenceValues__initdata=True)
    assert _problems(measured, osc="1.9", trustee="0.3") == []


def test_a_production_hub_may_come_before_its_stacks_and_accepts_nobody_until_it_knows_their_initdata() -> None:
    hub = changed(PRODUCTION, peerPods__enabled=False)

    judgement = chain(hub, None, "1.2", PLACE).judgement

    assert judgement is not None
    (value,) = [value for value in judgement.values if value.name.endswith("pcr08")]
    assert value.values == (NOBODY,)
    assert _problems(hub) == []
    warning, boot = _warnings(hub)
    assert boot.startswith(BOOT)
    assert "accepts no initdata yet, so it denies every pod" in warning
    assert "`pulumi preview` of the stack that uses it" in warning
    known = changed(hub, trustee__referenceValues__alsoAccept=["ab" * 32])
    assert _problems(known) == []
    assert [each[: len(BOOT)] for each in _warnings(known)] == [BOOT]


def test_production_without_a_pcr_of_the_image_lets_any_image_pass_and_is_refused(tmp_path: Path) -> None:
    only = changed(
        PRODUCTION,
        trustee__referenceValues={"expires": "2099-12-31"},
        trustee__referenceValuesFile=file(tmp_path, "own.json", [entry("snp_pcr08"), entry("snp_tcb", "5")]),
    )

    name, problem = _problems(only)

    assert "snp_tcb (names are such as snp_pcr08)" in name
    assert "no PCR of the pod VM image is demanded, so any image passes" in problem
    assert "coco-azure:trustee.referenceValues.image or measurementsFile" in problem
    assert "found there: snp_pcr08, snp_tcb" in problem
    whole = changed(only, trustee__referenceValuesFile=file(tmp_path, "whole.json", IMAGE_PCRS))
    assert _problems(whole) == []


def _tls(folder: Path, name: str, days: int = 100) -> dict[str, str]:
    start, end = NOW - timedelta(days=100), NOW + timedelta(days=days)
    own = pki.make("kbs", pki.ROOT_CA, names=(name,), start=start, end=end)
    root = pki.make("root", authority=True, key=pki.ROOT_CA.private, start=start, end=end)
    return {
        "certificateFile": file(folder, "kbs.crt", own.pem),
        "privateKeyFile": file(folder, "kbs.key", own.key),
        "caCertificateFile": file(folder, "ca.crt", root.pem),
    }


def test_a_certificate_for_another_host_or_of_another_time_is_a_problem(tmp_path: Path) -> None:
    other = _tls(tmp_path, "other.example.com")
    (problem,) = _problems({"trustee": {"tls": other}})
    assert problem.startswith("trustee.tls.certificateFile: ")
    assert f"needed {HOST} or *.example.com" in problem

    good = {"trustee": {"tls": _tls(tmp_path, HOST)}}
    assert _problems(good) == []
    (late,) = _problems(good, now=NOW + timedelta(days=101))
    assert "expired at 2027-04-11" in late
    assert "Renew it" in late


def test_a_certificate_that_soon_expires_is_a_warning_from_the_day_that_the_stack_says(tmp_path: Path) -> None:
    tls = _tls(tmp_path, HOST, days=10)
    config = {"trustee": {"tls": tls, "referenceValues": {"warnDays": 10}}}

    def warned(now: datetime) -> list[str]:
        return [text for text in _warnings(config, now=now) if "certificate" in text]

    assert warned(NOW - timedelta(seconds=1)) == []
    (warning,) = warned(NOW)
    assert warning.startswith(
        "coco-azure:trustee.tls.certificateFile: a certificate of the chain expires at 2027-01-11"
    )


@pytest.mark.parametrize(("version", "kind"), [("0.4", "p256"), ("1.0", "rsa")])
def test_a_signer_of_the_wrong_kind_is_a_problem_of_the_version(version: str, kind: str) -> None:
    config = {"trustee": {"tokenSigner": _signer(kind)}}

    (problem,) = _problems(config, trustee=version)

    assert problem.startswith("trustee.tokenSigner.certificateFile: the signer has ")
    assert "openssl req -x509" in problem
    assert _problems({"trustee": {"tokenSigner": _signer("rsa" if kind == "p256" else "p256")}}, trustee=version) == []


def _signer(kind: str) -> dict[str, str]:
    return {"certificateFile": f"{KEYS}/signer-{kind}.crt", "privateKeyFile": f"{KEYS}/signer-{kind}.key"}


def test_a_spoke_is_judged_by_its_agent_policies_alone() -> None:
    spoke = {"trustee": {"stack": "o/p/s"}, "initdata": {"agentPolicy": "development"}}

    assert _problems(spoke, trustee=None) == []
    assert all("the agent policy" in text for text in _warnings(spoke, trustee=None))


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    config = {
        "trustee": {"resourcePolicyFile": file(tmp_path, "broken.rego", BROKEN), "tls": _tls(tmp_path, "other.org")},
        "initdata": {"agentPolicyFile": file(tmp_path, "agent.rego", BROKEN.replace("policy", "agent_policy", 1))},
    }

    message = checks.describe(_problems(config))

    assert message.startswith("3 problems in the settings of this stack (nothing was changed):\n  - ")
    for setting in ("initdata.agentPolicyFile", "trustee.tls.certificateFile", "trustee.resourcePolicyFile"):
        assert setting in message
