"""A JSON schema of a whole stack's file for editors, made from the models so that it cannot fall behind them.

``./coco-azure settings --schema > docs/settings.schema.json``. The models say more than a schema can (files that exist,
keys that fit, settings that belong together): it helps while writing, and the program judges.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from coco_azure.settings import Settings

PREFIX = "coco-azure:"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SECURE: dict[str, Any] = {
    "type": "object",
    "description": "A value that `pulumi config set --secret` has encrypted.",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}
_SOURCE: dict[str, Any] = {
    "description": "The value (set it with: pulumi config set --secret --path), a file, or one that is made once.",
    "anyOf": [
        {"type": "string", "writeOnly": True},
        {"$ref": "#/$defs/Secure"},
        {
            "type": "object",
            "properties": {"file": {"type": "string", "minLength": 1}},
            "required": ["file"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"generate": {"const": True}},
            "required": ["generate"],
            "additionalProperties": False,
        },
    ],
}
_GLOB: dict[str, Any] = {
    "type": "object",
    "description": "One key for each file that the pattern finds, named like the file.",
    "properties": {"glob": {"type": "string", "minLength": 1}},
    "required": ["glob"],
    "additionalProperties": False,
}
_EXISTING: dict[str, Any] = {
    "type": "object",
    "description": "A Secret of this name that somebody else makes in Trustee's namespace.",
    "properties": {
        "existing": {
            "type": "object",
            "properties": {
                "keys": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "rollOut": {"type": "boolean", "description": "Whether a new value restarts KBS at the next run."},
            },
            "required": ["keys"],
            "additionalProperties": False,
        }
    },
    "required": ["existing"],
    "additionalProperties": False,
}
_DATE = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?$",
    "examples": ["2027-06-30"],
}
_RESOURCE = {"type": "string", "pattern": "^(kbs:///)?default/[^/]+/[^/]+$", "examples": ["default/kbsres1/key1"]}
_FILE = {"type": "string", "minLength": 1}
_APPROVAL = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^roll-[0-9a-f]{10}$"}]}
_REPLACED = ("ClientSecret", "ResourceUri", "ReferenceValue")
"""What the program makes of a text or a file; a user writes the text."""
_DROPPED = ("title", "writeOnly", "format")


class _Generator(GenerateJsonSchema):
    """Pydantic's generator without titles that only repeat a name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def render() -> str:
    """Return ``docs/settings.schema.json``."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


@cache
def document() -> dict[str, Any]:
    """Return the schema of a file ``Pulumi.<stack>.yaml``."""
    schema = Settings.model_json_schema(by_alias=True, schema_generator=_Generator)
    parts = {name: _tidy(part) for name, part in schema["$defs"].items() if name not in _REPLACED}
    parts |= {"Secure": _SECURE, "SecretSource": _SOURCE, "SecretGlob": _GLOB, "ExistingSecret": _EXISTING}
    keys = {f"{PREFIX}{name}": _key(name, part) for name, part in schema["properties"].items()}
    known = "|".join(re.escape(name.removeprefix(PREFIX)) for name in keys)
    return {
        "$schema": _DIALECT,
        "title": "A stack of coco-azure (Pulumi.<stack>.yaml)",
        "description": "Made from the models in coco_azure/settings. See docs/settings.md.",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": keys,
                # Other projects' and providers' keys are theirs; one of ours that does not exist is a mistake.
                "patternProperties": {f"^{PREFIX}(?!(?:{known})$)": False},
            },
            "secretsprovider": {"type": "string"},
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
        },
        "$defs": dict(sorted(parts.items())),
    }


def _key(name: str, part: JsonSchemaValue) -> dict[str, Any]:
    tidy: dict[str, Any] = _tidy({"properties": {name: part}})["properties"][name]
    if tidy.get("type") == "string":
        return tidy
    # `pulumi config set --secret` without a path encrypts the whole of it.
    about: dict[str, Any] = {key: tidy.pop(key) for key in ("description", "default") if key in tidy}
    return {**about, "anyOf": [tidy, {"$ref": "#/$defs/Secure"}]}


def _tidy(part: Any) -> Any:
    """Return a part as a user writes it: no nulls, paths for files, encrypted values for secrets."""
    if isinstance(part, list):
        return [_tidy(each) for each in part]
    if not isinstance(part, Mapping):
        return part.replace("``", "`") if isinstance(part, str) else part
    if (special := _replaced(part)) is not None:
        return special
    tidy = {key: _tidy(value) for key, value in part.items() if key not in _DROPPED and not _is_no_default(key, value)}
    if "properties" in part:
        tidy["properties"] = {name: _property(name, each) for name, each in part["properties"].items()}
    return _without_null(tidy)


def _replaced(part: Mapping[str, Any]) -> Any:
    """Return what a user writes where pydantic says what the program makes of it; None where both are the same."""
    if part.get("$ref") == "#/$defs/ResourceUri":
        return _RESOURCE
    if part.get("writeOnly"):
        return {**_about(part), "anyOf": [{"type": "string", "writeOnly": True}, {"$ref": "#/$defs/Secure"}]}
    if part.get("format") == "date-time":
        return {**_about(part), **_DATE}
    if "patternProperties" not in part:
        return None
    # Pydantic's form for names of a pattern lets all other names pass.
    ((pattern, below),) = part["patternProperties"].items()
    rest = {key: value for key, value in part.items() if key != "patternProperties"}
    return _tidy({**rest, "propertyNames": {"pattern": pattern}, "additionalProperties": below})


def _is_no_default(key: str, value: Any) -> bool:
    # That of an object repeats those of its parts.
    return key == "default" and (value is None or isinstance(value, dict) or value == [])


def _property(name: str, part: Mapping[str, Any]) -> Any:
    special: dict[str, dict[str, Any]] = {"allowReboot": _APPROVAL, "resource": _RESOURCE}
    if name == "clientSecrets":
        return {**_about(part), **_client_secrets(part)}
    if name.endswith("File"):
        return {**_about(part), **_FILE}
    if name in special:
        return {**_about(part), **special[name]}
    tidy = _tidy(part)
    if name == "imageSignature":  # one rule, or a list of them
        return {**_about(tidy), "anyOf": [tidy["items"], {"type": "array", "items": tidy["items"]}]}
    return tidy


def _client_secrets(part: Mapping[str, Any]) -> dict[str, Any]:
    ((name, below),) = part["patternProperties"].items()
    ((key, _),) = below["patternProperties"].items()
    entries = {
        "type": "object",
        "propertyNames": {"pattern": key},
        "additionalProperties": {"$ref": "#/$defs/SecretSource"},
        "minProperties": 1,
    }
    forms = [{"$ref": f"#/$defs/{form}"} for form in ("SecretGlob", "ExistingSecret")]
    either = {"anyOf": [*forms, entries, {"$ref": "#/$defs/Secure"}]}
    return {"type": "object", "propertyNames": {"pattern": name}, "additionalProperties": either}


def _about(part: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: part[key] for key in ("description", "default", "examples") if part.get(key) not in (None, [], {})}
    return {key: _tidy(value) for key, value in about.items()}


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    options = [each for each in part.get("anyOf", []) if each != {"type": "null"}]
    if len(options) == 1 and len(part["anyOf"]) > 1:
        del part["anyOf"]
        return {**options[0], **part}
    return {**part, "anyOf": options} if options else part


def plain_secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """Return the path of every secret setting that is not encrypted.

    Args:
        values: a stack's settings as its file has them, by name without the project's prefix.
    """
    yield from (path for path, _ in _plain_secrets(values))


def secret_values(values: Mapping[str, Any]) -> Iterator[str]:
    """Return the value of every secret setting among decrypted ones; ``values`` as of ``plain_secrets``."""
    yield from (value for _, value in _plain_secrets(values))


def _plain_secrets(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    whole = document()
    keys = whole["properties"]["config"]["properties"]
    for name, value in values.items():
        if (part := keys.get(f"{PREFIX}{name}")) is not None:
            yield from _plain(name, value, part, whole["$defs"])


def _plain(path: str, value: Any, part: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "$ref" in part:
        part = parts[part["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, str):
        if any(each.get("writeOnly") for each in part.get("anyOf", [part])):
            yield path, value
        return
    for option in part.get("anyOf", []):
        yield from _plain(path, value, option, parts)
    if isinstance(value, Mapping) and value.keys() != {"secure"}:
        for name, inner in value.items():
            below = part.get("properties", {}).get(name, part.get("additionalProperties"))
            if isinstance(below, Mapping):
                yield from _plain(f"{path}.{name}", inner, below, parts)
    elif isinstance(value, list) and isinstance(part.get("items"), Mapping):
        for number, inner in enumerate(value):
            yield from _plain(f"{path}[{number}]", inner, part["items"], parts)
