"""Azure Resource Manager, the token endpoint and a managed identity's endpoint of a rehearsal, on loopback.

Paths, error codes and paging are those of ARM's REST API. A page is small, so that a client has to follow ``nextLink``.
Who has no token is refused, and so is who has no role for what he asks. The program gets one as a managed identity of
App Service does (``IDENTITY_ENDPOINT``, with the secret of ``azure-access.json`` in the cluster's folder as
``IDENTITY_HEADER``; learn.microsoft.com, "How to use managed identities for App Service", REST endpoint reference), as
azure-identity asks for no other token without TLS; others get one for a client id and secret. Tokens are JWTs with the
claims ``aud``, ``tid``, ``appid``, ``oid`` and ``exp``, signed with HS256 and a key that outlives the server, so that a
token is good after a restart, too.
"""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web

from rehearsal import loopback
from rehearsal.azure import arm_paths, roles
from rehearsal.azure.arm_answers import Answers
from rehearsal.azure.arm_paths import Asked
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.subscription import Subscription
from rehearsal.pki import write_private

ACCESS = "azure-access.json"
LIFETIME = 3599
"""Seconds that a token is good for."""
_PAGE = 5
_CLIENT = "00000000-1111-2222-3333-444444444444"
_TENANT = "99999999-8888-7777-6666-555555555555"
_IDENTITY = "/msi/token"
_WORDS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


_OTHER_WAYS = (
    "ARM_USE_DEFAULT_AZURE_CREDENTIAL",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_CLIENT_SECRET",
    "ARM_USE_OIDC",
)


