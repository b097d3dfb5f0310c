"""Secrets that stand in a stack's file in plain text are told by the program itself, without their values."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.settings import schema
from tests.unit.recording import run_program

SECRET = "correct horse battery"
PLACES: dict[str, dict[str, Any]] = {
    "clientSecrets.db.password": {"clientSecrets": {"db": {"password": SECRET}}},
    "trustee.adminPrivateKey": {"trustee": {"adminPrivateKey": SECRET}},
    "trustee.registryCredentials.registries.quay.password": {
        "trustee": {"registryCredentials": {"registries": {"quay": {"username": "robot", "password": SECRET}}}}
    },
    "azure.credentials.servicePrincipal.clientSecret": {
        "azure": {"credentials": {"servicePrincipal": {"clientId": "x", "clientSecret": SECRET}}}
    },
}


def _file(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({"config": {f"coco-azure:{name}": value for name, value in values.items()}}))
    return file


def _hidden(value: Any) -> Any:
    """Return a value as the file has it when each secret in it is encrypted."""
    if isinstance(value, dict):
        return {name: _hidden(inner) for name, inner in value.items()}
    return {"secure": "v1:xyz"} if value == SECRET else value


@pytest.mark.parametrize("path", PLACES)
def test_a_secret_that_nobody_has_encrypted_is_told_by_its_path(tmp_path: Path, path: str) -> None:
    result = schema.plain_warning(PLACES[path], (), tmp_path / "none.yaml")

    assert result.startswith(f"1 secret in plain text in the settings of this stack: {path}. ")
    assert f"pulumi config set --secret --path 'coco-azure:{path}' VALUE" in result
    assert SECRET not in result


@pytest.mark.parametrize("path", PLACES)
def test_an_encrypted_one_is_not_told(tmp_path: Path, path: str) -> None:
    values = PLACES[path]

    assert schema.plain_warning(values, values.keys(), _file(tmp_path, _hidden(values))) == ""
    assert schema.plain_warning(values, values.keys(), tmp_path / "elsewhere.yaml") == ""


def test_one_in_plain_text_beside_an_encrypted_one_is_told(tmp_path: Path) -> None:
    values = {"clientSecrets": {"db": {"user": SECRET, "password": SECRET}}}
    written = {"clientSecrets": {"db": {"user": SECRET, "password": {"secure": "v1:xyz"}}}}

    result = schema.plain_warning(values, values.keys(), _file(tmp_path, written))

    assert "1 secret in plain text in the settings of this stack: clientSecrets.db.user. " in result


@pytest.mark.parametrize("source", [{"file": "secrets/x"}, {"generate": True}])
def test_what_stands_somewhere_else_is_not_told(tmp_path: Path, source: dict[str, Any]) -> None:
    assert schema.plain_warning({"clientSecrets": {"db": {"password": source}}}, (), tmp_path / "none.yaml") == ""


@given(st.text())
def test_a_file_of_any_content_ends_no_run(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    file = tmp_path_factory.mktemp("any") / "Pulumi.dev.yaml"
    file.write_text(content, encoding="utf-8", errors="replace")

    assert schema.plain_warning({}, ("clientSecrets",), file) == ""


def test_the_program_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run_program({"clientSecrets": {"db": {"password": SECRET}}})

    assert "1 secret in plain text in the settings of this stack: clientSecrets.db.password" in caplog.text
    assert SECRET not in caplog.text
