"""What no provider of Pulumi can be asked of a cluster: lists, watches, and the deletion of what is not the stack's.

A read through the provider names one object, which must exist. What is known only by looking, such as the nodes of a
selector or a KataConfig that somebody else has made, is asked for here, with the connection of the stack's settings.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from settings.cluster import ClusterSettings

Object = Mapping[str, Any]

_NOT_FOUND = 404
_CONNECT = 10
_ANSWER = 60


class ClusterClient:
    """A connection to the API server; paths are those of its REST API, such as ``/api/v1/nodes``.

    Every request raises ``kubernetes.config.ConfigException`` where the kubeconfig cannot be used,
    ``kubernetes.client.ApiException`` where the API server refuses (its ``reason`` and ``body`` say why), and
    ``urllib3.exceptions.HTTPError`` where it does not answer.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        """Remember where the cluster is; the first request connects."""
        self._settings = settings

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""
        return self._json("GET", path, {})

    def items(self, path: str, *, labels: str | None = None, fields: str | None = None) -> list[Object]:
        """Return the objects of a list, by selectors; a kind that the cluster does not have has none."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found = self._json("GET", path, {key: value for key, value in query.items() if value})
        return list((found or {}).get("items", []))

    def delete(self, path: str) -> None:
        """Ask for the deletion of an object and what it owns; one that is not there is no error."""
        # Without a policy the pods of a Job would stay (batch/v1 orphans them).
        self._json("DELETE", path, {"propagationPolicy": "Background"})

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

    def _json(self, method: str, path: str, query: Mapping[str, object], body: Object | None = None) -> Object | None:
        from kubernetes.client import ApiException  # noqa: PLC0415 - see above

        try:
            answer = self._request(method, path, query, _ANSWER, body)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return dict(json.loads(answer.data))

    def _request(
        self, method: str, path: str, query: Mapping[str, object], seconds: int, body: Object | None = None
    ) -> Any:
        from kubernetes.client import ApiException  # noqa: PLC0415 - see above

        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        request = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*request[:4], _request_timeout=(_CONNECT, seconds)).response
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's success
            raise ApiException(http_resp=answer, body=answer.data.decode(errors="replace"))
        return answer

    @cached_property
    def _api(self) -> Any:
        from kubernetes import client, config  # noqa: PLC0415 - see above

        said, configuration = self._settings, client.Configuration()
        # A kind that has just come is refused for some seconds ("storage is (re)initializing", 429 with Retry-After).
        configuration.client_go_retries = True
        return config.new_client_from_config(  # type: ignore[no-untyped-call]
            config_file=said.kubeconfig,
            context=said.context,
            persist_config=False,
            client_configuration=configuration,
        )


def connect(settings: ClusterSettings) -> ClusterClient:
    """Return a client of the cluster; here is where a test puts another."""
    return ClusterClient(settings)
