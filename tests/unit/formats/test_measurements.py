"""PCRs of an image come only from a file that its maker signed, and only where they are PCRs."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.kbs import reference_values
from coco_azure.versions.profiles import TRUSTEE

EXPIRES = datetime(2027, 1, 31, tzinfo=UTC)
PCRS = {number: f"{number:02x}" * 32 for number in (3, 9, 11, 12)}
CONTENT = b'{"measurements": {}}\n'


def _file(bank: object) -> str:
    return json.dumps({"measurements": {"sha256": bank}})


def _pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@given(
    st.dictionaries(st.integers(0, 23), st.binary(min_size=32, max_size=32), min_size=1),
    st.sampled_from([str.lower, str.upper]),
)
def test_pcrs_are_read_in_either_case_and_come_back_as_claims_have_them(
    pcrs: dict[int, bytes], case: Callable[[str], str]
) -> None:
    bank = {case(f"pcr{number:02}"): case("0x" + value.hex()) for number, value in pcrs.items()}

    assert reference_values.parse_measurements(_file(bank)) == {number: value.hex() for number, value in pcrs.items()}


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("{", ["not JSON"]),
        ("[]", ["measurements"]),
        ('{"measurements": {"sha384": {}}}', ["sha256"]),
        (_file({}), ["empty"]),
        (_file({"pcr03": "0xabc"}), ["pcr03", "64 hex digits"]),
        (_file({"pcr24": "0x" + "00" * 32, "kernel": "x"}), ["pcr24", "kernel", "pcr00 to pcr23"]),
    ],
)
def test_a_file_that_has_no_pcrs_is_refused_with_what_was_found(text: str, complaints: list[str]) -> None:
    with pytest.raises(ValueError, match=complaints[0]) as caught:
        reference_values.parse_measurements(text)

    assert all(complaint in str(caught.value) for complaint in complaints)


def test_a_signature_of_each_kind_of_key_is_accepted() -> None:
    curve, modulus, edwards = (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    )
    signed: list[tuple[Any, bytes]] = [
        (curve.public_key(), curve.sign(CONTENT, ec.ECDSA(hashes.SHA256()))),
        (modulus.public_key(), modulus.sign(CONTENT, padding.PKCS1v15(), hashes.SHA256())),
        (edwards.public_key(), edwards.sign(CONTENT)),
    ]

    for key, signature in signed:
        reference_values.verify(CONTENT, base64.b64encode(signature).decode() + "\n", _pem(key))
        with pytest.raises(ValueError, match="does not belong"):
            reference_values.verify(CONTENT + b" ", base64.b64encode(signature).decode(), _pem(key))


def test_another_makers_signature_is_refused_with_the_command_that_makes_one() -> None:
    mine, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signature = base64.b64encode(other.sign(CONTENT, ec.ECDSA(hashes.SHA256()))).decode()

    with pytest.raises(ValueError, match="cosign sign-blob --key"):
        reference_values.verify(CONTENT, signature, _pem(mine.public_key()))


@pytest.mark.parametrize("signature", ["not base64!", "é"])
def test_a_signature_that_is_no_base64_is_refused(signature: str) -> None:
    with pytest.raises(ValueError, match=r"not base64.*cosign sign-blob"):
        reference_values.verify(CONTENT, signature, _pem(ec.generate_private_key(ec.SECP256R1()).public_key()))


def test_a_file_that_is_no_public_key_is_refused() -> None:
    with pytest.raises(ValueError, match="not a PEM public key"):
        reference_values.verify(CONTENT, "AAAA", "-----BEGIN PUBLIC KEY-----")


def test_a_kind_of_key_that_cosign_does_not_make_is_refused_by_name() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    signature = base64.b64encode(key.sign(CONTENT, ec.ECDSA(hashes.SHA256()))).decode()

    with pytest.raises(ValueError, match="ECDSA P-256"):
        reference_values.verify(CONTENT, signature, _pem(key.public_key()))


@pytest.mark.parametrize(
    ("version", "tee", "name"),
    [
        ("0.3", "snp", "azsnpvtpm.tpm.pcr03"),
        ("0.4", "tdx", "aztdxvtpm.tpm.pcr03"),
        ("1.0", "snp", "snp_pcr03"),
        ("1.2", "tdx", "tdx_pcr03"),
    ],
)
def test_measured_pcrs_become_reference_values_under_the_versions_names(version: str, tee: str, name: str) -> None:
    values = reference_values.of_measurements(PCRS, tee, TRUSTEE[version], EXPIRES)

    assert [value.values for value in values] == [(PCRS[number],) for number in (3, 9, 11, 12)]
    assert values[0].name == name
    assert {value.expires for value in values} == {EXPIRES}


def test_a_pcr_that_was_not_measured_is_named() -> None:
    with pytest.raises(ValueError, match=r"PCR 12; the file has 3"):
        reference_values.of_measurements({3: PCRS[3]}, "snp", TRUSTEE["1.2"], EXPIRES, (3, 12))


def test_pcr_8_never_comes_from_the_image() -> None:
    with pytest.raises(ValueError, match="initdata"):
        reference_values.of_measurements({**PCRS, 8: "00" * 32}, "snp", TRUSTEE["1.2"], EXPIRES, (3, 8))
