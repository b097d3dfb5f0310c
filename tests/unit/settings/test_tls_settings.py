"""What a stack may say of TLS, of the token signer and of rotation."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coco_azure.formats.pki import issuing
from coco_azure.settings.tls import RotationSettings, TlsSettings, TokenSignerSettings, check, check_signer
from tests.unit.pki import CHAIN, HOST, INTERMEDIATE, LEAF, NOW, OTHER_CA, ROOT_CA, make

PAIR = {"certificateFile": "chain.pem", "privateKey": LEAF.key}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = make("own", authority=True)
    files = {
        "chain.pem": CHAIN,
        "key.pem": LEAF.key,
        "root.pem": ROOT_CA.pem,
        "other.pem": OTHER_CA.pem,
        "authority.pem": authority.pem,
        "authority.key": authority.key,
        "own.pem": make("own").pem,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    (tmp_path / "binary").write_bytes(b"\xff\xfd")
    return tmp_path


def _tls(folder: Path, **values: Any) -> TlsSettings:
    return TlsSettings.model_validate(values, context={"root": folder})


def test_the_default_is_the_chapters_plain_edge_route() -> None:
    tls = TlsSettings()

    assert (tls.termination, tls.certificate, tls.made, tls.trusted) == ("edge", None, False, None)
    assert check(tls, HOST, NOW) == []


def test_passthrough_without_a_certificate_is_made_by_the_stack(folder: Path) -> None:
    tls = _tls(folder, termination="passthrough", validDays=30)

    assert tls.made
    assert tls.valid_days == 30


@pytest.mark.parametrize("termination", ["edge", "passthrough"])
@pytest.mark.parametrize("key", [{"privateKey": LEAF.key}, {"privateKeyFile": "key.pem"}])
def test_a_users_own_certificate_and_authority(folder: Path, termination: str, key: dict[str, str]) -> None:
    tls = _tls(folder, termination=termination, certificateFile="chain.pem", caCertificateFile="root.pem", **key)

    assert (tls.certificate, tls.key, tls.trusted, tls.made) == (CHAIN, LEAF.key, ROOT_CA.pem, False)
    assert check(tls, HOST, NOW) == []
    assert "PRIVATE" not in repr(tls)


def test_the_clusters_own_authority_can_be_named_for_a_plain_route(folder: Path) -> None:
    assert _tls(folder, caCertificateFile="root.pem").trusted == ROOT_CA.pem


def test_a_certificate_that_signs_itself_is_what_pods_trust(folder: Path) -> None:
    own = make("own")
    (folder / "own.pem").write_text(own.pem, encoding="ascii")

    tls = _tls(folder, certificateFile="own.pem", privateKey=own.key)

    assert tls.trusted == own.pem
    assert check(tls, HOST, NOW) == []


def test_of_a_public_authority_pods_are_told_nothing(folder: Path) -> None:
    assert _tls(folder, **PAIR).trusted is None


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a certificate without its key": (
        {"certificateFile": "chain.pem"},
        ["without a key", "privateKeyFile", "--secret"],
    ),
    "a key without its certificate": ({"privateKey": LEAF.key}, ["without certificateFile"]),
    "two keys": ({**PAIR, "privateKeyFile": "key.pem"}, ["privateKey and privateKeyFile", "Remove"]),
    "a key of another certificate": (
        {"certificateFile": "chain.pem", "privateKey": ROOT_CA.key},
        ["certificateFile", "does not belong to CN=leaf"],
    ),
    "an authority as the leaf": (
        {"certificateFile": "authority.pem", "privateKeyFile": "authority.key"},
        ["CaUsedAsEndEntity"],
    ),
    "an authority for what the stack makes": (
        {"termination": "passthrough", "caCertificateFile": "root.pem"},
        ["caCertificateFile", "makes an authority of its own"],
    ),
    "a validity of what is not made": ({"validDays": 10}, ["validDays", "Remove it"]),
    "a validity of nothing": ({"termination": "passthrough", "validDays": 0}, ["validDays", "greater than or equal"]),
    "re-encryption": ({"termination": "reencrypt"}, ["termination", "'edge' or 'passthrough'"]),
    "a certificate that is a key": (
        {"certificateFile": "key.pem", "privateKey": LEAF.key},
        ["certificateFile", "key.pem: holds a private key (block 1, PRIVATE KEY, line 1)", "openssl crl2pkcs7"],
    ),
    "a key file that is not there": (
        {**PAIR, "privateKeyFile": "gone.pem"},
        ["privateKeyFile", "cannot read gone.pem"],
    ),
    "a key file of bytes": (
        {"certificateFile": "chain.pem", "privateKeyFile": "binary"},
        ["binary is no text in UTF-8", "iconv -f WINDOWS-1252"],
    ),
    "an unknown key": ({"certificate": "chain.pem"}, ["certificate", "Extra inputs"]),
}


@pytest.mark.parametrize(("values", "parts"), BAD.values(), ids=BAD)
def test_what_cannot_be_meant_is_refused(folder: Path, values: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ValidationError) as error:
        _tls(folder, **values)

    text = str(error.value)
    for part in parts:
        assert part in text


def test_the_host_is_checked_once_it_is_known(folder: Path) -> None:
    tls = _tls(folder, **PAIR, caCertificateFile="other.pem")

    result = check(tls, "kbs.example.com", NOW + timedelta(days=200))

    assert all(text.startswith("trustee.tls.certificateFile: ") for text in result)
    for part in ("not for kbs.example.com", "CN=leaf expired", "CN=intermediate expired", "found CN=other"):
        assert part in " ".join(result)


def test_a_signer_is_checked_once_the_version_is_known(folder: Path) -> None:
    certificate, key = issuing.make_signer("Simple", NOW, 30)
    (folder / "signer.pem").write_text(certificate, encoding="ascii")
    values = {"certificateFile": "signer.pem", "privateKey": key}
    mine = TokenSignerSettings.model_validate(values, context={"root": folder})

    assert check_signer(mine, "Simple", NOW) == []
    assert check_signer(mine, "Ear", NOW)[0].startswith(
        "trustee.tokenSigner.certificateFile: the signer has an RSA key"
    )
    assert check_signer(TokenSignerSettings(), "Ear", NOW) == []


def test_a_signer_that_is_half_a_pair_is_refused() -> None:
    with pytest.raises(ValidationError, match="without certificateFile"):
        TokenSignerSettings.model_validate({"privateKey": INTERMEDIATE.key})


def test_generations_begin_with_the_first_and_overlap() -> None:
    rotation = RotationSettings.model_validate({"adminKey": 2, "tlsAuthority": 3, "tokenSigner": 4})

    assert (rotation.admin_key, rotation.tls, rotation.tls_authority, rotation.token_signer) == (2, 1, 3, 4)
    assert rotation.overlap
    with pytest.raises(ValidationError):
        RotationSettings.model_validate({"tls": 0})
