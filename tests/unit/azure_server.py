"""The rehearsal's Azure for tests: one that serves meanwhile, and requests to it with a token."""

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.azure import description
from rehearsal.azure.arm_server import Access, serving
from rehearsal.azure.arm_state import ArmState
from rehearsal.azure.subscription import Subscription
from rehearsal.azure_provider.arm import ArmClient

IPI = description.load(description.path_of("ipi"))
SUBSCRIPTION = str(IPI["subscriptionId"])
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rehearsal-x7k2p-rg"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/rehearsal-x7k2p-vnet"


@dataclass(frozen=True)
class Said:
    """An answer: status, content, headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Azure's error code."""
        return str(self.body["error"]["code"])


class Azure:
    """What tests ask of it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._token = ""

    def sign_in(self, client: str | None = None, secret: str | None = None) -> str:
        """Get a token, and use it from now on."""
        result = self.access.variables()
        form = {
            "client_id": client or result["ARM_CLIENT_ID"],
            "client_secret": secret or self.access.secret,
            "grant_type": "client_credentials",
        }
        url = f"{self.access.endpoint}/{result['ARM_TENANT_ID']}/oauth2/v2.0/token"
        answer = self._send(urllib.request.Request(url, urllib.parse.urlencode(form).encode(), method="POST"))  # noqa: S310
        self._token = str(answer.body.get("access_token", ""))
        return self._token

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Said:
        """Send a request with the token."""
        if not self._token:
            self.sign_in()
        words = urllib.parse.urlencode({"api-version": "2024-05-01", **query})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.access.endpoint}{path}?{words}", data, method=method)  # noqa: S310
        request.add_header("Authorization", f"Bearer {self._token}")
        request.add_header("Content-Type", "application/json")
        return self._send(request)

    def every(self, path: str, **query: str) -> list[Any]:
        """Return all pages of a list."""
        items: list[Any] = []
        skip: dict[str, str] = {}
        while True:
            page = self.ask("GET", path, **query, **skip)
            assert page.status == 200, page.body
            items += page.body["value"]
            if "nextLink" not in page.body:
                return items
            link = urllib.parse.urlsplit(page.body["nextLink"]).query
            skip = {"$skiptoken": urllib.parse.parse_qs(link)["$skiptoken"][0]}

    @staticmethod
    def _send(request: urllib.request.Request) -> Said:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                text = answer.read()
                return Said(answer.status, json.loads(text) if text else None, dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Said(error.code, json.loads(error.read()), dict(error.headers))


def served(directory: Path, use: Callable[[Azure], Any], changes: Any = None, state: ArmState | None = None) -> Any:
    """Serve IPI's subscription with changes meanwhile, and return what ``use`` returns."""

    async def run() -> Any:
        subscription = Subscription(description.merge(IPI, changes or {}), state)
        async with serving(subscription, directory) as access:
            return await asyncio.to_thread(use, Azure(access))

    return asyncio.run(run())


def with_client(directory: Path, use: Callable[[ArmClient], Awaitable[Any]]) -> Any:
    """Do the same with the client of the azure-native stand-in."""

    async def run() -> Any:
        subscription = Subscription(IPI)
        async with serving(subscription, directory) as access:
            arm = ArmClient(access.variables())
            arm.subscription = SUBSCRIPTION
            return await use(arm)

    return asyncio.run(run())
