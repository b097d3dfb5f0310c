"""The official clients of Azure: their own pipeline, where the token goes, and where it comes from."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from azure.core.exceptions import HttpResponseError

from components.azure import client as azure_client
from components.azure.client import ENDPOINT, AzureClient
from tests.unit.fake_azure import SUBSCRIPTION, VNET, FakeAzure

OTHER = "22222222-3333-4444-5555-666666666666"


class _Server(http.server.BaseHTTPRequestHandler):
    """Remembers what it is asked, and answers with a status and headers."""

    asked: list[tuple[str, str | None]] = []  # noqa: RUF012 - one server a test
    status = 200
    where = ""

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        body = b'{"value": []}'
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.where:
            self.send_header("Location", self.where)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Server]]]:
    handler = type("Handler", (_Server,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}", handler
        served.shutdown()


def test_a_token_goes_to_an_endpoint_without_tls_on_loopback(server: tuple[str, type[_Server]]) -> None:
    endpoint, handler = server
    client = AzureClient(endpoint, SUBSCRIPTION, lambda: "a-token")

    assert list(client.network.nat_gateways.list("g")) == []
    assert list(client.compute.galleries.list_by_resource_group("g")) == []
    assert list(client.authorization.role_assignments.list_for_scope(f"subscriptions/{SUBSCRIPTION}")) == []
    assert [said for _, said in handler.asked] == ["Bearer a-token"] * 3
    assert handler.asked[0][0].startswith(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/")


@pytest.mark.parametrize("endpoint", ["http://management.example.com", "ftp://127.0.0.1", "management.azure.com"])
def test_a_token_goes_to_no_other_endpoint_without_tls(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"no https address.*AZURE_RESOURCE_MANAGER_ENDPOINT"):
        AzureClient(endpoint, SUBSCRIPTION, lambda: "a-token")


def test_a_redirect_is_not_followed(server: tuple[str, type[_Server]]) -> None:
    endpoint, handler = server
    handler.status, handler.where = 307, f"{endpoint}/elsewhere"

    with pytest.raises(HttpResponseError):
        list(AzureClient(endpoint, SUBSCRIPTION, lambda: "a-token").network.nat_gateways.list("g"))

    assert len(handler.asked) == 1


def test_a_next_page_elsewhere_does_not_get_the_token() -> None:
    azure = FakeAzure()
    azure.answers[f"{VNET.lower()}/subnets"] = {"value": [], "nextLink": "https://evil.example.com/next"}

    with pytest.raises(ValueError, match=r"Azure names evil.example.com for the next page"):
        list(azure.client().network.subnets.list("network-rg", "demo-x7k2p-vnet"))


def test_a_resource_provider_that_is_not_registered_is_not_registered_by_a_look_up() -> None:
    azure = FakeAzure()
    azure.refused["natgateways"] = (409, "MissingSubscriptionRegistration", "not registered")

    with pytest.raises(HttpResponseError) as error:
        list(azure.client().network.nat_gateways.list("g"))

    assert error.value.error is not None
    assert error.value.error.code == "MissingSubscriptionRegistration"
    assert len(azure.asked) == 1


def test_another_subscription_is_asked_with_the_same_token() -> None:
    azure = FakeAzure()

    assert list(azure.client().within(OTHER).network.nat_gateways.list("g")) == []
    assert azure.asked[0].startswith(f"/subscriptions/{OTHER}/")


def test_the_token_is_that_of_azure_native(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = azure_client.connect
    azure = FakeAzure().installed(monkeypatch)
    monkeypatch.delenv("AZURE_RESOURCE_MANAGER_ENDPOINT", raising=False)

    assert connect(SUBSCRIPTION).endpoint == ENDPOINT
    assert azure.asked == ["azure-native:authorization:getClientToken"]
    azure.refused["getclienttoken"] = (401, "InvalidAuthentication", "no")
    with pytest.raises(pulumi.RunError, match=r"Azure gives no token.*az login"):
        connect(SUBSCRIPTION)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ENDPOINT),
        ({"ARM_ENVIRONMENT": "public"}, ENDPOINT),
        ({"ARM_ENVIRONMENT": "usgovernment"}, "https://management.usgovcloudapi.net"),
        ({"AZURE_ENVIRONMENT": "AzureUSGovernmentCloud"}, "https://management.usgovcloudapi.net"),
        ({"ARM_ENVIRONMENT": "china"}, "https://management.chinacloudapi.cn"),
        ({"ARM_ENVIRONMENT": "china", "AZURE_RESOURCE_MANAGER_ENDPOINT": "https://here"}, "https://here"),
    ],
)
def test_the_endpoint_is_that_of_the_cloud(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("ARM_ENVIRONMENT", "AZURE_ENVIRONMENT", "AZURE_RESOURCE_MANAGER_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert azure_client.endpoint() == expected
