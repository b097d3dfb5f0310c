"""The client of Azure Resource Manager: signs in, asks again while nobody answers, and waits for what takes long.

Asynchronous operations: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

_PATIENCE = 30.0
"""Seconds for which a server that does not answer is asked again; the SDK of azure-native does so, too."""
_LOOK_EVERY = 0.2
_EARLY = 60.0
_OK, _NOT_FOUND, _BAD = 200, 404, 400
_RUNNING = ("InProgress", "Accepted", "Running", "Creating", "Updating", "Deleting")
_NEEDED = ("ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_RESOURCE_MANAGER_ENDPOINT")


class ProviderError(Exception):
    """The operation fails, and the message is all that the engine gets."""


class RefusedError(ProviderError):
    """ARM refuses, in the words in which azure-native tells it.

    Attributes:
        status: HTTP status code.
        code: Azure's error code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f'Status={status} Code="{code}" Message="{message}"')
        self.status = status
        self.code = code


class ArmClient:
    """One identity at one ARM endpoint.

    Attributes:
        subscription: subscription id of the provider; empty until it is configured.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._session: aiohttp.ClientSession | None = None
        self._token, self._expires = "", 0.0
        self.subscription = ""

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def token(self) -> str:
        """Return a token for ARM; raises ProviderError where the environment has no credentials, or they are wrong."""
        if self._token and time.time() < self._expires:
            return self._token
        if missing := [name for name in _NEEDED if not self._environment.get(name)]:
            raise ProviderError(
                f"no credentials for the rehearsal's Azure: {', '.join(missing)} not set. Is the cluster running "
                "(make rehearsal-up), and was its environment read (. .rehearsal/env)?"
            )
        variables = self._environment
        path = variables["IDENTITY_ENDPOINT"].removeprefix(self._endpoint)
        headers = {"X-IDENTITY-HEADER": variables["IDENTITY_HEADER"]}
        query = f"api-version=2019-08-01&resource={self._endpoint}"
        status, answer, _ = await self._send("GET", f"{path}?{query}", headers)
        if status != _OK:
            raise ProviderError(f"Azure gives no token: {answer.get('message', status)}")
        self._token = str(answer["access_token"])
        self._expires = float(answer["expires_on"]) - _EARLY
        return self._token

    @property
    def _endpoint(self) -> str:
        return self._environment["AZURE_RESOURCE_MANAGER_ENDPOINT"].rstrip("/")

    async def get(self, path: str, version: str) -> dict[str, Any] | None:
        """Return a resource, or None where there is none; raises RefusedError."""
        status, answer, _ = await self._ask("GET", path, version)
        if status == _NOT_FOUND:
            return None
        return _good(status, answer)

    async def find(self, path: str, version: str) -> dict[str, Any]:
        """Return a resource; raises RefusedError, also where there is none."""
        status, answer, _ = await self._ask("GET", path, version)
        return _good(status, answer)

    async def put(self, path: str, version: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create or update a resource, and return it once Azure is done; raises RefusedError."""
        status, answer, headers = await self._ask("PUT", path, version, json=body)
        made = _good(status, answer)
        if not await self._wait(headers, version):
            return made
        return await self.find(path, version)

    async def delete(self, path: str, version: str) -> None:
        """Delete a resource, and return once it is gone; raises RefusedError."""
        status, answer, headers = await self._ask("DELETE", path, version)
        if status != _NOT_FOUND:
            _good(status, answer)
            await self._wait(headers, version)

    async def _wait(self, headers: Mapping[str, str], version: str) -> bool:
        """Return once the operation of an answer is over, and whether there was one."""
        link = headers.get("Azure-AsyncOperation")
        if link is None:
            return False
        path = link.removeprefix(self._endpoint).partition("?")[0]
        while True:
            status, answer, _ = await self._ask("GET", path, version)
            body = _good(status, answer)
            if body["status"] not in _RUNNING:
                break
            await asyncio.sleep(_LOOK_EVERY)
        if body["status"] != "Succeeded":
            error = body.get("error", {})
            raise RefusedError(status, error.get("code", body["status"]), error.get("message", ""))
        return True

    async def _ask(self, method: str, path: str, version: str, **body: Any) -> tuple[int, Any, Mapping[str, str]]:
        headers = {"Authorization": f"Bearer {await self.token()}"}
        status, answer, response = await self._send(method, f"{path}?api-version={version}", headers, **body)
        if status == 401:  # noqa: PLR2004 - Azure was started again, and has forgotten its tokens
            self._token = ""
            headers = {"Authorization": f"Bearer {await self.token()}"}
            status, answer, response = await self._send(method, f"{path}?api-version={version}", headers, **body)
        return status, answer, response

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], **body: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                async with self._session.request(method, self._endpoint + path, headers=headers, **body) as answer:
                    text = await answer.text()
                    return answer.status, json.loads(text) if text else {}, dict(answer.headers)
            except aiohttp.ClientConnectionError as error:
                if time.monotonic() > deadline:
                    raise ProviderError(f"Azure does not answer at {self._endpoint}: {error}") from error
            await asyncio.sleep(_LOOK_EVERY)


def _good(status: int, answer: Any) -> dict[str, Any]:
    if status < _BAD:
        return dict(answer)
    error = answer.get("error", {})
    raise RefusedError(status, str(error.get("code", "")), str(error.get("message", "")))
