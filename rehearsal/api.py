"""A small asynchronous client of the API server for the simulated operators and nodes.

Objects are plain dicts as on the wire. Each simulated component has a client of its own, whose name is the field
manager of everything that it writes, as with the real ones.
"""

import http
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp

from rehearsal.rest import ApiError, read_kubeconfig

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_LARGEST_OBJECT = 4 * 2**20
"""Bytes of a line of a watch: etcd takes 1.5 MiB, JSON escapes some of it."""
_CONNECT_SECONDS = 30.0

Object = dict[str, Any]


class Kind(NamedTuple):
    """Where the objects of one kind are served."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of one object, or of all objects (of a namespace)."""
        base = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{base}{place}/{self.plural}" + (f"/{name}" if name else "")


class Api:
    """A client with its own field manager; ``async with`` it, or derive one from another with ``named``."""

    def __init__(self, kubeconfig: Path, manager: str) -> None:
        self.manager = manager
        self._base, self._token, self._context = read_kubeconfig(kubeconfig)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=100)
        self._session = aiohttp.ClientSession(self._base, connector=connector, read_bufsize=_LARGEST_OBJECT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def named(self, manager: str) -> "Api":
        """Return a client on the same connections that writes as another manager."""
        other = object.__new__(Api)
        other.__dict__.update({**self.__dict__, "manager": manager})
        return other

    async def request(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Any:
        """Send one request and return the decoded answer.

        Raises:
            ApiError: the status is not 2xx; the message is the server's.
            aiohttp.ClientError: there is no answer.
        """
        data = None if body is None else json.dumps(body)
        async with self._open().request(method, path, data=data, headers=self._headers(content_type)) as answer:
            text = await answer.text()
            if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
                raise ApiError(answer.status, _message(text))
            return json.loads(text) if text else {}

    async def watch(self, kind: Kind) -> AsyncIterator[list[Object]]:
        """Yield all objects of a kind, then each that comes, changes or goes, until the server ends the watch.

        Raises:
            ApiError: the kind is not served, or the server refuses for another reason.
            aiohttp.ClientError: there is no answer, or none any more.
        """
        listing = await self.request("GET", kind.path())
        yield [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in listing["items"]]
        path = f"{kind.path()}?watch=true&resourceVersion={listing['metadata']['resourceVersion']}"
        whole = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        async with self._open().get(path, headers=self._headers(JSON), timeout=whole) as answer:
            if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
                raise ApiError(answer.status, _message(await answer.text()))
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":  # such as a version that is too old to go on from
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", ""))
                yield [event["object"]]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("this client is not open: use it in an async with block")
        return self._session

    def _headers(self, content_type: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "User-Agent": self.manager, "Content-Type": content_type}

    async def _unless(self, refused: int, method: str, path: str, body: Any = None) -> Object | None:
        """Send a request, and return the answer, or None where it is refused with this status."""
        try:
            return dict(await self.request(method, path, body))
        except ApiError as error:
            if error.status == refused:
                return None
            raise

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return the object, or None where there is none (or no such kind yet)."""
        return await self._unless(http.HTTPStatus.NOT_FOUND, "GET", kind.path(namespace, name))

    async def named_by(self, kind: Kind, key: str) -> list[Object]:
        """Return the object of a key (``namespace/name``), if there is one; all objects where the key is empty."""
        namespace, _, name = key.partition("/")
        objects = [await self.get(kind, name, namespace)] if key else await self.list(kind)
        return [each for each in objects if each is not None]

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return all objects (of a namespace); none where the kind is not served yet."""
        query = f"?labelSelector={labels}" if labels else ""
        response = await self._unless(http.HTTPStatus.NOT_FOUND, "GET", kind.path(namespace) + query)
        common = {"apiVersion": kind.api_version, "kind": kind.name}
        return [{**common, **item} for item in (response or {"items": []})["items"]]

    async def create(self, kind: Kind, content: Mapping[str, Any]) -> Object | None:
        """Create the object; None where one of that name exists."""
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **content}
        path = kind.path(content["metadata"].get("namespace"))
        return await self._unless(http.HTTPStatus.CONFLICT, "POST", f"{path}?fieldManager={self.manager}", whole)

    async def apply(self, kind: Kind, content: Mapping[str, Any]) -> Object:
        """Create the object or bring it to this content, by server-side apply."""
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **content}
        metadata = content["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        query = f"?fieldManager={self.manager}&force=true"
        return dict(await self.request("PATCH", path + query, whole, APPLY_PATCH))

    async def patch(self, kind: Kind, obj: Object, change: Mapping[str, Any], part: str = "") -> Object:
        """Merge ``change`` into an object, or into its ``part`` (``status``), unless it holds it already."""
        if _holds(obj, change):
            return obj
        metadata = obj["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"]) + (f"/{part}" if part else "")
        return dict(await self.request("PATCH", f"{path}?fieldManager={self.manager}", change, MERGE_PATCH))

    async def set_status(self, kind: Kind, obj: Object, status: Mapping[str, Any]) -> Object:
        """Merge ``status`` into the object's status subresource."""
        return await self.patch(kind, obj, {"status": status}, "status")

    async def evict(self, pod: Mapping[str, Any]) -> bool:
        """Evict a pod as a drain does; False where a PodDisruptionBudget does not let it go now, or never will."""
        metadata = pod["metadata"]
        names = {key: metadata[key] for key in ("name", "namespace")}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names}
        try:
            await self.request("POST", f"/api/v1/namespaces/{names['namespace']}/pods/{names['name']}/eviction", body)
        except ApiError as error:
            # 429: none may go; 500: several budgets protect it (kubernetes pkg/registry/core/pod/storage/eviction.go).
            if error.status in (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.INTERNAL_SERVER_ERROR):
                return False
            # 403: its namespace is going, and the pod with it.
            if error.status not in (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.FORBIDDEN):
                raise
        return True

    async def delete(self, kind: Kind, obj: Mapping[str, Any], *, at_once: bool = False, orphan: bool = False) -> None:
        """Delete the object in the background, with no grace period where ``at_once``; one that is gone is no error.

        With ``orphan`` what it owns stays.
        """
        metadata = obj["metadata"]
        options: Object = {"propagationPolicy": "Orphan" if orphan else "Background"}
        if at_once:
            options["gracePeriodSeconds"] = 0
        path = kind.path(metadata.get("namespace"), metadata["name"])
        await self._unless(http.HTTPStatus.NOT_FOUND, "DELETE", path, options)

    async def event(self, about: Object, reason: str, message: str, severity: str = "Normal") -> None:
        """Record an Event (core/v1) about an object."""
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "default")
        reference = {key: about.get(key) for key in ("apiVersion", "kind")} | {
            key: metadata.get(key) for key in ("name", "namespace", "uid")
        }
        content = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": namespace},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "type": severity,
            "source": {"component": self.manager},
        }
        await self.request("POST", f"/api/v1/namespaces/{namespace}/events", content)


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message", text))
    except (ValueError, AttributeError):
        return text


def _holds(current: Any, change: Any) -> bool:
    """Return whether merging ``change`` into ``found`` would change nothing (RFC 7386)."""
    if not isinstance(change, Mapping):
        return bool(current == change)
    if not isinstance(current, Mapping):
        return False
    return all(
        (key not in current) if value is None else key in current and _holds(current[key], value)
        for key, value in change.items()
    )
