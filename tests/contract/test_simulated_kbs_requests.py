"""The simulated KBS 0.3 releases to the sample attester, and denies it, exactly as the real one does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, Kbs
from tests import reality
from tests.contract.kbs_inputs import (
    ATTESTATION_POLICY,
    CONFIG,
    EAR,
    EC_KEY,
    LONG_EC_KEY,
    OTHER_KEY,
    POLICY,
    RESOURCE,
    RSA_KEY,
    SIGNER,
    SIGNER_KEY,
    TRUSTED,
    VALUES,
    Edits,
    files,
    pem,
    section,
    signed_by,
)
from tests.contract.real_kbs import Mounts, ask_as_sample, started

pytestmark = reality.KBS.needed

Files = Mapping[str, str | None]
Case = tuple[Edits, Files, str]
"""Edits, changes, and the outcome: ``released``, or the status and kind of the denial."""

RELEASED, POLICY_DENIES, POLICY_FAILS = "released", "401 PolicyDeny", "401 PolicyEngine"
NOT_ATTESTED, NOT_TRUSTED, NOT_THERE = "401 AttestationError", "401 TokenVerifierError", "401 PluginInternalError"


def _value(expected: Any = "2", name: str = "sample.svn", expiration: str = "2999-01-01T00:00:00Z") -> dict[str, Any]:
    return {"name": name, "expiration": expiration, "hash-value": [{"alg": "sha384", "value": expected}]}


def _values(*values: Mapping[str, Any]) -> Files:
    return {VALUES: json.dumps(values)}


def _resource(body: str) -> Files:
    return {POLICY: f"package policy\ndefault allow = false\nallow {{ {body} }}"}


def _attestation(*lines: str) -> Files:
    return {ATTESTATION_POLICY: "\n".join(("package policy", *lines))}


def _status(status: str) -> Files:
    return _resource(f'input["submods"]["cpu"]["ear.status"] == "{status}"')


FORMS: Mapping[str, Case] = {
    "nothing is demanded": ((), {}, RELEASED),
    "the right reference value": ((), _values(_value("1")), RELEASED),
    "a wrong reference value": ((), _values(_value()), NOT_ATTESTED),
    "a wrong one of another claim": ((), _values(_value(name="azsnpvtpm.tpm.pcr08")), RELEASED),
    "a wrong one that has expired": ((), _values(_value(expiration="2001-01-01T00:00:00Z")), RELEASED),
    "the last of two": ((), _values(_value("1"), _value()), NOT_ATTESTED),
    "no hashes": ((), _values({**_value(), "hash-value": []}), RELEASED),
    "an unknown field": ((), _values({**_value("1"), "nope": 1}), RELEASED),
    "no file": ((), {VALUES: None}, NOT_ATTESTED),
    "no JSON": ((), {VALUES: "no"}, NOT_ATTESTED),
    "an object": ((), {VALUES: "{}"}, NOT_ATTESTED),
    "a date without a time": ((), _values(_value("1", expiration="2999-01-01")), NOT_ATTESTED),
    "a date with an offset": ((), _values(_value("1", expiration="2999-01-01T00:00:00+00:00")), NOT_ATTESTED),
    "the form of 1.0": ((), _values({"name": "x", "expiration": "2999-01-01T00:00:00Z", "value": []}), NOT_ATTESTED),
    "a hash without algorithm": ((), _values({**_value(), "hash-value": [{"value": "1"}]}), NOT_ATTESTED),
    "a number": ((), _values(_value(1)), NOT_ATTESTED),
}
RESOURCE_POLICIES: Mapping[str, Case] = {
    "the chapter's": ((), _resource('input["tee"] != "sample"'), POLICY_DENIES),
    "the built-in one": ((), {POLICY: None}, RELEASED),
    "one on the tee": ((), _resource('input["tee"] == "sample"'), RELEASED),
    "one on the whole path": ((), _resource(f'data["resource-path"] == "resource/{RESOURCE}"'), RELEASED),
    "one on the path alone": ((), _resource(f'data["resource-path"] == "{RESOURCE}"'), POLICY_DENIES),
    "one on the plugin": ((), _resource('data.plugin == "resource"'), POLICY_DENIES),
    "one on who issued the token, and when": (
        (),
        _resource('input.iss == "CoCo-Attestation-Service"; input.exp - input.nbf == 300; input.nbf == input.iat'),
        RELEASED,
    ),
    "malformed": ((), {POLICY: "package policy\nallow {"}, POLICY_FAILS),
    "empty": ((), {POLICY: ""}, POLICY_FAILS),
    "without the rule": ((), {POLICY: "package policy\nother = true"}, POLICY_FAILS),
    "undefined": ((), {POLICY: "package policy\nallow { input.nope }"}, POLICY_FAILS),
    "a number": ((), {POLICY: "package policy\nallow = 5"}, POLICY_FAILS),
    "Rego v1": ((), {POLICY: "package policy\nimport rego.v1\nallow if { true }"}, RELEASED),
}
ATTESTATION_POLICIES: Mapping[str, Case] = {
    "denies": ((), _attestation("default allow = false"), NOT_ATTESTED),
    "malformed": ((), _attestation("allow {"), NOT_ATTESTED),
    "without the rule": ((), _attestation("other = true"), NOT_ATTESTED),
    "undefined": ((), _attestation("allow { input.nope }"), NOT_ATTESTED),
    "a number": ((), _attestation("allow = 1"), NOT_ATTESTED),
    "claims": (
        (),
        _attestation('allow { input["sample.svn"] == "1"; input.init_data == ""; count(input) == 3 }'),
        RELEASED,
    ),
    "references": (
        (),
        {**_attestation('allow { data.reference["x"] == ["1"] }'), **_values(_value("1", "x"))},
        RELEASED,
    ),
}
APPRAISALS: Mapping[str, Case] = {
    "the built-in policies": (EAR, {POLICY: None}, POLICY_DENIES),
    "the chapter's resource policy": (EAR, _resource('input["tee"] != "sample"'), POLICY_DENIES),
    "of the built-in policy": (EAR, _status("contraindicated"), RELEASED),
    "of the built-in policy, hardware known": (EAR, {**_status("warning"), **_values(_value("1", "svn"))}, RELEASED),
    "under the name of 1.0": (EAR, _resource('input["submods"]["cpu0"]'), POLICY_DENIES),
    "evidence": (
        EAR,
        _resource(
            'e := input["submods"]["cpu"]["ear.veraison.annotated-evidence"]; e.sample.svn == "1"; '
            'e.init_data == ""; e.runtime_data_claims["tee-pubkey"]; e.init_data_claims == null'
        ),
        RELEASED,
    ),
    "who issued it, and when": (
        EAR,
        _resource(
            'v := input["ear.verifier-id"]; v.build == "attestation-service 0.1.0"; input.exp - input.iat == 300; '
            'v.developer == "https://confidentialcontainers.org"; startswith(input.eat_profile, "tag:"); not input.iss'
        ),
        RELEASED,
    ),
    "the vector": (
        EAR,
        {
            **_attestation("hardware = 2", "executables = 3.0"),
            **_resource('input["submods"]["cpu"]["ear.trustworthiness-vector"] == {"hardware": 2, "executables": 3}'),
        },
        RELEASED,
    ),
    "31 is affirming": (EAR, {**_attestation("hardware = 31"), **_status("affirming")}, RELEASED),
    "-32 is affirming": (EAR, {**_attestation("hardware = -32"), **_status("affirming")}, RELEASED),
    "95 is a warning": (EAR, {**_attestation("hardware = 95"), **_status("warning")}, RELEASED),
    "-97 is contraindicated": (EAR, {**_attestation("hardware = -97"), **_status("contraindicated")}, RELEASED),
    "-1 is none": (EAR, {**_attestation("hardware = -1"), **_status("none")}, RELEASED),
    "a rule with an underscore is not asked": (
        EAR,
        {**_attestation("hardware = 2", "instance_identity = 97"), **_status("affirming")},
        RELEASED,
    ),
    "a rule that fails is not set": (EAR, _attestation("hardware = 2", "hardware = 3", "executables = 2"), RELEASED),
    "no rules": (EAR, _attestation("allow = true"), NOT_ATTESTED),
    "undefined": (EAR, _attestation("hardware = 2", "executables = 3 { input.nope }"), NOT_ATTESTED),
    "a boolean": (EAR, _attestation("hardware = true"), NOT_ATTESTED),
    "too large": (EAR, _attestation("hardware = 200"), NOT_ATTESTED),
    "malformed": (EAR, _attestation("hardware {"), NOT_ATTESTED),
}
SIGNERS: Mapping[str, Case] = {
    "one that is trusted": ([*SIGNER, *TRUSTED], signed_by(RSA_KEY), RELEASED),
    "one that is trusted, of EARs": ([*SIGNER, *TRUSTED, *EAR], signed_by(EC_KEY), RELEASED),
    "none, and a trusted certificate": (TRUSTED, signed_by(RSA_KEY), NOT_TRUSTED),
    "the key of another": ([*SIGNER, *TRUSTED], {**signed_by(RSA_KEY), SIGNER_KEY: pem(OTHER_KEY)}, NOT_TRUSTED),
    "one that has expired": ([*SIGNER, *TRUSTED], signed_by(RSA_KEY, -1), NOT_TRUSTED),
    "one that has expired, not asked for": (SIGNER, signed_by(RSA_KEY, -1), RELEASED),
    "nobody to trust": ([*SIGNER, ("insecure_key = true", "")], signed_by(RSA_KEY), NOT_TRUSTED),
    "a curve that cannot sign": ([*SIGNER, *EAR], signed_by(LONG_EC_KEY), NOT_ATTESTED),
}
PLUGINS: Mapping[str, Case] = {
    "none": ([section("[[plugins]]", "[policy_engine]")], {}, "404 PluginNotFound"),
}
CASES: Mapping[str, Case] = {
    f"{topic}: {name}": case
    for topic, cases in {
        "reference values": FORMS,
        "resource policy": RESOURCE_POLICIES,
        "attestation policy": ATTESTATION_POLICIES,
        "appraisal": APPRAISALS,
        "signer": SIGNERS,
        "plugins": PLUGINS,
    }.items()
    for name, case in cases.items()
}


@pytest.fixture(scope="module")
def kbs() -> Path:
    return reality.KBS.path


@pytest.mark.parametrize("what", CASES)
def test_both_answer_alike(kbs: Path, tmp_path: Path, what: str) -> None:
    edits, changes, outcome = CASES[what]
    mounted = files(edits, changes)

    assert _simulated(mounted, RESOURCE) == outcome
    assert _real(kbs, mounted, tmp_path, RESOURCE) == outcome


@pytest.mark.parametrize(
    ("resource", "outcome"),
    [
        ("kbsres1/key1", RELEASED),
        ("default/none/such", NOT_THERE),
        ("default/kb$/key1", NOT_THERE),
        ("a/default/kbsres1/key1", NOT_THERE),
    ],
)
def test_both_find_the_same_resources(kbs: Path, tmp_path: Path, resource: str, outcome: str) -> None:
    assert _simulated(files(), resource) == outcome
    assert _real(kbs, files(), tmp_path, resource) == outcome


def _simulated(mounted: Mapping[str, str], resource: str) -> str:
    try:
        secret = Kbs.start(CONFIG, lambda: mounted).release(resource, evidence.sample())
    except DeniedError as denied:
        return f"{denied.status} {str(denied).partition(':')[0]}"
    assert secret == b"res1val1"
    return RELEASED


def _real(kbs: Path, mounted: Mapping[str, str], folder: Path, resource: str) -> str:
    with started(kbs, Mounts(mounted), folder) as url:
        assert isinstance(url, str), url
        code, result = ask_as_sample(url, resource)
    if code == 0:
        assert result == "res1val1"
        return RELEASED
    _, status, answer = result.split(" ", 2)
    return f"{status} {json.loads(answer)['type'].rpartition('/')[2]}"
