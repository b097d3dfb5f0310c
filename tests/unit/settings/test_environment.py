"""What a production stack has to say and must not say; each with its remediation, all at once."""

from typing import Any

import pytest

from coco_azure.settings import SettingsError
from tests.unit.trust_stacks import MEASURED, PRODUCTION, changed, refused, stack

OUT = "pulumi config set --path 'coco-azure:environment' development"


def _problems(config: dict[str, Any]) -> list[str]:
    try:
        stack(config)
    except SettingsError as refused:
        _, *problems, way_out = str(refused).splitlines()
        assert way_out.startswith("Where this is no production stack")
        assert way_out.endswith(OUT)
        return problems
    return []


def test_a_good_production_stack_has_no_problem() -> None:
    assert _problems(dict(PRODUCTION)) == []


def test_the_same_settings_are_good_for_development() -> None:
    assert _problems(changed(PRODUCTION, environment=None)) == []


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no date": (
        {"trustee__referenceValues": None, "trustee__referenceValuesFile": "tests/unit/keys/reference-values-ear.json"},
        [
            "trustee.referenceValues.expires is not set, so initdata is not held to anything",
            "'coco-azure:trustee.referenceValues.expires' YYYY-MM-DD",
        ],
    ),
    "nothing about the image": (
        {"trustee__referenceValues": {"expires": "2099-12-31"}},
        [
            "no reference values are given for the pod VM image",
            "pulumi config set --path 'coco-azure:trustee.referenceValues.image' IMAGE",
            "pulumi config set --path 'coco-azure:trustee.referenceValues.measurementsFile' measurements.json",
            "pulumi config set --path 'coco-azure:trustee.referenceValuesFile' FILE",
        ],
    ),
    "initdata left out": (
        {"trustee__referenceValues": {**MEASURED, "initdata": False}},
        [
            "trustee.referenceValues.initdata is false, so tampered initdata passes",
            "pulumi config rm --path 'coco-azure:trustee.referenceValues.initdata'",
        ],
    ),
    "unsigned images": (
        {"trustee__securityPolicyDefault": "insecureAcceptAnything"},
        [
            "trustee.securityPolicyDefault is insecureAcceptAnything",
            "trustee.imageSignature",
            "pulumi config rm --path 'coco-azure:trustee.securityPolicyDefault'",
        ],
    ),
    "tokens of anybody": (
        {"trustee__signTokens": False},
        ["trustee.signTokens is false, so KBS believes a token that anybody signed", "pulumi config rm --path"],
    ),
    "an agent that opens a shell": (
        {"initdata": {"agentPolicy": "development"}},
        [
            "initdata.agentPolicy is development, which allows exec, logs and SetPolicy",
            "pulumi config rm --path 'coco-azure:initdata.agentPolicy'",
        ],
    ),
    "a secret that no document may have": (
        {"clientSecrets": {"db": {"user": "u", "password": "p"}}, "initdata": {"workloads": {"shop": {}}}},
        [
            "no initdata document lists client secret db, so no pod would get it",
            "pulumi config set --path 'coco-azure:initdata.workloads.shop.secrets[0]' db",
            "pulumi config set --path 'coco-azure:initdata.secrets[0]' db",
        ],
    ),
    "a key that no document may have": (
        {"clientSecrets": {"db": {"user": "u", "password": "p"}}, "initdata": {"secrets": ["db/user"]}},
        ["no initdata document lists client secret db/password, so no pod would get it"],
    ),
    "a check with a secret of somebody's": (
        {
            "clientSecrets": {"kbsres1": {"key1": "value"}},
            "initdata": {"secrets": ["kbsres1"]},
            "attestationCheck": {"resource": "default/kbsres1/key1"},
        },
        [
            "attestationCheck.resource is default/kbsres1/key1, and the check proves itself with a secret of its own",
            "pulumi config rm --path 'coco-azure:attestationCheck.resource'",
        ],
    ),
    "a check with initdata of other pods": (
        {"attestationCheck": {"initdataAnnotation": False}},
        [
            "attestationCheck.initdataAnnotation is false, so the check's pod would have the initdata of other pods",
            "pulumi config rm --path 'coco-azure:attestationCheck.initdataAnnotation'",
        ],
    ),
    "an agent whose policy nobody has judged": (
        {"initdata": {"agentPolicy": "image"}},
        [
            "initdata.agentPolicy is image",
            "the host may replace",
            "pulumi config rm --path 'coco-azure:initdata.agentPolicy'",
        ],
    ),
    "no confidential VMs": (
        {"peerPods": {"confidential": False}},
        [
            "peerPods.confidential is false, so pod VMs are no confidential VMs",
            "pulumi config rm --path 'coco-azure:peerPods.confidential'",
        ],
    ),
    "plain http": (
        {"initdata": {"kbsUrl": "http://10.0.0.4:8080"}},
        [
            "initdata.kbsUrl is http://10.0.0.4:8080, so secrets pass in plain text",
            "pulumi config rm --path 'coco-azure:initdata.kbsUrl'",
        ],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_belong_into_production_is_refused_with_a_way_out(case: str) -> None:
    changes, texts = BAD[case]

    (problem,) = _problems(changed(PRODUCTION, **changes))

    assert problem.startswith("  - environment is production, but ")
    for text in texts:
        assert text in problem


@pytest.mark.parametrize("case", BAD)
def test_in_development_all_of_it_is_allowed(case: str) -> None:
    secrets = {"db": {"user": "u", "password": "p"}, "kbsres1": {"key1": "value"}}
    values = {**BAD[case][0], "environment": "development", "clientSecrets": secrets}
    assert _problems(changed(PRODUCTION, **values)) == []


def test_everything_that_is_missing_is_told_at_once() -> None:
    message = refused(
        {"environment": "production", "trustee": {"signTokens": False}, "initdata": {"agentPolicy": "development"}}
    )

    assert message.startswith("4 problems in the settings of this stack (nothing was changed):")
    assert message.count("environment is production, but") == 4


def test_the_commands_for_several_secrets_take_nothing_from_each_other_or_from_what_is_listed() -> None:
    secrets = {name: {"key": "value"} for name in ("db", "ledger", "mail")}
    listed = {"secrets": ["mail"], "workloads": {"shop": {"secrets": ["mail"]}}}

    problems = _problems(changed(PRODUCTION, clientSecrets=secrets, initdata=listed))

    for problem, (secret, at) in zip(problems, {"db": 1, "ledger": 2}.items(), strict=True):
        assert f"'coco-azure:initdata.workloads.shop.secrets[{at}]' {secret} " in problem
        assert f"'coco-azure:initdata.secrets[{at}]' {secret} " in problem


def test_a_hub_has_no_pod_vms_that_could_be_no_confidential_ones() -> None:
    assert _problems(changed(PRODUCTION, peerPods={"enabled": False, "confidential": False})) == []


def test_a_spoke_for_production_has_confidential_pod_vms_too() -> None:
    spoke = {"environment": "production", "trustee": {"stack": "o/p/s"}, "peerPods": {"confidential": False}}

    (problem,) = _problems(spoke)
    assert "peerPods.confidential is false" in problem


def test_a_stack_without_a_trustee_leaves_evidence_to_the_one_that_has_it() -> None:
    spoke = {"environment": "production", "trustee": {"stack": "o/p/s", "signTokens": False}}

    assert _problems(spoke) == []
