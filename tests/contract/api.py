"""What the tests ask of an API server, by kind instead of by path."""

from collections.abc import Mapping
from typing import Any

from rehearsal.rest import ApiServer


class Objects:
    """Objects of every kind that the API server knows."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def create(self, values: Mapping[str, Any], query: str = "") -> Any:
        """POST the object."""
        return self._server.request("POST", f"{self._path(values)}?{query}", values)

    def apply(self, values: Mapping[str, Any], query: str = "", manager: str = "contract") -> Any:
        """Apply the object with server-side apply; what another manager has said and this one does not, stays."""
        path = f"{self._path(values)}/{values['metadata']['name']}?fieldManager={manager}&force=true&{query}"
        return self._server.request("PATCH", path, values, content_type="application/apply-patch+yaml")

    def _path(self, values: Mapping[str, Any]) -> str:
        version = str(values["apiVersion"])
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        key = (version, str(values["kind"]))
        if key not in self._plurals:
            for entry in self._server.request("GET", base)["resources"]:
                if "/" not in entry["name"]:
                    self._plurals[version, entry["kind"]] = (entry["name"], entry["namespaced"])
        plural, namespaced = self._plurals[key]
        return f"{base}/namespaces/{values['metadata']['namespace']}/{plural}" if namespaced else f"{base}/{plural}"
