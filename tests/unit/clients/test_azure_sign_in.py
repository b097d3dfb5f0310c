"""Signing in to Azure: which variable means which way, what is asked of each, and what is said where none works."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import azure.identity as ways
import pulumi
import pytest

from coco_azure.clients import azure as azure_client
from coco_azure.clients import azure_sign_in
from coco_azure.clients.azure_sign_in import ENDPOINT, SignInError, credential, endpoint, token_source, variables
from rehearsal.azure.arm_server import Access, serving
from rehearsal.azure.subscription import Subscription
from tests.unit.arm_http import serving as answering
from tests.unit.programs import script as program

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NETWORKS = (
    f"/subscriptions/{Subscription.described().id}/resourceGroups/rehearsal-x7k2p-rg"
    "/providers/Microsoft.Network/virtualNetworks"
)
PRINCIPAL = {"ARM_TENANT_ID": "tenant", "ARM_CLIENT_ID": "client"}
SECRET = {**PRINCIPAL, "ARM_CLIENT_SECRET": "secret"}
OIDC = {**PRINCIPAL, "ARM_USE_OIDC": "true"}


@pytest.fixture(autouse=True)
def _no_configuration() -> Iterator[None]:
    pulumi.runtime.set_all_config({})
    yield
    pulumi.runtime.set_all_config({})


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, ways.AzureCliCredential),
        ({"ARM_USE_MSI": "true"}, ways.ManagedIdentityCredential),
        ({**OIDC, "ARM_USE_MSI": "true"}, ways.ClientAssertionCredential),
        ({**OIDC, **SECRET}, ways.ClientSecretCredential),
        ({**PRINCIPAL, "ARM_USE_OIDC": "false"}, ways.AzureCliCredential),
        ({**SECRET, "ARM_USE_DEFAULT_AZURE_CREDENTIAL": "true"}, ways.DefaultAzureCredential),
    ],
)
def test_the_ways_are_looked_at_in_the_order_of_azure_native(named: dict[str, str], expected: type) -> None:
    assert type(credential(named, SUBSCRIPTION)) is expected


def test_the_cli_is_asked_for_the_tenant_or_for_that_of_the_subscription() -> None:
    by_tenant, by_subscription = credential(PRINCIPAL, SUBSCRIPTION), credential({}, SUBSCRIPTION)

    assert (by_tenant.tenant_id, by_tenant.subscription) == ("tenant", None)
    assert (by_subscription.tenant_id, by_subscription.subscription) == ("", SUBSCRIPTION)


@pytest.mark.parametrize("named", [{"ARM_CLIENT_SECRET": "very-secret"}, {"ARM_USE_OIDC": "true"}])
def test_half_a_principal_is_an_error_with_the_ways_and_without_the_secret(named: dict[str, str]) -> None:
    with pytest.raises(SignInError, match=r"Azure gives no token.*az login.*ARM_TENANT_ID") as error:
        token_source(named, SUBSCRIPTION)
    assert "very-secret" not in str(error.value)


def test_credentials_go_to_no_authority_without_tls() -> None:
    with pytest.raises(SignInError, match="https"):
        token_source({**SECRET, "AZURE_AUTHORITY_HOST": "http://127.0.0.1:1"}, SUBSCRIPTION)


def test_the_authority_is_that_of_the_cloud() -> None:
    assert credential({**SECRET, "ARM_ENVIRONMENT": "usgovernment"}, SUBSCRIPTION)._authority.endswith(".us")


def test_oidc_takes_a_token_a_file_or_what_the_issuer_answers(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    assert azure_sign_in._assertion({"ARM_OIDC_TOKEN": "given"}) == "given"
    assert azure_sign_in._assertion({"ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "token")}) == "of-the-file"
    with answering({"GET /oidc": {"value": "of-the-issuer"}}) as issuer:
        github = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/oidc?run=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-run",
        }
        assert azure_sign_in._assertion(github) == "of-the-issuer"
    (asked,) = issuer.asked
    assert asked.headers["Authorization"] == "Bearer of-the-run"
    assert asked.query == {"run": ["1"], "audience": ["api://AzureADTokenExchange"]}
    with pytest.raises(ValueError, match="id-token: write"):
        azure_sign_in._assertion({})


def _cli(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder, "az", f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_azure_cli_is_asked_where_nothing_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps({"accessToken": "of-the-cli", "expires_on": 4102444800})
    _cli(tmp_path, f"echo 1 >> {tmp_path}/asked; echo '{answer}'", monkeypatch)

    token = token_source({}, SUBSCRIPTION)

    assert [token(), token()] == ["of-the-cli", "of-the-cli"]
    assert (tmp_path / "asked").read_text() == "1\n", "it takes a second, and is asked once"


def test_a_cli_that_is_not_signed_in_or_not_there_is_an_error_with_the_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cli(tmp_path, "echo 'ERROR: Please run az login' >&2; exit 1", monkeypatch)
    with pytest.raises(SignInError, match=r"(?s)az login.*ARM_CLIENT_ID"):
        token_source({}, SUBSCRIPTION)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(SignInError, match=r"(?s)Azure CLI not found.*ARM_TENANT_ID"):
        token_source({}, SUBSCRIPTION)


def test_the_stacks_configuration_wins_and_goes_to_providers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARM_CLIENT_ID", "of-the-environment")
    pulumi.runtime.set_all_config(
        {"azure-native:clientId": "of-the-stack", "azure-native:useOidc": "true", "azure-native:location": "eastus"}
    )

    assert azure_sign_in.configured() == {"client_id": "of-the-stack", "use_oidc": "true"}
    assert (variables()["ARM_CLIENT_ID"], variables()["ARM_USE_OIDC"]) == ("of-the-stack", "true")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, ENDPOINT),
        ({"ARM_ENVIRONMENT": "public"}, ENDPOINT),
        ({"ARM_ENVIRONMENT": "usgovernment"}, "https://management.usgovcloudapi.net"),
        ({"AZURE_ENVIRONMENT": "AzureUSGovernmentCloud"}, "https://management.usgovcloudapi.net"),
        ({"ARM_ENVIRONMENT": "china"}, "https://management.chinacloudapi.cn"),
        ({"ARM_ENVIRONMENT": "china", "AZURE_RESOURCE_MANAGER_ENDPOINT": "https://own"}, "https://own"),
    ],
)
def test_the_endpoint_is_that_of_the_cloud(named: dict[str, str], expected: str) -> None:
    assert endpoint(named) == expected


def _rehearsed(directory: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> Any:
    """Connect to the Azure of a rehearsal, with its variables but for some changes."""

    def connect(access: Access) -> Any:
        for name, value in {**access.variables(), **changes}.items():
            monkeypatch.setenv(name, value)
        client = azure_client.connect(Subscription.described().id)
        return client.tenant, [each["name"] for each in client.pages(NETWORKS)]

    async def run() -> Any:
        async with serving(Subscription.described(), directory) as access:
            return await asyncio.to_thread(connect, access)

    return asyncio.run(run())


def test_a_rehearsal_signs_in_as_a_managed_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARM_CLIENT_SECRET", "of-the-user")

    assert _rehearsed(tmp_path, monkeypatch) == (Subscription.described().tenant, ["rehearsal-x7k2p-vnet"])
    with pytest.raises(SignInError, match=r"Azure gives no token.*az login") as error:
        _rehearsed(tmp_path, monkeypatch, IDENTITY_HEADER="wrong-secret")
    assert "wrong-secret" not in str(error.value)


def test_a_process_signs_in_once_for_each_subscription_and_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in: list[tuple[str | None, str]] = []

    def sign_in(variables: Mapping[str, str], subscription: str) -> Callable[[], str]:
        signed_in.append((variables.get("ARM_CLIENT_ID"), subscription))
        return lambda: "token"

    monkeypatch.setattr(azure_sign_in, "token_source", sign_in)
    azure_client._signed_in.cache_clear()
    for identity in ("one", "one", "other"):
        monkeypatch.setenv("ARM_CLIENT_ID", identity)
        azure_client.connect(SUBSCRIPTION)
    azure_client._signed_in.cache_clear()

    assert signed_in == [("one", SUBSCRIPTION), ("other", SUBSCRIPTION)]
