"""A private key is found whatever it is wrapped in, its place is told and nothing of it; what is public passes."""

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.pki import private_keys
from coco_azure.formats.pki.private_keys import PrivateKey
from tests.unit import private_key_texts as texts
from tests.unit.pki import CHAIN
from tests.unit.recording import ROOT

LABELS = [
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "ANY PRIVATE KEY",
    "SSH2 ENCRYPTED PRIVATE KEY",
    "ENCRYPTED SIGSTORE PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
]
LINES = CHAIN.count("\n")
RUNNING = base64.b64encode(bytes(range(256))).decode()
"""Base64 that stands for nothing."""


@pytest.mark.parametrize("label", LABELS)
def test_armour_of_any_label_is_found_with_its_block_and_line(label: str) -> None:
    result = private_keys.find(CHAIN + texts.armoured(RUNNING, label))

    assert result == PrivateKey(name=label, line=LINES + 1, block=3)
    assert str(result) == f"a private key (block 3, {label}, line {LINES + 1})"


@pytest.mark.parametrize(
    "marker",
    [
        "-----BEGIN PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
        "  -----BEGIN PRIVATE KEY-----",
        "# -----BEGIN PRIVATE KEY-----",
        "\ufeff-----BEGIN PRIVATE KEY-----",
        "-----BEGIN  PRIVATE  KEY-----",
        "-----begin rsa private key-----",
        "-----END CERTIFICATE----------BEGIN PRIVATE KEY-----",
        '"-----BEGIN PRIVATE KEY-----\\n"',
    ],
)
def test_a_marker_is_found_however_it_is_written(marker: str) -> None:
    result = private_keys.find(f"package policy\n{marker}\n")

    assert result is not None
    assert result.line == 2
    assert "PRIVATE KEY" in result.name


@pytest.mark.parametrize("name", texts.pems())
def test_a_pem_is_found_in_the_open_and_in_base64(name: str) -> None:
    pem = texts.pems()[name]

    assert private_keys.find(pem) is not None
    for wrapped in (texts.secret("tls", "tls.key", pem), texts.secret("tls", "tls.pem", CHAIN + pem)):
        result = private_keys.find(wrapped)
        assert result is not None
        assert (result.name.endswith("PRIVATE KEY, in base64"), result.block) == (True, None)
        assert result.line == 6
    twice = base64.b64encode(texts.secret("tls", "tls.key", pem).encode()).decode()
    thrice = base64.b64encode(json.dumps({"x": twice}).encode()).decode()
    assert private_keys.find(twice) is not None
    assert private_keys.find(f"a: 1\nb: {thrice}\n") is not None


@pytest.mark.parametrize("name", texts.ders())
@pytest.mark.parametrize("prefix", ["", "x", "xy", "xyz"])
def test_the_structure_of_a_key_is_found_without_any_marker(name: str, prefix: str) -> None:
    der = texts.ders()[name]
    plain, url_safe = base64.b64encode(der).decode(), base64.urlsafe_b64encode(der).decode()
    lines = "\n".join(f"  # {plain[start : start + 64]}" for start in range(0, len(plain), 64))

    assert private_keys.find(der) is not None
    for text in (
        f"one\ntwo\nkey: {prefix}{plain}",
        f"one\ntwo\nkey: {prefix}{url_safe}",
        f"one\ntwo\nkey: {prefix}{der.hex()}",
        f"one\ntwo\n{prefix}{lines}",
        f'one\ntwo\n{prefix}"{plain[:40]}\\n{plain[40:]}"',
    ):
        result = private_keys.find(text)
        assert result is not None, text
        assert "in hexadecimal" in result.name or result.line == 3, result


def test_what_a_structure_is_called() -> None:
    ders = texts.ders()
    names = {name: str(private_keys.find(ders[name])) for name in ders}

    assert names["PKCS#12"] == "a private key (PKCS#12, line 1)"
    assert names["RSA in PKCS #8 with a password"] == "a private key (an encrypted key in DER, line 1)"
    for form in ("Ed25519 in PKCS #8", "RSA in the traditional form", "P-521 in the traditional form"):
        assert names[form] == "a private key (a key in DER, line 1)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "a key of PuTTY"),
        ("Private-Lines: 1\n", "a key of PuTTY"),
        ("AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQ", "a key of age"),
        ("-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n", "an encrypted key"),
        ("DEK-Info: AES-256-CBC,00\n", "an encrypted key"),
        ("RSA Private-Key: (2048 bit, 2 primes)\n", "a key in numbers"),
        ("Key:\n    priv:\n        4f:00:11:22:33:44:55:66:77\n", "a key in numbers"),
        ("openssh-key-v1\0", "a key of OpenSSH"),
        ('x := {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA"}', "a JWK"),
        ('{\\"kty\\": \\"OKP\\", \\"d\\": \\"AAAAAAAAAAAAAAAAAAAAAA\\"}', "a JWK"),
    ],
)
def test_other_forms_of_keys_are_known_by_their_words(text: str, name: str) -> None:
    assert private_keys.find(f"\n\n{text}") == PrivateKey(name=name, line=4 if "4f:00" in text or "Proc" in text else 3)