@dataclass(frozen=True)
class Access:
    """How a client gets at the rehearsal's Azure.

    Attributes:
        endpoint: URL of Azure Resource Manager and of both endpoints for tokens.
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
        """Return the environment variables that a client needs, those of Pulumi's and Azure's own tools.

        Other ways to sign in that a user's environment may have are switched off.
        """
        return {
            **dict.fromkeys(_OTHER_WAYS, ""),
            "ARM_TENANT_ID": _TENANT,
            "ARM_CLIENT_ID": _CLIENT,
            "ARM_USE_MSI": "true",
            "IDENTITY_ENDPOINT": f"{self.endpoint}{_IDENTITY}",
            "IDENTITY_HEADER": self.secret,
            "AZURE_RESOURCE_MANAGER_ENDPOINT": self.endpoint,
        }


class Tokens:
    """What one tenant hands out."""

    def __init__(self, tenant: str, key: str) -> None:
        self._tenant, self._key = tenant, key

    def give(self, client: str, principal: str, audience: str) -> str:
        """Return a new token for a client whose object id is ``principal``."""
        claims = {"aud": audience, "tid": self._tenant, "appid": client, "oid": principal}
        return jwt.encode({**claims, "exp": int(time.time()) + LIFETIME}, self._key, "HS256")

    def principal(self, header: str) -> str | None:
        """Return the object id of who sent an ``Authorization`` header; None for a token that is old, or not ours."""
        try:
            claims = jwt.decode(header.removeprefix("Bearer "), self._key, ["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return str(claims["oid"])


class Arm:
    """The endpoints."""

    def __init__(self, subscription: Subscription, secret: str) -> None:
        self._subscription = subscription
        self._secret = secret
        self._tokens = Tokens(subscription.tenant, secret)
        self._answers = Answers(subscription)

    def application(self) -> web.Application:
        """Return the web application."""
        made = web.Application()
        made.router.add_post("/{tenant}/oauth2/v2.0/token", self._sign_in)
        made.router.add_get(_IDENTITY, self._give_identity)
        made.router.add_route("*", "/{rest:.*}", self._answer)
        return made

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        client, known = str(form.get("client_id")), roles.principals(self._subscription.content)
        accepted = {self._secret} if client == _CLIENT else self._subscription.secrets_of(client)
        if client not in known or form.get("client_secret") not in accepted:
            text = "AADSTS7000215: Invalid client secret provided."
            return web.json_response({"error": "invalid_client", "error_description": text}, status=401)
        token = self._tokens.give(client, known[client], str(request.url.origin()))
        return web.json_response({"token_type": "Bearer", "expires_in": LIFETIME, "access_token": token})

    async def _give_identity(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != self._secret:
            return web.json_response({"statusCode": 401, "message": "X-IDENTITY-HEADER is not the secret."}, status=401)
        principal = roles.principals(self._subscription.content)[_CLIENT]
        audience = request.query.get("resource", "")
        token = self._tokens.give(_CLIENT, principal, audience)
        expires = str(int(time.time()) + LIFETIME)
        return web.json_response(
            {"access_token": token, "expires_on": expires, "resource": audience, "token_type": "Bearer"}
        )

    async def _answer(self, request: web.Request) -> web.Response:
        asked = arm_paths.read(request.path)
        try:
            principal = self._check(request, asked)
            body = await request.json() if request.can_read_body else None
            answer = self._answers.to(request.method, asked, dict(request.query), body, principal)
        except (ArmError, json.JSONDecodeError) as error:
            refusal = error if isinstance(error, ArmError) else ArmError("InvalidRequestContent", error=error)
            return web.json_response({"error": {"code": refusal.code, "message": refusal.text}}, status=refusal.status)
        headers = {name: value.format(endpoint=request.url.origin()) for name, value in answer.headers.items()}
        if isinstance(answer.body, list):
            return web.json_response(_page(request, answer.body), headers=headers)
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    def _check(self, request: web.Request, asked: Asked) -> str:
        """Return the object id of who asks; raises ArmError."""
        header = request.headers.get("Authorization")
        if header is None:
            raise ArmError("AuthenticationFailed")
        principal = self._tokens.principal(header)
        if principal is None:
            raise ArmError("InvalidAuthenticationToken")
        if "api-version" not in request.query:
            raise ArmError("MissingApiVersionParameter")
        content = self._subscription.content
        others = (each for kind in ("galleries", "virtualNetworks") for each in content.get(kind, ()))
        known = [self._subscription.id, *(str(each.get("subscriptionId", "")) for each in others)]
        if asked.subscription is not None and asked.subscription.lower() not in [each.lower() for each in known]:
            raise ArmError("SubscriptionNotFound", subscription=asked.subscription)
        if asked.subscription in (None, self._subscription.id):
            self._authorize(request.method, asked, principal)
        return principal

    def _authorize(self, method: str, asked: Asked, principal: str) -> None:
        kind = asked.kind if asked.namespace else "microsoft.resources/subscriptions/resourcegroups"
        action = f"{kind}/{_WORDS.get(method, 'action')}"
        scope = asked.scope if asked.scope or asked.subscription is None else asked.path
        scope = scope or f"/subscriptions/{self._subscription.id}"
        content, every = self._subscription.content, self._subscription.resources().values()
        if not roles.allows(roles.granted(content, every, principal, scope), action):
            client = f"with object id '{principal}'"
            raise ArmError("AuthorizationFailed", client=client, action=action, scope=scope)


def _page(request: web.Request, entries: list[Any]) -> dict[str, Any]:
    begin = int(request.query.get("$skiptoken", "0"))
    page: dict[str, Any] = {"value": entries[begin : begin + _PAGE]}
    if begin + _PAGE < len(entries):
        page["nextLink"] = str(request.url.update_query({"$skiptoken": str(begin + _PAGE)}))
    return page


@asynccontextmanager
async def serving(subscription: Subscription, directory: Path) -> AsyncIterator[Access]:
    """Serve on loopback meanwhile; a server of the same folder before it keeps its secret and, where free, its port."""
    before = Access.read(directory)
    secret = before.secret if before is not None else secrets.token_urlsafe(24)
    port = int(before.endpoint.rpartition(":")[2]) if before is not None else 0
    async with loopback.serving(Arm(subscription, secret).application(), port) as served:
        access = Access(f"http://{loopback.HOST}:{served}", secret)
        write_private(directory / ACCESS, json.dumps(asdict(access)))
        yield access
