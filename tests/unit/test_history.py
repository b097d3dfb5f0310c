"""From the last finished run to this one: initdata that is accepted once more, and versions that change formats."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import settings
from rendering import profiles
from rendering.profiles import OSC_PACKAGE, TRUSTEE_PACKAGE
from settings import Settings
from tests.unit.recording import Recorder, run_program
from tests.unit.trust_stacks import MEASURED
from trust import history
from trust.chain import Chain, Versions, build
from trust.documents import Place
from trust.history import LastRun
from trust.secrets import Earlier

ROOT = Path(__file__).parents[2]
OLD, OLDER = "aa" * 32, "bb" * 32
BEFORE = Earlier(documents={"global": OLD})
REGISTERED = {"expires": "2099-12-31", "initdata": True}


def _stack(**said: Any) -> Settings:
    values: dict[str, Any] = {"trustee": {"referenceValues": REGISTERED}, **said}
    return settings.parse(values, ROOT)


def _chain(stack: Settings, last: LastRun, osc: str = "1.12.1", trustee: str = "1.2.1") -> Chain:
    csv = {OSC_PACKAGE: f"{OSC_PACKAGE}.v{osc}", TRUSTEE_PACKAGE: f"{TRUSTEE_PACKAGE}.v{trustee}"}
    versions = Versions(osc=profiles.osc(csv[OSC_PACKAGE]), trustee=profiles.trustee(csv[TRUSTEE_PACKAGE]), csv=csv)
    return build(stack, versions, Place(kbs_url="https://kbs.example.com"), last.earlier)


def _warnings(stack: Settings, last: LastRun, **versions: str) -> list[str]:
    return history.warnings(stack, _chain(stack, last, **versions), last)


def _csv(osc: str, trustee: str) -> Mapping[str, str]:
    return {OSC_PACKAGE: f"{OSC_PACKAGE}.v{osc}", TRUSTEE_PACKAGE: f"{TRUSTEE_PACKAGE}.v{trustee}"}


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
    (said,) = _warnings(_stack(), LastRun(earlier=BEFORE, accepted=(OLD,)))

    assert f"PCR 8 {OLD} of the last run is still accepted" in said
    assert "the next `pulumi up` drops it, and shows that as one more change" in said


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
    (said,) = _warnings(_stack(), LastRun(earlier=Earlier(documents=present), accepted=(*present.values(), OLD)))

    assert f"PCR 8 {OLD} of an earlier run is no longer accepted from this run on" in said


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
    (said,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "trustee-operator goes from 1.1 to 1.2 (trustee-operator.v1.1.0 to trustee-operator.v1.2.1)" in said
    assert "kbs-config-cm is in the schema of 1.2 instead of 1.1" in said
    assert "resource-policy has its Rego in resource-policy.rego instead of policy.rego" in said
    assert "rvps-reference-values has its values in reference_value instead of reference-values.json" in said
    assert "attestation-policy" not in said, "its key stays"
    assert "OLM takes this step by itself" not in said


def test_an_upgrade_that_olm_approves_by_itself_says_how_to_decide_when() -> None:
    operator = {"approval": "Automatic", "treatAs": "1.2"}
    (said,) = _warnings(
        _stack(trustee={"operator": operator, "referenceValues": REGISTERED}), LastRun(csv=_csv("1.12.1", "1.1.0"))
    )

    assert "approval is Automatic, so OLM takes this step by itself" in said
    assert "pulumi config rm --path 'coco-azure:trustee.operator.approval'" in said


def test_an_upgrade_to_osc_1_13_says_what_is_new_for_pods() -> None:
    (said,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "1.2.1")), osc="1.13.1")

    assert "pod VM image is the same with and without confidential containers" in said
    assert "refuse sealed secrets that nobody has signed" in said
    assert "CAA restarts when the cluster's TLS profile changes" in said


def test_a_step_that_the_pin_took_is_not_olms_own() -> None:
    trustee = {"referenceValues": REGISTERED, "operator": {"version": "1.2.1"}}
    (said,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "by itself" not in said


def test_policies_of_the_users_own_are_told_to_stay() -> None:
    trustee = {"referenceValues": REGISTERED, "resourcePolicyFile": "rendering/rego/resource_policy.rego"}
    (said,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "1.1.0")))

    assert "trustee.resourcePolicyFile stays as it is, and has been tried with the claims of 1.2" in said


def test_a_step_to_other_tokens_names_them_and_the_names_of_reference_values() -> None:
    trustee = {"referenceValues": REGISTERED, "signTokens": False}
    (said,) = _warnings(_stack(trustee=trustee), LastRun(csv=_csv("1.12.1", "0.3.0")))

    assert "names such as snp_pcr08 instead of azsnpvtpm." in said
    assert "tokens are Ear instead of Simple" in said
    assert "token signer" not in said, "the stack signs none"


def test_a_stack_that_signs_tokens_is_told_of_its_new_signer() -> None:
    (said,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", "0.3.0")))

    assert "a new token signer is made, with a key of kind P-256" in said


def test_an_upgrade_of_the_runtime_names_what_pods_need() -> None:
    (said,) = _warnings(_stack(), LastRun(csv=_csv("1.9.0", "1.2.1")))

    assert "sandboxed-containers-operator goes from 1.9 to 1.12" in said
    assert "initdata is compressed" in said
    assert "annotation io.katacontainers.config.hypervisor.cc_init_data instead of" in said


@pytest.mark.parametrize(
    ("before", "spoken", "restarted"), [("0.3.0", "0.1.1", "1.9"), ("0.4.2", "0.2.0", "1.10"), ("1.1.0", None, None)]
)
def test_an_upgrade_of_trustee_says_which_running_pods_it_cuts_off(
    before: str, spoken: str | None, restarted: str | None
) -> None:
    (said,) = _warnings(_stack(), LastRun(csv=_csv("1.12.1", before)))

    if spoken is None:
        assert "RCAR" not in said
        return
    assert f"KBS takes version 0.4.0 of the RCAR protocol and no longer {spoken}" in said
    assert f"pods that run in pod VMs of OSC {restarted}, of every stack that uses this Trustee, get no secret" in said
    assert "restart them in pod VMs of OSC 1.11, 1.12 or 1.13" in said


@pytest.mark.parametrize(("before", "spoken"), [("1.9.0", "0.1.1"), ("1.10.1", "0.2.0"), ("1.11.0", None)])
def test_an_upgrade_of_the_runtime_says_what_its_old_pod_vms_speak(before: str, spoken: str | None) -> None:
    (said,) = _warnings(_stack(), LastRun(csv=_csv(before, "1.2.1")))

    if spoken is None:
        assert "RCAR" not in said
        return
    assert "its pod VMs speak version 0.4.0 of the RCAR protocol" in said
    assert f"both of which speak {spoken} and get no secret of a KBS that takes 0.4.0" in said


def test_a_new_default_of_the_digest_cuts_off_no_running_pod() -> None:
    before = _chain(_stack(initdata={"algorithm": "sha384"}), LastRun()).measured
    last = LastRun(earlier=Earlier(documents=before), accepted=tuple(before.values()))

    during = _chain(_stack(), last)
    (values,) = [value.values for value in during.judgement.values] if during.judgement else []

    assert before["global"] != during.measured["global"]
    assert set(values) == {*during.measured.values(), *before.values()}
    said = "\n".join(history.warnings(_stack(), during, last))
    assert all(f"PCR 8 {pcr8} of the last run is still accepted" in said for pcr8 in before.values())
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
    assert [said for said in run.exports["proof"]["warnings"] if f"PCR 8 {OLD} of the last run" in said]
    assert OLD not in run.exports["initdataPcr8"].values()
