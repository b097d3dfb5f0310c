"""What every settings model shares: the frozen base, and types that check one value each."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from coco_azure.formats.pki import private_keys, public_material

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKED_LINE = re.compile("^\ufeff", re.MULTILINE)
_NO_TEXT = {"\0": "a NUL byte", "\ufeff": "a byte order mark"}
_DER_BEGIN = b"\x30"
_UTF8 = "Write it anew: iconv -f {encoding} -t UTF-8 FILE > NEW"
REMOVE = (
    "Remove it; where a text only speaks of such keys, write it so that BEGIN and PRIVATE KEY do not stand side by side"
)
"""How a public text gets rid of a private key."""
_DER = (
    "It looks like DER or PKCS#12, needed PEM: openssl x509 -inform DER -in FILE -out NEW (of a private key: openssl "
    "pkey; of PKCS#12, its certificates alone: openssl pkcs12 -in FILE -nokeys -out NEW)"
)


class Model(BaseModel):
    """A frozen part of the settings; its keys are camelCase in the stack's file, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, strict=True, use_attribute_docstrings=True
    )

    @field_validator("*")
    @classmethod
    def _is_no_private_key(cls, value: Any) -> Any:
        """Refuse a private key in any text that is not marked as a secret by its type."""
        for text in _texts(value):
            private_keys.refuse(text, REMOVE)
        return value


def _texts(value: Any) -> Iterator[str]:
    """Return the texts of a value, those within its tuples and objects, too; no secrets and no models."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (*_texts(key), *_texts(inner))


@dataclass(frozen=True)
class Matching:
    """Accepts text which the whole pattern matches; the JSON schema for editors has the pattern, too.

    Attributes:
        pattern: a regular expression that ECMAScript reads in the same way.
    """

    pattern: str
    needed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check what the type itself takes; of a number or a truth value, whether its text would do."""
        compiled, needed = re.compile(self.pattern), self.needed

        def check(value: Any, inner: ValidatorFunctionWrapHandler) -> str:
            if (text := scalar_text(value)) is not None and not compiled.fullmatch(text):
                raise ValueError(f"needed {needed}")
            if not compiled.fullmatch(given := str(inner(value))):
                raise ValueError(f"needed {needed}")
            return given

        return core_schema.no_info_wrap_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the pattern to what the type itself says."""
        return {**handler(core), "pattern": f"^(?:{self.pattern})$"}


def scalar_text(value: object) -> str | None:
    """Return a number or a truth value as a user writes it; None of anything else."""
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def matching(pattern: str, needed: str) -> Matching:
    """Return a validator that accepts text which the whole pattern matches, and says what is needed otherwise."""
    return Matching(pattern, needed)


def is_content(text: str) -> bool:
    """Return whether a text is what a file holds. Messages do not show it: by mistake, it is often a secret."""
    stripped = text.lstrip("\ufeff \t")
    return "\n" in text or stripped.startswith(("{", "-----BEGIN")) or private_keys.find(text) is not None


def read_bytes(path: object, info: ValidationInfo) -> bytes:
    """Return the content of a file named in the settings, relative to the folder of Pulumi.yaml."""
    if not isinstance(path, str) or not path:
        raise ValueError("needed the path of a file, relative to the folder of Pulumi.yaml")
    if is_content(path):
        raise ValueError("needed the path of a file, found what looks like its content; save it and name the file")
    file = Path((info.context or {}).get("root", ".")) / path
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(
            f"cannot read {path} ({error.strerror}); paths are relative to the folder of Pulumi.yaml"
        ) from None
    except ValueError:
        raise ValueError(f"needed the path of a file; {path!r} has a NUL character, which no path has") from None


def decode(raw: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 or UTF-32 that says so; without byte order marks.

    Marks at the beginning of later lines are those of files that were written one after the other.

    Raises:
        ValueError: it is in another encoding, or no text.
    """
    mark, codec = next((each for each in _MARKS if raw.startswith(each[0])), (b"", "utf-8"))
    try:
        text = _MARKED_LINE.sub("", raw[len(mark) :].decode(codec))
    except UnicodeDecodeError:
        key = private_keys.find(raw)
        what = "is no text in UTF-8" if key is None else f"holds {key} and is no text in UTF-8"
        raise ValueError(f"{what}. {_DER if raw.startswith(_DER_BEGIN) else _anew(raw)}") from None
    for letter, name in _NO_TEXT.items():
        if letter in text:
            line = text.count("\n", 0, text.index(letter)) + 1
            raise ValueError(f"has {name} in line {line}, and is no text in UTF-8. {_anew(raw)}")
    return text


