"""The client of Azure Resource Manager: the program's own, asked again while nobody answers, with its own token."""

import asyncio
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError

from coco_azure.clients.azure import AzureClient

_PATIENCE = 30.0
"""Seconds for which a server that does not answer is asked again; the SDK of azure-native does so, too."""
_LOOK_EVERY = 0.2
_TIMEOUT = 10.0
_NOT_FOUND = 404
_NEEDED = ("ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_RESOURCE_MANAGER_ENDPOINT")
_Answer = TypeVar("_Answer")


class ProviderError(Exception):
    """The operation fails, and the message is all that the engine gets."""


class RefusedError(ProviderError):
    """ARM refuses, in the words in which azure-native tells it.

    Attributes:
        status: HTTP status code.
        code: Azure's error code.
    """

    def __init__(self, error: HttpResponseError) -> None:
        self.status = int(error.status_code or 0)
        self.code, message = (error.error.code, error.error.message) if error.error else ("", error.message)
        super().__init__(f'Status={self.status} Code="{self.code}" Message="{message}"')


class ArmClient:
    """One identity at one ARM endpoint.

    Attributes:
        subscription: subscription id of the provider; empty until it is configured.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._client: AzureClient | None = None
        self.subscription = ""

    def token(self) -> str:
        """Return a token for ARM.

        Raises:
            ProviderError: the environment has no credentials, or they are wrong.
            OSError: nobody answers.
        """
        variables = self._environment
        query = urllib.parse.urlencode({"api-version": "2019-08-01", "resource": self._endpoint()})
        url, headers = f"{variables['IDENTITY_ENDPOINT']}?{query}", {"X-IDENTITY-HEADER": variables["IDENTITY_HEADER"]}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as answer:  # noqa: S310
                return str(json.load(answer)["access_token"])
        except urllib.error.HTTPError as error:
            raise ProviderError(f"Azure gives no token: {error.read().decode()}") from error

    def _endpoint(self) -> str:
        if missing := [name for name in _NEEDED if not self._environment.get(name)]:
            raise ProviderError(
                f"no credentials for the rehearsal's Azure: {', '.join(missing)} not set. Is the cluster running "
                "(make rehearsal-up), and was its environment read (. .rehearsal/env)?"
            )
        return self._environment["AZURE_RESOURCE_MANAGER_ENDPOINT"].rstrip("/")

    async def get(self, path: str) -> dict[str, Any] | None:
        """Return a resource, or None where there is none; raises RefusedError."""
        try:
            return await self.find(path)
        except RefusedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def find(self, path: str) -> dict[str, Any]:
        """Return a resource; raises RefusedError, also where there is none."""
        return await self._asked(lambda client: client.get(path))

    async def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create or update a resource, and return it once Azure is done; raises RefusedError."""
        made = await self._asked(lambda client: client.send("PUT", path, body))
        while made.get("properties", {}).get("provisioningState") == "Updating":
            await asyncio.sleep(_LOOK_EVERY)
            made = await self.find(path)
        return made

    async def delete(self, path: str) -> None:
        """Delete a resource, and return once it is gone; raises RefusedError."""
        try:
            await self._asked(lambda client: client.delete(path))
        except RefusedError as error:
            if error.status != _NOT_FOUND:
                raise

    async def _asked(self, ask: Callable[[AzureClient], _Answer]) -> _Answer:
        """Return what a request gives; raises ProviderError where nobody answers for some time."""
        endpoint, deadline = self._endpoint(), time.monotonic() + _PATIENCE
        client = self._client = self._client or AzureClient(endpoint, self.subscription, self.token)
        while True:
            try:
                return await asyncio.to_thread(ask, client)
            except HttpResponseError as error:
                raise RefusedError(error) from error
            except (AzureError, OSError) as error:
                if time.monotonic() > deadline:
                    raise ProviderError(f"Azure does not answer at {endpoint}: {error}") from error
            await asyncio.sleep(_LOOK_EVERY)
