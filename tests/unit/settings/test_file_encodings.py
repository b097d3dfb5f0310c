"""Every text file that a setting names is read whatever its encoding, or refused by name."""

import codecs
from pathlib import Path

import pytest

from tests.unit import public_settings
from tests.unit.private_key_texts import ders
from tests.unit.public_settings import CASES, SECRET_FILES, made, outcome
from tests.unit.trust_stacks import refused

ENCODINGS = {
    "UTF-8 with a mark": codecs.BOM_UTF8,
    "UTF-16": codecs.BOM_UTF16_LE,
    "UTF-16 of the other order": codecs.BOM_UTF16_BE,
    "UTF-32": codecs.BOM_UTF32_LE,
    "UTF-32 of the other order": codecs.BOM_UTF32_BE,
}
_CODECS = dict(zip(ENCODINGS, ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"], strict=True))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("case", [name for name in CASES if not CASES[name].signed])
def test_a_text_in_another_encoding_is_read_and_not_passed_on(tmp_path: Path, case: str, encoding: str) -> None:
    text = CASES[case].text

    result = made(tmp_path, case, ENCODINGS[encoding] + text.encode(_CODECS[encoding]))

    assert "\ufeff" not in result
    assert result == made(tmp_path, case, text.encode())


@pytest.mark.parametrize("case", [name for name in CASES if not CASES[name].signed])
def test_a_mark_between_two_files_that_were_joined_is_not_passed_on(tmp_path: Path, case: str) -> None:
    first, _, rest = CASES[case].text.partition("\n")

    result = outcome(tmp_path, case, f"{first}\n\ufeff{rest}".encode())

    assert result == outcome(tmp_path, case, f"{first}\n{rest}".encode())


BAD_ENCODINGS = {
    "UTF-16 of the other order without a mark": ("x\n".encode("utf-16-be"), "has a NUL byte in line 1, and is no text"),
    "UTF-16 without a mark": ("x\n".encode("utf-16-le"), "has a NUL byte in line 1, and is no text in UTF-8. Write it"),
    "a NUL byte": (b"x\ny\0", "has a NUL byte in line 2"),
    "a mark within a line": ("x\nabc\ufeffd\n".encode(), "has a byte order mark in line 2"),
    "Latin-1": (b"x = \xe4\xf6\xfc", "is no text in UTF-8. Write it anew: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"),
    "half of UTF-16": (codecs.BOM_UTF16_LE + b"x", "is no text in UTF-8. Write it anew"),
    "DER": (b"\x30\x82\x01\xff\xfe", "is no text in UTF-8. It looks like DER or PKCS#12, needed PEM: openssl x509"),
    "PKCS#12": (ders()["PKCS#12"], "holds a private key (PKCS#12, line 1) and is no text in UTF-8. It looks like DER"),
}


@pytest.mark.parametrize(("content", "text"), BAD_ENCODINGS.values(), ids=BAD_ENCODINGS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, case: str, content: bytes, text: str) -> None:
    result = outcome(tmp_path, case, content)

    assert f"named.file {text}" in result


@pytest.mark.parametrize(("content", "text"), BAD_ENCODINGS.values(), ids=BAD_ENCODINGS)
@pytest.mark.parametrize("path", sorted(SECRET_FILES))
def test_a_secret_that_is_no_text_is_refused_by_name(tmp_path: Path, path: str, content: bytes, text: str) -> None:
    file = tmp_path / "secret.file"
    file.write_bytes(content)

    message = refused(public_settings.config(path, str(file), {}))

    assert f"{path}: " in message
    assert f"secret.file {text}" in message