def _anew(raw: bytes) -> str:
    """Return the command that writes a text in UTF-8: UTF-16 has a NUL in each Latin letter, older ones none."""
    even, odd = raw[::2].count(0), raw[1::2].count(0)
    utf16 = "UTF-16BE" if even > odd else "UTF-16LE"
    return _UTF8.format(encoding=utf16 if even or odd else "WINDOWS-1252")


def read_text(path: object, info: ValidationInfo) -> str:
    """Return the text of a file named in the settings; the one way from a file to a text."""
    raw = read_bytes(path, info)
    try:
        return decode(raw)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def read_secret(path: object, info: ValidationInfo) -> SecretStr:
    """Return the text of a file that holds a secret."""
    return SecretStr(read_text(path, info))


def free_text(text: str) -> str:
    """Return a text that becomes public as it is; raises ValueError where it holds a private key."""
    private_keys.refuse(text, REMOVE)
    return text


def read_public(path: object, info: ValidationInfo, parse: Callable[[str], str] = free_text) -> str:
    """Return what becomes public of a file named in the settings.

    Args:
        info: has the folder that it is relative to.
        parse: returns what is public of the file's text, and nothing else; raises ValueError where there is more.
    """
    text = read_text(path, info)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def public_file(parse: Callable[[str], str]) -> BeforeValidator:
    """Return the reader of a setting that names a file; ``parse`` as of ``read_public``."""
    return BeforeValidator(lambda path, info: read_public(path, info, parse))


TextFile = Annotated[str, public_file(free_text)]
"""Set to a path; holds the text of that file, which is public."""
CertificatesFile = Annotated[str, public_file(public_material.certificates_pem)]
"""Set to the path of a PEM file; holds the certificates in it, written anew."""
PublicKeyFile = Annotated[str, public_file(public_material.public_key_pem)]
"""Set to the path of a PEM file; holds the public key in it, written anew."""
SecretFile = Annotated[SecretStr, BeforeValidator(read_secret)]
"""Set to a path; holds the text of that file, which is secret."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 168
"""Hours; and 0 is no duration: nothing gets ready at once, and the engine takes it for a default of its own."""


def seconds(duration: str) -> float:
    """Return a ``Duration`` in seconds."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


def _bounded(duration: str) -> str:
    if not 0 < seconds(duration) <= _LONGEST * _UNITS["h"]:
        raise ValueError(f"needed a duration such as 90m, above 0s and at most {_LONGEST}h")
    return duration


Duration = Annotated[
    str,
    matching(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+", "a duration such as 90m, 1h30m or 45s"),
    AfterValidator(_bounded),
    Field(examples=["90m"]),
]


DnsLabel = Annotated[
    str, matching(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a DNS label: a-z, 0-9 and -, at most 63 characters")
]
Host = Annotated[
    str,
    matching(
        r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+",
        "a host name such as kbs.example.com, without scheme or port",
    ),
]
Url = Annotated[
    str,
    matching(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", "a URL such as https://kbs.example.com:8443, without a path"),
]
LabelValue = Annotated[
    str,
    matching(
        r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?",
        "a label value: letters, digits, - _ . (quote true and numbers)",
    ),
]
LabelKey = Annotated[
    str,
    matching(
        r"([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", "a label key such as cc or example.com/cc"
    ),
]
