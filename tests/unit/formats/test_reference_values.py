"""Reference values: a user's file is checked in full, and written as each version of RVPS reads it."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.kbs import reference_input, reference_values
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.versions.profiles import TRUSTEE

DIGEST = "ab" * 32
LONGER = "cd" * 48
MEASUREMENT = "msSPysii2Iru/41CetTyvg45F8dIoYvfUswxfn/iAwi0WdXvGhLgwilE6zhtF8MV"
STAMP = "2027-01-31T00:00:00Z"
EXPIRES = datetime(2027, 1, 31, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)

DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds it
    lambda moment: moment.replace(microsecond=0)
)
VALUES = st.dictionaries(
    st.from_regex(r"snp_pcr[0-9]{2}", fullmatch=True),
    st.tuples(st.lists(DIGESTS, min_size=1, max_size=3, unique=True), MOMENTS),
).map(
    lambda names: [
        ReferenceValue(name=name, values=tuple(values), expires=expires) for name, (values, expires) in names.items()
    ]
)


def _value(name: str = "snp_pcr08", *values: str, expires: datetime = EXPIRES) -> ReferenceValue:
    return ReferenceValue(name=name, values=values or (DIGEST,), expires=expires)


def _parse(*entries: object) -> list[ReferenceValue]:
    return reference_input.parse(json.dumps(entries))


def _entry(name: str, *values: object) -> dict[str, Any]:
    return {"name": name, "expiration": STAMP, "value": list(values)}


def _read_as_1_2(text: str) -> dict[str, Any]:
    """Read the file as ``LocalJson::get`` does (v1.2.0): a map from key to text, in base64's URL-safe alphabet."""
    by_name: dict[str, str] = json.loads(text)
    assert all(
        set(value) <= set(base64.urlsafe_b64encode(bytes(range(256))).decode() + "=") for value in by_name.values()
    )
    return {name: json.loads(base64.urlsafe_b64decode(value)) for name, value in by_name.items()}


def test_both_forms_of_a_users_file_mean_the_same() -> None:
    hashes = {"name": "snp_pcr08", "expiration": STAMP, "hash-value": [{"alg": "sha256", "value": DIGEST}]}

    assert _parse(hashes) == _parse(_entry("snp_pcr08", DIGEST)) == [_value()]


def test_digests_come_back_as_claims_have_them() -> None:
    assert _parse(_entry("tdx_pcr08", "0x" + DIGEST.upper()))[0].values == (DIGEST,)
    assert _parse(_entry("rtmr_1", LONGER.upper()))[0].values == (LONGER,)
    assert _parse(_entry("init_data", DIGEST.upper()))[0].values == (DIGEST,)


def test_the_launch_measurement_is_base64_and_keeps_its_case() -> None:
    in_hex = base64.b64decode(MEASUREMENT).hex()

    assert _parse(_entry("measurement", MEASUREMENT))[0].values == (MEASUREMENT,)
    assert _parse(_entry("azsnpvtpm.measurement", "0x" + in_hex.upper()))[0].values == (MEASUREMENT,)


def test_other_claims_are_texts_or_numbers() -> None:
    assert _parse(_entry("tcb_snp", 8, "0x1F", " OutOfDate "))[0].values == ("8", "0x1F", "OutOfDate")


