"""What no provider of Pulumi can be asked of a cluster: lists, watches, and the deletion of what is not the stack's.

A read through the provider names one object, which must exist. What is known only by looking, such as the nodes of a
selector or a KataConfig that somebody else has made, is asked for here, with the connection of the stack's settings.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from coco_azure import names
from coco_azure.clients import cluster_access, pod_exec
from coco_azure.settings.cluster import ClusterSettings

Object = Mapping[str, Any]

_NOT_FOUND = 404
_NOT_NOW = (429, 500)
_CONNECT = 10
_ANSWER = 60
_WINDOW, _PAUSE = 5, 0.2
"""Seconds: to connect, of an answer, of one watch, and between two of them."""
_JSON, _MERGE = "application/json", "application/merge-patch+json"
_NO_HEADERS: Mapping[str, str] = {}
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class ClusterClient:
    """A connection to the API server; paths are those of its REST API, such as ``/api/v1/nodes``.

    Every request raises ``kubernetes.config.ConfigException`` where the kubeconfig cannot be used,
    ``coco_azure.clients.refused.RefusedError`` where the API server refuses, and ``urllib3.exceptions.HTTPError``
    where it does not answer.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        """Remember where the cluster is; the first request connects."""
        self._settings = settings

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""
        return self._json("GET", path, {})

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list, by selectors; a kind that the cluster does not have has none.

        Without ``content`` the API server sends their metadata alone, and no value of a Secret.
        """
        query = {"labelSelector": labels, "fieldSelector": fields}
        selectors = {key: value for key, value in query.items() if value}
        answer = self._json("GET", path, selectors, accept=_JSON if content else _METADATA)
        # An empty list of metadata alone has none of them as null (seen: kube-apiserver 1.36).
        return list((answer or {}).get("items") or ())

    def log(self, path: str, lines: int, container: str | None = None) -> str:
        """Return the last lines of the log of a pod, which is named by its path; one of several containers is named."""
        query = {"tailLines": lines, **({"container": container} if container else {})}
        answer = self._request("GET", f"{path}/log", query, _ANSWER)
        return str(answer.data.decode(errors="replace"))

    def exec(self, path: str, container: str, command: Sequence[str]) -> pod_exec.Executed:
        """Run a command in a container of a pod, which is named by its path; why it did not run is no error."""
        return pod_exec.run(self._api, path, container, command, _ANSWER)

    def create(self, path: str, content: Object) -> None:
        """Create an object in the list of this path."""
        self._json("POST", path, {}, content)

    def delete(self, path: str) -> None:
        """Ask for the deletion of an object and what it owns; one that is not there is no error."""
        # Without a policy the pods of a Job would stay (batch/v1 orphans them).
        self._json("DELETE", path, {"propagationPolicy": "Background"})

    def refusal_of_deletion(self, path: str, user: str = "") -> str:
        """Return why the API server would refuse to delete an object, by a dry run; empty: it would not.

        Another ``user`` is asked for by impersonation; that this may be refused is a refusal as well.
        """
        from kubernetes.client import ApiException  # noqa: PLC0415 - see below

        try:
            self._json("DELETE", path, {"dryRun": "All"}, headers={"Impersonate-User": user} if user else {})
        except ApiException as error:
            return str(error.body or error.reason)
        return ""

    def evict(self, namespace: str, name: str) -> str:
        """Evict a pod, and return why it may not go now; empty: it goes, or has gone."""
        from kubernetes.client import ApiException  # noqa: PLC0415 - see below

        metadata = {"name": name, "namespace": namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        try:
            self._json("POST", f"{names.path(names.PODS, name, namespace=namespace)}/eviction", {}, eviction)
        except ApiException as error:
            # 429: a budget lets none go; 500: several do (kubernetes pkg/registry/core/pod/storage/eviction.go).
            if error.status not in _NOT_NOW:
                raise
            return str(json.loads(error.body or "{}").get("message") or error.reason)
        return ""

    def patch(self, path: str, change: Object) -> None:
        """Change an object by a JSON merge patch (RFC 7386)."""
        self._json("PATCH", path, {}, change)

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the present state of the object ``name`` of a list, and each change of it.

        A pair is the kind of change (``ADDED``, ``MODIFIED``, ``DELETED``) and the object. It ends after so many
        seconds, or earlier if the API server says so: whoever waits asks again.
        """
        from kubernetes.watch import watch  # noqa: PLC0415 - slow to import, and seldom needed

        query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": seconds}
        answer = self._request("GET", path, query, seconds + _CONNECT)
        try:
            lines: Iterator[str] = watch.iter_resp_lines(answer)  # type: ignore[no-untyped-call]
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
        finally:
            answer.close()

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Object | None = None,
        *,
        accept: str = _JSON,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Object | None:
        from kubernetes.client import ApiException  # noqa: PLC0415 - see above

        try:
            answer = self._request(method, path, query, _ANSWER, body, headers={"Accept": accept, **headers})
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return dict(json.loads(answer.data))

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        seconds: int,
        body: Object | None = None,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Any:
        from coco_azure.clients.refused import RefusedError  # noqa: PLC0415 - it imports what is slow to import

        content = {"Content-Type": _MERGE if method == "PATCH" else _JSON} if body is not None else {}
        request = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": _JSON, **content, **headers},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*request[:4], _request_timeout=(_CONNECT, seconds)).response
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's success
            raise RefusedError(http_resp=answer, body=answer.data.decode(errors="replace"))
        return answer

    @cached_property
    def _api(self) -> Any:
        from kubernetes import client, config  # noqa: PLC0415 - see above

        settings, configuration = self._settings, client.Configuration()
        if reason := cluster_access.missing_program(settings):
            # The library would only log it, and ask as nobody.
            raise config.ConfigException(reason)
        # A kind that has just come is refused for some seconds ("storage is (re)initializing", 429 with Retry-After).
        configuration.client_go_retries = True
        return config.new_client_from_config(  # type: ignore[no-untyped-call]
            # The library would take KUBECONFIG as it was when it was imported.
            config_file=settings.kubeconfig or os.environ.get("KUBECONFIG") or None,
            context=settings.context,
            persist_config=False,
            client_configuration=configuration,
        )


class Watches(Protocol):
    """What is needed to wait for an object: ``ClusterClient``'s methods of these names."""

    def get(self, path: str) -> Object | None:
        """Return an object, or None."""

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the present state of an object of a list, and each change of it."""


def wait_for(client: Watches, path: str, over: Callable[[Object | None], bool], seconds: float) -> bool:
    """Wait for an object, and return whether it came to what is waited for within so many seconds.

    Args:
        client: the cluster; what its requests raise is passed on.
        path: of the object.
        over: whether a state of the object, None where it is gone, is what is waited for.
        seconds: how long to wait at most.
    """
    folder, _, name = path.rpartition("/")
    until = time.monotonic() + seconds
    # A watch that begins when it is over already yields nothing, so each is a short one.
    while not over(client.get(path)):
        if (left := until - time.monotonic()) <= 0:
            return False
        for kind, current in client.changes(folder, name, max(1, min(_WINDOW, int(left)))):
            if over(None if kind == "DELETED" else current):
                return True
        # A watch that the API server ends at once would be followed by the next one without end.
        time.sleep(min(_PAUSE, left))
    return True


def connect(settings: ClusterSettings) -> ClusterClient:
    """Return a client of the cluster; here is where a test puts another."""
    return ClusterClient(settings)
