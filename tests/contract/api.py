"""What the tests ask of an API server, by kind instead of by path."""

from collections.abc import Mapping
from typing import Any

from rehearsal.rest import ApiServer


class Objects:
    """Objects of every kind that the API server knows."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def create(self, found: Mapping[str, Any], query: str = "") -> Any:
        """POST the object."""
        return self._server.request("POST", f"{self._path(found)}?{query}", found)

    def apply(self, found: Mapping[str, Any], query: str = "", manager: str = "contract") -> Any:
        """Apply the object with server-side apply; what another manager has said and this one does not, stays."""
        path = f"{self._path(found)}/{found['metadata']['name']}?fieldManager={manager}&force=true&{query}"
        return self._server.request("PATCH", path, found, content_type="application/apply-patch+yaml")

    def _path(self, found: Mapping[str, Any]) -> str:
        version = str(found["apiVersion"])
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        key = (version, str(found["kind"]))
        if key not in self._plurals:
            for entry in self._server.request("GET", base)["resources"]:
                if "/" not in entry["name"]:
                    self._plurals[version, entry["kind"]] = (entry["name"], entry["namespaced"])
        plural, namespaced = self._plurals[key]
        return f"{base}/namespaces/{found['metadata']['namespace']}/{plural}" if namespaced else f"{base}/{plural}"
