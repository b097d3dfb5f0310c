"""Azure Resource Manager, asked with its official clients for what azure-native has no invoke for.

The token is the one that azure-native has signed in with (``azure-native:authorization:getClientToken``), so that there
is one way to sign in. The clients have a pipeline of their own: the usual one would follow redirects, register resource
providers in the subscription by itself, and refuse a token to an endpoint without TLS, as a rehearsal's on loopback is.
"""

import os
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi import InvokeOptions

ENDPOINT = "https://management.azure.com"
_GOVERNMENT, _CHINA = "https://management.usgovcloudapi.net", "https://management.chinacloudapi.cn"
_CLOUDS = {
    **dict.fromkeys(
        ("usgov", "usgovernment", "azureusgovernment", "azureusgovernmentcloud", "usgovernmentl4"), _GOVERNMENT
    ),
    **dict.fromkeys(("china", "azurechinacloud"), _CHINA),
}
"""Endpoints of other clouds by azure-native's names of them (its ``provider/pkg/azure/cloud/cloud.go``)."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CONNECT, _ANSWER = 10, 60
_RETRIES, _BACKOFF = 3, 0.5


class AzureClient:
    """Clients of one subscription, each made when it is first used; they may be used from several threads.

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
            subscription: id of the subscription.
            token: gives a bearer token.
            transport: makes the transport of a client (``azure.core.pipeline.transport.HttpTransport``); a test's own.

        Raises:
            ValueError: the endpoint has no TLS and is not on loopback.
        """
        address = urlsplit(endpoint)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            raise ValueError(
                f"{endpoint} is no https address, and credentials go to such only: AZURE_RESOURCE_MANAGER_ENDPOINT "
                f"has to be left out, or to be such as {ENDPOINT}"
            )
        self.endpoint = endpoint.rstrip("/")
        self.subscription = subscription
        self._token = token
        self._transport = transport

    def within(self, subscription: str) -> "AzureClient":
        """Return clients of another subscription of the same tenant, with the same token."""
        return AzureClient(self.endpoint, subscription, self._token, self._transport)

    @cached_property
    def compute(self) -> Any:
        """``azure.mgmt.compute.ComputeManagementClient``."""
        from azure.mgmt.compute import ComputeManagementClient  # noqa: PLC0415 - slow to import, not always needed

        return self._made(ComputeManagementClient)

    @cached_property
    def network(self) -> Any:
        """``azure.mgmt.network.NetworkManagementClient``."""
        from azure.mgmt.network import NetworkManagementClient  # noqa: PLC0415 - see above

        return self._made(NetworkManagementClient)

    @cached_property
    def authorization(self) -> Any:
        """``azure.mgmt.authorization.AuthorizationManagementClient``."""
        from azure.mgmt.authorization import AuthorizationManagementClient  # noqa: PLC0415 - see above

        return self._made(AuthorizationManagementClient)

    def _made(self, kind: Callable[..., Any]) -> Any:
        from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - see above

        transport = self._transport() if self._transport else None
        return kind(
            credential=object(),  # the pipeline has the token
            subscription_id=self.subscription,
            base_url=self.endpoint,
            policies=_pipeline(self.endpoint, self._token),
            transport=transport or RequestsTransport(connection_timeout=_CONNECT, read_timeout=_ANSWER),
        )


def connect(subscription: str, provider: pulumi.ProviderResource | None = None) -> AzureClient:
    """Return clients with the token of azure-native; here is where a test puts others.

    Args:
        subscription: id of the subscription.
        provider: azure-native as the program uses it (``Place.provider``); None: as the stack's configuration says.

    Raises:
        pulumi.RunError: there is no token.
    """
    options = InvokeOptions(provider=provider, version=None if provider else version("pulumi-azure-native"))
    try:
        said = pulumi.runtime.invoke("azure-native:authorization:getClientToken", {}, options).value
        token = str(said["token"])
    except Exception as error:
        raise pulumi.RunError(
            f"Azure gives no token: {error}. Sign in with `az login`, or set ARM_TENANT_ID, ARM_CLIENT_ID and "
            "ARM_CLIENT_SECRET of a service principal"
        ) from error
    return AzureClient(endpoint(), subscription, lambda: token)


def endpoint() -> str:
    """Return the URL of Azure Resource Manager: that of the environment, or of the cloud that it names."""
    cloud = os.environ.get("ARM_ENVIRONMENT") or os.environ.get("AZURE_ENVIRONMENT") or ""
    return os.environ.get("AZURE_RESOURCE_MANAGER_ENDPOINT") or _CLOUDS.get(cloud.lower(), ENDPOINT)


def _pipeline(endpoint: str, token: Callable[[], str]) -> list[Any]:
    from azure.core.pipeline import PipelineRequest, policies  # noqa: PLC0415 - slow to import, and not always needed

    here = urlsplit(endpoint).netloc

    class Bearer(policies.SansIOHTTPPolicy[Any, Any]):
        """Puts the token on a request; a next page that lies elsewhere does not get it."""

        def on_request(self, request: PipelineRequest[Any]) -> None:
            there = urlsplit(request.http_request.url).netloc
            if there != here:
                raise ValueError(f"Azure names {there} for the next page, which is not {here}")
            request.http_request.headers["Authorization"] = f"Bearer {token()}"

    # Nothing here follows redirects, logs, or changes anything in Azure.
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy("coco-azure"),
        policies.ContentDecodePolicy(),
        policies.RetryPolicy(retry_total=_RETRIES, retry_backoff_factor=_BACKOFF),
        Bearer(),
    ]
