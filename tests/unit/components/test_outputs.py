"""What is exported and what a preview shows: nothing secret in the open, and nothing hidden that need not be."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from tests.unit.recording import ROOT, Recorder, Run, Secret, holds_secret, revealed, run_program
from tests.unit.trust_stacks import KEYS, PRODUCTION, changed

SECRET = "correct horse battery"
STACK = "organization/coco-azure/hub"
OWN = changed(
    PRODUCTION,
    clientSecrets={"kbsres1": {"key1": SECRET}},
    trustee__referenceValues__initdata=True,
    trustee__registryCredentials={"registries": {"quay.io": {"username": "robot", "password": SECRET}}},
    initdata={"workloads": {"web": {"allowedImages": ["quay.io/org/web"], "secrets": ["kbsres1"]}}},
)
PASSTHROUGH = changed(OWN, trustee__tls={"termination": "passthrough"})
FORMS: Mapping[str, dict[str, Any]] = {
    "development": {"clientSecrets": {"kbsres1": {"key1": SECRET}}},
    "production": OWN,
    "passthrough": PASSTHROUGH,
    "passthrough in the middle of a rotation": changed(
        PASSTHROUGH, trustee__rotation={"tls": 2, "tlsAuthority": 2, "tokenSigner": 2, "adminKey": 2}
    ),
    "a certificate of the user's": changed(
        OWN,
        trustee__host="kbs.example.com",
        trustee__tls={"certificateFile": f"{KEYS}/kbs-golden.crt", "privateKeyFile": f"{KEYS}/kbs-golden.key"},
    ),
    "a key in the settings": changed(
        OWN, trustee__signTokens=True, trustee__adminPrivateKey=(ROOT / KEYS / "admin.key").read_text()
    ),
    "a trusted cluster": changed(OWN, trustee__cluster={"context": "trusted"}),
    "a hub": changed(OWN, peerPods={"enabled": False}, trustee__referenceValues__alsoAccept=["ab" * 32]),
    "a spoke": {"trustee": {"stack": STACK}},
}
REMOTE: Mapping[str, Any] = {
    "trusteeUrl": "https://kbs.trusted.example.com",
    "trusteeCertificate": None,
    "trusteeContent": "abc",
    "attestationChecks": {"default/kbsres1/key1": {"salt": "s", "digest": "d"}},
}


@pytest.fixture(scope="module", params=FORMS)
def run(request: pytest.FixtureRequest) -> Run:
    return run_program(FORMS[request.param], Recorder(stacks={STACK: REMOTE}))


def test_what_a_person_compares_in_a_preview_is_not_hidden(run: Run) -> None:
    # Of the check only the digest that it compares with is secret, of a Route only its key.
    hidden = {title for title, inputs in run.objects().items() if holds_secret(inputs)}

    assert {title.split()[0] for title in hidden} <= {"Secret", "Job", "Route"}
    for title in hidden:
        if not title.startswith("Secret"):
            _only_these_are_hidden(run.objects()[title], {"value", "key"})


def _only_these_are_hidden(value: Any, names: set[str], name: str = "") -> None:
    assert not isinstance(value, Secret) or name in names, name
    for key, inner in value.items() if isinstance(value, dict) else []:
        _only_these_are_hidden(inner, names, key)
    for inner in value if isinstance(value, list) else []:
        _only_these_are_hidden(inner, names, name)


def test_no_secret_stands_in_the_open(run: Run) -> None:
    text = json.dumps(shown({name: item.inputs for name, item in run.registrations.items()}))

    assert SECRET not in text
    assert "PRIVATE KEY" not in text


def shown(value: Any) -> Any:
    """Return a value as a preview shows it."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, list):
        return [shown(item) for item in value]
    return {key: shown(item) for key, item in value.items()} if isinstance(value, dict) else value


