"""Which secrets pods of each document may have: from settings to the verdict, during a change, and across stacks."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy.attestation_tokens import appraise, token
from coco_azure.formats.policy.policy_judge import resource_judge
from coco_azure.trust import checks, history
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.documents import CHECK, GLOBAL
from coco_azure.trust.history import LastRun
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions.profiles import TRUSTEE
from tests.unit.trust_stacks import NOW, PRODUCTION, chain, changed, stack

OLD, OTHER = "aa" * 32, "bb" * 32
CLIENT = {"db": {"password": "one", "user": "two"}, "ledger": {"key": "three"}}
SHOP = {"workloads": {"shop": {"secrets": ["db"]}, "bank": {"secrets": ["ledger/key"]}}}
STACK = changed(PRODUCTION, clientSecrets=CLIENT, initdata=SHOP)
DB = ("default/db/password", "default/db/user")
LEDGER = ("default/ledger/key",)
OF_CHECK = ("default/attestation-check/value",)
TDX = {"pccsUrl": "https://pccs.example.com/"}


def judged(value: Chain) -> Judgement:
    assert value.judgement is not None
    return value.judgement


def bound(value: Chain) -> Mapping[str, tuple[str, ...]]:
    bound = judged(value).bindings
    assert bound is not None
    return bound.secrets


def _of(value: Chain, name: str) -> tuple[str, ...]:
    return bound(value)[value.measured[name]]


def _released(value: Chain, pcr8: str, tee: Any = "snp") -> set[str]:
    """Return what the policy of a chain releases, of everything that its KBS serves."""
    judgement = judged(value)
    profile = judgement.profile
    good = appraise(dict.fromkeys(("configuration", "executables", "hardware"), 2))
    result = (
        token(
            profile, tee, documented.expected_claims(tee, profile, {8: pcr8}), good if profile.token == "Ear" else True
        )
        or {}
    )
    judge = resource_judge(judgement.resource_policy, profile)
    served = {*DB, *LEDGER, *OF_CHECK, "default/security-policy/osc", "default/img-sig/pub-key"}
    return {path for path in served if judge(result, path)}


def test_each_document_has_the_secrets_that_it_lists_and_the_check_its_own() -> None:
    result = chain(STACK)

    assert _of(result, GLOBAL) == ()
    assert _of(result, "shop") == DB
    assert _of(result, "bank") == LEDGER
    assert _of(result, CHECK) == OF_CHECK


@pytest.mark.parametrize("tee", ["snp", "tdx"])
@pytest.mark.parametrize("version", TRUSTEE)
@run_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_lists_of_the_settings_release_what_they_say_and_nothing_else(
    version: str, tee: str, data: st.DataObject
) -> None:
    references = ["db", "db/password", "db/user", "ledger", "ledger/key"]
    lists = {name: data.draw(st.lists(st.sampled_from(references), max_size=3)) for name in (GLOBAL, "shop", "bank")}
    lists[GLOBAL] = [*lists[GLOBAL], "ledger", "db"] if data.draw(st.booleans()) else ["db", "ledger"]
    config = changed(
        STACK,
        initdata={"secrets": lists[GLOBAL], "workloads": {name: {"secrets": lists[name]} for name in ("shop", "bank")}},
        peerPods={"tee": tee},
        trustee__tdx=TDX if tee == "tdx" else None,
    )
    result = chain(config, osc="1.12", trustee=version)

    shared = {"default/security-policy/osc", "default/img-sig/pub-key"}
    for name, listed in lists.items():
        expected = {
            path for path in (*DB, *LEDGER) if any(f"{path}/".startswith(f"default/{each}/") for each in listed)
        }
        assert _released(result, result.measured[name], tee) == expected | shared
    assert _released(result, result.measured[CHECK], tee) == shared | {*OF_CHECK}
    assert _released(result, OLD, tee) == set()


def test_documents_that_are_the_same_otherwise_have_a_pcr_8_of_their_own() -> None:
    result = chain(STACK)

    assert len(set(result.measured.values())) == 4
    texts = {name: tomllib.loads(document.text) for name, document in result.documents.items()}
    assert texts["shop"] == texts["bank"] == texts[GLOBAL]


# During a change of initdata


def test_the_document_before_keeps_what_it_had_and_gets_nothing_new() -> None:
    before = Earlier(documents={"shop": OLD}, secrets={OLD: DB[:1]})

    result = chain(STACK, earlier=before)

    assert bound(result)[OLD] == DB[:1]
    assert _released(result, OLD) == {DB[0], "default/security-policy/osc", "default/img-sig/pub-key"}
    assert _of(result, "shop") == DB


def test_the_document_before_keeps_what_its_workload_no_longer_lists_and_loses_what_is_not_served() -> None:
    before = Earlier(documents={"shop": OLD}, secrets={OLD: (*LEDGER, "default/gone/key")})

    assert bound(chain(STACK, earlier=before))[OLD] == LEDGER


def test_a_document_that_is_still_the_same_has_what_it_lists_today() -> None:
    shop = chain(STACK).measured["shop"]
    before = Earlier(documents={"shop": shop}, secrets={shop: LEDGER})

    assert bound(chain(STACK, earlier=before))[shop] == DB


@pytest.mark.parametrize(
    ("name", "kept"), [("shop", DB), ("bank", LEDGER), (GLOBAL, ()), (CHECK, OF_CHECK), ("removed", ())]
)
def test_after_a_run_that_bound_nothing_a_document_keeps_what_its_successor_lists(
    name: str, kept: tuple[str, ...]
) -> None:
    assert bound(chain(STACK, earlier=Earlier(documents={name: OLD})))[OLD] == kept


def test_of_earlier_documents_that_were_the_same_pods_keep_what_each_successor_lists() -> None:
    both = changed(STACK, initdata={"secrets": ["db/user", "ledger"], "workloads": {"shop": {"secrets": ["db"]}}})

    assert _kept(both, {GLOBAL: OLD, "shop": OLD}) == DB[1:]
    assert _kept(both, {"shop": OLD, GLOBAL: OLD}) == DB[1:]
    assert _kept(both, {"shop": OLD, "removed": OLD}) == ()


def _kept(config: Mapping[str, Any], documents: Mapping[str, str]) -> tuple[str, ...]:
    return bound(chain(config, earlier=Earlier(documents=documents)))[OLD]


def test_what_an_earlier_document_is_not_known_to_have_had_it_does_not_get() -> None:
    before = Earlier(documents={"shop": OLD}, secrets={})

    assert bound(chain(STACK, earlier=before))[OLD] == ()


def test_the_bindings_of_the_last_run_are_read_from_its_outputs() -> None:
    read = history.read({"shop": OLD}, {"secrets": {OLD: list(DB)}})

    assert read.earlier == Earlier(documents={"shop": OLD}, secrets={OLD: DB})
    assert history.read({"shop": OLD}, {"secrets": None}).earlier.secrets is None


def test_a_person_is_told_what_pods_of_the_last_run_keep() -> None:
    before = Earlier(documents={"shop": OLD, "removed": OTHER}, secrets={OLD: DB, OTHER: ()})
    last = LastRun(earlier=before, accepted=(OLD, OTHER))
    shop, removed = history.warnings(stack(STACK), chain(STACK, earlier=before), last)

    assert "(it was workload shop of the last run, and keeps default/db/password, default/db/user)" in shop
    assert "(it was workload removed of the last run, and keeps no secret)" in removed


# What a preview says


def messages(config: Mapping[str, Any], osc: str | None = "1.12") -> list[str]:
    return checks.warnings(stack(config), chain(config, osc), NOW)


def test_a_document_with_secrets_that_lets_any_image_start_is_told_of() -> None:
    items = [text for text in messages(STACK) if "lets containers of any image start" in text]

    assert len(items) == 2
    assert "pods of workload shop may have db, " in items[0]
    assert "'coco-azure:initdata.workloads.shop.allowedImages[0]' IMAGE (these images, with any command)" in items[0]
    assert "'coco-azure:initdata.workloads.shop.manifestFile' FILE" in items[0]
    assert "pods of workload bank may have ledger/key" in items[1]


@pytest.mark.parametrize(
    "values",
    [
        {"allowedImages": ["quay.io/org"], **SHOP},
        {"agentPolicyFile": "coco_azure/formats/rego/agent_production.rego", **SHOP},
        {"workloads": {"shop": {"secrets": ["db", "ledger"], "allowedImages": ["quay.io/org"]}}},
        {"workloads": {"shop": {"secrets": ["db", "ledger"], "manifestFile": "rehearsal/workload.yaml"}}},
        {
            "workloads": {
                "shop": {
                    "secrets": ["db", "ledger"],
                    "agentPolicyFile": "coco_azure/formats/rego/agent_production.rego",
                }
            }
        },
    ],
)
def test_one_that_says_what_runs_is_not(values: dict[str, Any]) -> None:
    assert not [text for text in messages(changed(STACK, initdata=values)) if "any image start" in text]


def test_the_global_document_with_secrets_is_told_of_with_its_own_setting() -> None:
    (result,) = (
        text
        for text in messages(changed(STACK, initdata={"secrets": ["db", "ledger"]}))
        if "lets containers of any image start" in text
    )

    assert "'coco-azure:initdata.allowedImages[0]' IMAGE" in result


def test_development_binds_nothing_and_says_so() -> None:
    config = changed(STACK, environment="development", attestationCheck={"resource": "default/db/user"})

    assert judged(chain(config)).bindings is None
    assert any("secrets are bound to initdata in production only" in text for text in messages(config))
    assert not any("bound to initdata in production" in text for text in messages(STACK))
