"""What every settings model shares: the frozen base, and types that check one value each."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Model(BaseModel):
    """A frozen part of the settings; its keys are camelCase in the stack's file, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, strict=True, use_attribute_docstrings=True
    )


@dataclass(frozen=True)
class Matching:
    """Accepts text which the whole pattern matches; the JSON schema for editors has the pattern, too.

    Attributes:
        pattern: a regular expression that ECMAScript reads in the same way.
        needed: what is needed, in words.
    """

    pattern: str
    needed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type itself has been checked."""
        compiled, needed = re.compile(self.pattern), self.needed

        def check(value: str) -> str:
            if not compiled.fullmatch(value):
                raise ValueError(f"needed {needed}")
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the pattern to what the type itself says."""
        return {**handler(core), "pattern": f"^(?:{self.pattern})$"}


def matching(pattern: str, needed: str) -> Matching:
    """Return a validator that accepts text which the whole pattern matches, and says what is needed otherwise."""
    return Matching(pattern, needed)


def is_content(text: str) -> bool:
    """Return whether a text is what a file holds. Messages do not show it: by mistake, it is often a secret."""
    return "\n" in text or text.lstrip().startswith(("{", "-----BEGIN"))


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


def read_text(path: object, info: ValidationInfo) -> str:
    """Return the text of a file named in the settings, see ``read_bytes``."""
    raw = read_bytes(path, info)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{path} is UTF-16; needed UTF-8: iconv -f UTF-16 -t UTF-8 {path} > FILE")
    try:
        return raw.decode("utf-8-sig")  # without the mark that editors of Windows put in front
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


TextFile = Annotated[str, BeforeValidator(read_text)]
"""Set to a path; holds the text of that file."""

Duration = Annotated[
    str, matching(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+", "a duration such as 90m, 1h30m or 45s"), Field(examples=["90m"])
]
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """Return a ``Duration`` in seconds."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


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
