"""Certificates and public keys are taken block by block and written anew; whatever else a file has is named."""

import base64
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coco_azure.formats.images import public_keys
from coco_azure.formats.pki import public_material
from tests.unit import private_key_texts as texts
from tests.unit.pki import CHAIN, INTERMEDIATE, LEAF
from tests.unit.recording import ROOT

RSA = rsa.generate_private_key(65537, 2048).public_key()
PUBLIC = RSA.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
GPG = (ROOT / "rehearsal/kubelet/registry-keys/release.asc").read_text()
GPG_RAW = base64.b64decode("".join(GPG.split("\n\n", 1)[1].split("\n=")[0].split()))


def _relabelled(pem: str, label: str) -> str:
    return texts.armoured(texts.body(pem), label)


GOOD = {
    "as it is": CHAIN,
    "with line ends of Windows": CHAIN.replace("\n", "\r\n"),
    "without the last line end": CHAIN.rstrip(),
    "indented": "".join(f"    {line}\n" for line in CHAIN.splitlines()),
    "two markers on one line": CHAIN.replace("-----END CERTIFICATE-----\n-----", "-----END CERTIFICATE----------"),
    "with text around": f"subject=CN = leaf\n{LEAF.pem}# the next\nissuer: CN = root\n{INTERMEDIATE.pem}that is all\n",
    "in the older name": CHAIN.replace(" CERTIFICATE", " X509 CERTIFICATE"),
    "in short lines": texts.armoured(texts.body(LEAF.pem), "CERTIFICATE", 10) + INTERMEDIATE.pem,
    "in one line": texts.armoured(texts.body(LEAF.pem), "CERTIFICATE", 9999) + INTERMEDIATE.pem,
}


@pytest.mark.parametrize("name", GOOD)
def test_certificates_are_written_anew_however_they_come(name: str) -> None:
    assert public_material.certificates_pem(GOOD[name]) == CHAIN
    assert public_material.certificates(GOOD[name]) == [LEAF.certificate, INTERMEDIATE.certificate]


