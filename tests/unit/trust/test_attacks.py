"""What a hostile host can try, as the proof says it: who denies it follows from the stack's own policies."""

from typing import Any

import pytest

from coco_azure.formats.policy import agent_requests
from coco_azure.trust import agents
from coco_azure.trust.proof import Proof, to_dict
from coco_azure.trust.proof_report import to_text
from coco_azure.versions.profiles import TRUSTEE
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import MEASURED, PLACE, PRODUCTION, chain, changed, stack

COMMAND = "another command, environment, or files over those of an image"
BOOT = "another boot loader, with secure boot off"
ALWAYS = agents._ALWAYS
SHOP = {"shop": {"manifestFile": "rehearsal/workload.yaml"}}


def _table(config: dict[str, Any], trustee: str | None = "1.2", osc: str | None = "1.12") -> dict[str, str]:
    return {each.attack: each.denied_by for each in agents.table(stack(config), chain(config, osc, trustee, PLACE))}


@pytest.mark.parametrize("version", TRUSTEE)
def test_production_denies_all_but_what_is_out_of_reach_and_what_it_is_warned_of(version: str) -> None:
    config = changed(PRODUCTION, trustee__referenceValues={**MEASURED, "initdata": True})
    table = _table(config, version, osc_of(version))

    assert {attack for attack, denied_by in table.items() if denied_by == "nobody"} == {*ALWAYS, COMMAND, BOOT}


def test_what_is_set_against_an_attack_is_named() -> None:
    values = {**MEASURED, "pcrs": [3, 4, 7, 9, 11, 12]}
    table = _table(changed(PRODUCTION, trustee__referenceValues=values, initdata={"workloads": SHOP}))

    assert table[BOOT] == "Trustee: PCR 4 and 7"
    assert table["another pod VM image"] == "Trustee: PCR 3, 9, 11, 12"
    assert table["other initdata, with another KBS or agent policy"] == "Trustee: PCR 8"
    assert table[COMMAND] == "agent policy (not for global)"
    assert table["an image that nobody accepted"] == "image policy"
    assert table["another workload's secret, by whoever may create pods"] == "KBS: secrets are bound to PCR 8"


@pytest.mark.parametrize(
    ("shop", "expected"),
    [
        ({}, "KBS: secrets are bound to PCR 8 (not for shop: any image starts with its initdata)"),
        ({"allowedImages": ["quay.io/my-org/shop"]}, "KBS: secrets are bound to PCR 8"),
        (SHOP["shop"], "KBS: secrets are bound to PCR 8"),
    ],
    ids=["any image", "its images", "its containers"],
)
def test_a_document_with_secrets_that_lets_any_image_start_is_named(shop: dict[str, Any], expected: str) -> None:
    workloads = {"shop": {**shop, "secrets": ["db"]}}
    table = _table(changed(PRODUCTION, clientSecrets={"db": {"key": "value"}}, initdata={"workloads": workloads}))

    assert table["another workload's secret, by whoever may create pods"] == expected


def test_a_development_stack_denies_what_its_image_does_and_signed_tokens_alone() -> None:
    table = _table({})

    assert table["exec, logs, standard input, another agent policy"] == "the image's own policy, not judged"
    assert table["a token that no TEE has earned"] == "KBS: tokens are signed"
    assert set(table.values()) == {
        "nobody",
        "the image's own policy, not judged",
        "KBS: tokens are signed",
    }


def test_the_chapters_list_and_tokens_without_a_signature_deny_nothing() -> None:
    table = _table({"initdata": {"agentPolicy": "development"}, "trustee": {"signTokens": False}})

    assert set(table.values()) == {"nobody"}


def test_a_document_with_the_images_own_policy_beside_others_is_named() -> None:
    table = _table({"initdata": {"workloads": {"shop": {"allowedImages": ["quay.io/my-org/shop"]}}}})

    assert table["a container that no image was pulled for"] == "agent policy (for global the image's own, not judged)"
    assert table[COMMAND] == "agent policy (not for shop; for global the image's own, not judged)"


def test_a_policy_of_the_users_own_is_not_spoken_for() -> None:
    own = {"trustee": {"attestationPolicyFile": "coco_azure/formats/rego/attestation_policy.rego"}}

    assert _table(own, "0.3", "1.9")["another pod VM image"].startswith("your own attestation policy")


def test_a_spoke_refers_to_its_trustee_and_a_hub_has_no_pods_to_attack() -> None:
    spoke = _table({"trustee": {"stack": "o/p/hub"}}, trustee=None)

    assert spoke["what evidence and initdata Trustee accepts"] == "the Trustee of o/p/hub; see its proof"
    assert agents.table(stack({"peerPods": {"enabled": False}}), chain({}, None, "1.2", PLACE)) == ()


def test_every_kind_of_harm_that_a_policy_is_judged_on_has_its_line() -> None:
    assert set(agents._OF_AGENT) == set(agent_requests.harms())


def test_the_proof_has_the_table_as_data_and_as_text() -> None:
    rows = agents.table(stack({}), chain({}, "1.12", "1.2", PLACE))
    proof = Proof(environment="development", attacks=rows)

    assert to_dict(proof)["attacks"][0] == {
        "attack": "other initdata, with another KBS or agent policy",
        "deniedBy": "nobody",
    }
    text = to_text(proof)
    assert "Attacks of a host" in text
    assert all(each.denied_by in text for each in rows)
