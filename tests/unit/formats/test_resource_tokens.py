"""Paths and tokens that a hostile pod may come with: the production resource policy gives for none of them."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from coco_azure.formats.policy import claims, policies
from coco_azure.formats.policy.attestation_tokens import appraise, token
from coco_azure.formats.policy.claims import Tee
from coco_azure.formats.policy.policies import Bindings
from coco_azure.formats.policy.policy_engine import Policy, PolicyError, PolicyFacts
from coco_azure.versions.profiles import TRUSTEE, TrusteeProfile
from tests.unit.policy_profiles import EAR, SIMPLE

OWN, OTHER = "aa" * 32, "bb" * 32
PASSWORD, KEY = "default/db/password", "default/ledger/key"
BINDINGS = Bindings(secrets={OWN: (PASSWORD,), OTHER: (KEY,)}, shared=())
NAMES = ("configuration", "executables", "hardware")
PATHS = [
    PASSWORD,
    f"/resource/{PASSWORD}",
    f"resource//{PASSWORD}",
    f"resource/{PASSWORD}/",
    f"resource/resource/{PASSWORD}",
    f"Resource/{PASSWORD}",
    f"other/{PASSWORD}",
    "resource/default/db/./password",
    "resource/default/ledger/../db/password",
    "resource/default/db/Password",
    "resource/default/db%2Fpassword",
    f"resource/{KEY}",
    "",
    None,
]
SEGMENTS = [
    ["default/db/password"],
    ["default/db", "password"],
    ["default", "db", "password", ""],
    ["", "default", "db", "password"],
    ["resource", "default", "db", "password"],
    ["default", "db", ".", "password"],
    ["default", "ledger", "..", "db", "password"],
    ["default", "db", "Password"],
    ["default", "db%2Fpassword"],
    KEY.split("/"),
    PASSWORD,
    [],
    None,
]
PLUGINS = ["Resource", "resource/", "nebula-ca", "", None, ["resource"]]

Change = Callable[[dict[str, Any], dict[str, Any], str], object]
"""Changes a token: its submodule of the CPU, the token, and the name of its attester."""


def _evidence(submodule: dict[str, Any]) -> Any:
    return submodule["ear.veraison.annotated-evidence"]


CHANGES: dict[str, Change] = {
    "another document": lambda cpu, _, attester: _evidence(cpu)[attester]["tpm"].update(pcr08=OTHER),
    "no PCR 8": lambda cpu, _, attester: _evidence(cpu)[attester]["tpm"].pop("pcr08"),
    "PCR 8 in capitals": lambda cpu, _, attester: _evidence(cpu)[attester]["tpm"].update(pcr08=OWN.upper()),
    "evidence of no attester": lambda cpu, *_: cpu.update({"ear.veraison.annotated-evidence": {"init_data": OWN}}),
    "evidence of the sample attester beside it": lambda cpu, *_: _evidence(cpu).update(sample={"svn": "1"}),
    "another submodule beside it": lambda cpu, whole, _: whole["submods"].update(cpu9=copy.deepcopy(cpu)),
    "a device that is not affirmed": lambda _, whole, __: whole["submods"].update(gpu0={"ear.status": "warning"}),
    "a status in another spelling": lambda cpu, *_: cpu.update({"ear.status": "Affirming"}),
} | {
    f"{name} is {value}": lambda cpu, *_, name=name, value=value: cpu["ear.trustworthiness-vector"].update(
        {name: value}
    )
    for name in NAMES
    for value in (None, -1, 0, 1, 32, 96, "2")
}


def _token(profile: TrusteeProfile, tee: Tee) -> dict[str, Any]:
    verdict: Any = appraise(dict.fromkeys(NAMES, 2)) if profile.token == "Ear" else True
    return copy.deepcopy(dict(token(profile, tee, claims.expected_claims(tee, profile, {8: OWN}), verdict) or {}))


def _allows(profile: TrusteeProfile, held: dict[str, Any], **asked: Any) -> bool:
    policy = Policy(policies.resource_policy(profile, "production", BINDINGS), v1=profile.rego_v1)
    data = {"plugin": "resource", "resource-path": PASSWORD.split("/"), "query": {}}
    if not profile.reference_function:
        data = {"resource-path": f"resource/{PASSWORD}"}
    try:
        return policy.value("policy.allow", held, PolicyFacts(data={**data, **asked})) is True
    except PolicyError:
        return False


@pytest.mark.parametrize("tee", ["snp", "tdx"])
@pytest.mark.parametrize("version", TRUSTEE)
def test_only_the_path_itself_is_given(version: str, tee: Tee) -> None:
    profile = TRUSTEE[version]
    held = _token(profile, tee)

    assert _allows(profile, held)
    paths: list[Any] = [*SEGMENTS] if profile.reference_function else [*PATHS]
    assert [path for path in paths if _allows(profile, held, **{"resource-path": path})] == []
    plugins = PLUGINS if profile.reference_function else []
    assert [plugin for plugin in plugins if _allows(profile, held, plugin=plugin)] == []


@pytest.mark.parametrize("tee", ["snp", "tdx"])
@pytest.mark.parametrize("version", EAR)
def test_an_ear_token_that_says_less_gets_nothing(version: str, tee: Tee) -> None:
    profile = TRUSTEE[version]
    given = []
    for name, change in CHANGES.items():
        held = _token(profile, tee)
        change(held["submods"][profile.submodule], held, profile.claims[tee])
        given += [name] if _allows(profile, held) else []

    assert given == []


@pytest.mark.parametrize("version", EAR)
def test_evidence_of_two_attesters_is_that_of_none(version: str) -> None:
    profile = TRUSTEE[version]
    held = _token(profile, "snp")
    evidence = _evidence(held["submods"][profile.submodule])
    evidence[profile.claims["tdx"]] = copy.deepcopy(evidence[profile.claims["snp"]])

    assert not _allows(profile, held)


@pytest.mark.parametrize("version", EAR)
@pytest.mark.parametrize("value", [2, 31])
def test_whatever_affirms_is_enough(version: str, value: int) -> None:
    held = _token(TRUSTEE[version], "snp")
    held["submods"][TRUSTEE[version].submodule]["ear.trustworthiness-vector"] = dict.fromkeys(NAMES, value)

    assert _allows(TRUSTEE[version], held)


@pytest.mark.parametrize("tee", ["snp", "tdx"])
@pytest.mark.parametrize("version", SIMPLE)
def test_pcr_8_of_a_simple_token_is_read_under_the_name_of_its_attester_alone(version: str, tee: Tee) -> None:
    profile = TRUSTEE[version]
    name = f"{profile.claims[tee]}.tpm.pcr08"
    document = json.loads(_token(profile, tee)["tcb-status"])
    without = {key: value for key, value in document.items() if key != name}
    remote = {f"{part}{name}": OWN for part in ("init_data.", "runtime_data.", "sample.")}
    changed = [
        {**document, name: OTHER},
        without,
        {**without, **remote, "tpm.pcr08": OWN},
        {**document, name: OWN.upper()},
    ]

    assert document[name] == OWN
    for status in changed:
        assert not _allows(profile, {**_token(profile, tee), "tcb-status": json.dumps(status)})
    for attester in ("sample", profile.claims["tdx" if tee == "snp" else "snp"], None):
        assert not _allows(profile, {**_token(profile, tee), "tee": attester})
