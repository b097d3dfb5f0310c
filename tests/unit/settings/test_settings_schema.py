"""The JSON schema of a stack's file is current and accepts what the program accepts; stack files explain themselves."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from coco_azure.settings import schema, table
from tests.unit.components.test_program_objects import CONFIGURATIONS
from tests.unit.recording import ROOT

FILES = ("Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.rehearsal.yaml")
_VALIDATOR = jsonschema.Draft202012Validator(schema.document())
_FILLED = {"<version of OSC, such as 1.12.1>": "1.12.1", "<version of Trustee, such as 1.2.1>": "1.2.1"}


def _problems(config: dict[str, Any]) -> list[str]:
    named = {f"coco-azure:{name}": value for name, value in config.items()}
    return [error.json_path for error in _VALIDATOR.iter_errors({"config": named})]


def test_the_schema_in_docs_is_that_of_the_models() -> None:
    text = (ROOT / "docs/settings.schema.json").read_text()

    assert text == schema.render(), "make it anew: ./coco-azure settings --schema > docs/settings.schema.json"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_setting_of_the_table_is_in_the_schema() -> None:
    whole = schema.document()
    for path in table.paths():
        name, *steps = path.split(".")
        part = whole["properties"]["config"]["properties"][f"coco-azure:{name}"]
        # The user's own names stand there in capitals, and are no properties.
        for step in (each for each in steps if not each.isupper()):
            part = _below(part, step, whole["$defs"])
            assert part is not None, path


def _below(part: dict[str, Any], step: str, parts: dict[str, Any]) -> Any:
    """Return the schema of a property, through references, choices, lists and free names."""
    if "$ref" in part:
        return _below(parts[part["$ref"].rsplit("/", 1)[-1]], step, parts)
    if step in part.get("properties", {}):
        return part["properties"][step]
    below = [*part.get("anyOf", []), *(part[key] for key in ("additionalProperties", "items") if part.get(key))]
    return next((result for each in below if (result := _below(each, step, parts)) is not None), None)


@pytest.mark.parametrize("name", FILES)
def test_the_stacks_of_the_project_are_accepted(name: str) -> None:
    text = (ROOT / name).read_text()
    for hole, value in {**_FILLED, "<YYYY-MM-DD>": "2027-06-30", "<registry/organisation>": "quay.io/org"}.items():
        text = text.replace(hole, value)

    assert [error.message for error in _VALIDATOR.iter_errors(yaml.safe_load(text))] == []


def test_a_production_stack_that_is_not_filled_in_is_refused() -> None:
    result = _VALIDATOR.iter_errors(yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text()))

    assert {path for error in result for path in _leaves(error)} == {"version", "expires"}


def _leaves(error: jsonschema.ValidationError) -> set[str]:
    inner = [each for each in error.context or [] if each.validator == "pattern"]
    return {str(each.absolute_path[-1]) for each in inner} or {str(error.absolute_path[-1])}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_the_program_accepts_is_accepted(name: str) -> None:
    assert _problems(CONFIGURATIONS[name]) == []


@pytest.mark.parametrize(
    "config",
    [
        {"clientSecrets": {"db": {"password": {"secure": "v1:x"}, "cert": {"file": "a"}, "made": {"generate": True}}}},
        {"clientSecrets": {"db": {"glob": "secrets/*.pem"}}},
        {"clientSecrets": {"secure": "v1:x"}},
        {"trustee": {"adminPrivateKey": {"secure": "v1:x"}}},
        {"peerPods": {"kataConfig": {"allowReboot": "roll-0123456789"}}},
        {"trustee": {"imageSignature": [{"images": ["quay.io/org"], "publicKeyFile": "cosign.pub"}]}},
        {"attestationCheck": {"resource": "kbs:///default/kbsres1/key1"}},
    ],
)
def test_what_a_stack_file_may_hold_is_accepted(config: dict[str, Any]) -> None:
    assert _problems(config) == []


def test_keys_of_providers_and_of_other_projects_are_theirs() -> None:
    config = {"azure-native:location": "eastus", "kubernetes:context": "x"}

    assert list(_VALIDATOR.iter_errors({"config": config, "encryptionsalt": "v1:x"})) == []


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"enviroment": "production"}, "$.config"),
        ({"environment": "prod"}, "$.config['coco-azure:environment']"),
        ({"peerPods": {"tea": "snp"}}, "$.config['coco-azure:peerPods']"),
        ({"peerPods": {"tee": "sgx"}}, "$.config['coco-azure:peerPods']"),
        ({"peerPods": {"limitPerNode": "10"}}, "$.config['coco-azure:peerPods']"),
        ({"peerPods": {"vxlanPort": 70000}}, "$.config['coco-azure:peerPods']"),
        ({"peerPods": {"instanceSize": "DC2as v5"}}, "$.config['coco-azure:peerPods']"),
        ({"peerPods": {"kataConfig": {"allowReboot": "yes"}}}, "$.config['coco-azure:peerPods']"),
        ({"trustee": {"timeout": "10 minutes"}}, "$.config['coco-azure:trustee']"),
        ({"trustee": {"referenceValues": {"expires": "soon"}}}, "$.config['coco-azure:trustee']"),
        ({"trustee": {"tls": None}}, "$.config['coco-azure:trustee']"),
        ({"clientSecrets": {"Kbsres1": {"key1": "x"}}}, "$.config['coco-azure:clientSecrets']"),
        ({"clientSecrets": {"kbsres1": {"key1": {"generate": False}}}}, "$.config['coco-azure:clientSecrets']"),
        ({"sealedSecrets": {"shop": {"db": {"password": "kbs:///other"}}}}, "$.config['coco-azure:sealedSecrets']"),
        ({"azure": {"subscriptionId": "mine"}}, "$.config['coco-azure:azure']"),
    ],
)
def test_what_the_program_refuses_for_its_form_is_refused(config: dict[str, Any], where: str) -> None:
    assert where in _problems(config)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"clientSecrets": {"db": {"password": "x", "file": {"file": "a"}, "made": {"generate": True}}}},
            "db.password",
        ),
        ({"trustee": {"adminPrivateKey": "-----BEGIN"}}, "trustee.adminPrivateKey"),
        ({"trustee": {"tls": {"privateKey": "-----BEGIN", "privateKeyFile": "a.key"}}}, "trustee.tls.privateKey"),
        (
            {"trustee": {"registryCredentials": {"registries": {"quay.io": {"username": "me", "password": "x"}}}}},
            "trustee.registryCredentials.registries.quay.io.password",
        ),
    ],
)
def test_a_secret_in_plain_text_is_found_and_nothing_else(values: dict[str, Any], text: str) -> None:
    assert [path.removeprefix("clientSecrets.") for path in schema.plain_secrets(values)] == [text]


def test_encrypted_secrets_are_not_taken_for_plain_ones() -> None:
    encrypted = {"secure": "v1:x"}

    assert list(schema.plain_secrets({"clientSecrets": encrypted, "trustee": {"adminPrivateKey": encrypted}})) == []
    assert list(schema.plain_secrets({"clientSecrets": {"db": {"password": encrypted}}})) == []
    assert list(schema.plain_secrets({"unknown": "x", "environment": "production"})) == []


@pytest.mark.parametrize("name", FILES)
def test_a_stack_file_names_the_schema_to_editors(name: str) -> None:
    first, _, _ = (ROOT / name).read_text().partition("\n")

    assert first == "# yaml-language-server: $schema=docs/settings.schema.json"


@pytest.mark.parametrize("name", FILES)
def test_every_setting_of_a_stack_file_is_explained(name: str) -> None:
    result = unexplained((ROOT / name).read_text())

    assert result == [], "each needs a comment above it, or is the first in a group that has one"


def test_a_setting_without_a_comment_is_found() -> None:
    text = "config:\n  # Why.\n  coco-azure:trustee:\n    tokenDuration: 5\n    signTokens: true\n"

    assert unexplained(text) == ["signTokens: true"]


def unexplained(text: str) -> list[str]:
    """Return the settings with neither a comment above them, nor a group right above that has one."""
    result, above, explained = [], "config:", True
    for line in filter(None, map(str.rstrip, text.splitlines())):
        outcome = line.strip()
        is_setting = not outcome.startswith(("#", "- ")) and outcome != "config:"
        if is_setting:
            first = _indent(line) > _indent(above) and above.endswith(":")
            explained = above.strip().startswith("#") or (explained and first)
            result += [] if explained else [outcome]
        above = line
    return result


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