@pytest.mark.parametrize(
    "form",
    [
        json.dumps,
        lambda key: json.dumps({"kty": key["kty"], "meta": {"a": 1}, "d": key["d"]}),
        lambda key: json.dumps({**key, "kid": "a{b}c", "meta": {"a": {"b": []}}}, indent=2),
        lambda key: json.dumps({"keys": [{"kty": "RSA", "n": "A" * 300, "oth": [{"r": "B" * 300}]}, key]}),
        lambda key: json.dumps(dict(reversed(key.items()))),
        lambda key: json.dumps(json.dumps(key)),
        lambda key: "\n".join(f"{name}: {value}" for name, value in key.items()),
        str,
    ],
    ids=["plain", "nested", "braces in a text", "a set", "its type last", "a text of JSON", "YAML", "Python"],
)
def test_a_private_jwk_is_found_in_every_form(form: Callable[[Any], str]) -> None:
    key = json.loads(texts.jwk())
    public = {name: value for name, value in key.items() if name != "d"}

    assert private_keys.find("first\n" + form(key)) is not None
    assert private_keys.find("first\n" + form({**public, "d": "short"})) is None


def test_a_key_in_hexadecimal_is_told_with_its_line_whatever_stands_between_the_digits() -> None:
    digits = [f"{byte:02x}" for byte in texts.ders()["P-256 in PKCS #8"]]

    for text in (":".join(digits), ", ".join(f"0x{each}" for each in digits), "".join(f"\\x{each}" for each in digits)):
        result = private_keys.find(f"one\ntwo\n{text}\nfour\nfive\n")
        assert result is not None
        assert result.line == 3


def test_what_openssl_prints_of_a_key_and_a_jwk_are_found() -> None:
    assert private_keys.find(texts.printed()) is not None
    assert private_keys.find(texts.jwk()) is not None
    assert private_keys.find(base64.b64encode(texts.jwk().encode())) is not None


def test_the_refusal_tells_the_place_and_the_way_out() -> None:
    pem = texts.pems()["Ed25519 in PKCS #8"]

    with pytest.raises(ValueError, match="holds a private key") as refused:
        private_keys.refuse(pem, "Name another file")

    assert str(refused.value) == (
        "holds a private key (block 1, PRIVATE KEY, line 1), and this setting is for what is public. Name another "
        "file. If the key has been in a stack or in a repository already, replace it"
    )
    private_keys.refuse(CHAIN, "")


def _public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


PUBLIC = {
    "a chain": CHAIN,
    "a chain in a Secret": texts.secret("tls", "tls.crt", CHAIN),
    "a public key": _public(ec.generate_private_key(ec.SECP384R1())),
    "an RSA key": _public(rsa.generate_private_key(65537, 2048)),
    "a short key": _public(ed25519.Ed25519PrivateKey.generate()),
    "a GPG key": (ROOT / "rehearsal/kubelet/registry-keys/release.asc").read_text(),
    "measurements": (ROOT / "rehearsal/pod_vm_image/measurements.json").read_text(),
    "a signature": (ROOT / "rehearsal/pod_vm_image/measurements.sig").read_text(),
    "a public JWK": '{"kty": "EC", "crv": "P-256", "x": "AAAAAAAAAAAAAAAAAAAAAA", "y": "AAAAAAAAAAAAAAAAAAAAAA"}',
    "no JWK": '{"d": "AAAAAAAAAAAAAAAAAAAAAA"}',
    "words": "The private key stands in clientSecrets. BEGIN with a PRIVATE KEY of your own: openssl genpkey",
    # openssl ecparam -name prime256v1 -param_enc explicit: a version and the type of a field.
    "parameters of a curve": (
        "MIH3AgEBMCwGByqGSM49AQECIQD/////AAAAAQAAAAAAAAAAAAAAAP///////////////zBbBCD/////AAAAAQAAAAAAAAAAAAAA"
        "AP///////////////AQgWsY12Ko6k+ez671VdpiGvGUdBrDMU7D2O848PifSYEsDFQDEnTYIhucEk2pmeOETnSa3gZ9+kARBBGsX"
        "0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfUCIQD/////AAAAAP//"
        "////////vOb6racXnoTzucrC/GMlUQIBAQ=="
    ),
    # An extension of a Taiwanese authority: a version and an algorithm, and then another algorithm.
    "a structure with a version": base64.b64encode(
        bytes.fromhex("302d020100300906052b0e03021a050030070605672a030000041445b0c2c70a567cee5b780c95f91853c1a61cd810")
    ).decode(),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_passes(name: str) -> None:
    assert private_keys.find(PUBLIC[name]) is None


@pytest.mark.parametrize("path", sorted((ROOT / "coco_azure/formats/rego").rglob("*.rego")), ids=lambda path: path.name)
def test_the_policies_of_the_project_pass(path: Path) -> None:
    assert private_keys.find(path.read_text()) is None


def test_every_authority_of_this_machine_passes() -> None:
    known = ssl.create_default_context().get_ca_certs(binary_form=True)

    assert [der.hex() for der in known if private_keys.find(ssl.DER_cert_to_PEM_cert(der)) is not None] == []


@given(st.binary(max_size=4096))
def test_noise_passes(noise: bytes) -> None:
    assert private_keys.find(noise) is None
    assert private_keys.find(base64.b64encode(noise)) is None
