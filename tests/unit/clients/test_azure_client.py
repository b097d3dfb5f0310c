"""Requests to Azure: their pipeline, the version of the REST API, and where the token goes."""

import pytest
from azure.core.exceptions import HttpResponseError

from coco_azure.clients.azure import ROLE_ASSIGNMENTS, AzureClient
from coco_azure.clients.azure_sign_in import ENDPOINT
from tests.unit.fake_azure import SUBSCRIPTION, TENANT, VNET, FakeAzure
from tests.unit.http_server import Answer, Request, serving

GATEWAYS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/natGateways"
OTHER = "22222222-3333-4444-5555-666666666666"


def test_a_token_goes_to_an_endpoint_without_tls_on_loopback() -> None:
    with serving(lambda _: Answer({"value": []})) as server:
        client = AzureClient(server.url, SUBSCRIPTION, lambda: "a-token")

        assert list(client.pages(GATEWAYS)) == []
        assert client.get(VNET) == {"value": []}
    assert [each.headers["Authorization"] for each in server.asked] == ["Bearer a-token"] * 2
    assert server.asked[0].path == GATEWAYS


@pytest.mark.parametrize("endpoint", ["http://management.example.com", "ftp://127.0.0.1", "management.azure.com"])
def test_a_token_goes_to_no_other_endpoint_without_tls(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"no https address.*AZURE_RESOURCE_MANAGER_ENDPOINT"):
        AzureClient(endpoint, SUBSCRIPTION, lambda: "a-token")


def test_a_redirect_is_not_followed() -> None:
    with (
        serving(lambda _: Answer(status=307, headers={"Location": f"{server.url}/elsewhere"})) as server,
        pytest.raises(HttpResponseError),
    ):
        list(AzureClient(server.url, SUBSCRIPTION, lambda: "a-token").pages(GATEWAYS))
    assert len(server.asked) == 1


def test_a_next_page_elsewhere_does_not_get_the_token() -> None:
    azure = FakeAzure()
    azure.answers[f"{VNET.lower()}/subnets"] = {"value": [], "nextLink": "https://evil.example.com/next"}

    with pytest.raises(ValueError, match=r"Azure names evil.example.com for the next page"):
        list(azure.client().pages(f"{VNET}/subnets"))


def test_a_resource_provider_that_is_not_registered_is_not_registered_by_a_look_up() -> None:
    azure = FakeAzure()
    azure.refused["natgateways"] = (409, "MissingSubscriptionRegistration", "not registered")

    with pytest.raises(HttpResponseError) as error:
        list(azure.client().pages(GATEWAYS))

    assert error.value.error is not None
    assert error.value.error.code == "MissingSubscriptionRegistration"
    assert len(azure.asked) == 1


def test_another_subscription_is_asked_with_the_same_token() -> None:
    azure = FakeAzure()
    client = azure.client()
    other = client.within(OTHER)

    assert (client.subscription, other.subscription, other.tenant) == (SUBSCRIPTION, OTHER, TENANT)
    assert list(other.pages(GATEWAYS.replace(SUBSCRIPTION, OTHER))) == []


def test_a_list_is_read_page_by_page_and_by_one_host_alone() -> None:
    azure = FakeAzure()
    azure.answers["/first"] = {"value": [{"name": "a"}], "nextLink": f"{ENDPOINT}/second"}
    azure.answers["/second"] = {"value": [{"name": "b"}], "nextLink": "https://evil.example.com/third"}

    pages = azure.client().pages("/first")

    assert [next(pages), next(pages)] == [{"name": "a"}, {"name": "b"}]
    with pytest.raises(ValueError, match=r"Azure names evil.example.com for the next page"):
        next(pages)


def test_the_tenant_is_that_of_the_token() -> None:
    azure = FakeAzure()

    assert azure.client().tenant == TENANT
    azure.token = "opaque"
    assert azure.client().tenant == ""


@pytest.mark.parametrize(
    ("path", "query", "version"),
    [
        (VNET, {}, "2024-05-01"),
        (f"{VNET}{ROLE_ASSIGNMENTS}", {"filter": "assignedTo('a b')"}, "2022-04-01"),
        ("/subscriptions/s/resourceGroups/g", {}, "2021-04-01"),
        ("/providers/Microsoft.Compute/galleries/g/images/i", {}, "2024-03-03"),
        ("/providers/Microsoft.Compute/images/i", {}, "2024-07-01"),
        ("/providers/Microsoft.Compute/skus?api-version=2021-07-01", {}, "2021-07-01"),
    ],
)
def test_a_request_has_the_version_of_its_resource_provider(path: str, query: dict[str, str], version: str) -> None:
    with serving(lambda _: Answer()) as server:
        AzureClient(server.url, SUBSCRIPTION, lambda: "a-token").get(path, **query)
    (asked,) = server.asked
    assert asked.path == path.partition("?")[0]
    assert asked.query == {"api-version": [version], **{f"${key}": [value] for key, value in query.items()}}


def test_a_deletion_is_over_when_azure_says_so() -> None:
    states = iter(["InProgress", "Succeeded"])

    def answer(request: Request) -> Answer:
        if request.method == "DELETE":
            place = f"{server.url}/operation?api-version=1"
            return Answer("", 202, {"x-ms-retry-after-ms": "10", "Azure-AsyncOperation": place})
        return Answer({"status": next(states)}, headers={"x-ms-retry-after-ms": "10"})

    with serving(answer) as server:
        AzureClient(server.url, SUBSCRIPTION, lambda: "a-token").delete(VNET)
    assert [each.path for each in server.asked] == [VNET, *["/operation"] * 2]
