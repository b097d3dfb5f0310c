"""The API server over HTTPS: requests, and which kind is served where.

Objects are plain dicts as on the wire. The client opens its connections at the first request, in the event loop that
makes it.
"""

import http
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from rehearsal.kubernetes_provider.errors import ApiError, NoMatchError
from rehearsal.kubernetes_provider.kubeconfig import Connection
from rehearsal.kubernetes_provider.objects import Gvk, Object, dig, name, namespace

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

POD = Gvk("", "v1", "Pod")
REPLICA_SET = Gvk("apps", "v1", "ReplicaSet")

_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)


@dataclass(frozen=True)
class Place:
    """Where the objects of one kind, in one namespace, are served.

    Attributes:
        path: URL path of the collection.
    """

    path: str

    def of(self, title: str) -> str:
        """Return the URL path of one object."""
        return f"{self.path}/{title}"


class Client:
    """A client of one API server."""

    def __init__(self, connection: Connection, user_agent: str) -> None:
        self._connection = connection
        self._headers = {**connection.headers, "User-Agent": user_agent, "Accept": JSON}
        self._session: aiohttp.ClientSession | None = None
        self._served: dict[str, dict[str, Mapping[str, Any]]] = {}

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, kind: str = JSON
    ) -> Any:
        """Send one request and return the decoded answer.

        Args:
            method: HTTP method.
            path: URL path.
            query: parameters.
            body: content, sent as JSON (which is YAML, too).
            kind: content type of ``body``.

        Raises:
            ApiError: the status is not 2xx.
            aiohttp.ClientError: there is no answer.
            TimeoutError: there is no answer in time.
        """
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._connection.tls, limit=64)
            self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        headers = self._headers if body is None else {**self._headers, "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        url = self._connection.server + path
        async with self._session.request(
            method, url, params=query, data=data, headers=headers, server_hostname=self._connection.server_name
        ) as answer:
            text = await answer.text()
            if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
                raise _error(answer.status, text)
            return json.loads(text) if text else {}

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def place(self, gvk: Gvk, in_namespace: str) -> Place:
        """Return where objects of a kind are served; the namespace counts only for namespaced kinds.

        Raises:
            NoMatchError: the kind is not served.
            ApiError: the server does not say.
        """
        served = await self._find(gvk)
        if served is None:
            raise NoMatchError(gvk.group_version, gvk.kind)
        base = f"/apis/{gvk.group_version}" if gvk.group else f"/api/{gvk.group_version}"
        middle = f"/namespaces/{in_namespace or 'default'}" if served["namespaced"] else ""
        return Place(f"{base}{middle}/{served['name']}")

    async def serves(self, gvk: Gvk) -> bool:
        """Return whether the kind is served."""
        return await self._find(gvk) is not None

    async def namespaced(self, gvk: Gvk) -> bool:
        """Return whether the kind has namespaces; one that is not served is taken to have them (``provider.go``)."""
        served = await self._find(gvk)
        return served is None or bool(served["namespaced"])

    async def get(self, gvk: Gvk, in_namespace: str, title: str) -> Object:
        """Return one object.

        Raises:
            NoMatchError: the kind is not served.
            ApiError: there is no such object, or it cannot be had.
        """
        place = await self.place(gvk, in_namespace)
        return dict(await self.request("GET", place.of(title)))

    async def get_like(self, content: Mapping[str, Any]) -> Object:
        """Return the live object with kind, namespace and name of ``content``; errors as in ``get``."""
        return await self.get(Gvk.of(content), namespace(content), name(content))

    async def warnings(self, about: Mapping[str, Any]) -> "list[Object]":
        """Return the warning Events about an object; errors as in ``request``."""
        place = f"/api/v1/namespaces/{namespace(about)}/events" if namespace(about) else "/api/v1/events"
        selector = f"involvedObject.uid={dig(about, 'metadata', 'uid')},type=Warning"
        return list((await self.request("GET", place, query={"fieldSelector": selector}))["items"])

    async def list(self, gvk: Gvk, in_namespace: str) -> "list[Object]":
        """Return the objects of a kind in a namespace; errors as in ``get``."""
        place = await self.place(gvk, in_namespace)
        return list((await self.request("GET", place.path))["items"])

    async def _find(self, gvk: Gvk) -> Mapping[str, Any] | None:
        known = self._served.get(gvk.group_version)
        if known is None or gvk.kind not in known:
            known = self._served[gvk.group_version] = await self._discover(gvk)
        return known.get(gvk.kind)

    async def _discover(self, gvk: Gvk) -> dict[str, Mapping[str, Any]]:
        try:
            found = await self.request(
                "GET", f"/apis/{gvk.group_version}" if gvk.group else f"/api/{gvk.group_version}"
            )
        except ApiError as error:
            if error.not_found:
                return {}
            raise
        return {one["kind"]: one for one in found.get("resources") or [] if "/" not in one["name"]}


def _error(status: int, text: str) -> ApiError:
    try:
        content = json.loads(text)
        return ApiError(status, content["message"], content.get("reason", ""), content.get("details"))
    except (ValueError, TypeError, KeyError):
        return ApiError(status, text.strip() or f"the server answered with status {status}")
