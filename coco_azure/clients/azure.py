"""Azure Resource Manager by its REST API, in azure-core's pipeline: every answer is plain JSON.

The management packages give models of the same answers, and take most of a second to import. The pipeline is one of its
own: the usual one would follow redirects, register resource providers in the subscription by itself, and refuse a token
to an endpoint without TLS, as a rehearsal's on loopback is.
"""

import base64
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from coco_azure.clients import azure_sign_in

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_RETRIES, _BACKOFF = 3, 0.5


_VERSIONS = {
    "microsoft.authorization": "2022-04-01",
    "microsoft.compute": "2024-07-01",
    "microsoft.compute/galleries": "2024-03-03",
    "microsoft.network": "2024-05-01",
    "microsoft.resources": "2021-04-01",
}
"""Version of the REST API by resource provider, or by a kind of it that has versions of its own."""
ROLE_ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
"""Behind a scope: the list of its role assignments."""
_PROVIDER = re.compile(r"/providers/(?P<namespace>[^/?]+)/(?P<kind>[^/?]+)", re.IGNORECASE)


class AzureClient:
    """Requests to one subscription; they may be sent from several threads.

    A call raises ``azure.core.exceptions.HttpResponseError`` where Azure refuses (``.error.code`` is ARM's code,
    ``.status_code`` the HTTP status), and ``azure.core.exceptions.ServiceRequestError`` where it does not answer.
    """

    def __init__(
        self,
        endpoint: str,
        subscription: str,
        token: Callable[[], str],
        transport: Callable[[], Any] | None = None,
    ) -> None:
        """Remember where Azure is.

        Args:
            endpoint: URL of Azure Resource Manager.
            token: gives a bearer token.
            transport: makes the transport (``azure.core.pipeline.transport.HttpTransport``); a test's own.

        Raises:
            ValueError: the endpoint has no TLS and is not on loopback.
        """
        from azure.core import PipelineClient  # noqa: PLC0415 - slow to import, not always needed
        from azure.core.pipeline import Pipeline  # noqa: PLC0415 - see above

        address = urlsplit(endpoint)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            raise ValueError(
                f"{endpoint} is no https address, and credentials go to such only: AZURE_RESOURCE_MANAGER_ENDPOINT "
                f"has to be left out, or to be such as {azure_sign_in.ENDPOINT}"
            )
        self.endpoint = endpoint.rstrip("/")
        self.subscription = subscription
        self._token = token
        self._pipeline: Any = Pipeline((transport or _transport)(), _policies(self.endpoint, token))
        self._client: Any = PipelineClient(self.endpoint, pipeline=self._pipeline)

    def within(self, subscription: str) -> "AzureClient":
        """Return a client of another subscription of the same tenant, with the same token."""
        other = copy.copy(self)
        other.subscription = subscription
        return other

    @property
    def tenant(self) -> str:
        """Id of the tenant that is signed in to, from the token's claim ``tid``; empty where the token does not say."""
        try:
            claims = self._token().split(".")[1]
            return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["tid"])
        except (IndexError, KeyError, ValueError):
            return ""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return the JSON of a resource, by its ARM id, or of another path."""
        return self.send("GET", path, None, **query)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Send a request to a path of ARM or to a page's URL, and return the JSON of the answer.

        Args:
            path: the version of the REST API is added where the path has none.
            body: JSON.
            query: parameters without their ``$``, such as ``filter``.
        """
        return dict(_checked(self._client.send_request(self._request(method, path, body, query))).json())

    def pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, of all its pages."""
        page = self.get(path, **query)
        yield from page.get("value") or ()
        while url := page.get("nextLink"):
            page = self.get(url)
            yield from page.get("value") or ()

    def delete(self, arm_id: str) -> None:
        """Delete a resource, and wait until Azure has done so."""
        from azure.core.polling import LROPoller  # noqa: PLC0415 - seldom needed
        from azure.core.polling.base_polling import (  # noqa: PLC0415 - see above
            LocationPolling,
            LROBasePolling,
            OperationResourcePolling,
            StatusCheckPolling,
        )

        answer = self._pipeline.run(self._request("DELETE", arm_id, None, {}))
        _checked(answer.http_response)
        # As ARM's own clients do (azure-mgmt-core, ARMPolling).
        ways: list[Any] = [OperationResourcePolling("azure-asyncoperation"), LocationPolling(), StatusCheckPolling()]
        LROPoller(self._client, answer, lambda _: None, LROBasePolling(lro_algorithms=ways)).result()

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str]) -> Any:
        from azure.core.rest import HttpRequest  # noqa: PLC0415 - slow to import, not always needed

        if not path.startswith("/"):
            return HttpRequest(method, path, json=body)
        version = {} if "api-version=" in path else {"api-version": _version(path)}
        parameters = {**version, **{f"${key}": quote(value) for key, value in query.items()}}
        return HttpRequest(method, f"{self.endpoint}{path}", params=parameters, json=body)


def _checked(response: Any) -> Any:
    """Return a response that is a success; a redirect is none."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import, not always needed

    if not 200 <= response.status_code < 300:  # noqa: PLR2004 - HTTP's success
        raise HttpResponseError(response=response)
    return response


def _version(path: str) -> str:
    """Return the version of the REST API for a path; that of a resource is its last provider's."""
    matches = list(_PROVIDER.finditer(path))
    namespace = matches[-1]["namespace"].lower() if matches else "microsoft.resources"
    kind = f"{namespace}/{matches[-1]['kind'].lower()}" if matches else namespace
    return _VERSIONS.get(kind) or _VERSIONS[namespace]


def connect(subscription: str) -> AzureClient:
    """Return a client of a subscription, signed in as azure-native is; a test puts another in place of this.

    Raises:
        SignInError: there is no token.
    """
    variables = azure_sign_in.variables()
    token = _signed_in(frozenset(variables.items()), subscription)
    return AzureClient(azure_sign_in.endpoint(variables), subscription, token)


@cache
def _signed_in(variables: frozenset[tuple[str, str]], subscription: str) -> Callable[[], str]:
    """Sign in, once in a process: ``az account get-access-token`` alone takes a second."""
    return azure_sign_in.token_source(dict(variables), subscription)


def _transport() -> Any:
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - slow to import, not always needed

    return RequestsTransport(connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)


def _policies(endpoint: str, token: Callable[[], str]) -> list[Any]:
    from azure.core.pipeline import PipelineRequest, policies  # noqa: PLC0415 - slow to import, and not always needed

    own_host = urlsplit(endpoint).netloc

    class Bearer(policies.SansIOHTTPPolicy[Any, Any]):
        """Puts the token on a request; a next page on another host does not get it."""

        def on_request(self, request: PipelineRequest[Any]) -> None:
            host = urlsplit(request.http_request.url).netloc
            if host != own_host:
                raise ValueError(f"Azure names {host} for the next page, which is not {own_host}")
            request.http_request.headers["Authorization"] = f"Bearer {token()}"

    # None of these follows redirects, logs, or changes anything in Azure.
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy("coco-azure"),
        policies.ContentDecodePolicy(),
        policies.RetryPolicy(retry_total=_RETRIES, retry_backoff_factor=_BACKOFF),
        Bearer(),
    ]