def test_client_secrets_and_keys_are_secret_in_their_objects(run: Run) -> None:
    for title, inputs in run.objects().items():
        if title.startswith("Secret") and not title.endswith(("/img-sig", "/security-policy", "https-certificate")):
            assert holds_secret(inputs["data"]), title


def test_exports_tell_no_secret(run: Run) -> None:
    # That these two are secret outputs is another test's business.
    values = {name: value for name, value in run.exports.items() if name not in ("attestationChecks", "sealingKey")}

    assert "PRIVATE KEY" not in json.dumps(values, default=str)
    assert SECRET not in json.dumps(run.exports, default=str)


def _secret_exports(config: dict[str, Any]) -> set[str]:
    """Return the names of the outputs that are secret."""
    by_name: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.Output, "all", _keeping(pulumi.Output.all, by_name))
        run_program(config)
    return {name for name, secret in by_name.items() if secret}


def _keeping(original: Any, values: dict[str, Any]) -> Any:
    def everything(*args: Any, **named: Any) -> Any:
        made = original(*args, **named)
        if "trusteeUrl" not in named:
            return made

        async def look() -> bool:
            for name, value in named.items():
                values[name] = await pulumi.Output.from_input(value).is_secret()
            return True

        def after(value: Any) -> Any:
            looked: Any = look()
            return pulumi.Output.from_input(looked).apply(lambda _: value)

        return made.apply(after)

    return staticmethod(everything)


@pytest.mark.parametrize(
    ("form", "secret"),
    [
        ("production", {"attestationChecks"}),
        ("passthrough in the middle of a rotation", {"attestationChecks"}),
        ("a hub", {"attestationChecks", "sealingKey"}),
    ],
)
def test_only_what_other_stacks_need_is_secret_among_the_outputs(form: str, secret: set[str]) -> None:
    assert _secret_exports(FORMS[form]) == secret


def test_a_workload_is_given_its_annotation_and_its_pcr_8_is_accepted() -> None:
    exports = run_program(OWN, Recorder(osc="1.11.0")).exports

    assert set(exports["initdataPcr8"]) == {"global", "web", "attestation-check"}
    assert set(exports["proof"]["acceptedPcr8"]) == set(exports["initdataPcr8"].values())
    (annotation,) = exports["workloadInitdata"]["web"].items()
    assert annotation[0] == "io.katacontainers.config.hypervisor.cc_init_data"


def test_another_stack_can_check_every_client_secret_and_no_other_one() -> None:
    config = {"clientSecrets": {"kbsres1": {"key1": "a"}, "db": {"user": "b", "password": "c"}}}

    result = run_program(config).exports["attestationChecks"]

    assert set(result) == {"default/kbsres1/key1", "default/db/user", "default/db/password"}
    assert all(set(each) == {"salt", "digest"} for each in result.values())
    assert len({each["digest"] for each in result.values()}) == 3


def test_what_changes_the_content_changes_its_output_and_nothing_else_does() -> None:
    admin = (ROOT / KEYS / "admin.key").read_text()

    def serves(**values: Any) -> str:
        trustee = {"adminPrivateKey": admin, "signTokens": False}
        return str(run_program({"trustee": trustee, **values}).exports["trusteeContent"])

    one = {"clientSecrets": {"kbsres1": {"key1": "one"}}}
    two = {"clientSecrets": {"kbsres1": {"key1": "two"}}}
    assert serves(**one) == serves(**one)
    assert serves(**one) != serves(**two)
    assert serves(**one) == serves(**one, peerPods={"tags": {"team": "x"}})


def test_the_checks_of_the_hub_are_what_its_own_check_would_compare() -> None:
    run = run_program({"clientSecrets": {"kbsres1": {"key1": "one"}}})

    job = revealed(run.objects())["Job coco-attestation-check/attestation-check"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    result = run.exports["attestationChecks"]["default/kbsres1/key1"]
    assert (environment["SALT"], environment["EXPECTED_SHA256"]) == (result["salt"], result["digest"])
