"""Azure Resource Manager and the token endpoint of a rehearsal, on loopback, over the state of ``arm_state``.

Paths, error codes and paging are those of ARM's REST API (``api-version=2021-04-01``): lists of a resource group, GET
and DELETE of one resource, management locks. A page is small, so that a client has to follow ``nextLink``. Who has no
token is refused, and a token is given for the client id and secret of ``azure-access.json`` in the cluster's folder.
"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from rehearsal.azure.arm_state import ArmError, ArmState, kind_of
from rehearsal.azure.subscription import Subscription
from rehearsal.pki import write_private

ACCESS = "azure-access.json"
_PAGE = 5
_LOCKS = "/providers/microsoft.authorization/locks/"
_TENANT, _CLIENT = "99999999-8888-7777-6666-555555555555", "00000000-1111-2222-3333-444444444444"


@dataclass(frozen=True)
class Access:
    """How a client gets at the rehearsal's Azure.

    Attributes:
        endpoint: URL of both Azure Resource Manager and the token endpoint.
        secret: secret of the client that may read and delete.
    """

    endpoint: str
    secret: str

    @classmethod
    def read(cls, directory: Path) -> "Access | None":
        """Return what the server of a cluster's folder has last said, or None."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((directory / ACCESS).read_text(encoding="utf-8")))
        return None

    def variables(self) -> dict[str, str]:
        """Return the environment variables that a client needs, those of Pulumi's and Azure's own tools."""
        return {
            "ARM_TENANT_ID": _TENANT,
            "ARM_CLIENT_ID": _CLIENT,
            "ARM_CLIENT_SECRET": self.secret,
            "AZURE_AUTHORITY_HOST": self.endpoint,
            "AZURE_RESOURCE_MANAGER_ENDPOINT": self.endpoint,
        }


class Arm:
    """The two endpoints."""

    def __init__(self, state: ArmState, subscription: Subscription, secret: str) -> None:
        self._state = state
        self._subscription = subscription
        self._secret = secret
        self._token = secrets.token_urlsafe(32)

    def application(self) -> web.Application:
        """Return the web application."""
        made = web.Application()
        made.router.add_post("/{tenant}/oauth2/v2.0/token", self._sign_in)
        made.router.add_get("/subscriptions/{subscription}/resourceGroups/{group}/resources", self._list)
        made.router.add_route("*", "/subscriptions/{subscription}/{rest:.+}", self._one)
        return made

    async def _sign_in(self, request: web.Request) -> web.Response:
        said = await request.post()
        if (said.get("client_id"), said.get("client_secret")) != (_CLIENT, self._secret):
            text = "AADSTS7000215: Invalid client secret provided."
            return web.json_response({"error": "invalid_client", "error_description": text}, status=401)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": self._token})

    async def _list(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        group = request.match_info["group"]
        if group.lower() not in [each.lower() for each in self._subscription.resource_groups()]:
            return _error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        scope = f"/subscriptions/{self._subscription.id}/resourceGroups/{group}"
        found = sorted([*self._network(scope), *self._state.within(scope)], key=lambda each: str(each["id"]))
        begin = int(request.query.get("$skiptoken", "0"))
        page: dict[str, Any] = {"value": found[begin : begin + _PAGE]}
        if begin + _PAGE < len(found):
            page["nextLink"] = str(request.url.update_query({"$skiptoken": str(begin + _PAGE)}))
        return web.json_response(page)

    def _network(self, scope: str) -> list[dict[str, Any]]:
        subnets = [each.rsplit("/subnets/", 1)[0] for each in self._subscription.subnet_ids()]
        ids = [each for each in {*subnets, *self._subscription.nsg_ids()} if each.lower().startswith(scope.lower())]
        location = self._subscription.location
        return [{"id": i, "name": i.rsplit("/", 1)[1], "type": kind_of(i), "location": location} for i in ids]

    async def _one(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        path = request.path
        scope, lock, name = path.lower().partition(_LOCKS)
        if lock:
            self._state.lock(scope, name) if request.method == "PUT" else self._state.unlock(scope)
            return web.json_response({"id": path, "properties": {"level": "CanNotDelete"}})
        found = self._state.resources.get(path.lower())
        if request.method == "GET":
            return web.json_response(found) if found else _error(404, "ResourceNotFound", f"{path} was not found.")
        if request.method != "DELETE":
            return _error(405, "MethodNotAllowed", f"this rehearsal's Azure has no {request.method} of {path}")
        try:
            return web.Response(status=200 if self._state.delete(path) else 204)
        except ArmError as error:
            return _error(error.status, error.code, str(error))

    def _refused(self, request: web.Request) -> web.Response | None:
        said = request.headers.get("Authorization")
        if said is None:
            return _error(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        if not secrets.compare_digest(said, f"Bearer {self._token}"):
            return _error(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if "api-version" not in request.query:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            return _error(400, "MissingApiVersionParameter", text)
        asked = request.match_info["subscription"]
        if asked != self._subscription.id:
            return _error(404, "SubscriptionNotFound", f"The subscription '{asked}' could not be found.")
        return None


@asynccontextmanager
async def serving(state: ArmState, subscription: Subscription, directory: Path) -> AsyncIterator[Access]:
    """Serve on loopback meanwhile; a server of the same folder before it keeps its secret and, where free, its port."""
    before = Access.read(directory)
    secret = before.secret if before is not None else secrets.token_urlsafe(24)
    runner = web.AppRunner(Arm(state, subscription, secret).application(), access_log=None)
    await runner.setup()
    port = int(before.endpoint.rpartition(":")[2]) if before is not None else 0
    site = web.TCPSite(runner, "127.0.0.1", port)
    try:
        try:
            await site.start()
        except OSError:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
        access = Access(f"http://127.0.0.1:{runner.addresses[0][1]}", secret)
        write_private(directory / ACCESS, json.dumps(asdict(access)))
        yield access
    finally:
        await runner.cleanup()


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
