"""Every rule of the policy pack on stacks that the program makes: good ones pass, bad ones are told with a remedy."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from coco_azure.formats import rego
from components.trustee.remote import CHECKS_OUTPUT, SEALING_OUTPUT
from policies.confidentiality import SECRET_OUTPUTS
from policies.model import UNKNOWN, Resource, Stack, UnknownError
from policies.rules import RULES
from tests.unit.policy_changes import (
    WORKLOADS,
    Change,
    an_object,
    expiring,
    initdata,
    kbs_toml,
    only,
    peer_pods_cm,
    props,
    with_one,
    without,
    workload,
)
from tests.unit.policy_faults import ANNOTATION, BAD, BAD_WORKLOADS, INTEL
from tests.unit.policy_secret_faults import PRIVATE_KEY
from tests.unit.policy_stacks import BY_ID, GOOD, broken, changed, merged, registered

VERSIONS = [("1.9.0", "0.3.0"), ("1.10.1", "0.4.2"), ("1.11.0", "1.0.0"), ("1.11.0", "1.1.0"), ("1.12.1", "1.2.1")]
ALL_BAD = [*BAD, *BAD_WORKLOADS]


@pytest.fixture(scope="module")
def good() -> Stack:
    return registered(GOOD)


@pytest.mark.parametrize(
    ("rule", "change", "text"),
    [(rule, change, expected) for rule, _, change, expected in ALL_BAD],
    ids=[f"{rule} {name}" for rule, name, *_ in ALL_BAD],
)
def test_what_breaks_a_rule_is_told_with_the_remedy(good: Stack, rule: str, change: Change, text: str) -> None:
    result = broken(change(good))

    assert rule in result, result
    assert any(text in message for message in result[rule]), result[rule]
    assert all(message.endswith(BY_ID[rule].remedy) for message in result[rule])


def test_every_rule_is_broken_by_some_stack_here_or_has_tests_of_its_own() -> None:
    assert {rule.id for rule in RULES} - {rule for rule, *_ in BAD} == {"settings-encrypted"}


@pytest.mark.parametrize(("osc", "trustee"), VERSIONS)
def test_a_good_production_stack_breaks_no_rule_at_any_version(osc: str, trustee: str) -> None:
    pins = {"trustee": {"operator": {"version": trustee}}, "peerPods": {"operator": {"version": osc}}}
    old = {"trustee": {"referenceValues": {"initdata": True}}} if osc.startswith("1.9") else {}

    assert broken(registered(merged(merged(GOOD, pins), old), osc, trustee)) == {}


@pytest.mark.parametrize(("osc", "trustee"), VERSIONS)
def test_the_policies_of_a_development_stack_are_found_to_accept_too_much_at_every_version(
    osc: str, trustee: str
) -> None:
    result = broken(registered({}, osc, trustee))

    assert {"attestation-policy-denies", "reference-values-present", "images-signed-or-listed"} <= result.keys()
    assert {"kbs-behind-tls", "kbs-admin-closed", "no-secret-in-plain-objects", "names-as-documented"}.isdisjoint(
        result
    )


def test_kbs_with_https_of_its_own_needs_no_route_that_terminates_tls() -> None:
    assert broken(registered(merged(GOOD, {"trustee": {"tls": {"termination": "passthrough"}}}))) == {}


@pytest.mark.parametrize(
    "server",
    [
        {"insecure_http": True},
        {"insecure_http": None},
        {"private_key": None},
        {"private_key": ""},
        {"certificate": None},
        {"certificate": ""},
    ],
)
def test_kbs_that_serves_plain_http_in_spite_of_a_certificate_is_told(server: dict[str, Any]) -> None:
    stack = registered(merged(GOOD, {"trustee": {"tls": {"termination": "passthrough"}}}))

    result = broken(kbs_toml({"http_server": server})(stack))

    assert result.keys() == {"kbs-behind-tls"}
    assert "KBS serves plain http" in result["kbs-behind-tls"][0]
    assert "terminates no TLS (found: passthrough)" in result["kbs-behind-tls"][0]


def test_a_stack_with_trustee_alone_breaks_nothing() -> None:
    alone = {"peerPods": {"enabled": False, "kataConfig": None}, "trustee": {"cluster": None}}

    assert broken(registered(merged(GOOD, alone))) == {}


def test_a_stack_with_peer_pods_alone_breaks_nothing(good: Stack) -> None:
    assert broken(Stack([each for each in good.resources if not each.name.startswith("trustee")])) == {}


def test_the_chapters_agent_policy_breaks_every_rule_of_agents(good: Stack) -> None:
    result = broken(initdata({"policy.rego": rego.load("agent_allow_all")}, compressed=False)(good))

    assert result.keys() == {"agent-exec-off", "agent-logs-off", "agent-set-policy-off", "agent-withstands-host"}


def test_an_agent_policy_that_allows_everything_is_found_where_only_one_workload_has_it() -> None:
    workloads = {"shop": {"agentPolicyFile": "coco_azure/formats/rego/agent_allow_all.rego", "allowedImages": None}}
    values = {"agentPolicy": "production", "workloads": {**workloads, "web": {"allowedImages": ["quay.io/org/web"]}}}

    # It says that it is no production stack: the program itself then lets the policy pass.
    result = broken(registered(merged(GOOD, {"environment": "development", "initdata": values})))

    agents = {"agent-exec-off", "agent-logs-off", "agent-set-policy-off", "agent-withstands-host"}
    assert {rule for rule in result if rule.startswith("agent-")} == agents
    for rule in agents:
        (message,) = result[rule]
        assert message.startswith("the agent policy in initdata.workloads.shop allows ")


def test_what_a_workload_had_before_is_not_judged(good: Stack) -> None:
    (shown,) = (each for each in good.resources if each.name == WORKLOADS)
    former = workload({"policy.rego": None})(good)
    (before,) = (each.props["input"] for each in former.resources if each.name == WORKLOADS)

    # The engine keeps the first value of a Stash as its output, and a rule of one resource gets no output.
    assert broken(Stack([replace(shown, props={"input": shown.props["input"], "output": before})])) == {}


def test_initdata_of_a_workload_that_a_preview_does_not_know_is_no_violation_and_no_approval(good: Stack) -> None:
    for unknown in (UNKNOWN, {"shop": UNKNOWN}, {"shop": {ANNOTATION: UNKNOWN}}):
        (shown,) = (replace(each, props={"input": unknown}) for each in good.resources if each.name == WORKLOADS)

        with pytest.raises(UnknownError, match=f"{WORKLOADS}: input"):
            BY_ID["agent-exec-off"].of_resource(shown)


def test_a_kataconfig_is_guarded_while_one_roll_out_is_approved(good: Stack) -> None:
    kata_config = good.one("KataConfig", "example-kataconfig")

    assert kata_config is not None
    assert not kata_config.protect
    assert broken(good) == {}


def test_sealed_secrets_may_stand_with_their_workloads_and_hold_no_secret(good: Stack) -> None:
    sealed = an_object("Secret", "db", "shop", data={"password": base64.b64encode(b"sealed.e30.e30.e30").decode()})
    urn = "urn:pulumi:test::coco-azure::coco-azure:index:SealedSecrets$kubernetes:core/v1:Secret::sealed-shop-db"

    assert broken(Stack([*good.resources, replace(sealed, urn=urn)])) == {}
    assert broken(Stack([*good.resources, sealed])).keys() == {"names-as-documented"}


_SIZES = {"allowed": ["Standard_X", "Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"]}


@pytest.mark.parametrize(
    ("rule", "change", "config"),
    [
        ("instance-sizes-allowed", peer_pods_cm(AZURE_INSTANCE_SIZE="Standard_X"), _SIZES),
        (
            "names-as-documented",
            with_one(an_object("ConfigMap", "more", "shop")),
            {"namespaces": ["shop"], "names": ["shop/more"]},
        ),
        ("reference-values-fresh", expiring(7), {"days": 5}),
        ("reference-values-present", only("pcr03"), {"initdata": False}),
        ("reference-values-present", only("pcr08"), {"image": False}),
        (
            "tdx-own-pccs",
            kbs_toml({"attestation_service": {"verifier_config": {"dcap_verifier": {"collateral_service": INTEL}}}}),
            {"publicHosts": ["example.com"]},
        ),
    ],
    ids=["sizes", "names", "days", "initdata", "image", "hosts"],
)
def test_a_rule_is_configured(good: Stack, rule: str, change: Change, config: dict[str, Any]) -> None:
    assert rule in broken(change(good))
    assert rule not in broken(change(good), {rule: config})


def test_names_of_credentials_may_stand_elsewhere_and_their_secret_may_not(good: Stack) -> None:
    values = {"AZURE_SUBSCRIPTION_ID": "11111111-2222-3333-4444-555555555555", "AZURE_CLIENT_SECRET": "open sesame"}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    result = with_one(an_object("Secret", "peer-pods-secret", "openshift-sandboxed-containers-operator", data=data))(
        good
    )

    assert broken(result) == {}
    assert broken(peer_pods_cm(NOTE="open sesame")(result)).keys() == {"no-secret-in-plain-objects"}


def test_what_a_preview_does_not_know_is_no_violation_and_no_approval(good: Stack) -> None:
    unknown = Stack([replace(each, props={**each.props, "data": UNKNOWN}) for each in good.resources])

    with pytest.raises(UnknownError, match="kbs-config-cm: data"):
        BY_ID["kbs-admin-closed"].of_stack(unknown)
    with pytest.raises(UnknownError, match="resource-policy: data"):
        BY_ID["resource-policy-denies"].of_stack(unknown)


def test_a_version_that_cannot_be_told_is_told(good: Stack) -> None:
    result = broken(without("trustee-operator-installed")(good))

    assert result.keys() == {"resource-policy-denies", "attestation-policy-denies"}
    assert "which version of Trustee is deployed cannot be told" in result["resource-policy-denies"][0]


def test_outputs_that_are_secret_may_hold_a_key_and_are_those_of_the_program(good: Stack) -> None:
    outputs = {SEALING_OUTPUT: PRIVATE_KEY, CHECKS_OUTPUT: {"x": PRIVATE_KEY}, "proof": {"x": UNKNOWN}, "ok": None}
    result = with_one(Resource(kind="pulumi:pulumi:Stack", name="x", props=outputs))(good)

    assert set(SECRET_OUTPUTS) == {SEALING_OUTPUT, CHECKS_OUTPUT}
    assert broken(result) == {}


def test_the_key_of_a_route_and_of_a_secret_are_where_they_belong(good: Stack) -> None:
    key = base64.b64encode(PRIVATE_KEY.encode()).decode()
    result = props("trustee-route", spec={"tls": {"key": PRIVATE_KEY}})(good)

    assert broken(props("trustee-content-kbsres1", data={"key1": key})(result)) == {}


def test_a_policy_that_was_changed_to_keep_no_documents_apart_is_found_by_its_own_lists(good: Stack) -> None:
    resource = next(each for each in good.resources if each.name == "trustee-content-resource-policy")
    text = resource.at("data", "policy.rego")
    bound = "may_have if resource in secrets_of[initdata]"
    assert bound in text
    open_to_all = text.replace(bound, "may_have if {\n\tsome other\n\tresource in secrets_of[other]\n}")

    result = broken(changed(good, "trustee-content-resource-policy", data={"policy.rego": open_to_all}))

    assert list(result) == ["resource-policy-denies"]
    assert "that asks for default/kbsres1/key1" in result["resource-policy-denies"][0]
