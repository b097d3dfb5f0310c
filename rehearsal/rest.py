"""A small blocking client for the API server of a rehearsal, on the standard library.

Serves the rehearsal's own start, its summary and the tests. The simulated operators have an asynchronous client of
their own.
"""

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class ApiError(Exception):
    """The API server answered with an error.

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_kubeconfig(path: Path) -> tuple[str, str, ssl.SSLContext]:
    """Return the URL of the API server, a token, and what verifies the server."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    cluster = content["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    return str(cluster["server"]), str(content["users"][0]["user"]["token"]), context


class ApiServer:
    """One API server, as a kubeconfig with a token describes it; opens a connection for each request."""

    def __init__(self, kubeconfig: Path, *, timeout: float = 30.0) -> None:
        server, token, self._context = read_kubeconfig(kubeconfig)
        address = urlsplit(server)
        self._host, self._port = address.hostname or "127.0.0.1", address.port
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "rehearsal"}

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", *, user: str = ""
    ) -> Any:
        """Send one request, as another ``user`` if named; the decoded JSON answer, or its text when it is not JSON.

        Raises:
            ApiError: the status is not 2xx; the message is the server's.
            OSError: there is no answer.
        """
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        try:
            data = None if body is None else json.dumps(body)
            headers = self._headers | ({} if data is None else {"Content-Type": content_type})
            headers |= {"Impersonate-User": user} if user else {}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", errors="replace")
        except http.client.HTTPException as error:
            raise ConnectionError(f"no usable answer from the API server: {error!r}") from error
        finally:
            connection.close()
        decoded = _decoded(text)
        if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
            message = decoded.get("message", text) if isinstance(decoded, dict) else text
            raise ApiError(response.status, message)
        return decoded

    def get(self, path: str) -> Any:
        """The object or list at ``path``, or None when the server says 404."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
