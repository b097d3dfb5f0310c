"""From the last finished run to this one: initdata that is accepted once more, and versions that change formats."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names, settings
from coco_azure.settings import Settings
from coco_azure.trust import history
from coco_azure.trust.chain import Chain, Versions, build
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.trust.history import LastRun
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions import profiles
from tests.unit.recording import Recorder, run_program
from tests.unit.trust_stacks import MEASURED

ROOT = Path(__file__).parents[3]
OLD, OLDER = "aa" * 32, "bb" * 32
BEFORE = Earlier(documents={"global": OLD})
REGISTERED = {"expires": "2099-12-31", "initdata": True}


def _stack(**content: Any) -> Settings:
    values: dict[str, Any] = {"trustee": {"referenceValues": REGISTERED}, **content}
    return settings.parse(values, ROOT)


def _chain(stack: Settings, last: LastRun, osc: str = "1.12.1", trustee: str = "1.2.1") -> Chain:
    csv = {
        names.OSC_PACKAGE: f"{names.OSC_PACKAGE}.v{osc}",
        names.TRUSTEE_PACKAGE: f"{names.TRUSTEE_PACKAGE}.v{trustee}",
    }
    versions = Versions(
        osc=profiles.osc(csv[names.OSC_PACKAGE]), trustee=profiles.trustee(csv[names.TRUSTEE_PACKAGE]), csv=csv
    )
    return build(stack, versions, KbsEndpoint(kbs_url="https://kbs.example.com"), last.earlier)


def _warnings(stack: Settings, last: LastRun, **versions: str) -> list[str]:
    return history.warnings(stack, _chain(stack, last, **versions), last)


def _csv(osc: str, trustee: str) -> Mapping[str, str]:
    return {
        names.OSC_PACKAGE: f"{names.OSC_PACKAGE}.v{osc}",
        names.TRUSTEE_PACKAGE: f"{names.TRUSTEE_PACKAGE}.v{trustee}",
    }


def test_a_first_run_has_no_history() -> None:
    assert history.read(None, None) == LastRun()
    assert _warnings(_stack(), LastRun()) == []


def test_the_outputs_of_the_last_run_are_read() -> None:
    proof = {"acceptedPcr8": [OLD, OLDER], "versions": [{"package": "p", "csv": "p.v1.2.1", "profile": "1.2"}]}

    read = history.read({"global": OLD, "web": OLD}, proof)
    assert read == LastRun(
        earlier=Earlier(documents={"global": OLD, "web": OLD}), accepted=(OLD, OLDER), csv={"p": "p.v1.2.1"}
    )


def test_initdata_of_the_last_run_is_told_of_while_it_is_still_accepted() -> None:
    (messages,) = _warnings(_stack(), LastRun(earlier=BEFORE, accepted=(OLD,)))

    assert f"PCR 8 {OLD} of the last run is still accepted" in messages
    assert "the next `pulumi up` drops it, and shows that as one more change" in messages


@pytest.mark.parametrize(
    ("before", "environment", "expected"),
    [("development", "production", 1), ("production", "production", 0), ("development", "development", 0)],
)
def test_what_a_development_run_leaves_open_in_production_is_told(before: str, environment: str, expected: int) -> None:
    last = history.read({"global": OLD}, {"environment": before, "acceptedPcr8": [OLD], "secrets": None})
    messages = _warnings(_stack(environment=environment, trustee={"referenceValues": MEASURED}), last)

    assert sum("the last run was one for development" in message for message in messages) == expected


def test_a_development_run_without_initdata_leaves_nothing_open() -> None:
    last = history.read({}, {"environment": "development", "acceptedPcr8": [], "secrets": None})

    assert _warnings(_stack(environment="production", trustee={"referenceValues": MEASURED}), last) == []


def test_initdata_that_is_dropped_now_is_told_of() -> None:
    present = _chain(_stack(), LastRun()).measured
    (messages,) = _warnings(_stack(), LastRun(earlier=Earlier(documents=present), accepted=(*present.values(), OLD)))

    assert f"PCR 8 {OLD} of an earlier run is no longer accepted from this run on" in messages


@pytest.mark.parametrize(
    "trustee",
    [
        {"referenceValues": {**REGISTERED, "alsoAccept": [OLD]}},
        {"referenceValues": {**REGISTERED, "initdata": False}},
        {},
    ],
    ids=["accepted for another stack", "not registered", "no reference values"],
)
def test_nothing_is_told_of_initdata_that_stays_accepted_or_is_not_judged(trustee: dict[str, Any]) -> None:
    assert _warnings(_stack(trustee=trustee), LastRun(earlier=BEFORE, accepted=(OLD,))) == []


def test_the_same_versions_are_no_upgrade() -> None:
    assert _warnings(_stack(), LastRun(csv=_csv("1.12.0", "1.2.0"))) == []


def test_an_upgrade_from_1_1_to_1_2_names_what_gets_another_form() -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "trustee-operator goes from 1.1 to 1.2 (trustee-operator.v1.1.0 to trustee-operator.v1.2.1)" in messages
    assert "kbs-config-cm is in the schema of 1.2 instead of 1.1" in messages
    assert "resource-policy has its Rego in resource-policy.rego instead of policy.rego" in messages
    assert "rvps-reference-values has its values in reference_value instead of reference-values.json" in messages
    assert "attestation-policy" not in messages, "its key stays"
    assert "OLM takes this step by itself" not in messages


def test_an_upgrade_that_olm_approves_by_itself_says_how_to_decide_when() -> None:
    operator = {"approval": "Automatic", "treatAs": "1.2"}
    (messages,) = _warnings(
        _stack(trustee={"operator": operator, "referenceValues": REGISTERED}), LastRun(csv=_csv("1.12.1", "1.1.0"))
    )

    assert "approval is Automatic, so OLM takes this step by itself" in messages
    assert "pulumi config rm --path 'coco-azure:trustee.operator.approval'" in messages


def test_an_upgrade_to_osc_1_13_says_what_is_new_for_pods() -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "1.2.1")), osc="1.13.1")

    assert "pod VM image is the same with and without confidential containers" in messages
    assert "refuse sealed secrets that nobody has signed" in messages
    assert "CAA restarts when the cluster's TLS profile changes" in messages


def test_a_step_that_the_pin_took_is_not_olms_own() -> None:
    trustee = {"referenceValues": REGISTERED, "operator": {"version": "1.2.1"}}
    (messages,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "by itself" not in messages


def test_policies_of_the_users_own_are_told_to_stay() -> None:
    trustee = {"referenceValues": REGISTERED, "resourcePolicyFile": "coco_azure/formats/rego/resource_policy.rego"}
    (messages,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "trustee.resourcePolicyFile stays as it is, and has been tried with the claims of 1.2" in messages


def test_a_step_to_other_tokens_names_them_and_the_names_of_reference_values() -> None:
    trustee = {"referenceValues": REGISTERED, "signTokens": False}
    (messages,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "0.3.0")))

    assert "names such as snp_pcr08 instead of azsnpvtpm." in messages
    assert "tokens are Ear instead of Simple" in messages
    assert "token signer" not in messages, "the stack signs none"


def test_a_stack_that_signs_tokens_is_told_of_its_new_signer() -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "0.3.0")))

    assert "a new token signer is made, with a key of kind P-256" in messages


def test_an_upgrade_of_the_runtime_names_what_pods_need() -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv("1.9.0", "1.2.1")))

    assert "sandboxed-containers-operator goes from 1.9 to 1.12" in messages
    assert "initdata is compressed" in messages
    assert "annotation io.katacontainers.config.hypervisor.cc_init_data instead of" in messages


@pytest.mark.parametrize(
    ("before", "spoken", "restarted"), [("0.3.0", "0.1.1", "1.9"), ("0.4.2", "0.2.0", "1.10"), ("1.1.0", None, None)]
)
def test_an_upgrade_of_trustee_says_which_running_pods_it_cuts_off(
    before: str, spoken: str | None, restarted: str | None
) -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", before)))

    if spoken is None:
        assert "RCAR" not in messages
        return
    assert f"KBS takes version 0.4.0 of the RCAR protocol and no longer {spoken}" in messages
    assert (
        f"pods that run in pod VMs of OSC {restarted}, of every stack that uses this Trustee, get no secret" in messages
    )
    assert "restart them in pod VMs of OSC 1.11, 1.12 or 1.13" in messages


@pytest.mark.parametrize(("before", "spoken"), [("1.9.0", "0.1.1"), ("1.10.1", "0.2.0"), ("1.11.0", None)])
def test_an_upgrade_of_the_runtime_says_what_its_old_pod_vms_speak(before: str, spoken: str | None) -> None:
    (messages,) = _warnings(_stack(), LastRun(csv=_csv(before, "1.2.1")))

    if spoken is None:
        assert "RCAR" not in messages
        return
    assert "its pod VMs speak version 0.4.0 of the RCAR protocol" in messages
    assert f"both of which speak {spoken} and get no secret of a KBS that takes 0.4.0" in messages


def test_a_new_default_of_the_digest_cuts_off_no_running_pod() -> None:
    before = _chain(_stack(initdata={"algorithm": "sha384"}), LastRun()).measured
    last = LastRun(earlier=Earlier(documents=before), accepted=tuple(before.values()))

    during = _chain(_stack(), last)
    (values,) = [value.values for value in during.judgement.values] if during.judgement else []

    assert before["global"] != during.measured["global"]
    assert set(values) == {*during.measured.values(), *before.values()}
    text = "\n".join(history.warnings(_stack(), during, last))
    assert all(f"PCR 8 {pcr8} of the last run is still accepted" in text for pcr8 in before.values())
    after = _chain(_stack(), LastRun(earlier=Earlier(documents=during.measured)))
    assert after.judgement is not None
    assert [set(value.values) for value in after.judgement.values] == [set(during.measured.values())]


def test_a_version_that_is_no_longer_known_is_no_upgrade() -> None:
    assert _warnings(_stack(), LastRun(csv=_csv("1.2.0", "0.1.0"))) == []


def test_the_program_reads_its_own_last_run_and_accepts_its_initdata_once_more() -> None:
    outputs = {"initdataPcr8": {"global": OLD}, "proof": {"acceptedPcr8": [OLD], "versions": []}}
    config = {"trustee": {"referenceValues": REGISTERED}}
    run = run_program(config, Recorder(stacks={"organization/coco-azure/test": outputs}))

    assert OLD in run.exports["proof"]["acceptedPcr8"]
    assert [item for item in run.exports["proof"]["warnings"] if f"PCR 8 {OLD} of the last run" in item]
    assert OLD not in run.exports["initdataPcr8"].values()
