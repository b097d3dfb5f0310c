"""Secrets across stacks, and the check that opens none of them: what is given, what is said, what is refused."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from coco_azure.formats.policy import policies
from coco_azure.settings import SettingsError
from coco_azure.trust import remote_trustee as remote
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import CHECK, GLOBAL, KbsEndpoint
from coco_azure.trust.secret_bindings import Earlier
from tests.unit.trust.test_trust_secrets import (
    CLIENT,
    DB,
    LEDGER,
    OF_CHECK,
    OLD,
    OTHER,
    SHOP,
    STACK,
    bound,
    judged,
    messages,
)
from tests.unit.trust_stacks import EXPIRES, MEASURED, PRODUCTION, chain, changed, refused, stack

HUB = {
    "environment": "production",
    "clientSecrets": CLIENT,
    "peerPods": {"enabled": False},
    "trustee": {"referenceValues": {**MEASURED, "alsoServe": {OLD: ["db/user"], OTHER: ["attestation-check"]}}},
}


def test_a_hub_gives_another_stacks_documents_what_it_says_of_them() -> None:
    result = chain(HUB, osc=None)

    assert bound(result) == {OLD: DB[1:], OTHER: OF_CHECK}
    assert set(judged(result).values[-1].values) == {OLD, OTHER}


def test_a_stack_that_becomes_a_hub_gives_its_old_documents_nothing_of_lists_that_it_no_longer_has() -> None:
    before = Earlier(documents={GLOBAL: OLD})
    was = changed(HUB, initdata={"secrets": ["db"]}, trustee__referenceValues=MEASURED)

    assert bound(chain(was, osc=None, earlier=before)) == {OLD: ()}


def test_what_is_only_accepted_gets_no_secret() -> None:
    result = changed(HUB, trustee__referenceValues={**MEASURED, "alsoAccept": [OLD]})

    assert bound(chain(result, osc=None)) == {OLD: ()}


def test_a_hub_says_which_secrets_nobody_has() -> None:
    (result,) = (text for text in messages(HUB, osc=None) if "no initdata is given" in text)

    assert "no initdata is given db/password, ledger, so no pod gets it" in result
    assert "'coco-azure:trustee.referenceValues.alsoServe.PCR8[0]' SECRET" in result


def test_a_document_of_both_stacks_has_what_either_says_of_it() -> None:
    shop = chain(STACK).measured["shop"]
    both = changed(STACK, trustee__referenceValues={**MEASURED, "alsoServe": {shop: ["ledger"]}})

    assert set(bound(chain(both))[shop]) == {*DB, *LEDGER}


SPOKE = {"environment": "production", "trustee": {"stack": "o/p/hub"}, "initdata": SHOP}
SERVED = [*DB, *LEDGER, *OF_CHECK]


def _problems(bound: Mapping[str, Any] | None, served: list[str] | None = None, **changes: Any) -> list[str]:
    config = changed(SPOKE, **changes)
    result = chain(config, trustee=None)
    proof = {"environment": "production", "acceptedPcr8": list(result.measured.values()), "secrets": bound}
    return remote.problems(stack(config), result, proof, SERVED if served is None else served)


def test_a_spoke_is_told_how_its_hub_gives_it_what_it_lists() -> None:
    measured = chain(SPOKE, trustee=None).measured

    shop, bank, check = _problems({measured["shop"]: [DB[0]] * 0, measured[CHECK]: []})

    setting = "coco-azure:trustee.referenceValues.alsoServe"
    assert "does not give pods of this stack (shop) db." in shop
    assert f"pulumi config set --stack o/p/hub --path '{setting}.{measured['shop']}[0]' db;" in shop
    assert f"--path '{setting}.{measured['bank']}[0]' ledger/key; pulumi up --stack o/p/hub" in bank
    assert f"--path '{setting}.{measured[CHECK]}[0]' attestation-check/value;" in check


def test_a_spoke_that_gets_what_it_lists_is_told_nothing() -> None:
    measured = chain(SPOKE, trustee=None).measured

    assert _problems({measured["shop"]: [*DB], measured["bank"]: [*LEDGER], measured[CHECK]: [*OF_CHECK]}) == []
    assert _problems(None) == []


def test_a_key_is_not_given_by_another_key_of_its_secret() -> None:
    measured = chain(SPOKE, trustee=None).measured
    values = {"workloads": {"shop": {"secrets": ["db/password"]}}}
    shop = chain(changed(SPOKE, initdata=values), trustee=None).measured["shop"]

    given = {shop: ["default/db/user"], measured[CHECK]: [*OF_CHECK]}
    assert any("(shop) db/password" in text for text in _problems(given, initdata=values))
    given = {shop: ["default/db/password"], measured[CHECK]: [*OF_CHECK]}
    assert _problems(given, initdata=values) == []


def test_a_secret_that_the_hub_does_not_have_is_told_as_such() -> None:
    (messages,) = _problems(None, served=[*DB, *OF_CHECK])

    assert "workload bank may have ledger/key, which the Trustee of o/p/hub does not serve" in messages
    assert "Correct initdata.workloads.bank.secrets" in messages
    assert "--secret --path 'coco-azure:clientSecrets.ledger[\"key\"]' VALUE" in messages


def test_what_the_hub_lacks_for_the_check_is_left_to_the_check() -> None:
    assert _problems(None, served=[*DB, *LEDGER]) == []


def test_the_command_for_a_whole_secret_of_the_hub_sets_a_key_of_it() -> None:
    (messages,) = _problems(None, served=[*DB, *OF_CHECK], initdata={"secrets": ["ledger"]})

    assert "--secret --path 'coco-azure:clientSecrets.ledger[\"KEY\"]' VALUE" in messages


@pytest.mark.parametrize("environment", ["development", "production"])
def test_the_check_has_a_document_of_its_own(environment: str) -> None:
    result = chain(changed(STACK, environment=environment, clientSecrets=None, initdata={"workloads": {"shop": {}}}))
    document = result.documents[CHECK]

    assert document.pcr8 not in {result.measured[name] for name in (GLOBAL, "shop")}
    assert CHECK not in result.annotations
    (pcr8,) = (value for value in judged(result).values if value.name == "snp_pcr08")
    assert document.pcr8 in pcr8.values


@pytest.mark.parametrize(
    "values", [{"attestationCheck": {"enabled": False}}, {"attestationCheck": {"initdataAnnotation": False}}]
)
def test_without_a_check_that_needs_it_there_is_no_such_document(values: dict[str, Any]) -> None:
    assert set(chain(values).documents) == {GLOBAL}


@pytest.mark.parametrize(
    ("values", "policy"),
    [
        ({}, None),
        ({"agentPolicy": "image"}, None),
        ({"agentPolicy": "development"}, "development"),
        ({"agentPolicyFile": "coco_azure/formats/rego/agent_production.rego"}, "production"),
        ({"allowedImages": ["quay.io/org"]}, "production"),
    ],
)
def test_its_agent_policy_lets_its_own_image_start_where_the_stack_has_a_policy(
    values: dict[str, Any], policy: Any
) -> None:
    document = chain({"initdata": values, "attestationCheck": {"image": "quay.io/org/check:1"}}).documents[CHECK]

    expected = None if policy is None else policies.agent_policy(policy, ["quay.io/org/check:1"])
    assert document.agent_policy == expected


def _image_policy(value: Chain, name: str) -> str:
    cdh = tomllib.loads(tomllib.loads(value.documents[name].text)["data"]["cdh.toml"])
    return str(cdh["image"]["image_security_policy_uri"])


def test_its_image_is_let_in_by_an_image_policy_that_no_other_document_names() -> None:
    unsigned = {"publicKeyFile": "tests/unit/keys/cosign.pub", "images": ["quay.io/org"]}
    config = changed(STACK, trustee__imageSignature=unsigned)
    result, outcome = chain(config), stack(config)

    assert _image_policy(result, CHECK) == "kbs:///default/security-policy/attestation-check"
    assert {_image_policy(result, name) for name in (GLOBAL, "shop")} == {"kbs:///default/security-policy/osc"}
    assert "ubi9" not in judged(result).image_policy
    policy = json.loads(outcome.check_image_policy or "")
    assert policy["default"] == [{"type": "reject"}]
    accepted = policy["transports"]["docker"]["registry.access.redhat.com/ubi9/ubi:9.3"]
    assert accepted == [{"type": "insecureAcceptAnything"}]
    assert "default/security-policy/attestation-check" in outcome.served


def test_an_image_of_the_check_that_has_to_be_signed_stays_signed() -> None:
    policy = json.loads(stack(PRODUCTION).check_image_policy or "")

    assert set(policy["transports"]["docker"]) == {"registry.access.redhat.com/ubi9"}
    assert policy["transports"]["docker"]["registry.access.redhat.com/ubi9"][0]["type"] == "sigstoreSigned"


def test_a_development_stack_has_no_image_policy_for_the_check() -> None:
    assert stack({}).check_image_policy is None
    assert _image_policy(chain({}), CHECK) == "kbs:///default/security-policy/osc"
    assert stack({"environment": "production", "trustee": {"stack": "o/p/s"}}).check_image_policy is None


def test_the_check_of_a_spoke_names_the_image_policy_of_the_hub() -> None:
    place = KbsEndpoint(
        kbs_url="https://kbs.example.com", images={"checkImagePolicy": "kbs:///default/security-policy/x"}
    )
    spoke = {"trustee": {"stack": "o/p/s"}}

    assert _image_policy(chain(spoke, trustee=None, place=place), CHECK) == "kbs:///default/security-policy/x"
    assert _image_policy(chain(spoke, trustee=None, place=place), GLOBAL) == "kbs:///default/security-policy/osc"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            {"secrets": ["dbb"]},
            ["initdata.secrets[0] is dbb", "(served: kbsres1, db, ledger)", "did you mean db?", "[0]' db"],
        ),
        (
            {"workloads": {"shop": {"secrets": ["db", "ledger/kay"]}}},
            ["initdata.workloads.shop.secrets[1]", "ledger/key?"],
        ),
        (
            {"secrets": ["mail"]},
            [
                "initdata.secrets[0] is mail, which no client secret serves (served: kbsres1, db, ledger); add it: ",
                "pulumi config set --secret --path 'coco-azure:clientSecrets.mail[\"KEY\"]' VALUE, or remove it: ",
                "pulumi config rm --path 'coco-azure:initdata.secrets[0]'",
            ],
        ),
        ({"secrets": ["attestation-check"]}, ["initdata.secrets[0] is attestation-check"]),
        ({"secrets": ["default/db/password"]}, ["initdata.secrets[0]", "needed SECRET or SECRET/KEY"]),
        ({"workloads": {"global": {}}}, ["global: a document of the stack's has this name"]),
        ({"workloads": {"attestation-check": {}}}, ["attestation-check: a document of the stack's has this name"]),
    ],
)
def test_a_list_that_names_what_is_not_there_is_refused_with_the_nearest(
    values: dict[str, Any], texts: list[str]
) -> None:
    config = {"clientSecrets": CLIENT, "initdata": values, "attestationCheck": {"resource": "default/db/user"}}
    message = refused(config)

    for text in texts:
        assert text in message


def test_another_stacks_document_is_given_only_what_there_is() -> None:
    values = {"expires": EXPIRES, "alsoServe": {OLD.upper(): ["db", "legder"]}}
    message = refused(changed(HUB, trustee__referenceValues={**MEASURED, **values}))

    assert f"trustee.referenceValues.alsoServe.{OLD}[1] is legder" in message
    assert "did you mean ledger?" in message
    with pytest.raises(SettingsError, match="alsoServe needs expires"):
        stack({"trustee": {"referenceValues": {"alsoServe": {OLD: []}}}})
