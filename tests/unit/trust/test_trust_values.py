"""Reference values of a stack: which are registered, what they demand, and when they end."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.trust import checks
from coco_azure.trust import values as chain_values
from coco_azure.trust.documents import GLOBAL
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions.profiles import OSC, TRUSTEE
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import HOST, IMAGE, MEASURED, NOW, PRODUCTION, chain, changed, entry, file, stack

END = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
A, B, C = ("aa" * 32, "bb" * 32, "cc" * 32)
_SECOND = timedelta(seconds=1)


def _message(**content: Any) -> Any:
    return stack({"trustee": {"referenceValues": content}})


@pytest.mark.parametrize(
    ("content", "osc", "registers"),
    [
        ({}, "1.12", False),
        ({"expires": "2099-12-31"}, "1.9", False),
        ({"expires": "2099-12-31"}, "1.10", True),
        ({"expires": "2099-12-31"}, "1.12", True),
        ({"expires": "2099-12-31", "initdata": True}, "1.9", True),
        ({"expires": "2099-12-31", "initdata": False}, "1.12", False),
        ({"expires": "2099-12-31"}, None, False),
        ({"expires": "2099-12-31", "alsoAccept": [A]}, None, True),
    ],
)
def test_initdata_is_registered_where_it_is_measured_and_has_a_date(
    content: dict[str, Any], osc: str | None, *, registers: bool
) -> None:
    assert chain_values.registers_initdata(_message(**content), OSC[osc] if osc else None) is registers


def test_pcr_8_accepts_the_own_documents_the_ones_before_and_those_of_other_stacks() -> None:
    result = _message(expires="2099-12-31", alsoAccept=[C.upper(), A])

    outcome = chain_values.reference_values(
        result, OSC["1.12"], TRUSTEE["1.2"], {"global": A, "web": B}, [B, "dd" * 32]
    )

    assert outcome == [ReferenceValue(name="snp_pcr08", values=(A, B, "dd" * 32, C), expires=END)]


def test_what_an_earlier_run_deployed_stays_accepted_and_then_ends() -> None:
    config = {"trustee": {"referenceValues": {"expires": "2099-12-31"}}}

    during = chain(config, earlier=Earlier(documents={GLOBAL: A}))
    after = chain(config, earlier=Earlier(documents=during.measured))

    assert during.judgement is not None
    assert after.judgement is not None
    assert during.judgement.values[0].values == (*during.measured.values(), A)
    assert after.judgement.values[0].values == tuple(during.measured.values())


@pytest.mark.parametrize(
    ("trustee", "tee", "name"),
    [
        ("0.3", "snp", "azsnpvtpm.tpm.pcr08"),
        ("0.4", "tdx", "aztdxvtpm.tpm.pcr08"),
        ("1.0", "snp", "snp_pcr08"),
        ("1.2", "tdx", "tdx_pcr08"),
    ],
)
def test_names_are_those_of_the_version_and_the_tee(trustee: str, tee: str, name: str) -> None:
    pccs = {"tdx": {"pccsUrl": "https://pccs.example.com/"}} if tee == "tdx" else {}
    result = stack({"peerPods": {"tee": tee}, "trustee": {"referenceValues": {"expires": "2099-12-31"}, **pccs}})

    outcome = chain_values.reference_values(result, OSC["1.12"], TRUSTEE[trustee], {"global": A}, [])

    assert [value.name for value in outcome] == [name]


def test_measurements_of_the_image_give_the_pcrs_that_are_asked_for() -> None:
    measured = json.loads((ROOT / IMAGE / "measurements.json").read_text())["measurements"]["sha256"]

    reference_values = chain_values.reference_values(
        _message(**MEASURED, initdata=False, pcrs=[9, 11, 9]), OSC["1.12"], TRUSTEE["1.2"], {}, []
    )

    assert [value.name for value in reference_values] == ["snp_pcr09", "snp_pcr11"]
    assert [value.values[0] for value in reference_values] == [
        measured[pcr].removeprefix("0x") for pcr in ("pcr09", "pcr11")
    ]


def test_values_of_a_file_are_merged_with_the_registered_ones_and_the_earlier_date_wins(tmp_path: Path) -> None:
    earlier = "2030-01-01T00:00:00Z"
    own = [entry("snp_pcr08", B, expiration=earlier), entry("snp_tcb", "5")]
    result = stack(
        {
            "trustee": {
                "referenceValues": {"expires": "2099-12-31"},
                "referenceValuesFile": file(tmp_path, "own.json", own),
            }
        }
    )

    outcome = chain_values.reference_values(result, OSC["1.12"], TRUSTEE["1.2"], {"global": A}, [])

    assert [(value.name, value.values) for value in outcome] == [("snp_pcr08", (B, A)), ("snp_tcb", ("5",))]
    assert outcome[0].expires == datetime(2030, 1, 1, tzinfo=UTC)


def test_without_a_date_there_are_only_the_values_of_the_file(tmp_path: Path) -> None:
    result = stack({"trustee": {"referenceValuesFile": file(tmp_path, "own.json", [entry("snp_pcr03", A)])}})

    outcome = chain_values.reference_values(result, OSC["1.12"], TRUSTEE["1.2"], {"global": B}, [C])

    assert [(value.name, value.values) for value in outcome] == [("snp_pcr03", (A,))]


def test_the_demanded_pcrs_are_those_that_values_name() -> None:
    names = ["snp_pcr11", "tdx_pcr03", "azsnpvtpm.tpm.pcr08", "snp_tcb", "snp_pcr11"]

    assert chain_values.demanded_pcrs(_value(name) for name in names) == (3, 8, 11)
    assert chain_values.demanded_pcrs([]) == ()


def test_policies_are_given_what_has_not_expired() -> None:
    both = [_value("old", END - _SECOND), _value("new", END)]

    assert chain_values.as_data(iter(both), END) == {"new": [A]}


def test_a_value_counts_until_its_exact_date_and_is_a_problem_after_it() -> None:
    value = _value("snp_pcr08")

    assert chain_values.date_problems([value], END) == []
    (problem,) = chain_values.date_problems([value], END + _SECOND)
    assert "snp_pcr08 expired on 2099-12-31 23:59 UTC" in problem
    assert "needed a date to come: pulumi config set --path coco-azure:trustee.referenceValues.expires" in problem


def test_a_warning_begins_the_days_before_and_lasts_to_the_exact_date() -> None:
    result, days = _message(expires="2099-12-31", warnDays=7), timedelta(days=7)

    def warned(now: datetime) -> list[str]:
        return chain_values.date_warnings(result, [_value("snp_pcr08")], now)

    assert warned(END - days) == []
    assert len(warned(END - days + _SECOND)) == 1
    assert len(warned(END)) == 1
    assert warned(END + _SECOND) == []
    assert "snp_pcr08 expires on 2099-12-31 23:59 UTC and then denies every pod; set a later date" in warned(END)[0]


def test_no_days_before_means_no_warning() -> None:
    result = _message(expires="2099-12-31", warnDays=0)

    assert chain_values.date_warnings(result, [_value("snp_pcr08")], END - _SECOND) == []


def _value(name: str, expires: datetime = END) -> ReferenceValue:
    return ReferenceValue(name=name, values=(A,), expires=expires)


def _of_1_9(config: Any) -> list[str]:
    return checks.problems(stack(config), chain(config, osc="1.9", trustee="0.3"), HOST, NOW)


def test_a_file_that_demands_pcr_8_without_that_of_the_stack_would_deny_its_own_pods(tmp_path: Path) -> None:
    own = file(tmp_path, "own.json", [entry("azsnpvtpm.tpm.pcr08", "cc" * 32)])
    config = changed(PRODUCTION, trustee__referenceValuesFile=own)

    (problem,) = _of_1_9(config)

    built = chain(config, osc="1.9", trustee="0.3")
    documents = built.measured
    assert built.judgement is not None
    assert built.judgement.bindings is not None
    assert [*built.judgement.bindings.secrets] == ["cc" * 32], "what is not accepted is given nothing"
    assert f"pods of the global document ({documents['global']}), the check's document (" in problem
    assert "pulumi config set --path 'coco-azure:trustee.referenceValues.initdata' true" in problem
    registered = changed(config, trustee__referenceValues__initdata=True)
    assert _of_1_9(registered) == []
    listed = file(tmp_path, "listed.json", [entry("azsnpvtpm.tpm.pcr08", *documents.values())])
    complete = changed(PRODUCTION, trustee__referenceValuesFile=listed)
    assert _of_1_9(complete) == []


def test_policies_are_judged_by_the_firmware_that_the_stack_demands() -> None:
    config = changed(PRODUCTION, trustee__snpTcb={"microcode": 220})

    assert checks.problems(stack(config), chain(config), HOST, NOW) == []