def test_a_value_that_is_named_twice_counts_once() -> None:
    assert _parse(_entry("snp_pcr08", DIGEST, "0x" + DIGEST))[0].values == (DIGEST,)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "x", "expiration": "2027-01-31", "value": ["1"]}, "2027-01-31T00:00:00Z"),
        ({"name": "x", "value": ["1"]}, "no expiration, needed UTC like"),
        ({"expiration": STAMP, "value": ["1"]}, "has no name"),
        ({"name": "x", "expiration": STAMP}, "hash-value"),
        ({"name": "x", "expiration": STAMP, "value": []}, "no values"),
        ({"name": "x", "expiration": STAMP, "hash-value": ["aa"]}, "hash-value"),
        ({"name": "x", "expiration": STAMP, "hash-value": [{"alg": "sha256"}]}, "hash-value"),
        (_entry("snp_pcr08", "abc"), "found 3 hex digits, needed 64"),
        (_entry("snp_pcr08", LONGER), "found 96 hex digits, needed 64"),
        (_entry("snp_pcr08", "msSPysii"), "needed a digest in hex"),
        (_entry("mr_td", "00"), "needed 64 or 96 or 128"),
        (_entry("measurement", DIGEST), "48 bytes in base64 or hex"),
        (_entry("measurement", "no base64"), "48 bytes in base64 or hex"),
        (_entry("tcb_snp", None), "found null, needed a text or a number"),
        ({"name": "x", "expiration": STAMP, "value": [True]}, "found true, needed a text or a number"),
        (_entry("tcb_snp", ""), "needed a text or a number"),
        ("x", "needed an object"),
    ],
)
def test_reference_values_that_nothing_could_match_are_refused_first(entry: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        _parse(entry)


@pytest.mark.parametrize("text", ["{", "{}"])
def test_a_reference_value_file_is_a_json_array(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON"):
        reference_input.parse(text)


def test_every_problem_of_a_file_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="entry 0") as caught:
        _parse({"name": "snp_pcr08", "expiration": "tomorrow", "value": ["abc", "def"]}, "x", _entry("y"))

    message = str(caught.value)
    assert [part in message for part in ("tomorrow", "3 hex digits", "entry 1 is a text", "entry 2 (y)")] == [True] * 4
    assert message.count("3 hex digits") == 2


def test_a_name_that_stands_twice_is_refused_because_rvps_keeps_one_of_them() -> None:
    with pytest.raises(ValueError, match=r"snp_pcr08 stands in 2 entries.*one list"):
        _parse(_entry("snp_pcr08", DIGEST), _entry("snp_pcr08", DIGEST))


@given(VALUES)
def test_a_file_says_the_same_after_it_was_written(values: list[ReferenceValue]) -> None:
    assert reference_input.parse(reference_values.render(values, TRUSTEE["0.3"])) == values
    assert reference_input.parse(reference_values.render(values, TRUSTEE["1.1"])) == values
    assert reference_input.parse(
        json.dumps(list(_read_as_1_2(reference_values.render(values, TRUSTEE["1.2"])).values()))
    ) == (values)


@pytest.mark.parametrize("version", ["0.3", "0.4"])
def test_0_3_and_0_4_read_hash_values(version: str) -> None:
    assert json.loads(reference_values.render([_value("mr_td", LONGER)], TRUSTEE[version])) == [
        {"name": "mr_td", "expiration": STAMP, "hash-value": [{"alg": "sha384", "value": LONGER}]}
    ]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_1_0_and_1_1_read_a_list_of_values(version: str) -> None:
    assert json.loads(reference_values.render([_value("snp_pcr08", DIGEST, "00" * 32)], TRUSTEE[version])) == [
        {"name": "snp_pcr08", "expiration": STAMP, "value": [DIGEST, "00" * 32]}
    ]


def test_1_2_reads_an_object_of_encoded_entries_that_hold_their_own_name() -> None:
    text = reference_values.render([_value()], TRUSTEE["1.2"])

    assert _read_as_1_2(text) == {"snp_pcr08": {"name": "snp_pcr08", "expiration": STAMP, "value": [DIGEST]}}


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_1_2_gets_the_alphabet_that_kbs_decodes_whatever_the_value(text: str) -> None:
    rendered = reference_values.render([_value("tcb_status", text)], TRUSTEE["1.2"])

    assert _read_as_1_2(rendered)["tcb_status"]["value"] == [text]


@pytest.mark.parametrize(("version", "empty"), [("0.3", "[]\n"), ("1.0", "[]\n"), ("1.2", "{}\n")])
def test_no_values_are_an_empty_file_of_the_versions_form(version: str, empty: str) -> None:
    assert reference_values.render([], TRUSTEE[version]) == empty


def test_expirations_are_written_in_utc_to_the_second() -> None:
    remote = datetime(2027, 1, 31, 2, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))

    assert json.loads(reference_values.render([_value(expires=remote)], TRUSTEE["0.3"]))[0]["expiration"] == STAMP


def test_an_expiry_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        _value(expires=datetime(2027, 1, 31))  # noqa: DTZ001 - what is refused


def test_a_value_counts_up_to_its_moment_and_not_after() -> None:
    value = _value()

    assert reference_values.expired([value], EXPIRES) == []
    assert reference_values.expired([value], EXPIRES + timedelta(seconds=1)) == [value]


def test_values_that_will_soon_expire_are_told_and_those_that_have_are_not() -> None:
    soon, later, gone = _value("a"), _value("b", expires=EXPIRES + timedelta(days=99)), _value("c", expires=NOW)

    assert reference_values.expiring([soon, later, gone], NOW + timedelta(days=1), timedelta(days=30)) == [soon]


def test_old_and_new_values_of_a_name_become_one_entry_until_the_earlier_expiry() -> None:
    old, new = _value("snp_pcr08", "00" * 32, expires=NOW), _value("snp_pcr08", DIGEST, "00" * 32)
    other = _value("snp_pcr03")

    assert reference_values.merge([old, other], [new]) == [_value("snp_pcr08", "00" * 32, DIGEST, expires=NOW), other]
