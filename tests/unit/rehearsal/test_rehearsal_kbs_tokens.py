"""The tokens of the simulated KBS say what those of the real one say, as its policies see it."""

import json
from dataclasses import replace

import pytest

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError
from tests.unit.kbs_versions import RESOURCE, SETUPS, Setup

SAMPLE = evidence.sample()
every_version = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
asking = pytest.mark.parametrize("setup", [SETUPS["1.1.0"], SETUPS["1.2.1"]], ids=["1.1.0", "1.2.1"])


def _rule(body: str) -> str:
    return f"package policy\nimport rego.v1\ndefault allow := false\nallow if {{ {body} }}"


def _trust(claims: str) -> str:
    return f"package policy\nimport rego.v1\ntrust_claims := {claims}"


@every_version
def test_a_resource_policy_sees_who_issued_a_token_and_when(setup: Setup) -> None:
    body = 'input.iss == "CoCo-Attestation-Service"; input.nbf == input.iat; input.jti'
    if not setup.has_simple_token:
        verifier = '{"developer": "https://confidentialcontainers.org", "build": "attestation-service 0.1.0"}'
        body = f'input["ear.verifier-id"] == {verifier}; not input.iss; startswith(input.eat_profile, "tag:")'

    kbs = setup.start({setup.policy: _rule(f"input.exp - input.iat == 300; {body}")})

    assert kbs.release(RESOURCE, SAMPLE) == b"res1val1"


@asking
@pytest.mark.parametrize(("value", "status"), [(258, "affirming"), (-129, "contraindicated"), (353, "contraindicated")])
def test_a_trust_claim_beyond_its_bounds_wraps_from_1_1(setup: Setup, value: int, status: str) -> None:
    changes = {
        setup.attestation: _trust(f'{{"hardware": {value}}}'),
        setup.policy: _rule(f'input.submods.cpu0["ear.status"] == "{status}"'),
    }

    assert setup.start(changes).release(RESOURCE, SAMPLE) == b"res1val1"


@asking
def test_a_trust_claim_of_another_name_makes_kbs_panic_from_1_1(setup: Setup) -> None:
    kbs = setup.start({setup.attestation: _trust('{"hardware": 2, "hardwear": 2}')})

    with pytest.raises(DeniedError, match="no trust claim hardwear") as ended:
        kbs.release(RESOURCE, SAMPLE)
    assert ended.value.status == 502


@asking
def test_extensions_of_a_policy_are_in_the_appraisal(setup: Setup) -> None:
    extension = 'extensions := [{"name": "ear.ours", "key": -70001, "value": "yes"}]'
    changes = {
        setup.attestation: _trust('{"hardware": 2}') + f"\n{extension}",
        setup.policy: _rule('input.submods.cpu0["ear.ours"] == "yes"'),
    }

    assert setup.start(changes).release(RESOURCE, SAMPLE) == b"res1val1"
    broken = {setup.attestation: changes[setup.attestation].replace('"name"', '"nom"')}
    with pytest.raises(DeniedError, match="extensions"):
        setup.start(broken).release(RESOURCE, SAMPLE)


@asking
def test_the_built_in_attestation_policy_says_something_of_every_trust_claim(setup: Setup) -> None:
    body = (
        'count(input.submods.cpu0["ear.trustworthiness-vector"]) == 8; '
        'input.submods.cpu0["ear.trustee.identifiers"].validated'
    )

    assert setup.start({setup.policy: _rule(body)}).release(RESOURCE, SAMPLE) == b"res1val1"


def test_a_stored_reference_value_with_more_padding_than_base64_has_is_refused() -> None:
    setup = SETUPS["1.2.1"]
    stored = json.loads(setup.reference_values({"x": "1"}))
    attestation = {setup.attestation: _trust('{"hardware": 2} if { "1" in query_reference_value("x") }')}

    assert setup.start({**attestation, setup.values: json.dumps(stored)}).release(RESOURCE, SAMPLE) == b"res1val1"
    stored["x"] += "="
    with pytest.raises(DeniedError, match="base64"):
        setup.start({**attestation, setup.values: json.dumps(stored)}).release(RESOURCE, SAMPLE)


def test_kbs_0_4_2_denies_everything_with_its_built_in_resource_policy() -> None:
    older, newer = (replace(SETUPS["0.4.0"], version=version).start({}) for version in ("0.4.0", "0.4.2"))
    assert older.release(RESOURCE, SAMPLE) == newer.release(RESOURCE, SAMPLE) == b"res1val1"

    with pytest.raises(DeniedError, match="PolicyEngine: "):
        replace(SETUPS["0.4.0"], version="0.4.2").start({SETUPS["0.4.0"].policy: None}).release(RESOURCE, SAMPLE)