BROKEN = base64.b64encode(LEAF.certificate.public_bytes(Encoding.DER)[:-1]).decode()
LONGER = base64.b64encode(LEAF.certificate.public_bytes(Encoding.DER) + b"more").decode()
LINES = LEAF.pem.count("\n")
BAD_CERTIFICATES = {
    "nothing": ("", "found no block of this form"),
    "words": ("nonsense", "found no block of this form"),
    "a public key after it": (LEAF.pem + PUBLIC, f"block 2 (PUBLIC KEY, line {LINES + 1}) is no certificate"),
    "a request": (_relabelled(LEAF.pem, "CERTIFICATE REQUEST"), "block 1 (CERTIFICATE REQUEST, line 1) is no cert"),
    "parameters before it": (texts.armoured("BggqhkjOPQMBBw==", "EC PARAMETERS") + LEAF.pem, "block 1 (EC PARAMETERS"),
    "a block of words": ("-----BEGIN my words-----\nA\n-----END my words-----", "block 1 (of an unknown kind, line 1)"),
    "a damaged one": (texts.armoured(BROKEN, "CERTIFICATE"), "block 1 (CERTIFICATE, line 1) cannot be read"),
    "one with more behind it": (texts.armoured(LONGER, "CERTIFICATE"), "(CERTIFICATE, line 1) cannot be read"),
    "a key of that name": (_relabelled(PUBLIC, "CERTIFICATE"), "(CERTIFICATE, line 1) cannot be read"),
    "no base64": (
        texts.armoured("not base64!", "CERTIFICATE"),
        "(CERTIFICATE, line 1) holds something else than base64",
    ),
    "headers": (texts.armoured("A: b\n\nAAAA", "CERTIFICATE"), "line 1) holds something else than base64"),
    "half a letter": (texts.armoured("AAAAA", "CERTIFICATE"), "line 1) holds something else than base64"),
    "no end": (
        LEAF.pem + LEAF.pem.replace("-----END", "----END"),
        f"block 2 (CERTIFICATE, line {LINES + 1}) has no end",
    ),
    "no end between": (LEAF.pem.replace("-----END", "----END") + LEAF.pem, "block 1 (CERTIFICATE, line 1) has no end"),
    "no beginning": (LEAF.pem.replace("-----BEGIN", "----BEGIN"), f"block 1 (CERTIFICATE, line {LINES}) has no begin"),
    "another end": (LEAF.pem.replace("END CERT", "END X509 CERT"), "block 1 (CERTIFICATE, line 1) has no end"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_what_is_no_certificate_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="not a PEM certificate chain") as refused:
        public_material.certificates(text)

    assert message in str(refused.value)
    assert "openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs -out NEW" in str(refused.value)
    assert "AAAA" not in str(refused.value)
    assert "words" not in str(refused.value)


def test_a_public_key_is_written_anew_in_the_form_that_all_read() -> None:
    older = RSA.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()

    for text in (PUBLIC, older, f"  {PUBLIC}", f"# a comment\n{PUBLIC}", PUBLIC.replace("\n", "\r\n")):
        assert public_material.public_key_pem(text) == PUBLIC
    assert public_material.public_key(PUBLIC) == RSA


CURVE = "MFIwFAYHKoZIzj0CAQYJKyQDAwIIAQEBAzoABA=="
BAD_KEYS = {
    "nothing": ("", "found no block of this form"),
    "a certificate": (LEAF.pem, "block 1 (CERTIFICATE, line 1) is no public key"),
    "two keys": (PUBLIC + PUBLIC, f"block 2 (PUBLIC KEY, line {PUBLIC.count(chr(10)) + 1}) is a second one"),
    "a damaged key": (texts.armoured("AAAA", "PUBLIC KEY"), "block 1 (PUBLIC KEY, line 1) cannot be read"),
    "a curve that nobody has": (texts.armoured(CURVE, "PUBLIC KEY"), "block 1 (PUBLIC KEY, line 1) cannot be read"),
    "a GPG key": (GPG, "block 1 (PGP PUBLIC KEY BLOCK, line 1) is no public key"),
}


@pytest.mark.parametrize(("text", "message"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_what_is_no_public_key_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="not a PEM public key") as refused:
        public_material.public_key(text)

    assert message in str(refused.value)
    assert "openssl pkey -in FILE -pubout -out NEW" in str(refused.value)


def test_only_p256_is_of_the_kind_that_older_pod_vms_verify_with() -> None:
    kinds = {
        curve.name: public_keys.kind(
            ec.generate_private_key(curve)
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        for curve in (ec.SECP256R1(), ec.SECP384R1())
    }

    assert kinds == {"secp256r1": "P-256", "secp384r1": "other"}
    assert public_keys.kind(PUBLIC) == "other"


def _gpg(raw: bytes, label: str = "PGP PUBLIC KEY BLOCK") -> str:
    return f"-----BEGIN {label}-----\n\n{base64.b64encode(raw).decode()}\n-----END {label}-----\n"


def _packet(tag: int, content: bytes) -> bytes:
    """Return a packet with a length of the newer form."""
    size = len(content)
    if size < 192:
        length = bytes([size])
    elif size < 8384:
        length = bytes([192 + ((size - 192) >> 8), (size - 192) & 0xFF])
    else:
        length = b"\xff" + size.to_bytes(4)
    return bytes([0xC0 | tag]) + length + content


@pytest.mark.parametrize(
    "text",
    [
        GPG,
        GPG.replace("\n", "\r\n"),
        f"\n  {GPG}\n",
        f"A key of ours:\n\n{GPG}",
        GPG.replace("BLOCK-----\n\n", "BLOCK-----\nVersion: GnuPG v2\nComment: ours\n\n"),
        _gpg(GPG_RAW),
    ],
)
def test_a_gpg_key_is_written_anew(text: str) -> None:
    assert public_keys.gpg_keys(text) == GPG


@pytest.mark.parametrize("size", [1, 191, 192, 8383, 8384, 70000])
def test_gpg_packets_of_every_length_are_taken_whole(size: int) -> None:
    raw = _packet(6, b"k" * size) + _packet(13, b"a name") + _packet(2, b"s" * size) + _packet(14, b"k") + b"\xb0\x00"
    raw += b"\x88\x01s" + b"\x89\x00\x01s" + b"\x8a\x00\x00\x00\x01s" + _packet(17, b"p") + _packet(12, b"t")

    made = public_keys.gpg_keys(_gpg(raw))

    assert base64.b64decode("".join(made.splitlines()[2:-2])) == raw
    assert {len(line) for line in made.splitlines()[2:-3]} <= {64}


def test_several_gpg_keys_become_one_block() -> None:
    assert public_keys.gpg_keys(GPG + GPG) == public_keys.gpg_keys(_gpg(GPG_RAW + GPG_RAW))


BAD_GPG = {
    "nothing": ("", "found no block"),
    "a PEM key": (PUBLIC, "block 1 (PUBLIC KEY, line 1) is no GPG public key"),
    "a signature": (_gpg(b"\xc2\x01s", "PGP SIGNATURE"), "block 1 (PGP SIGNATURE, line 1) is no GPG"),
    "a certificate after it": (GPG + LEAF.pem, "block 2 (CERTIFICATE, line "),
    "a secret key in public armour": (
        _gpg(_packet(5, b"k")),
        "block 1 (PGP PUBLIC KEY BLOCK, line 1) holds a secret key",
    ),
    "a secret subkey behind a key": (_gpg(GPG_RAW + _packet(7, b"k")), "line 1) holds a secret key"),
    "an older secret key": (_gpg(GPG_RAW + b"\x94\x01k"), "line 1) holds a secret key"),
    "a signature first": (_gpg(_packet(2, b"s") + GPG_RAW), "holds something else than public keys"),
    "a message behind a key": (_gpg(GPG_RAW + _packet(11, b"m")), "holds something else than public keys"),
    "no packets": (_gpg(b""), "holds something else than public keys"),
    "no packet": (_gpg(GPG_RAW + b"\x00"), "line 1) is damaged"),
    "half a packet": (_gpg(GPG_RAW[:-1]), "line 1) is damaged"),
    "a header alone": (_gpg(GPG_RAW + b"\xc2"), "line 1) is damaged"),
    "a length in parts": (_gpg(GPG_RAW + b"\xc2\xe0" + b"s"), "line 1) is damaged"),
    "no base64": (GPG.replace("\n\n", "\n\n!"), "line 1) is damaged"),
}


@pytest.mark.parametrize(("text", "message"), BAD_GPG.values(), ids=BAD_GPG)
def test_what_is_no_gpg_key_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="not an ASCII-armoured GPG public key") as refused:
        public_keys.gpg_keys(text)

    assert message in str(refused.value)
    assert "gpg --armor --export KEYID" in str(refused.value)


@pytest.mark.parametrize(
    ("parse", "good", "fix"),
    [
        (public_material.certificates_pem, CHAIN, "openssl crl2pkcs7"),
        (public_material.public_key_pem, PUBLIC, "openssl pkey -in FILE -pubout"),
        (public_keys.gpg_keys, GPG, "gpg --armor --export KEYID"),
    ],
)
@pytest.mark.parametrize("name", texts.pems())
def test_a_private_key_among_public_ones_is_refused(
    parse: Callable[[str], str], good: str, fix: str, name: str
) -> None:
    pem = texts.pems()[name]

    for text in (pem, good + pem, pem + good, good + texts.armoured(texts.body(pem), "PGP PRIVATE KEY BLOCK")):
        with pytest.raises(ValueError, match="holds a private key") as refused:
            parse(text)
        assert fix in str(refused.value)
        assert texts.body(pem)[:16] not in str(refused.value)


def test_a_certificate_that_carries_a_key_is_refused() -> None:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), texts.ders()["Ed25519 in PKCS #8"])
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(LEAF.certificate.subject)
        .issuer_name(LEAF.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(LEAF.certificate.not_valid_before_utc)
        .not_valid_after(LEAF.certificate.not_valid_after_utc)
        .add_extension(extension, critical=False)
        .sign(key, LEAF.certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    )

    with pytest.raises(ValueError, match="holds a private key"):
        public_material.certificates(made.public_bytes(Encoding.PEM).decode())
